"""Build one table of a study: `polytune build-table`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from polytune import ROOT
from polytune.analysis.asked import Asked
from polytune.config.kinds import call_kind
from polytune.errors import InputError
from polytune.tables.kinds import TABLES


def command(
    spec: Annotated[Path, typer.Option(help="What to build (JSON): the kind with its options, and what it is about.")],
    scores: Annotated[Path, typer.Option(help="Folder of scores.parquet, runs.parquet and items.parquet.")],
    output_stem: Annotated[Path, typer.Option(help="Path of the files to write, without their endings.")],
    similarity: Annotated[Path | None, typer.Option(help="Similarities of languages, if the kind needs them.")] = None,
    published: Annotated[Path, typer.Option(help="Folder of published tables.")] = ROOT / "config" / "published",
) -> None:
    """Build one table: csv, md and tex."""
    from polytune.tables.rendering import save_table

    asked = Asked.read(spec, scores, "tables")
    kind = TABLES.get(asked.kind.get("build"))
    if similarity is None and kind is not None and "similarity" in kind.needs:
        raise InputError(f"{asked.where}: '{asked.kind['build']}' needs the similarities of languages: --similarity")
    tables = asked.tables(kind.needs if kind else ())
    given = {**tables, "context": asked.context, "similarity": similarity, "published_folder": published}
    table = call_kind(TABLES, "build", asked.kind, given, asked.defaults, asked.where)
    table.notes.extend(asked.statements(table.data))
    for path in save_table(table, output_stem):
        print(path)
