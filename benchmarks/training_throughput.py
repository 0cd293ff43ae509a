"""Useful tokens per second and peak memory of training: Polytune against transformers' Trainer with length grouping.

    python benchmarks/training_throughput.py

Both train the same tiny model from the same weights on the same rows with the same update size, optimizer and clipping.
Trainer pads micro-batches of 4 rows of similar length (its `group_by_length`, the best peer whose loss is right, see
docs/performance.md) and accumulates two; Polytune packs the 8 rows. Every measurement is a process of its own on one
core; the two alternate, and the table shows medians. The first update is not timed. Before training, both compute the
loss of the same 8 rows: the last column is the difference, in nats per token.
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
from pathlib import Path

import numpy as np

CASES = {  # name: (model type, vocabulary, rows)
    "BLOOM, V = 8,192": ("bloom", 8_192, 80),
    "BLOOM, V = 250,880": ("bloom", 250_880, 32),
    "Llama, V = 8,192": ("llama", 8_192, 64),
}
PEERS = ("trainer", "polytune")
UPDATE_ROWS, MICRO_ROWS, MICRO_TOKENS, EPOCHS = 8, 4, 2048, 2
HIDDEN, LAYERS, HEADS = 256, 4, 8
SUPERVISED = 0.6  # share of a row's tokens that are response
LONGEST = 768
FILL = {"input_ids": 0, "attention_mask": 0, "labels": -100}  # what Trainer's collator pads with
CLOCKS = {"wall": time.perf_counter, "cpu": time.process_time}
clock_name = "wall"


def make_rows(count: int, vocabulary: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return (prompt, response) rows of random tokens whose lengths are spread like Bactrian-X's.

    Median 89, mean about 115, 90th percentile about 200 tokens, cut at 768 (lognormal).
    """
    generator = np.random.default_rng(20)
    lengths = np.exp(np.log(89) + 0.68 * generator.standard_normal(count)).astype(int).clip(8, LONGEST)
    rows = []
    for length in lengths:
        tokens = generator.integers(2, vocabulary, length)
        cut = round(length * (1 - SUPERVISED))
        rows.append((tokens[:cut], tokens[cut:]))
    return rows


def make_model(kind: str, vocabulary: int):
    """Return the tiny model, the same for both peers."""
    import torch
    from transformers import AutoModelForCausalLM, BloomConfig, LlamaConfig

    torch.manual_seed(0)
    if kind == "bloom":
        config = BloomConfig(vocab_size=vocabulary, hidden_size=HIDDEN, n_layer=LAYERS, n_head=HEADS)
    else:
        config = LlamaConfig(
            vocab_size=vocabulary,
            hidden_size=HIDDEN,
            intermediate_size=688,  # the ratio of LLaMA-7B, 11,008 to 4,096
            num_hidden_layers=LAYERS,
            num_attention_heads=HEADS,
        )
    return AutoModelForCausalLM.from_config(config)


def make_stopwatch():
    """Return a callback whose `times` holds the time after every update."""
    from transformers import TrainerCallback

    class Stopwatch(TrainerCallback):
        def __init__(self):
            self.times = []

        def on_step_end(self, *arguments, **options):
            self.times.append(CLOCKS[clock_name]())

    return Stopwatch()


