"""The model card (README.md) of a tuned model, in the Hugging Face hub's metadata format."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from polytune.errors import counted
from polytune.files import read_json, write_text
from polytune.mixtures.manifest import Mixture
from polytune.training.spec import Lora, Spec

LICENSE_NOTE = (
    "The license of the base model and those of the instruction data apply to these weights; "
    "check both before you publish them."
)
WORLD_NOTE = (
    "This model belongs to Polytune's generated world: its languages, texts and facts are artificial. "
    "It says nothing about real languages."
)


LICENCES = re.compile(r"(apache|mit|gpl|lgpl|agpl|bsd|cc|cc0|openrail|bigscience-\w+-rail|llama\d?|gemma)[\w.-]*")
"""Licences that the hub knows by a name; others are `other` with a name of their own."""


@dataclass(frozen=True)
class Origin:
    """Where a base comes from, for the card: its id on the hub, empty if it has none, and its licence."""

    hub_id: str = ""
    licence: str = ""


def write_card(
    path: Path, spec: Spec, mixture: Mixture, manifest: dict, pipeline: str, origin: Origin = Origin()
) -> None:
    """Write the card of a run: what it is, from what it was made and how, in numbers of its manifest."""
    from huggingface_hub import ModelCardData

    world, known = mixture.source.startswith("world"), LICENCES.fullmatch(origin.licence)
    data = ModelCardData(
        language=sorted(mixture.languages),
        base_model=None if spec.model is not None or world else origin.hub_id or spec.base,
        library_name="peft" if spec.method == "lora" else "transformers",
        license=origin.licence if known else "other",
        license_name=None if known else origin.licence.lower() or None,
        tags=["polytune", "multilingual", spec.method, mixture.sampling] + (["generated-world"] if world else []),
        pipeline_tag=pipeline,
    )
    hyper, nested = vars(spec.hyperparameters), ("lora", "validation")
    languages = counted(len(mixture.languages), "language")
    rows = [
        ("base model", spec.base + f" ({origin.hub_id})" * bool(origin.hub_id)),
        ("method", spec.method),
        ("mixture", f"{mixture.mixture} ({mixture.sampling}, {languages}, {mixture.rows} rows)"),
        ("seed", spec.seed),
        *((name.replace("_", " "), value) for name, value in hyper.items() if value is not None and name not in nested),
        ("updates", manifest["updates"]),
        ("tokens (supervised)", f"{manifest['tokens']:,} ({manifest['supervised_tokens']:,})"),
        ("final training loss", manifest["final_loss"]),
        ("devices", f"{manifest['devices']} x {manifest['device']}"),
        ("device hours", manifest["device_hours"]),
        ("licence of the base model", origin.licence or "not told"),
    ]
    for name in nested:
        if hyper[name] is not None:
            values = vars(hyper[name])
            if name == "lora":
                values = values | {"target_modules": _target_modules(path.parent, hyper[name])}
            rows.insert(4, (name, ", ".join(f"{key} {value}" for key, value in values.items())))
    if "validation" in manifest:
        chosen, curve = manifest["validation"]["chosen_update"], manifest["validation"]["losses"]
        loss = next(point["loss"] for point in curve if point["update"] == chosen)
        rows.append(("weights of update (loss on held-out rows)", f"{chosen} ({loss})"))
    table = "\n".join(f"| {name} | {value} |" for name, value in rows)
    write_text(
        path,
        f"""---
{data.to_yaml()}
---

# {spec.base} / {spec.method} / {mixture.mixture} / seed {spec.seed}

Tuned with Polytune {manifest["provenance"]["polytune"]} (commit {manifest["provenance"]["commit"]}).
{WORLD_NOTE if world else ""}
| | |
|---|---|
{table}

Languages: {", ".join(mixture.languages)}.

{LICENSE_NOTE}

`manifest.json` holds digests of the run, the mixture and the weights, and the versions of the libraries.
""",
    )


def _target_modules(directory: Path, lora: Lora) -> str:
    """Return the layers that have adapters, as the saved adapter names them: a spec may leave them out."""
    file = directory / "adapter_config.json"
    named = read_json(file)["target_modules"] if file.is_file() else lora.target_modules
    return " ".join(sorted(named))
