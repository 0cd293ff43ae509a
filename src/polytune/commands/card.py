"""The model card of a run that is published: metadata of the hub, data with licences, results, what it is not for."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from polytune.config import tables
from polytune.config.paths import Paths
from polytune.errors import InputError
from polytune.files import read_json
from polytune.languages.codes import languages as language_table
from polytune.readers.text import read_text
from polytune.readers.yaml import read_front_matter

NON_COMMERCIAL = re.compile(r"\bNC\b|non-?commercial|research[- ]only", re.IGNORECASE)
"""Words of licences that forbid commercial use."""
WORLD = "world"
NO_SCORES = "No scores of this run were collected."
WORLD_SCORES = "Questions of a generated world, in artificial languages that only bear the names of real ones.\n\n"


@dataclass(frozen=True)
class Used:
    """What a model was made from, for its card: a base or a source, its place on the hub, its licence."""

    name: str
    location: str
    revision: str
    licence: str

    @property
    def non_commercial(self) -> bool:
        return NON_COMMERCIAL.search(self.licence) is not None

    def row(self, what: str) -> str:
        """Return a line of the card's table."""
        return (
            f"| {what} | {self.name} | {self.location or '-'} | {self.revision or '-'} | {self.licence or 'not told'} |"
        )


def find_base(name: str, paths: Paths) -> Used:
    """Return a base by its name in a manifest; the commit that was fetched goes before what the table pins."""
    if name not in tables.bases():  # a base of a generated world
        return Used(name, "", "", "apache-2.0")
    row = tables.bases()[name]
    revision, licence = row.revision or "", row.licence
    for file in Path(paths.resources).glob(f"models/*/{name}/manifest.json"):
        said = read_json(file)
        revision, licence = said.get("commit") or revision, said.get("licence") or licence
    return Used(name, row.hub_id, revision, licence)


def find_source(name: str) -> Used:
    """Return a source by its name in a manifest: of the table, of the configuration, or of a generated world."""
    row = tables.sources().get(name)
    if row is not None:
        location = row.location if row.location and not row.location.startswith(WORLD) else ""
        return Used(name, location or "", row.revision or "", row.licence)
    if name.startswith(WORLD):
        return Used(name, "", "", "Apache-2.0")
    raise InputError(
        f"RUN: its source '{name}' is neither in config/sources.tsv nor in the configuration, so its licence is not "
        "known; give the configuration that declares it with --configfile"
    )


def is_of_world(manifest: Mapping[str, Any]) -> bool:
    """Return whether a run belongs to a generated world."""
    return manifest["base"] not in tables.bases() or any(part["source"].startswith(WORLD) for part in manifest["parts"])


def metadata(
    written: Path, manifest: Mapping[str, Any], base: Used, sources: list[Used], index: list
) -> dict[str, Any]:
    """Return the metadata of the card: that of the run's own card, with licences, data and results."""
    found = dict(read_front_matter(written))
    limited = [source for source in sources if source.non_commercial]
    if limited or base.non_commercial:
        names = dict.fromkeys(one.licence for one in (base, *sources) if one.licence)
        found["license"] = "other"
        found["license_name"] = "-and-".join(re.sub("[^a-z0-9.]+", "-", name.lower()).strip("-") for name in names)
        found["tags"] = [*found.get("tags", []), "non-commercial"]
    if base.location:
        found["base_model"] = base.location
        found["base_model_relation"] = "adapter" if manifest["method"] == "lora" else "finetune"
    if hub := [source.location for source in sources if source.location]:
        found["datasets"] = hub
    return found | ({"model-index": index} if index else {})


def body(written: Path, manifest: Mapping[str, Any], base: Used, sources: list[Used], results: str, repo: str) -> str:
    """Return the card below its metadata: what training wrote, then how to load, data, licences and results."""
    text = re.sub(r"\A---\n.*?\n---\n", "", read_text(written), flags=re.DOTALL).strip()
    text = re.sub(r"\n\nThe license of the base model and.*?\n(?=\n|\Z)", "\n", text, flags=re.DOTALL)
    text = re.sub(r"(?<!\n)\n(?=\| \| \|\n)", "\n\n", text)  # a table after a sentence needs an empty line
    names = {code: entry.name for code, entry in language_table().items()}
    counted: dict[str, int] = {}
    for part in manifest["parts"]:
        counted[part["language"]] = counted.get(part["language"], 0) + part["consumed"]["supervised_tokens"]
    rows = [f"| {names.get(code, code)} (`{code}`) | {tokens:,} |" for code, tokens in counted.items()]
    sections = [
        text,
        "## How to load it\n\n" + _loading(manifest, base, repo),
        "\n".join(
            [
                "## What it was made from\n",
                "| | name | on the hub | revision | licence |",
                "|---|---|---|---|---|",
                base.row("base"),
                *(source.row("data") for source in sources),
            ]
        ),
        "## Licence\n\n" + _licence(base, sources),
        "\n".join(["## Languages\n", "| language | supervised tokens |", "|---|--:|", *rows]),
        "## Evaluation\n\n" + WORLD_SCORES * (bool(results) and is_of_world(manifest)) + (results or NO_SCORES),
    ]
    return "\n\n".join(sections) + "\n"


def _licence(base: Used, sources: list[Used]) -> str:
    limited = [one for one in (base, *sources) if one.non_commercial]
    if limited:
        names = ", ".join(f"{one.name} ({one.licence})" for one in limited)
        return f"**Not for commercial use**: it was made from {names}. The base's licence, {base.licence}, applies too."
    return f"The licence of the base, {base.licence}, applies, and those of the data above."


def _loading(manifest: Mapping[str, Any], base: Used, repo: str) -> str:
    place = repo or "REPOSITORY"
    kind = (
        "AutoModelForSeq2SeqLM" if manifest["spec"].get("architecture") == "encoder-decoder" else "AutoModelForCausalLM"
    )
    if manifest["method"] != "lora":
        return f"    from transformers import {kind}, AutoTokenizer\n\n    model = {kind}.from_pretrained({place!r})"
    revision = f", revision={base.revision!r}" if base.revision else ""
    return (
        f"    from peft import PeftModel\n    from transformers import {kind}, AutoTokenizer\n\n"
        f"    base = {kind}.from_pretrained({base.location or base.name!r}{revision})\n"
        f"    model = PeftModel.from_pretrained(base, {place!r})"
    )