def train_with_trainer(kind: str, vocabulary: int, rows) -> dict:
    """Train with transformers' Trainer, length grouping and a padding collator."""
    import torch
    from transformers import Trainer, TrainingArguments

    model = make_model(kind, vocabulary)
    useful, fed = [], []

    def collate(items: list[dict]) -> dict:
        longest = max(len(item["input_ids"]) for item in items)
        batch = {name: torch.full((len(items), longest), fill) for name, fill in FILL.items()}
        for place, item in enumerate(items):
            length = len(item["input_ids"])
            for name in FILL:
                batch[name][place, :length] = torch.as_tensor(item[name])
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
    with torch.no_grad():
        total = count = 0.0
        for item in data[:UPDATE_ROWS]:
            batch = collate([item])
            supervised = int((batch["labels"] >= 0).sum())
            total += float(model(**batch).loss) * supervised
            count += supervised
    useful.clear()
    fed.clear()
    stopwatch = make_stopwatch()
    with tempfile.TemporaryDirectory() as folder:
        arguments = TrainingArguments(
            output_dir=folder,
            per_device_train_batch_size=MICRO_ROWS,
            gradient_accumulation_steps=UPDATE_ROWS // MICRO_ROWS,
            train_sampling_strategy="group_by_length",
            length_column_name="length",
            remove_unused_columns=False,
            num_train_epochs=EPOCHS,
            learning_rate=1e-4,
            save_strategy="no",
            logging_strategy="no",
            report_to="none",
            disable_tqdm=True,
            use_cpu=True,
        )
        Trainer(model, arguments, data_collator=collate, train_dataset=data, callbacks=[stopwatch]).train()
    first = sum(useful[: UPDATE_ROWS // MICRO_ROWS])
    return {
        "tokens": sum(useful) - first,
        "useful": sum(useful) / sum(fed),
        "times": stopwatch.times,
        "loss": total / count,
    }


def train_with_polytune(kind: str, vocabulary: int, rows) -> dict:
    """Train with Polytune's own path: token store, packs, `UpdateTrainer`."""
    import torch

    from polytune.files import write_json
    from polytune.mixtures.manifest import Mixture, Part
    from polytune.training.batches import Limits, Rows, Updates
    from polytune.training.model import compute_packs
    from polytune.training.run import Hardware, training_arguments
    from polytune.training.spec import Hyperparameters
    from polytune.training.startup import import_trainer

    import_trainer()
    from polytune.training.trainer import UpdateTrainer

    hyper = Hyperparameters(1e-4, EPOCHS, UPDATE_ROWS, LONGEST)
    with tempfile.TemporaryDirectory() as name:
        store = Path(name) / "bench" / "en"
        store.mkdir(parents=True)
        lengths = [sum(map(len, row)) for row in rows]
        np.concatenate([part for row in rows for part in row]).astype("<u4").tofile(store / "tokens.bin")
        np.save(store / "offsets.npy", np.concatenate([[0], np.cumsum(lengths)]))
        np.save(store / "prompt_lengths.npy", np.array([len(prompt) for prompt, _ in rows], np.int32))
        np.save(store / "keys.npy", np.arange(len(rows), dtype=np.uint64))
        index = {"rows": len(rows), "tokens": sum(lengths), "dtype": "<u4", "vocab_size": vocabulary}
        write_json(store / "index.json", {**index, "encoder_decoder": False, "data_digest": ""})
        mixture = Mixture("bench", "bench", "bench", ("en",), (Part("bench", "en", "all", len(rows), ""),))
        selected = Rows(mixture, Path(name), Limits(LONGEST))
        updates = Updates(selected, 1, EPOCHS, UPDATE_ROWS, MICRO_TOKENS)
        model = make_model(kind, vocabulary)
        compute_packs(model)
        with torch.no_grad():
            updates.permutation = lambda epoch: np.arange(len(rows))
            loss = sum(float(model(pack=pack)) for pack in updates[0].packs)
            del updates.permutation
        stopwatch = make_stopwatch()
        arguments = training_arguments(hyper, Hardware(MICRO_TOKENS), seed=1, folder=Path(name) / "work")
        arguments.logging_strategy = "no"
        UpdateTrainer(model, arguments, updates, hyper, [stopwatch]).train()
        first = int(selected.lengths[updates.rows_of(0)].sum())
    return {"tokens": EPOCHS * sum(lengths) - first, "useful": 1.0, "times": stopwatch.times, "loss": loss}


def measure(peer: str, case: str, number: int | None) -> dict:
    """Run one measurement in this process."""
    import torch

    torch.set_num_threads(1)
    kind, vocabulary, count = CASES[case]
    rows = make_rows(number or count, vocabulary)
    result = {"trainer": train_with_trainer, "polytune": train_with_polytune}[peer](kind, vocabulary, rows)
    seconds = result["times"][-1] - result["times"][0]
    return {
        "tokens_per_second": result["tokens"] / seconds,
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "loss": result["loss"],
        "useful": result["useful"],
    }


def measure_apart(peer: str, case: str, clock: str, number: int | None) -> dict:
    """Run one measurement in a process of its own; return what it found."""
    rows = [] if number is None else ["--rows", str(number)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
    done = subprocess.run(
        [sys.executable, __file__, "--clock", clock, *rows, "--measure", peer, case],
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    """Measure every case, alternating between the peers, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--cases", nargs="*", choices=CASES, default=list(CASES), metavar="CASE")
    parser.add_argument("--measure", nargs=2, metavar=("PEER", "CASE"), help=argparse.SUPPRESS)
    parser.add_argument("--rows", type=int, help="rows of the data set; more rows group better (default: by case)")
    parser.add_argument("--clock", choices=CLOCKS, default="wall", help="cpu: for a machine that is busy otherwise")
    options = parser.parse_args()
    global clock_name
    clock_name = options.clock
    if options.measure:
        print(json.dumps(measure(*options.measure, options.rows)))
        return
    print(f"{platform.machine()}, one core, {options.repeats} alternating repeats, {options.clock} time; median (all)")
    heads = ["case", "Trainer, tokens/s", "Polytune, tokens/s", "ratio", "Trainer, MiB", "Polytune, MiB", "ratio"]
    heads += ["Trainer's tokens that are useful", "difference of the loss"]
    print("\n| " + " | ".join(heads) + " |\n|" + "---|" * len(heads))
    for case in options.cases:
        results = {peer: [] for peer in PEERS}
        for _ in range(options.repeats):
            for peer in PEERS:
                results[peer].append(measure_apart(peer, case, options.clock, options.rows))
        speeds = {peer: [round(one["tokens_per_second"]) for one in results[peer]] for peer in PEERS}
        peaks = {peer: statistics.median(one["peak_mib"] for one in results[peer]) for peer in PEERS}
        speed = {peer: statistics.median(speeds[peer]) for peer in PEERS}
        cells = [case]
        cells += [f"{speed[peer]:.0f} ({' '.join(map(str, speeds[peer]))})" for peer in PEERS]
        cells.append(f"**{speed['polytune'] / speed['trainer']:.2f}**")
        cells += [f"{peaks[peer]:.0f}" for peer in PEERS]
        cells.append(f"{peaks['polytune'] / peaks['trainer']:.2f}")
        cells.append(f"{results['trainer'][0]['useful']:.0%}")
        cells.append(f"{abs(results['trainer'][0]['loss'] - results['polytune'][0]['loss']):.1e}")
        print("| " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
