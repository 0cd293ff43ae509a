"""Useful tokens per second and peak memory of training: Polytune against transformers' Trainer with length grouping.

    python performance/training_throughput.py

Both train the same tiny model from the same weights on the same rows with the same update size, optimizer and clipping.
Trainer pads micro-batches of 4 rows of similar length (its `group_by_length`, the best peer whose loss is right) and
accumulates two; Polytune packs the 8 rows. Every measurement is a process of its own on one core; the two alternate,
the table shows medians. The first update is not timed. The last column is by how much losses of the same 8 rows differ.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

HIDDEN, LAYERS, HEADS = 256, 4, 8
LONGEST = 768
SUPERVISED = 0.6  # share of a row's tokens that are response
FILL = {"input_ids": 0, "attention_mask": 0, "labels": -100}  # what Trainer's collator pads with
CLOCKS = {"wall": time.perf_counter, "cpu": time.process_time}


@dataclass(frozen=True)
class Setting:
    """How to train; the same for both peers, save that one pads `micro_rows` and the other packs `micro_tokens`."""

    vocabulary: int
    update_rows: int = 8
    micro_rows: int = 4
    micro_tokens: int = 2048
    epochs: int = 2
    precision: str = "fp32"
    activation_checkpointing: bool = False
    lora: dict | None = None
    clock: str = "wall"


CASES = {  # name: (model type, vocabulary, rows)
    "BLOOM, V = 8,192": ("bloom", 8_192, 80),
    "BLOOM, V = 250,880": ("bloom", 250_880, 32),
    "Llama, V = 8,192": ("llama", 8_192, 64),
}


def make_rows(count: int, vocabulary: int, longest: int = LONGEST) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return (prompt, response) rows of random tokens whose lengths are spread like Bactrian-X's.

    Median 89, mean about 115, 90th percentile about 200 tokens, cut at `longest` (lognormal).
    """
    generator = np.random.default_rng(20)
    lengths = np.exp(np.log(89) + 0.68 * generator.standard_normal(count)).astype(int).clip(8, longest)
    cuts = np.round(lengths * (1 - SUPERVISED)).astype(int)
    texts = [generator.integers(2, vocabulary, length) for length in lengths]
    return [(text[:cut], text[cut:]) for text, cut in zip(texts, cuts, strict=True)]


def make_model(kind: str, vocabulary: int):
    """Return the tiny model, the same for both peers."""
    import torch
    from transformers import AutoModelForCausalLM, BloomConfig, LlamaConfig

    torch.manual_seed(0)
    if kind == "bloom":
        config = BloomConfig(vocab_size=vocabulary, hidden_size=HIDDEN, n_layer=LAYERS, n_head=HEADS)
    else:
        shape = {"hidden_size": HIDDEN, "num_hidden_layers": LAYERS, "num_attention_heads": HEADS}
        # the feed-forward layers have the ratio of LLaMA-7B, 11,008 to 4,096
        config = LlamaConfig(vocab_size=vocabulary, intermediate_size=688, **shape)
    return AutoModelForCausalLM.from_config(config)


def make_stopwatch(clock: str):
    """Return a callback whose `times` holds the time after every update."""
    import torch
    from transformers import TrainerCallback

    class Stopwatch(TrainerCallback):
        def __init__(self):
            self.times = []

        def on_step_end(self, *arguments, **options):
            if torch.cuda.is_available():
                torch.cuda.synchronize()
            self.times.append(CLOCKS[clock]())

    return Stopwatch()


