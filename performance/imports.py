"""Import logs of several megabytes, made up in the harness's layout, and say what it takes.

python performance/imports.py [--logs 300] [--megabytes 4]
"""

from __future__ import annotations

import argparse
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

BENCHMARKS = {
    "paws": "de en es fr ja ko zh",
    "xcopa": "et ht id it qu sw ta th tr vi zh",
    "xnli": "ar bg de el en es fr hi ru sw th tr ur vi zh",
    "xstorycloze": "ar en es eu hi id my ru sw te zh",
}
HEAD = "|     Tasks      |Version|Filter|n-shot|Metric|Value |   |Stderr|\n|---|---|---|---|---|---|---|---|\n"
BAR = "\r 98%|█████████▊| {}/193190 [18:56<00:11, 272.83it/s]"


def write_logs(folder: Path, logs: int, megabytes: float) -> Path:
    """Write `logs` logs of that size into a folder `logs`, and the mapping; return the mapping's path."""
    draw, lines = random.Random(1), ["log,base,selection,size,seed,languages"]
    bars = "".join(BAR.format(number) for number in range(int(megabytes * 1e6 / len(BAR.format(10_000).encode()))))
    (folder / "logs").mkdir()
    for number in range(logs):
        rows = []
        for prefix, codes in BENCHMARKS.items():
            for code in codes.split():
                share = draw.gauss(0.55, 0.02)
                stderr = (share * (1 - share) / 1999) ** 0.5
                rows.append(f"| - {prefix}_{code}|1|none|0|acc|{share:.4f}|±|{stderr:.4f}|\n")
        (folder / f"logs/{number}.log").write_text(bars + "\n" + HEAD + "".join(rows))
        lines.append(f"{number}.log,bloom-1b7,S{number},3,1,af bn et")
    (folder / "mapping.csv").write_text("\n".join(lines) + "\n")
    return folder / "mapping.csv"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--logs", type=int, default=300)
    parser.add_argument("--megabytes", type=float, default=4.0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        mapping = write_logs(folder, options.logs, options.megabytes)
        size = sum(file.stat().st_size for file in (folder / "logs").iterdir())
        command = ["-m", "polytune.cli", "import", "lm-eval", str(folder / "logs"), "--mapping", str(mapping)]
        start = time.perf_counter()
        done = subprocess.run(
            [sys.executable, *command, "--output", str(folder / "scores.parquet")],
            env=os.environ,
            check=True,
            capture_output=True,
            text=True,
        )
        seconds = time.perf_counter() - start
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        print(done.stdout.strip())
        print(
            f"{options.logs} logs, {size / 1e6:.0f} MB: {seconds:.1f} s, "
            f"{used.ru_utime + used.ru_stime:.1f} s of the processor, {used.ru_maxrss / 1024:.0f} MiB"
        )


if __name__ == "__main__":
    main()
