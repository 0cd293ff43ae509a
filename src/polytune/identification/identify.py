"""Say in which language the answers of a run are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple
from math import isnan
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from polytune.columns import number_column, text_column, write_columns
from polytune.config.identifiers import Identifier
from polytune.errors import InputError, nearest, shown
from polytune.files import digest, write_json
from polytune.identification.identifiers import AnswerIdentifier, Identification, open_identifier
from polytune.provenance import provenance
from polytune.readers.json import read_json
from polytune.readers.parquet import read_table

SPEC = ("identifier", "codes", "run", "responses")
LIBRARIES = {"fasttext": ("fasttext-predict",), "py3langid": ("py3langid",), "world": ("numpy",)}


def command(
    spec: Annotated[list[Path], typer.Option(help="Identifier, its codes, a run and names of its responses (JSON).")],
    responses: Annotated[list[Path], typer.Option(help="Folder of the run's responses, once per spec.")],
    output: Annotated[list[Path], typer.Option(help="Folder for {responses}.parquet and .json, once per spec.")],
    model: Annotated[Path | None, typer.Option(help="Model file, of a fastText identifier.")] = None,
    world: Annotated[Path | None, typer.Option(help="Folder of the world, of its exact identifier.")] = None,
) -> None:
    """Say in which language the answers of runs are, and whether it is the language that was asked for."""
    if not len(spec) == len(responses) == len(output):
        raise InputError(
            f"--spec, --responses and --output are given {len(spec)}, {len(responses)} and {len(output)} times; a run "
            "needs each once"
        )
    identifier = None
    for path, source, target in zip(spec, responses, output, strict=True):
        settings = read_spec(path)
        row = Identifier.from_json(settings["identifier"], f"{path}: identifier")
        if identifier is None:
            first, identifier = settings, open_identifier(row, settings["codes"], model, world)
        if any(settings[key] != first[key] for key in ("identifier", "codes")):
            raise InputError(f"{path}: another identifier than in {spec[0]}; one call opens one")
        for name in settings["responses"]:
            counts = identify_responses(identifier, source / f"{name}.parquet", target / f"{name}.parquet")
            about = {"run": settings["run"], "responses": name, "identifier": row.identifier}
            origin = {"provenance": provenance(*LIBRARIES[row.backend])}
            write_json(target / f"{name}.json", about | counts | origin)
            print(f"{settings['run']} {name}: {counts['rows']} answers")


def read_spec(path: Path) -> dict[str, Any]:
    """Return a spec with the keys of `SPEC`; raises `InputError` for another one."""
    spec = read_json(path)
    if not isinstance(spec, dict) or set(spec) != set(SPEC):
        odd = next((key for key in spec if key not in SPEC), "") if isinstance(spec, dict) else ""
        raise InputError(f"{path}: must have the keys {', '.join(SPEC)} and no others{nearest(odd, SPEC)}")
    if not isinstance(spec["codes"], dict) or not isinstance(spec["responses"], list):
        raise InputError(f"{path}: codes is {shown(spec['codes'])}, responses {shown(spec['responses'])}")
    return spec


def identify_responses(identifier: AnswerIdentifier, source: Path, target: Path) -> dict[str, Any]:
    """Write one row per answer, with the columns of `Identification`; return what the marker says of them."""
    table = read_table(source, ("language", "item", "turn", "text"))
    languages, texts = table.column("language").to_pylist(), table.column("text").to_pylist()
    found = [identifier.identify(text, asked) for text, asked in zip(texts, languages, strict=True)]
    columns = {
        "language": text_column(languages),
        "item": number_column(table.column("item").to_pylist(), np.int32),
        "turn": number_column(table.column("turn").to_pylist(), np.int8),
        "answered": text_column([one.answered for one in found]),
        **{
            name: number_column([getattr(one, name) for one in found], np.float64)
            for name in ("probability", "language_pass", "line_pass", "word_pass")
        },
        "note": text_column([one.note for one in found]),
    }
    write_columns(columns, target)
    content = [list(astuple(one)) for one in found]
    return {"rows": len(found), "passed": count_passes(languages, found), "digest": digest([languages, content])}


def count_passes(languages: Sequence[str], found: Sequence[Identification]) -> dict[str, dict[str, int]]:
    """Return by language asked how many answers there are and pass, and how many have no verdict by line."""
    counts: dict[str, dict[str, int]] = {}
    for asked, one in zip(languages, found, strict=True):
        row = counts.setdefault(asked, {"rows": 0, "in_language": 0, "without_lines": 0})
        row["rows"] += 1
        row["in_language"] += one.language_pass == 1
        row["without_lines"] += isnan(one.line_pass)
    return counts
