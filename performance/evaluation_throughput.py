"""Seconds and memory of two-choice questions: Polytune against lm-evaluation-harness's own Hugging Face backend.

A tiny BLOOM (256 wide, 4 layers, 8 heads, random weights) answers generated questions in XCOPA's layout: a context of
about 45 tokens and two choices of about 10. A figure is the time from loaded model to results: for the peers
`lm_eval.evaluator.evaluate` as lm-eval runs it, its task and rows loaded before; for Polytune the same and the loading
of task and rows. Every run is a process of its own (so that peak memory means something), the variants alternate, and
the table shows medians. Log-likelihoods are compared item by item.

    python performance/evaluation_throughput.py [--repeats 3] [--tiny]
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path

SETTINGS = {8192: 500, 250_880: 60}  # vocabulary: questions
VARIANTS = ("lm-eval batch 1", "lm-eval batch 8", "lm-eval batch 16", "lm-eval auto", "polytune")
AIMS = {8192: (3.0, None), 250_880: (5.0, 0.35)}  # vocabulary: times as fast as the best setting, share of its memory


def write_inputs(directory: Path, vocabulary: int, items: int, width: int = 256, layers: int = 4) -> None:
    """Write a model with random weights, a word tokenizer and a data root with the questions."""
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import BloomConfig, BloomForCausalLM, PreTrainedTokenizerFast

    torch.manual_seed(0)
    config = BloomConfig(vocab_size=vocabulary, hidden_size=width, n_layer=layers, n_head=8)
    BloomForCausalLM(config).save_pretrained(directory / "model")
    words = {"<pad>": 0, "<s>": 1, "</s>": 2, "<unk>": 3, "seest": 4} | {f"w{n}": n for n in range(5, vocabulary)}
    tokenizer = Tokenizer(models.WordLevel(words, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    special = {"bos_token": "<s>", "eos_token": "</s>", "pad_token": "<pad>", "unk_token": "<unk>"}
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, **special).save_pretrained(directory / "model")
    draw = random.Random(0)

    def text(low: int, high: int) -> str:
        return " ".join(f"w{draw.randrange(5, vocabulary)}" for _ in range(draw.randint(low, high)))

    folder = directory / "data" / "cambridgeltl" / "xcopa" / "et"
    folder.mkdir(parents=True)
    rows = [
        {
            "premise": text(30, 60) + ".",
            "choice1": text(7, 13),
            "choice2": text(7, 13),
            "question": draw.choice(["cause", "effect"]),
            "label": draw.randrange(2),
        }
        for _ in range(items)
    ]
    card = "---\nconfigs:\n- config_name: et\n  data_files:\n"
    card += "".join(f"  - split: {split}\n    path: et/test.jsonl\n" for split in ("validation", "test"))
    (folder.parent / "README.md").write_text(card + "---\n", encoding="utf-8")
    (folder / "test.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def prepare_polytune(directory: Path) -> Callable[[], dict]:
    """Load our model; return what evaluates it."""
    from polytune.evaluation.harness import evaluate_benchmark, prepare_environment

    prepare_environment()
    import lm_eval.evaluator  # noqa: F401 (imported here, so that its import is not measured)

    from polytune.config.benchmarks import find_benchmark
    from polytune.evaluation.model import PolytuneLM
    from polytune.evaluation.tasks import list_tasks

    lm, benchmark, data = PolytuneLM(str(directory / "model")), find_benchmark("xcopa"), directory / "data"
    return lambda: evaluate_benchmark(lm, benchmark, data, list_tasks(benchmark, data, ["et"]), None)


def prepare_peer(variant: str, directory: Path) -> Callable[[], dict]:
    """Load lm-eval's own model class and its own task on the same files; return what evaluates them."""
    import lm_eval
    from lm_eval.evaluator import evaluate
    from lm_eval.models.huggingface import HFLM
    from lm_eval.tasks import TaskManager

    batch = variant.removeprefix("lm-eval ").removeprefix("batch ")
    lm = HFLM(str(directory / "model"), device="cpu", dtype="float32", batch_size=batch)
    os.chdir(directory / "data")  # the data set's id is a folder here
    folder = Path(lm_eval.__file__).parent / "tasks" / "xcopa"
    tasks = TaskManager(include_path=folder, include_defaults=False).load(["xcopa_et"])
    return lambda: evaluate(lm=lm, task_dict=tasks)


