"""Results of the toy study as the workflow leaves them, made without a run: specs, figures, tables."""

from __future__ import annotations

import base64
import csv
from pathlib import Path
from typing import Any

import pandas as pd

from polytune import ROOT
from polytune.config.settings import load_config
from polytune.files import write_json, write_text
from polytune.study.plan import Plan
from polytune.tables.rendering import Cell, Table, save_table

PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
POINTS = [
    {"evaluation": "xcopa", "language": "", "aggregate": "mean", "origin": "world", "base": "world-bloom-w1-tiny",
     "method": method, "n_languages": count, "mixture": mixture, "value": value, "low": value - 3, "high": value + 3}
    for method, count, mixture, value in (("base", 0, "none", 50.25), ("full", 3, "three", 71.75))
]  # fmt: skip


class ReportedStudy:
    """A copy of the toy study below `folder`, with results of its figure and its table where they are asked for."""

    def __init__(self, folder: Path, **changes: str) -> None:
        self.results = folder / "results"
        self.results.mkdir(parents=True)
        text = (ROOT / "tests/workflow/toy.yaml").read_text()
        for old, new in {"title: A study for tests": "title: A study for tests", **changes}.items():
            assert text.count(old) == 1, old
            text = text.replace(old, new)
        write_text(folder / "toy.yaml", text)
        storage = {name: str(folder / name) for name in ("results", "work", "resources")}
        self.values: dict[str, Any] = {
            "studies": [str(folder / "toy.yaml")],
            "storage": storage,
            "world": {"size": "tiny"},
        }

    def plan(self, scale: str = "world") -> Plan:
        """Return what the study needs at a scale."""
        return Plan(load_config({**self.values, "scale": scale}))

    def write_figure(self, scale: str = "world", rows: list[dict[str, Any]] | None = None) -> None:
        """Write the figure `fig1a` and its spec."""
        plan, about = self.plan(scale), f"figures/toy/{scale}/fig1a"
        write_json(plan.spec(about), plan.specs[about])
        stem = plan.paths.figure("toy", scale, "fig1a")
        Path(stem).parent.mkdir(parents=True, exist_ok=True)
        with open(f"{stem}.csv", "w", newline="", encoding="utf-8") as stream:
            writer = csv.DictWriter(stream, list(POINTS[0]))
            writer.writeheader()
            writer.writerows(rows or POINTS)
        Path(f"{stem}.svg").write_text('<svg xmlns="http://www.w3.org/2000/svg"/>')
        Path(f"{stem}.pdf").write_bytes(b"%PDF")
        Path(f"{stem}.png").write_bytes(PIXEL)

    def write_table(self, title: str = "Correlations") -> pd.DataFrame:
        """Write the table `table1` as the workflow does; return its numbers."""
        plan, about = self.plan(), "tables/toy/world/table1"
        write_json(plan.spec(about), plan.specs[about])
        data = pd.DataFrame(
            {
                "language": ["et", "it"],
                "predictor": "number of languages",
                "models": 13,
                "r": [0.871, -0.25],
                "best": True,
            }
        )
        rows = [[Cell("number of languages"), Cell("0.87", best=True, beside=" (0.44)"), Cell("−0.25 | or so")]]
        save_table(
            Table(title, ["", "et", "it"], rows, data, ["A note & more."]),
            Path(plan.paths.table("toy", "world", "table1")),
        )
        return data
