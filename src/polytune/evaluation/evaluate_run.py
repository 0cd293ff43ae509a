"""`polytune evaluate-run`: everything that one run owes, in one process.

{"run": "world-bloom-w1/full/world-w1-en-400-rows/seed1",
 "evaluations": [{"name": "xcopa", "origin": "world", "languages": null,
                  "benchmark": {a row of config/benchmarks.tsv, typed}}]}

Where the data of an origin lies is no part of it: results may move.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from polytune.config.benchmarks import Evaluation
from polytune.errors import InputError
from polytune.evaluation.cache import Cache
from polytune.evaluation.evaluate import evaluate_all
from polytune.evaluation.plans import Options
from polytune.files import read_json
from polytune.machine import choose_device
from polytune.models.directory import ModelDirectory


def read_spec(path: Path, data: Mapping[str, str]) -> list[Evaluation]:
    """Return the evaluations of a spec, `data` being the data roots by origin and name.

    Raises `InputError` that names file, entry and key.
    """
    content = read_json(path)
    if not isinstance(content, dict) or not isinstance(content.get("evaluations"), list) or not content["evaluations"]:
        raise InputError(f"{path}: must be a mapping whose 'evaluations' is a list that is not empty")
    found: dict[tuple[str, str], Evaluation] = {}
    for number, values in enumerate(content["evaluations"], start=1):
        evaluation = Evaluation.from_json(values, f"{path}: evaluation {number}", data)
        if (evaluation.origin, evaluation.name) in found:
            raise InputError(f"{path}: evaluation {number}: '{evaluation.origin}/{evaluation.name}' stands there twice")
        found[evaluation.origin, evaluation.name] = evaluation
    return list(found.values())


def command(
    spec: Annotated[Path, typer.Option(help="JSON file with the evaluations that the run owes.")],
    model: Annotated[Path, typer.Option(help="Directory of full weights, or of an adapter that names its base.")],
    output: Annotated[Path, typer.Option(help="Folder for {origin}/{name}.json and {name}.samples.parquet.")],
    cache: Annotated[Path, typer.Option(help="Finished evaluations, of any run.")],
    data: Annotated[list[str] | None, typer.Option(help="Data root of an evaluation: world/xcopa=DIR.")] = None,
    base: Annotated[Path | None, typer.Option(help="Base of the adapter, instead of the one it names.")] = None,
    batch_tokens: Annotated[int, typer.Option(min=1, help="Tokens of a batch at most, padding included.")] = 8192,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1, ...")] = "auto",
) -> None:
    """Evaluate a run on everything that it owes: the model is loaded once, and only if something is not in the cache.

    A fault of one evaluation leaves the others complete; the command then fails with a line per fault.
    """
    evaluations = read_spec(spec, dict(pair.partition("=")[::2] for pair in data or []))
    options = Options("auto", choose_device(device), batch_tokens)
    places = {
        (folder / f"{evaluation.name}.json", folder / f"{evaluation.name}.samples.parquet"): evaluation
        for evaluation in evaluations
        for folder in (output / evaluation.origin,)
    }
    faults = evaluate_all(places, ModelDirectory.find(model, base), options, Cache(cache))
    if faults:
        lines = [f"  {name}: {fault}" for name, fault in faults]
        raise InputError("not everything is evaluated (what is, is delivered and kept):\n" + "\n".join(lines))
