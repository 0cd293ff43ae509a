"""A real model of 135 million parameters on a CPU: evaluation against lm-eval, training against transformers' Trainer.

    python performance/real_model.py --model SMOLLM2 --data BENCHMARKS [--rows SPLIT/train] [--repeats 3]
    python performance/real_model.py --model SMOLLM2 --data BENCHMARKS --quick    # tries the script

`--model` is a directory of SmolLM2-135M (docs/studies/small-real.md), `--data` holds the benchmarks as for evaluation.
Everything is float32. Every measurement is a process of its own, the peers alternate, tables show medians. What is
counted is CPU seconds of the process and of its children, and its peak memory; wall time beside it.

Evaluation: `polytune evaluate` against `lm-eval run --model hf` at batch sizes 1, 8 and 16, of which the fastest
counts, from the start of Python to the written result, on N items of a task; and the same with one item, which is the
start. Right and wrong are compared item by item, log-likelihoods by their largest difference over their size.

Training: LoRA on the rows of `--rows` with the chat template, one update size, against Trainer with length grouping
(its best setting whose loss is right, docs/performance.md). Loading is not timed, nor the first update; the loss of the
first rows is compared.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from training_throughput import PEERS, Setting, measure

TASKS = {"xwinograd": ("en", "xwinograd_en", 250), "xnli": ("en", "xnli_en", 60)}
"""Benchmark: language, the harness's task, items."""
BATCHES = (1, 8, 16)
LORA = {"r": 16, "lora_alpha": 32, "lora_dropout": 0.0, "target_modules": ["q_proj", "k_proj", "v_proj"]}
LANGUAGES = ("en", "de", "es", "zh")
SAME_LOSS = 1e-4
"""Nats per token by which two losses of the same rows may differ."""
AIMS = {"evaluation": 2.5, "training": 1.3}


