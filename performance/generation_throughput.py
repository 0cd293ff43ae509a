"""Seconds and memory of greedy answers: Polytune against transformers' `generate` at its best batch size.

A tiny BLOOM (256 wide, 4 layers, 8 heads, random weights, large enough that answers do not repeat themselves) answers
prompts of mixed lengths (10 to 300 tokens, median 45). Its end of sequence comes at any time, and answers have at most
128 tokens. A figure is the time from loaded model and token ids to texts; prompts are given to
`generate` sorted by length, the best for it. Every run is a process of its own on one core (so that peak memory means
something). `generate` is tried with each batch size once, then it and Polytune run in alternating pairs. Seconds are of
the processor, which other jobs on the machine disturb less; tokens are compared answer by answer.

    python performance/generation_throughput.py [--pairs 3] [--vocabulary 8192] [--batch-tokens 24576] [--tiny]
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

SETTINGS = {8192: 96, 250_880: 48}  # vocabulary: prompts
BATCHES = (8, 16, 32, 64)
AIM = 1.5
END, ROOM = 2, 128
ENDING = {512: 3, 8192: 4, 250_880: 2.5}
"""How much longer the end's output weights are than other tokens', by vocabulary: so that it wins now and then."""


def write_inputs(directory: Path, vocabulary: int, prompts: int) -> None:
    """Write a model with random weights, a word tokenizer and the prompts as token ids."""
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import BloomConfig, BloomForCausalLM, PreTrainedTokenizerFast

    torch.manual_seed(0)
    model = BloomForCausalLM(BloomConfig(vocab_size=vocabulary, hidden_size=256, n_layer=4, n_head=8))
    with torch.no_grad():
        for weight in model.transformer.h.parameters():
            if weight.dim() > 1:
                weight.mul_(15)
        model.transformer.word_embeddings_layernorm.weight.mul_(0.1)
        model.lm_head.weight[END] *= ENDING[vocabulary]
    model.save_pretrained(directory / "model")
    words = {"<pad>": 0, "<s>": 1, "</s>": 2, "<unk>": 3} | {f"w{n}": n for n in range(4, vocabulary)}
    tokenizer = Tokenizer(models.WordLevel(words, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    special = {"bos_token": "<s>", "eos_token": "</s>", "pad_token": "<pad>", "unk_token": "<unk>"}
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, **special).save_pretrained(directory / "model")
    draw = random.Random(0)
    lengths = [min(300, max(10, round(draw.lognormvariate(3.8, 0.7)))) for _ in range(prompts)]
    rows = [[draw.randrange(4, vocabulary) for _ in range(length)] for length in lengths]
    (directory / "prompts.json").write_text(json.dumps(rows))


def prepare_polytune(batch_tokens: int, directory: Path, prompts: list[list[int]]) -> Callable[[], list[str]]:
    """Load our model; return what answers."""
    from polytune.generation.engines import Request, Sampling
    from polytune.generation.local import LocalEngines
    from polytune.models.directory import ModelDirectory
    from polytune.models.tokenizer import read_model_tokenizer

    model = ModelDirectory.find(directory / "model")
    tokenizer = read_model_tokenizer(model)
    opened = LocalEngines("cpu", batch_tokens).open(model, tokenizer)
    engine = opened.__enter__()  # for the rest of this process

    def answer() -> list[str]:
        requests = [Request(number, prompt, ROOM, 0) for number, prompt in enumerate(prompts)]
        said = {one.request.number: one.text for step in engine.answer(requests, Sampling(0.0, 1.0)) for one in step}
        return [said[number] for number in range(len(prompts))]

    return answer


def prepare_peer(batch: int, directory: Path, prompts: list[list[int]]) -> Callable[[], list[str]]:
    """Load transformers' model; return what answers in batches of so many prompts, sorted by length."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    model = AutoModelForCausalLM.from_pretrained(directory / "model", dtype=torch.float32).eval()
    tokenizer = AutoTokenizer.from_pretrained(directory / "model")

    def answer() -> list[str]:
        order = sorted(range(len(prompts)), key=lambda number: -len(prompts[number]))
        texts = [""] * len(prompts)
        for start in range(0, len(order), batch):
            part = [prompts[number] for number in order[start : start + batch]]
            longest = max(map(len, part))
            tokens = torch.tensor([[0] * (longest - len(row)) + row for row in part])
            mask = torch.tensor([[0] * (longest - len(row)) + [1] * len(row) for row in part])
            said = model.generate(
                input_ids=tokens, attention_mask=mask, max_new_tokens=ROOM, do_sample=False, pad_token_id=0
            )
            for number, row in zip(order[start : start + batch], said[:, longest:], strict=True):
                texts[number] = tokenizer.decode(row, skip_special_tokens=True)
        return texts

    return answer


