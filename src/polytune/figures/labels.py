"""Names beside lines instead of a legend, moved apart where they would overlap."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from polytune.figures.glyphs import style_of

if TYPE_CHECKING:
    import numpy as np
    from matplotlib.axes import Axes


LABEL_SIZE = 6.5
"""Points."""
DOT = 2.0
"""Half the width of what a dot covers, points."""
JOIN = 8.0
"""Length of the stroke between a line's height and its label, points."""


@dataclass(frozen=True)
class LineLabel:
    """A name for a line that ends, or a dot that stands, at (x, y) in data coordinates."""

    text: str
    x: float
    y: float
    color: str
    style: str = "normal"


def spread(wanted: np.ndarray, gap: float, low: float, high: float) -> np.ndarray:
    """Return places as near as possible to `wanted` (least squares) that are at least `gap` apart, within [low, high].

    Substituting z_i = place_i - i * gap in the order of `wanted` makes it an isotonic regression, which pooling
    adjacent violators solves exactly. If the range is too small for all, the gap shrinks to what fits.
    """
    import numpy as np

    wanted = np.asarray(wanted, dtype=float)
    count = len(wanted)
    if count == 0:
        return wanted
    gap = min(gap, (high - low) / max(count - 1, 1))
    order = np.argsort(wanted, kind="stable")
    blocks: list[list[float]] = []  # sum, size
    for place, value in enumerate(wanted[order]):
        blocks.append([value - place * gap, 1])
        while len(blocks) > 1 and blocks[-2][0] / blocks[-2][1] >= blocks[-1][0] / blocks[-1][1]:
            total, size = blocks.pop()
            blocks[-1][0] += total
            blocks[-1][1] += size
    fitted = np.concatenate([np.full(int(size), total / size) for total, size in blocks])
    fitted = np.clip(fitted, low, high - (count - 1) * gap) + np.arange(count) * gap
    places = np.empty(count)
    places[order] = fitted
    return places


def label_lines(axes: Axes, labels: list[LineLabel], size: float = LABEL_SIZE) -> None:
    """Write the labels to the right of the axes, joined to the ends of their lines, which need not be at that height.

    The axes must have their final limits and place; the text is drawn outside of them.
    """
    if not labels:
        return
    import numpy as np

    box = axes.get_window_extent()
    width, height = 72.0 * box.width / axes.figure.dpi, 72.0 * box.height / axes.figure.dpi  # points
    low, high = axes.get_ylim()
    heights = np.array([(label.y - low) / (high - low) for label in labels])
    places = spread(heights, gap=1.3 * size / height, low=0.01, high=0.99)
    right = axes.transData.inverted().transform(axes.transAxes.transform((1.0, 0.0)))[0]
    for label, end, place in zip(labels, heights, places, strict=True):
        axes.plot(
            [label.x, right],
            [label.y, label.y],
            color=label.color,
            lw=0.5,
            ls=":",
            alpha=0.7,
            scalex=False,
            scaley=False,
        )
        axes.plot(
            [1.0, 1.0 + JOIN / width], [end, place], color=label.color, lw=0.5, transform=axes.transAxes, clip_on=False
        )
        axes.text(
            1.0 + (JOIN + 2.0) / width,
            place,
            label.text,
            transform=axes.transAxes,
            color=label.color,
            fontsize=size,
            fontstyle=style_of(label.text, label.style),
            va="center",
            ha="left",
            clip_on=False,
        )


def label_dots(axes: Axes, labels: list[LineLabel], size: float = 5.5) -> None:
    """Write the labels beside their dots, right or left, higher or lower where they would cover a label or a dot.

    A label that had to leave its dot's height is joined to it. The axes must have their final limits and place.
    """
    import numpy as np

    unit = axes.figure.dpi / 72.0
    dots = axes.transData.transform([(label.x, label.y) for label in labels]) / unit if labels else []
    box = axes.get_window_extent()
    bottom, top = box.y0 / unit, box.y1 / unit
    taken = [(x - DOT, y - DOT, x + DOT, y + DOT) for x, y in dots]
    # from below, so that names on one side stand in the order of their dots
    for place in sorted(range(len(labels)), key=lambda place: (dots[place][1], dots[place][0])):
        label, (x, y) = labels[place], dots[place]
        text = axes.annotate(
            label.text, (label.x, label.y), (0, 0), textcoords="offset points", fontsize=size, color=label.color,
            fontstyle=style_of(label.text, label.style), va="center",
        )  # fmt: skip
        width, half = text.get_window_extent().width / unit, 0.55 * size
        steps = 0.5 * half * np.arange(4 * len(labels) + 1)
        heights = [step for step in (*steps, *-steps) if bottom + half <= y + step <= top - half] or [0.0]
        places = [(side, height) for height in heights for side in (1, -1)]
        boxes = [
            (left, y + height - half, left + width, y + height + half)
            for side, height in places
            for left in [x + 1.5 * DOT if side > 0 else x - 1.5 * DOT - width]
        ]
        free = (number for number, one in enumerate(boxes) if not any(overlap(one, other) for other in taken))
        chosen = next(free, 0)
        (side, height), found = places[chosen], boxes[chosen]
        taken.append(found)
        text.set(position=(side * 1.5 * DOT, height), ha="left" if side > 0 else "right")
        if abs(height) > half:
            ends = np.array([(x, y), (x + side * 1.5 * DOT, y + height)]) * unit
            axes.plot(
                *axes.transData.inverted().transform(ends).T, color=label.color, lw=0.3, scalex=False, scaley=False
            )


def overlap(one: tuple[float, ...], other: tuple[float, ...]) -> bool:
    """Return whether two boxes (left, bottom, right, top) cover each other in part."""
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]
