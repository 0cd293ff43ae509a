"""Models at full size with random weights on one GPU: Polytune against transformers' Trainer, in bf16.

    python performance/gpu_training.py                       # BLOOM-7B1; full tuning with AdamW takes about 132 GiB
    python performance/gpu_training.py --model smollm2       # SmolLM2-135M
    python performance/gpu_training.py --tiny                # the same code on the CPU; its numbers mean nothing

Nothing is downloaded: the weights are random, which changes no speed. Trainer is measured with several sizes of its
micro-batches, so with its best. Reports useful tokens per second, model FLOP utilisation and peak memory. Utilisation
counts 6 FLOPs per parameter and useful token for full tuning and 4 for LoRA (no gradients of frozen weights), over all
parameters but the input embedding (Chowdhery et al. 2022, appendix B, without the attention term), so padding,
recomputation and logits that nobody asked for count as time and not as work.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass

from training_throughput import Setting, make_rows, measure

PEAK_TFLOPS = {  # dense bf16, from the vendors' data sheets; the longest name that fits counts
    "A100": 312.0,
    "H100 PCIe": 756.0,
    "H100": 989.0,
    "H200": 989.0,
    "MI250X": 191.5,  # one GCD
    "MI300X": 1307.0,
}


def bloom7b1(tiny: bool):
    """Return BLOOM-7B1's architecture (Scao et al. 2022, table 3)."""
    from transformers import BloomConfig

    if tiny:
        return BloomConfig(vocab_size=500, hidden_size=32, n_layer=2, n_head=4)
    return BloomConfig(vocab_size=250_880, hidden_size=4096, n_layer=30, n_head=32)


def smollm2(tiny: bool):
    """Return SmolLM2-135M's architecture (its `config.json`)."""
    from transformers import LlamaConfig

    sizes = (500, 32, 64, 2, 4, 2) if tiny else (49_152, 576, 1536, 30, 9, 3)
    names = ("vocab_size", "hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads")
    shape = dict(zip((*names, "num_key_value_heads"), sizes, strict=True))
    return LlamaConfig(**shape, tie_word_embeddings=True)


@dataclass(frozen=True)
class Model:
    """A model, the layers that LoRA adapts, and the micro-batches, in rows, that Trainer is tried with."""

    config: Callable
    adapted: tuple[str, ...]
    trainer_rows: dict[str, tuple[int, ...]]


MODELS = {
    # full tuning with more rows does not fit into 140 GB
    "bloom7b1": Model(bloom7b1, ("query_key_value",), {"lora": (4, 16), "full": (4,)}),
    "smollm2": Model(smollm2, ("q_proj", "k_proj", "v_proj"), {"lora": (16, 64), "full": (16, 64)}),
}


def make_model(name: str, tiny: bool):
    """Return the model with random weights on the GPU, or a tiny stand-in on the CPU."""
    import torch
    from transformers import AutoModelForCausalLM

    torch.manual_seed(0)
    with torch.device("cpu" if tiny else "cuda"):
        return AutoModelForCausalLM.from_config(MODELS[name].config(tiny))


def run_one(peer: str, micro_rows: int, method: str, options) -> dict:
    """Measure one peer and method in this process."""
    lora = {"r": 8, "lora_alpha": 16, "lora_dropout": 0.05, "target_modules": list(MODELS[options.model].adapted)}
    setting = Setting(
        vocabulary=MODELS[options.model].config(options.tiny).vocab_size,
        update_rows=8 if options.tiny else 64,
        micro_rows=min(micro_rows, 8) if options.tiny else micro_rows,
        micro_tokens=2048 if options.tiny else options.micro_tokens,
        epochs=1,
        precision="bf16",
        activation_checkpointing=options.activation_checkpointing,
        lora=lora if method == "lora" else None,
    )
    counted = []

    def make():
        model = make_model(options.model, options.tiny)
        if method == "lora":
            model = model.bfloat16()
        counted.append(sum(tensor.numel() for tensor in model.parameters()))
        return model

    rows = make_rows(24 if options.tiny else options.rows, setting.vocabulary, longest=100 if options.tiny else 768)
    result = measure(peer, make, rows, setting)
    flops = (4 if method == "lora" else 6) * counted[0] * result["tokens_per_second"]  # the tied embedding is the head
    return {**result, "tflops": flops / 1e12}


def peak_tflops(name: str, given: float | None) -> float | None:
    """Return the device's peak in bf16, or None if it is not known."""
    fitting = sorted((known for known in PEAK_TFLOPS if known in name), key=len)
    return given or (PEAK_TFLOPS[fitting[-1]] if fitting else None)


def main() -> None:
    """Measure both methods with both peers and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", choices=MODELS, default="bloom7b1")
    parser.add_argument("--tiny", action="store_true", help="a tiny model on the CPU: tries the script")
    parser.add_argument("--methods", nargs="*", choices=("lora", "full"), default=["lora", "full"])
    parser.add_argument("--rows", type=int, default=512)
    parser.add_argument("--micro-tokens", type=int, default=8192)
    parser.add_argument("--activation-checkpointing", action="store_true")
    parser.add_argument("--peak-tflops", type=float, help="of the device in bf16, where this script does not know it")
    parser.add_argument("--measure", nargs=3, metavar=("PEER", "ROWS", "METHOD"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        peer, rows, method = options.measure
        print(json.dumps(run_one(peer, int(rows), method, options)))
        return
    import torch

    if not options.tiny and not torch.cuda.is_available():
        sys.exit("no GPU: nothing to measure (try --tiny to see the script work)")
    from polytune.machine import device_name

    name, peak = device_name(), peak_tflops(device_name(), options.peak_tflops)
    if options.tiny:
        print("TINY MODEL ON THE CPU: the script works; these numbers say nothing about any GPU\n")
    print(f"{options.model}, {name}, bf16, peak {peak or 'unknown'} TFLOP/s, torch {torch.__version__}\n")
    heads = ["method", "peer", "useful tokens/s", "TFLOP/s", "utilisation", "peak memory, GiB", "loss before"]
    print("| " + " | ".join(heads) + " |\n|" + "---|" * len(heads))
    for method in options.methods:
        peers = [("trainer", rows) for rows in MODELS[options.model].trainer_rows[method]]
        for peer, rows in [*peers, ("polytune", 4)]:
            found = run_one(peer, rows, method, options) if options.tiny else measure_apart(peer, rows, method)
            share = f"{found['tflops'] / peak:.1%}" if peak else "-"
            label = f"{peer}, {rows} rows" if peer == "trainer" else peer
            cells = [method, label, f"{found['tokens_per_second']:.0f}", f"{found['tflops']:.3g}", share]
            cells += [f"{found['peak_mib'] / 1024:.1f}", f"{found['loss']:.6f}"]
            print("| " + " | ".join(cells) + " |", flush=True)


def measure_apart(peer: str, rows: int, method: str) -> dict:
    """Measure in a process of its own, which starts with an empty device."""
    command = [sys.executable, *sys.argv, "--measure", peer, str(rows), method]
    done = subprocess.run(command, env=dict(os.environ), stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


if __name__ == "__main__":
    main()
