"""A small study of imported results alone, its logs made up: two bases, two selections, three seeds."""

from __future__ import annotations

import random
from pathlib import Path

from tests.cases.harness_logs import WINOGRAD, items_of, log_of, table_04, write_mapping

XCOPA = ("et", "ht", "id", "it", "qu", "sw", "ta", "th", "tr", "vi", "zh")
CODES = {"xcopa": XCOPA, "xwinograd": tuple(WINOGRAD)}
SELECTIONS = {"GEO": "af bn et fr", "RND": "cs gu hi id"}
BASES = ("bloom-1b7", "mgpt-1.3b")

STUDY = """\
study: published
title: Results that others have measured
evaluation: {{benchmarks: [xcopa, xwinograd]}}
imports:
  logs: {{files: {folder}/logs, mapping: {folder}/mapping.csv}}
figures:
  selections: {{draw: values, benchmarks: [xcopa], against: family, bases: [bloom-1b7]}}
analysis: {{reference: RND, pair_by: [seed], arbitrary: true}}
tables:
  table3: {{build: run_means, against: selection, colours: true}}
  table9: {{build: run_means, against: selection, columns: language, benchmarks: [xwinograd]}}
  tests: {{build: comparison, against: selection}}
  accuracy: {{build: accuracy, bases: [bloom-1b7]}}
  selections: {{build: values, against: selection, by: base, mean: group}}
"""


def right_answers(share: float, seed: int) -> dict[str, dict[str, int]]:
    """Return how many items of each task were right: about `share` of them."""
    draw = random.Random(seed)
    return {
        prefix: {code: round(items_of(prefix, code) * (share + draw.gauss(0, 0.01))) for code in codes}
        for prefix, codes in CODES.items()
    }


def write_imported_study(folder: Path, more: str = "") -> Path:
    """Write logs, mapping and study file; return the study file."""
    logs = folder / "logs"
    logs.mkdir(parents=True)
    rows = []
    for place, base in enumerate(BASES):
        (logs / f"{base}.log").write_text(log_of(table_04(right_answers(0.55, place))))
        rows.append(f"{base}.log,{base},,,,")
        for share, (selection, languages) in zip((0.58, 0.57), SELECTIONS.items(), strict=True):
            for seed in (1, 2, 3):
                name = f"{base}-{selection}-{seed}.log"
                (logs / name).write_text(log_of(table_04(right_answers(share, 100 * place + 10 * seed + len(rows)))))
                rows.append(f"{name},{base},{selection},4,{seed},{languages}")
    write_mapping(folder / "mapping.csv", *rows)
    study = folder / "published.yaml"
    study.write_text(STUDY.format(folder=folder) + more)
    return study