def run(command: Sequence[str], folder: Path) -> dict:
    """Run a command in `folder`; return its CPU seconds, wall seconds and peak memory, children included."""
    # the working directory comes before installed modules: data folders there must not be imported
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "PYTHONSAFEPATH": "1", "TOKENIZERS_PARALLELISM": "false"}
    child = (
        "import json, resource, subprocess, sys, time; begun = time.perf_counter(); "
        "done = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True); "
        "sys.exit(done.stderr[-3000:]) if done.returncode else None; "
        "used = resource.getrusage(resource.RUSAGE_CHILDREN); "
        "print(json.dumps([used.ru_utime + used.ru_stime, time.perf_counter() - begun, used.ru_maxrss / 1024]))"
    )
    words = [sys.executable, "-c", child, *command]
    done = subprocess.run(words, cwd=folder, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    return dict(zip(("cpu", "wall", "peak_mib"), json.loads(done.stdout), strict=True))


def evaluate_here(options: argparse.Namespace, benchmark: str, items: int, threads: int) -> tuple[dict, dict]:
    """Measure our evaluation; return costs and items (doc_id: log-likelihoods, right)."""
    import pandas as pd

    language, _, _ = TASKS[benchmark]
    with tempfile.TemporaryDirectory() as name:
        command = [sys.executable, "-m", "polytune.cli", "evaluate", "--model", str(options.model), "--data"]
        command += [str(options.data), "--benchmark", benchmark, "--languages", language, "--items", str(items)]
        command += ["--output", f"{name}/r.json", "--samples", f"{name}/s.parquet", "--device", "cpu"]
        cost = run(["env", f"OMP_NUM_THREADS={threads}", *command], Path(name))
        table = pd.read_parquet(f"{name}/s.parquet")
        rows = zip(table["doc_id"], table["loglikelihoods"], table["acc"], strict=True)
        return cost, {int(number): (list(values), int(right)) for number, values, right in rows}


def evaluate_there(
    options: argparse.Namespace, benchmark: str, wanted: Sequence[int], batch: int, threads: int
) -> tuple[dict, dict]:
    """Measure the harness on the same items; return costs and items as above."""
    _, task, _ = TASKS[benchmark]
    with tempfile.TemporaryDirectory() as name:
        command = [sys.executable, "-m", "lm_eval", "run", "--model", "hf", "--tasks", task, "--device", "cpu"]
        command += ["--model_args", f"pretrained={options.model},dtype=float32", "--batch_size", str(batch)]
        command += ["--samples", json.dumps({task: list(wanted)}), "--output_path", f"{name}/out", "--log_samples"]
        # the data set's id is a folder of the data root
        cost = run(["env", f"OMP_NUM_THREADS={threads}", *command], options.data)
        (file,) = Path(name).glob(f"out/**/samples_{task}_*.jsonl")
        found = {}
        for line in file.read_text(encoding="utf-8").splitlines():
            item = json.loads(line)
            values = [float(answer[0]) for answer in item["filtered_resps"]]
            found[item["doc_id"]] = (values, item["acc"])
        return cost, found


def compare(mine: dict, theirs: dict) -> str:
    """Return how many items agree, and the largest difference of a log-likelihood over its size."""
    common = mine.keys() & theirs.keys()
    agree = sum(mine[item][1] == int(theirs[item][1]) for item in common)
    largest = max(
        abs(one - other) / max(abs(other), 1.0)
        for item in common
        for one, other in zip(mine[item][0], theirs[item][0], strict=True)
    )
    return f"{agree}/{len(common)}, {largest:.1e}"


def show_evaluation(options: argparse.Namespace) -> None:
    """Print the table of evaluation."""
    print("| task | items | peer | CPU s (all) | wall s | peak MiB | ratio of CPU s | items that agree, differ by |")
    print("|" + "---|" * 8)
    for benchmark, (_, task, many) in TASKS.items():
        for items in (1, min(many, 4) if options.quick else many):
            costs: dict[str, list[dict]] = {}
            _, mine = evaluate_here(options, benchmark, items, options.threads)  # warms the disk; says which items
            wanted, theirs = sorted(mine), {}
            batches = BATCHES[1:2] if options.quick or items == 1 else BATCHES
            for _ in range(options.repeats):
                costs.setdefault("polytune", []).append(evaluate_here(options, benchmark, items, options.threads)[0])
                for batch in batches:
                    cost, theirs = evaluate_there(options, benchmark, wanted, batch, options.threads)
                    costs.setdefault(f"lm-eval, batch {batch}", []).append(cost)
            middle = {peer: median(found) for peer, found in costs.items()}
            for peer, found in middle.items():
                seconds = " ".join(f"{one['cpu']:.1f}" for one in costs[peer])
                ratio = f"{found['cpu'] / middle['polytune']['cpu']:.2f}"
                cells = [task, items, peer, f"{found['cpu']:.1f} ({seconds})", f"{found['wall']:.1f}"]
                cells += [f"{found['peak_mib']:.0f}", ratio, compare(mine, theirs) if peer != "polytune" else "-"]
                print("| " + " | ".join(map(str, cells)) + " |", flush=True)
            best = min(found["cpu"] for peer, found in middle.items() if peer != "polytune")
            print(f"\n{task}, {items} items: {best / middle['polytune']['cpu']:.2f} x (aim {AIMS['evaluation']} x)\n")


def read_rows(options: argparse.Namespace, count: int) -> list:
    """Return (prompt, response) tokens of `count` rows with the chat template, languages in turn."""
    import numpy as np

    from polytune.data.chat import read_chat_template
    from polytune.data.tokens import encode_rows
    from polytune.models.tokenizer import read_tokenizer
    from polytune.readers.records import read_records

    tokenizer = read_tokenizer(options.model)
    template = read_chat_template(tokenizer)
    by_language = [[record for _, record in read_records(options.rows / f"{code}.jsonl")] for code in LANGUAGES]
    rows = [row for together in zip(*by_language, strict=True) for row in together][:count]
    prompts = [template.prompt(row["instruction"], row["input"]) for row in rows]
    responses = [template.response(row["output"]) for row in rows]
    ids, sizes, prompt_sizes = encode_rows(prompts, responses, tokenizer, encoder_decoder=False)
    starts = np.cumsum(sizes) - sizes
    parts = zip(starts, sizes, prompt_sizes, strict=True)
    return [(ids[start : start + prompt], ids[start + prompt : start + size]) for start, size, prompt in parts]


def measure_training(options: argparse.Namespace) -> dict:
    """Measure one peer in this process: CPU seconds a token, peak memory, loss of the first rows."""
    import torch
    from transformers import AutoModelForCausalLM

    torch.set_num_threads(options.threads)
    rows = read_rows(options, 16 if options.quick else 48)
    setting = Setting(vocabulary=49_152, micro_rows=2, micro_tokens=2048, epochs=1, lora=LORA, clock="cpu")
    begun = time.perf_counter()
    found = measure(
        options.measure,
        lambda: AutoModelForCausalLM.from_pretrained(options.model, dtype=torch.float32),
        rows,
        setting,
    )
    return {**found, "wall": time.perf_counter() - begun}


def show_training(options: argparse.Namespace) -> None:
    """Print the table of training."""
    print("| peer | tokens per CPU s (all) | peak MiB | tokens that are useful | loss of the first rows |")
    print("|" + "---|" * 5)
    results: dict[str, list[dict]] = {peer: [] for peer in PEERS}
    for _ in range(options.repeats):
        for peer in PEERS:
            command = [sys.executable, __file__, *sys.argv[1:], "--measure", peer]
            environment = {**os.environ, "OMP_NUM_THREADS": str(options.threads), "HF_HUB_OFFLINE": "1"}
            done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
            results[peer].append(json.loads(done.stdout.splitlines()[-1]))
    speed = {peer: statistics.median(one["tokens_per_second"] for one in found) for peer, found in results.items()}
    for peer, found in results.items():
        each = " ".join(f"{one['tokens_per_second']:.0f}" for one in found)
        peak = statistics.median(one["peak_mib"] for one in found)
        print(
            f"| {peer} | {speed[peer]:.0f} ({each}) | {peak:.0f} | {found[0]['useful']:.0%} | {found[0]['loss']:.6f} |"
        )
    losses = [found[0]["loss"] for found in results.values()]
    if max(losses) - min(losses) > SAME_LOSS:
        sys.exit(f"the peers do not train on the same: losses of the first rows are {losses}")
    print(f"\ntraining: {speed['polytune'] / speed['trainer']:.2f} x (aim {AIMS['training']} x)")


def median(costs: Sequence[dict]) -> dict:
    """Return the median of each cost."""
    return {name: statistics.median(one[name] for one in costs) for name in costs[0]}


def main() -> None:
    """Measure evaluation and, where there are rows, training."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, required=True, help="directory of SmolLM2-135M")
    parser.add_argument("--data", type=Path, required=True, help="directory of the benchmarks")
    parser.add_argument("--rows", type=Path, help="directory of instruction rows, {language}.jsonl")
    parser.add_argument("--threads", type=int, default=os.cpu_count(), help="of each process (default: all cores)")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--only", choices=("evaluation", "training"))
    parser.add_argument("--quick", action="store_true", help="few items and rows, once")
    parser.add_argument("--measure", choices=PEERS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    options.model, options.data = options.model.resolve(), options.data.resolve()
    options.repeats = 1 if options.quick else options.repeats
    if options.measure:
        print(json.dumps(measure_training(options)))
        return
    load = resource.getrusage(resource.RUSAGE_SELF), os.getloadavg()[0]
    print(f"{platform.machine()}, {options.threads} threads, float32, {options.repeats} repeats, load {load[1]:.1f}\n")
    if options.only != "training":
        show_evaluation(options)
    if options.rows and options.only != "evaluation":
        show_training(options)


if __name__ == "__main__":
    main()
