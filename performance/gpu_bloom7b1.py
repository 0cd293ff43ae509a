"""BLOOM-7B1 at full size with random weights on one GPU: Polytune against transformers' Trainer, LoRA and full tuning.

    python performance/gpu_bloom7b1.py            # needs a GPU; full tuning in bf16 with AdamW takes about 120 GB of it
    python performance/gpu_bloom7b1.py --tiny     # the same code on the CPU with a tiny model; its numbers mean nothing

Nothing is downloaded: the weights are random, which changes no speed. Reports useful tokens per second, model FLOP
utilisation and peak memory, bf16. Utilisation counts 6 FLOPs per parameter and useful token for full tuning and 4 for
LoRA (no gradients of frozen weights), over all parameters but the input embedding (Chowdhery et al. 2022, appendix B,
without the attention term), so padding, recomputation and logits that nobody asked for count as time and not as work.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys

from training_throughput import PEERS, Setting, make_rows, measure

VOCABULARY = 250_880
LORA = {"r": 8, "lora_alpha": 16, "lora_dropout": 0.05, "target_modules": ["query_key_value"]}
PEAK_TFLOPS = {  # dense bf16, from the vendors' data sheets; the longest name that fits counts
    "A100": 312.0,
    "H100 PCIe": 756.0,
    "H100": 989.0,
    "H200": 989.0,
    "MI250X": 191.5,  # one GCD
    "MI300X": 1307.0,
}


def make_bloom(tiny: bool):
    """Return BLOOM-7B1's architecture (Scao et al. 2022, table 3) with random weights, or a tiny stand-in."""
    import torch
    from transformers import BloomConfig, BloomForCausalLM

    if tiny:
        return BloomForCausalLM(BloomConfig(vocab_size=500, hidden_size=32, n_layer=2, n_head=4))
    torch.manual_seed(0)
    with torch.device("cuda"):
        return BloomForCausalLM(BloomConfig(vocab_size=VOCABULARY, hidden_size=4096, n_layer=30, n_head=32))


def run_one(peer: str, method: str, options) -> dict:
    """Measure one peer and method in this process."""
    setting = Setting(
        vocabulary=500 if options.tiny else VOCABULARY,
        update_rows=8 if options.tiny else 64,
        micro_rows=4,
        micro_tokens=2048 if options.tiny else options.micro_tokens,
        epochs=1,
        precision="bf16",
        activation_checkpointing=options.activation_checkpointing,
        lora=LORA if method == "lora" else None,
    )
    counted = []

    def make():
        model = make_bloom(options.tiny)
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
    parser.add_argument("--tiny", action="store_true", help="a tiny model on the CPU: tries the script")
    parser.add_argument("--methods", nargs="*", choices=("lora", "full"), default=["lora", "full"])
    parser.add_argument("--rows", type=int, default=512)
    parser.add_argument("--micro-tokens", type=int, default=8192)
    parser.add_argument("--activation-checkpointing", action="store_true")
    parser.add_argument("--peak-tflops", type=float, help="of the device in bf16, where this script does not know it")
    parser.add_argument("--measure", nargs=2, metavar=("PEER", "METHOD"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        print(json.dumps(run_one(*options.measure, options)))
        return
    import torch

    if not options.tiny and not torch.cuda.is_available():
        sys.exit("no GPU: nothing to measure (try --tiny to see the script work)")
    from polytune.machine import device_name

    name, peak = device_name(), peak_tflops(device_name(), options.peak_tflops)
    if options.tiny:
        print("TINY MODEL ON THE CPU: the script works; these numbers say nothing about any GPU\n")
    print(f"{name}, bf16, peak {peak or 'unknown'} TFLOP/s\n")
    print("| method | peer | useful tokens/s | TFLOP/s | utilisation | peak memory, GiB |\n|---|---|---|---|---|---|")
    for method in options.methods:
        for peer in PEERS:
            found = run_one(peer, method, options) if options.tiny else measure_apart(peer, method)
            share = f"{found['tflops'] / peak:.0%}" if peak else "-"
            cells = [method, peer, f"{found['tokens_per_second']:.0f}", f"{found['tflops']:.3g}", share]
            print("| " + " | ".join([*cells, f"{found['peak_mib'] / 1024:.1f}"]) + " |", flush=True)


def measure_apart(peer: str, method: str) -> dict:
    """Measure in a process of its own, which starts with an empty device."""
    command = [sys.executable, *sys.argv, "--measure", peer, method]
    done = subprocess.run(command, env=dict(os.environ), stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


if __name__ == "__main__":
    main()