def measure(variant: str, directory: Path) -> None:
    """Run one variant in this process and print seconds, peak memory and log-likelihoods as JSON."""
    import torch

    torch.set_num_threads(1)
    evaluate = prepare_polytune(directory) if variant == "polytune" else prepare_peer(variant, directory)
    started, used = time.perf_counter(), time.process_time()
    evaluated = evaluate()
    seconds, cpu = time.perf_counter() - started, time.process_time() - used
    answers = [answer for sample in evaluated["samples"]["xcopa_et"] for answer in sample["filtered_resps"]]
    result = {
        "seconds": seconds,
        "cpu": cpu,
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "accuracy": evaluated["results"]["xcopa_et"]["acc,none"],
        "loglikelihoods": [answer[0] for answer in answers],
    }
    print("RESULT " + json.dumps(result))


def run_child(variant: str, directory: Path) -> dict:
    """Measure one variant in a process of its own."""
    environment = {
        **os.environ,
        "OMP_NUM_THREADS": "1",
        "TOKENIZERS_PARALLELISM": "false",
        "TQDM_DISABLE": "1",
        "HF_HUB_OFFLINE": "1",
        "HF_DATASETS_CACHE": str(directory / "datasets-cache"),
    }
    command = [sys.executable, __file__, "--measure", variant, "--directory", str(directory)]
    finished = subprocess.run(command, env=environment, capture_output=True, text=True)
    lines = [line for line in finished.stdout.splitlines() if line.startswith("RESULT ")]
    if finished.returncode or not lines:
        sys.exit(f"{variant} failed:\n{finished.stderr}")
    return json.loads(lines[0].removeprefix("RESULT "))


def compare(vocabulary: int, items: int, repeats: int) -> None:
    """Measure all variants alternately and print their table."""
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        write_inputs(directory, vocabulary, items)
        runs: dict[str, list[dict]] = {variant: [] for variant in VARIANTS}
        for _ in range(repeats):
            for variant in VARIANTS:
                runs[variant].append(run_child(variant, directory))
    seconds = {variant: statistics.median(run["seconds"] for run in runs[variant]) for variant in VARIANTS}
    cpu = {variant: statistics.median(run["cpu"] for run in runs[variant]) for variant in VARIANTS}
    memory = {variant: statistics.median(run["peak_mib"] for run in runs[variant]) for variant in VARIANTS}
    best = min(VARIANTS[:-1], key=seconds.__getitem__)
    print(f"\n{items} questions, vocabulary {vocabulary:,}\n")
    print(
        "| variant | s (median) | all repeats | s of CPU | peak MiB | accuracy | largest difference in log-likelihood |"
    )
    print("|---|---|---|---|---|---|---|")
    reference = runs["lm-eval batch 1"][0]
    for variant in VARIANTS:
        values = runs[variant][0]["loglikelihoods"]
        difference = max(abs(a - b) for a, b in zip(values, reference["loglikelihoods"], strict=True))
        repeated = " ".join(f"{run['seconds']:.2f}" for run in runs[variant])
        cells = [variant, f"{seconds[variant]:.2f}", repeated, f"{cpu[variant]:.2f}", f"{memory[variant]:.0f}"]
        cells += [f"{runs[variant][0]['accuracy']:.3f}", f"{difference:.1e}"]
        print(f"| {' | '.join(cells)} |")
    faster, leaner = seconds[best] / seconds["polytune"], memory["polytune"] / memory["lm-eval batch 16"]
    aim_faster, aim_leaner = AIMS.get(vocabulary, (None, None))
    busy = min(cpu[variant] for variant in VARIANTS[:-1]) / cpu["polytune"]
    print(f"\nPolytune: {faster:.2f} x the speed of the best setting ({best}), aim {aim_faster} x", end=" ")
    print(f"({busy:.2f} x by CPU time, which other jobs on the machine disturb less);", end=" ")
    print(f"{leaner:.2f} x the peak memory of batch 16, aim {aim_leaner or '-'}.")


def main() -> None:
    """Print the machine and one table per vocabulary."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument(
        "--tiny", action="store_true", help="a few questions and a small vocabulary: a check, no figures"
    )
    parser.add_argument("--vocabulary", type=int, choices=sorted(SETTINGS), help="only this vocabulary")
    parser.add_argument("--measure", help=argparse.SUPPRESS)
    parser.add_argument("--directory", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        measure(options.measure, options.directory)
        return
    print(
        f"{date.today()}, {platform.machine()}, {os.cpu_count()} cores (one used), Python {platform.python_version()}"
    )
    settings = {512: 8} if options.tiny else SETTINGS
    for vocabulary, items in settings.items():
        if options.vocabulary in (None, vocabulary):
            compare(vocabulary, items, options.repeats)


if __name__ == "__main__":
    main()
