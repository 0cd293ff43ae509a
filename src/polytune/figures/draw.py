"""Draw one figure of a study: `polytune draw-figure`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from polytune import ROOT
from polytune.analysis.asked import Asked
from polytune.config.kinds import call_kind
from polytune.errors import InputError
from polytune.figures.kinds import FIGURES


def command(
    spec: Annotated[Path, typer.Option(help="What to draw (JSON): the kind with its options, and what it is about.")],
    scores: Annotated[Path, typer.Option(help="Folder of scores.parquet, runs.parquet and items.parquet.")],
    output_stem: Annotated[Path, typer.Option(help="Path of the files to write, without their endings.")],
    published: Annotated[Path, typer.Option(help="Folder of published tables.")] = ROOT / "config" / "published",
    vectors: Annotated[Path | None, typer.Option(help="Vectors of languages, if the kind needs them.")] = None,
) -> None:
    """Draw one figure: pdf, svg, png, and the plotted numbers as csv."""
    from polytune.figures.drawing import finish, save
    from polytune.figures.glyphs import check_glyphs, use_fonts
    from polytune.figures.style import use_style

    use_style()
    asked = Asked.read(spec, scores, "figures")
    context, said = use_fonts(asked.context)
    for line in said:
        print(f"{asked.where}: {line}", file=sys.stderr)
    kind = FIGURES.get(asked.kind.get("draw"))
    if vectors is None and kind is not None and "vectors" in kind.needs:
        raise InputError(f"{asked.where}: '{asked.kind['draw']}' needs the vectors of languages: --vectors")
    given = {**asked.tables(kind.needs if kind else ()), "context": context, "published_folder": published}
    given["vectors"] = vectors
    drawing = call_kind(FIGURES, "draw", asked.kind, given, asked.defaults, asked.where)
    check_glyphs(drawing.figure, asked.where)
    finish(drawing, asked.statements(drawing.table))
    check_glyphs(drawing.figure, asked.where)
    for path in save(drawing, output_stem):
        print(path)