def train_with_trainer(make: Callable, rows, setting: Setting) -> dict:
    """Train with transformers' Trainer, length grouping and a padding collator."""
    import torch
    from transformers import Trainer, TrainingArguments

    model = make()
    useful, fed = [], []

    def collate(items: list[dict]) -> dict:
        longest = max(len(item["input_ids"]) for item in items)
        batch = {name: torch.full((len(items), longest), fill) for name, fill in FILL.items()}
        for place, item in enumerate(items):
            for name in FILL:
                batch[name][place, : len(item[name])] = torch.as_tensor(item[name])
        useful.append(int(batch["attention_mask"].sum()))
        fed.append(batch["attention_mask"].numel())
        return batch

    data = [
        {
            "input_ids": np.concatenate(row),
            "attention_mask": np.ones(sum(map(len, row)), dtype=np.int64),
            "labels": np.concatenate([np.full(len(row[0]), FILL["labels"]), row[1]]),
            "length": sum(map(len, row)),
        }
        for row in rows
    ]
    total = count = 0.0
    with torch.no_grad():
        for item in data[: setting.update_rows]:
            batch = {name: tensor.to(model.device) for name, tensor in collate([item]).items()}
            supervised = int((batch["labels"] >= 0).sum())
            total += float(model(**batch).loss) * supervised
            count += supervised
    useful.clear()
    fed.clear()
    if setting.lora:
        import peft

        model = peft.get_peft_model(model, peft.LoraConfig(task_type="CAUSAL_LM", **setting.lora))
    stopwatch = make_stopwatch(setting.clock)
    micro_batches = setting.update_rows // setting.micro_rows
    with tempfile.TemporaryDirectory() as folder:
        arguments = TrainingArguments(
            output_dir=folder,
            per_device_train_batch_size=setting.micro_rows,
            gradient_accumulation_steps=micro_batches,
            train_sampling_strategy="group_by_length",
            length_column_name="length",
            remove_unused_columns=False,
            num_train_epochs=setting.epochs,
            learning_rate=1e-4,
            bf16=setting.precision == "bf16",
            gradient_checkpointing=setting.activation_checkpointing,
            save_strategy="no",
            logging_strategy="no",
            report_to="none",
            disable_tqdm=True,
            use_cpu=not torch.cuda.is_available(),
        )
        Trainer(model, arguments, data_collator=collate, train_dataset=data, callbacks=[stopwatch]).train()
    tokens, share = sum(useful) - sum(useful[:micro_batches]), sum(useful) / sum(fed)
    return {"tokens": tokens, "useful": share, "times": stopwatch.times, "loss": total / count}


def train_with_polytune(make: Callable, rows, setting: Setting) -> dict:
    """Train with Polytune's own path: token store, packs, training loop."""
    import torch

    from polytune.machine import keep_freed_memory
    from polytune.mixtures.manifest import Mixture, Part
    from polytune.training.batches import Updates
    from polytune.training.engine import OneProcess
    from polytune.training.loop import train
    from polytune.training.lora import add_adapters
    from polytune.training.model import compute_packs
    from polytune.training.options import Hardware
    from polytune.training.rows import Limits, Rows
    from polytune.training.spec import Hyperparameters, Lora

    longest = max(sum(map(len, row)) for row in rows)  # nothing is cut: the peer cuts nothing either
    hyper = Hyperparameters(1e-4, setting.epochs, setting.update_rows, longest, precision=setting.precision)
    with tempfile.TemporaryDirectory() as name:
        write_store(Path(name) / "bench" / "en", rows, setting.vocabulary)
        mixture = Mixture("bench", "bench", "bench", ("en",), (Part("bench", "en", "all", len(rows), ""),))
        selected = Rows(mixture, Path(name), Limits(longest))
        updates = Updates(selected, 1, setting.epochs, setting.update_rows, setting.micro_tokens)
        model = make()
        compute_packs(model)
        with torch.no_grad():
            updates.permutation = lambda epoch: np.arange(len(rows))
            loss = sum(float(model(pack=pack.to(model.device))) for pack in updates[0].packs)
            del updates.permutation
        if setting.lora:
            options = {name.removeprefix("lora_"): value for name, value in setting.lora.items()}
            model = add_adapters(model, Lora(**options), seed=1)
        if setting.activation_checkpointing:
            model.activation_checkpointing_enable()
        if not torch.cuda.is_available():
            keep_freed_memory()
        engine, times = OneProcess(model, hyper), []
        step = engine.step

        def timed_step(learning_rate: float) -> float:
            norm = step(learning_rate)
            if torch.cuda.is_available():
                torch.cuda.synchronize()
            times.append(CLOCKS[setting.clock]())
            return norm

        engine.step = timed_step
        train(engine, updates, None, Hardware(checkpoint_minutes=0), Path(name))
    tokens = updates.count_tokens()[0] - int(selected.lengths[updates.rows_of(0)].sum())
    return {"tokens": tokens, "useful": 1.0, "times": times, "loss": loss}


