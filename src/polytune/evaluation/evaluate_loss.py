"""`polytune evaluate-loss`: the loss of a run on the reference answers of a prompt set.

{"run": "smollm2-135m/lora/xquad-one-budget-04/seed1", "name": "held-out", "prompts": "xquad-held-out",
 "languages": ["en", "de"], "items": 16, "template": "bactrian-x", "template_digest": "..."}

Where prompts and model lie is no part of it.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from polytune import ROOT
from polytune.data.model_templates import read_template, tuned_template
from polytune.errors import InputError, nearest
from polytune.evaluation.losses import Row, measure_losses, write_losses
from polytune.files import read_json
from polytune.machine import choose_device
from polytune.models.directory import ModelDirectory
from polytune.provenance import provenance
from polytune.readers.parquet import read_table

KEYS = ("run", "name", "prompts", "languages", "items", "template", "template_digest")


def read_spec(path: Path) -> dict:
    """Return a spec; raises `InputError` for a key that is missing or unknown."""
    content = read_json(path)
    if not isinstance(content, dict):
        raise InputError(f"{path}: must be a mapping of the keys {', '.join(KEYS)}")
    for key in content:
        if key not in KEYS:
            raise InputError(f"{path}: unknown key '{key}'{nearest(key, KEYS)}; there are: {', '.join(KEYS)}")
    for key in KEYS:
        if key not in content:
            raise InputError(f"{path}: the key '{key}' is missing")
    return content


def read_references(path: Path, items: int | None) -> list[Row]:
    """Return the first questions of a prompt set with their reference answers; of a conversation its first turn.

    Raises `InputError` for a question without a reference answer.
    """
    rows = []
    for prompt in read_table(path, ["item", "turns", "references"]).to_pylist()[:items]:
        answer = prompt["references"][0] if prompt["references"] else ""
        if not answer.strip():
            raise InputError(f"{path}: item {prompt['item']}: has no reference answer, and a loss is on that")
        rows.append(Row(prompt["item"], prompt["turns"][0], "", answer))
    return rows


def command(
    spec: Annotated[Path, typer.Option(help="JSON file that says which loss a run owes.")],
    model: Annotated[Path, typer.Option(help="Directory of full weights, or of an adapter that names its base.")],
    prompts: Annotated[Path, typer.Option(help="Folder of prompt sets: {prompts}/{language}.parquet.")],
    output: Annotated[Path, typer.Option(help="Marker to write; the table of rows is the .parquet beside it.")],
    base: Annotated[Path | None, typer.Option(help="Base of the adapter, instead of the one it names.")] = None,
    templates: Annotated[Path, typer.Option(help="File of prompt templates.")] = ROOT / "config" / "templates.yaml",
    batch_tokens: Annotated[int, typer.Option(min=1, help="Tokens of a batch at most, padding included.")] = 8192,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1, ...")] = "auto",
) -> None:
    """Measure the loss of a run on the reference answers of a prompt set, in nats per token."""
    asked = read_spec(spec)
    found = ModelDirectory.find(model, base)
    tuned_with, planned = tuned_template(found.manifest), asked["template_digest"]
    template = read_template(asked["template"], templates, found, tuned_with, planned, str(spec))
    folder = prompts / asked["prompts"]
    rows = {code: read_references(folder / f"{code}.parquet", asked["items"]) for code in asked["languages"]}
    started, device = time.monotonic(), choose_device(device)
    lm = load_model(found, device, batch_tokens)
    losses = measure_losses(lm, rows, template)
    header = {"spec": asked, "model": lm.get_model_info(), "model_digest": found.digest}
    header |= {"device": device.split(":")[0], "seconds": round(time.monotonic() - started, 3)}
    header |= {"provenance": provenance("torch", "transformers", "tokenizers")}
    print(write_losses(losses, output.with_suffix(".parquet"), output, header))


def load_model(model: ModelDirectory, device: str, batch_tokens: int, precision: str = "auto"):
    """Return a model that scores; what it takes is imported here."""
    from polytune.evaluation.harness import prepare_environment

    prepare_environment()
    from polytune.evaluation.model import PolytuneLM

    base = str(model.weights) if model.adapter else None
    return PolytuneLM(str(model.directory), base=base, device=device, precision=precision, batch_tokens=batch_tokens)