def measure(variant: str, directory: Path, batch_tokens: int) -> None:
    """Run one variant in this process and print seconds, peak memory and answers as JSON."""
    import torch

    torch.set_num_threads(1)
    prompts = json.loads((directory / "prompts.json").read_text())
    ours = variant == "polytune"
    prepare, size = (prepare_polytune, batch_tokens) if ours else (prepare_peer, int(variant))
    answer = prepare(size, directory, prompts)
    started, used = time.perf_counter(), time.process_time()
    texts = answer()
    result = {
        "seconds": time.perf_counter() - started,
        "cpu": time.process_time() - used,
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "texts": texts,
    }
    print("RESULT " + json.dumps(result))


def run_child(variant: str, directory: Path, batch_tokens: int = 0) -> dict:
    """Measure one variant in a process of its own."""
    settings = {"OMP_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false", "HF_HUB_OFFLINE": "1"}
    command = [sys.executable, __file__, "--measure", variant, "--directory", str(directory)]
    command += ["--batch-tokens", str(batch_tokens)]
    finished = subprocess.run(command, env=os.environ | settings, capture_output=True, text=True)
    lines = [line for line in finished.stdout.splitlines() if line.startswith("RESULT ")]
    if finished.returncode or not lines:
        sys.exit(f"{variant} failed:\n{finished.stderr}")
    return json.loads(lines[0].removeprefix("RESULT "))


def compare(vocabulary: int, prompts: int, pairs: int, batch_tokens: int) -> None:
    """Find the best batch size of `generate`, measure it and Polytune alternately, and print what came out."""
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        write_inputs(directory, vocabulary, prompts)
        tried = {batch: run_child(str(batch), directory) for batch in BATCHES if batch <= prompts}
        best = min(tried, key=lambda batch: tried[batch]["cpu"])
        runs: dict[str, list[dict]] = {str(best): [], "polytune": []}
        for _ in range(pairs):
            for variant, measured in runs.items():
                measured.append(run_child(variant, directory, batch_tokens))
    theirs, ours = runs.values()
    lengths = [len(text.split()) for text in theirs[0]["texts"]]
    print(
        f"\n{prompts} prompts, vocabulary {vocabulary:,}; answers of {statistics.mean(lengths):.0f} tokens in the mean,"
    )
    print(f"{sum(length == ROOM for length in lengths)} of them cut at {ROOM}\n")
    print("| | s of CPU (median) | all | tokens/s | peak MiB |\n|---|---|---|---|---|")
    for batch, run in tried.items():
        if batch != best:
            rate = sum(lengths) / run["cpu"]
            print(f"| generate, batch {batch} | {run['cpu']:.2f} | | {rate:.0f} | {run['peak_mib']:.0f} |")
    for title, measured in ((f"generate, batch {best} (its best)", theirs), ("Polytune", ours)):
        cpu = statistics.median(run["cpu"] for run in measured)
        repeated = " ".join(f"{run['cpu']:.2f}" for run in measured)
        peak = max(run["peak_mib"] for run in measured)
        print(f"| {title} | {cpu:.2f} | {repeated} | {sum(lengths) / cpu:.0f} | {peak:.0f} |")
    ratio = statistics.median(their["cpu"] / our["cpu"] for their, our in zip(theirs, ours, strict=True))
    memory = max(run["peak_mib"] for run in ours) / max(run["peak_mib"] for run in theirs)
    same = sum(a == b for a, b in zip(theirs[0]["texts"], ours[0]["texts"], strict=True))
    print(f"\nPolytune: {ratio:.2f} x as fast (median of pairs; aim {AIM}), {memory:.2f} x the peak memory, ", end="")
    print(f"{same} of {prompts} answers the same.")


def main() -> None:
    """Print the machine and one table per vocabulary."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--batch-tokens", type=int, default=24576, help="Polytune's")
    parser.add_argument("--tiny", action="store_true", help="a few prompts, a small vocabulary: a check, no figures")
    parser.add_argument("--vocabulary", type=int, choices=sorted(SETTINGS), help="only this vocabulary")
    parser.add_argument("--measure", help=argparse.SUPPRESS)
    parser.add_argument("--directory", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        measure(options.measure, options.directory, options.batch_tokens)
        return
    print(
        f"{date.today()}, {platform.machine()}, {os.cpu_count()} cores (one used), Python {platform.python_version()}"
    )
    for vocabulary, prompts in ({512: 8} if options.tiny else SETTINGS).items():
        if options.vocabulary in (None, vocabulary):
            compare(vocabulary, prompts, options.pairs, options.batch_tokens)


if __name__ == "__main__":
    main()
