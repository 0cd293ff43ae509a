"""A drawn figure on its way to its files: footer, margins for the labels, the numbers that were plotted."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from polytune.figures.axes import linear_note
from polytune.figures.glyphs import style_of
from polytune.figures.labels import JOIN, LABEL_SIZE, LineLabel, label_dots, label_lines
from polytune.figures.style import GREY
from polytune.files import atomic_path

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FOOTER_SIZE = 5.5
"""Points."""


@dataclass
class Drawing:
    """A figure without its labels and footer, and the table of what it shows."""

    figure: Figure
    table: pd.DataFrame
    labels: list[tuple[Axes, list[LineLabel]]] = field(default_factory=list)
    dots: list[tuple[Axes, list[LineLabel]]] = field(default_factory=list)
    """Names beside dots instead of beside the ends of lines."""
    notes: list[str] = field(default_factory=list)


def finish(drawing: Drawing, statements: list[str]) -> None:
    """Write the footer (the drawing's notes, then `statements`), lay out the axes between it and the labels, and write
    the labels.
    """
    figure = drawing.figure
    notes = [*drawing.notes, *linear_note(figure), *statements]
    width, height = 72 * figure.get_size_inches()
    letters = int((width - 6) / (0.55 * FOOTER_SIZE))  # of average width
    notes = [line for note in notes for line in textwrap.wrap(note, letters)]
    footer = figure.text(
        3 / width,
        3 / height,
        "\n".join(notes),
        ha="left",
        va="bottom",
        fontsize=FOOTER_SIZE,
        color=GREY,
        linespacing=1.2,
    )
    footer.set_in_layout(False)
    texts = [label for _, labels in drawing.labels for label in labels]
    right = max((_text_width(figure, label) for label in texts), default=0.0) + (JOIN + 4 if texts else 0)
    bottom = footer.get_window_extent().height * 72 / figure.dpi + 4 if notes else 0
    figure.get_layout_engine().set(rect=(0, bottom / height, 1 - right / width, 1 - bottom / height))
    figure.draw_without_rendering()
    if any([_wrap_labels(axes) for axes in figure.axes]):
        figure.draw_without_rendering()
    figure.set_layout_engine("none")
    for axes, labels in drawing.labels:
        label_lines(axes, labels)
    for axes, labels in drawing.dots:
        label_dots(axes, labels)


def _wrap_labels(axes: Axes) -> bool:
    """Break labels that are longer than their axis; return whether one was."""
    box, wrapped = axes.get_window_extent(), False
    for label, along, length in ((axes.xaxis.label, "width", box.width), (axes.yaxis.label, "height", box.height)):
        text = label.get_text()
        own = getattr(label.get_window_extent(), along) if text else 0.0
        if own > length:
            label.set_text("\n".join(textwrap.wrap(text, max(int(len(text) * length / own), 1))))
            wrapped = True
    return wrapped


def _text_width(figure: Figure, label: LineLabel) -> float:
    """Return the width of a label in points."""
    style = style_of(label.text, label.style)
    artist = figure.text(0, 0, label.text, fontsize=LABEL_SIZE, fontstyle=style)
    width = artist.get_window_extent().width * 72 / figure.dpi
    artist.remove()
    return width


def save(drawing: Drawing, stem: Path) -> list[Path]:
    """Write pdf, svg and png, and the plotted numbers as csv; return the paths.

    The same drawing gives the same bytes: no file holds a date.
    """
    metadata = {"pdf": {"CreationDate": None}, "svg": {"Date": None}, "png": {}}
    paths = []
    for ending, values in metadata.items():
        paths.append(stem.with_name(f"{stem.name}.{ending}"))
        with atomic_path(paths[-1]) as temporary:
            drawing.figure.savefig(temporary, format=ending, metadata=values)
    paths.append(stem.with_name(f"{stem.name}.csv"))
    with atomic_path(paths[-1]) as temporary:
        drawing.table.to_csv(temporary, index=False, float_format="%.10g", lineterminator="\n")
    return paths
