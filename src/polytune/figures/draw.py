"""Draw one figure of a study: `polytune draw-figure`."""

from __future__ import annotations

import importlib
import inspect
import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from polytune.errors import InputError, nearest

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
    """Return the drawing that `spec` describes: `draw` names the kind, the other keys are its options.

    `where` begins the messages of `InputError`: an unknown kind or option, a missing option, or what the kind refuses.
    """
    options = dict(spec)
    kind = options.pop("draw", None)
    if kind not in FIGURES:
        raise InputError(f"{where}: draw is '{kind}'{nearest(kind, FIGURES)}; there are: {', '.join(FIGURES)}")
    module, name = FIGURES[kind]
    function = getattr(importlib.import_module(module), name)
    parameters = dict(list(inspect.signature(function).parameters.items())[1:])
    for key in options:
        if key not in parameters:
            hint = nearest(key, parameters)
            raise InputError(f"{where}: '{kind}' has no option '{key}'{hint}; it has: {', '.join(parameters)}")
    for key, parameter in parameters.items():
        if parameter.default is inspect.Parameter.empty and key not in options:
            raise InputError(f"{where}: '{kind}' needs the option '{key}'")
    try:
        return function(scores, **options)
    except InputError as error:
        raise InputError(f"{where}: {error}") from None


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
    try:
        wanted = json.loads(spec)
    except json.JSONDecodeError as error:
        raise InputError(f"{where}: --spec is not valid JSON: {error}") from None
    table = pd.read_parquet(scores)
    use_style()
    drawing = draw_figure(table, wanted, where)
    finish(drawing, table["scale"].iloc[0], world_seed)
    for path in save(drawing, output_stem):
        print(path)
