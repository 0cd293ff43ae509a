"""Draw one figure of a study: `polytune draw-figure`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from polytune.config.kinds import call_kind, parse_spec

if TYPE_CHECKING:
    import pandas as pd

    from polytune.figures.drawing import Drawing

FIGURES = {
    "accuracy_by_languages": ("polytune.figures.accuracy", "draw_means"),
    "language_accuracy": ("polytune.figures.accuracy", "draw_languages"),
    "exposure_panels": ("polytune.figures.accuracy", "draw_exposure"),
}
"""Kinds of figures (key `draw` of a study's figures): where the function is. Its parameters are the kind's options."""


def draw_figure(scores: pd.DataFrame, spec: dict[str, Any], where: str) -> Drawing:
    """Return the drawing that `spec` describes: `draw` names the kind, the other keys are its options."""
    return call_kind(FIGURES, "draw", spec, {"scores": scores}, {}, where)


def command(
    study: Annotated[str, typer.Option(help="Name of the study.")],
    figure: Annotated[str, typer.Option(help="Name of the figure.")],
    spec: Annotated[str, typer.Option(help="What to draw, as JSON: 'draw' and its options.")],
    scores: Annotated[Path, typer.Option(help="Table of the study's scores (parquet).")],
    output_stem: Annotated[Path, typer.Option(help="Path of the files to write, without their endings.")],
    similarity: Annotated[Path | None, typer.Option(help="Similarities of languages (parquet).")] = None,
    world_seed: Annotated[int | None, typer.Option(help="Seed of the generated world, for the footer.")] = None,
) -> None:
    """Draw one figure: pdf, svg, png, and the plotted numbers as csv."""
    import pandas as pd

    from polytune.figures.drawing import finish, save
    from polytune.figures.style import use_style

    where = f"{study}: figures.{figure}"
    table = pd.read_parquet(scores)
    use_style()
    drawing = draw_figure(table, parse_spec(spec, f"{where}: --spec"), where)
    finish(drawing, table["scale"].iloc[0], world_seed)
    for path in save(drawing, output_stem):
        print(path)