def write_store(store: Path, rows, vocabulary: int) -> None:
    """Write the rows as a token store (docs/architecture.md)."""
    from polytune.files import write_json

    store.mkdir(parents=True)
    lengths = [sum(map(len, row)) for row in rows]
    np.concatenate([part for row in rows for part in row]).astype("<u4").tofile(store / "tokens.bin")
    np.save(store / "offsets.npy", np.concatenate([[0], np.cumsum(lengths)]))
    np.save(store / "prompt_lengths.npy", np.array([len(prompt) for prompt, _ in rows], np.int32))
    np.save(store / "keys.npy", np.arange(len(rows), dtype=np.uint64))
    index = {"rows": len(rows), "tokens": sum(lengths), "dtype": "<u4", "highest_token_id": vocabulary - 1}
    write_json(store / "index.json", {**index, "encoder_decoder": False, "data_digest": ""})


PEERS = {"trainer": train_with_trainer, "polytune": train_with_polytune}


def measure(peer: str, make: Callable, rows, setting: Setting) -> dict:
    """Run one measurement in this process."""
    from polytune.machine import peak_memory_bytes

    result = PEERS[peer](make, rows, setting)
    seconds = result["times"][-1] - result["times"][0]
    kept = {name: result[name] for name in ("loss", "useful")}
    return {"tokens_per_second": result["tokens"] / seconds, "peak_mib": peak_memory_bytes() / 2**20, **kept}


def measure_apart(arguments: list[str]) -> dict:
    """Run this script with `arguments` in a process of its own; return what it found."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
    command = [sys.executable, __file__, *arguments]
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    """Measure every case, alternating between the peers, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--cases", nargs="*", choices=CASES, default=list(CASES), metavar="CASE")
    parser.add_argument("--rows", type=int, help="rows of the data set; more rows group better (default: by case)")
    parser.add_argument("--clock", choices=CLOCKS, default="wall", help="cpu: for a machine that is busy otherwise")
    parser.add_argument("--measure", nargs=2, metavar=("PEER", "CASE"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        peer, case = options.measure
        kind, vocabulary, count = CASES[case]
        rows = make_rows(options.rows or count, vocabulary)
        setting = Setting(vocabulary, clock=options.clock)
        print(json.dumps(measure(peer, lambda: make_model(kind, vocabulary), rows, setting)))
        return
    print(f"{platform.machine()}, one core, {options.repeats} alternating repeats, {options.clock} time; median (all)")
    heads = ["case", "Trainer, tokens/s", "Polytune, tokens/s", "ratio", "Trainer, MiB", "Polytune, MiB", "ratio"]
    heads += ["Trainer's tokens that are useful", "difference of the loss"]
    print("\n| " + " | ".join(heads) + " |\n|" + "---|" * len(heads), flush=True)
    common = ["--clock", options.clock, *(["--rows", str(options.rows)] if options.rows else [])]
    for case in options.cases:
        results = {peer: [] for peer in PEERS}
        for _ in range(options.repeats):
            for peer in PEERS:
                results[peer].append(measure_apart([*common, "--measure", peer, case]))
        print(table_row(case, results), flush=True)


def table_row(case: str, results: dict[str, list[dict]]) -> str:
    """Return one line of the table: medians, all repeats, ratios."""
    speeds = {peer: [round(one["tokens_per_second"]) for one in found] for peer, found in results.items()}
    speed = {peer: statistics.median(found) for peer, found in speeds.items()}
    peak = {peer: statistics.median(one["peak_mib"] for one in found) for peer, found in results.items()}
    trainer, polytune = results["trainer"][0], results["polytune"][0]
    cells = [
        case,
        *(f"{speed[peer]:.0f} ({' '.join(map(str, speeds[peer]))})" for peer in PEERS),
        f"**{speed['polytune'] / speed['trainer']:.2f}**",
        *(f"{peak[peer]:.0f}" for peer in PEERS),
        f"{peak['polytune'] / peak['trainer']:.2f}",
        f"{trainer['useful']:.0%}",
        f"{abs(trainer['loss'] - polytune['loss']):.1e}",
    ]
    return "| " + " | ".join(cells) + " |"


if __name__ == "__main__":
    main()
