"""How every figure looks: sizes of a two-column paper, a palette for colour-blind readers."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLUMN = 3.3
"""Width of one column of a page, inches."""
PAGE = 6.9
"""Width of the text of a page, inches."""

# Okabe & Ito (2008), "Color universal design", without yellow (too light for lines)
PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
MARKERS = ("o", "^", "D", "v", "P", "X", "*")
GREY = "#666666"
BAND_OPACITY = 0.18

SETTINGS = {
    "font.family": "DejaVu Sans",
    "font.size": 7.0,
    "axes.labelsize": 7.5,
    "axes.titlesize": 7.5,
    "xtick.labelsize": 6.5,
    "ytick.labelsize": 6.5,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "grid.color": "#E4E4E4",
    "grid.linewidth": 0.5,
    "axes.axisbelow": True,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.major.size": 2.5,
    "ytick.major.size": 2.5,
    "lines.linewidth": 1.1,
    "lines.markersize": 3.0,
    "pdf.fonttype": 42,  # text stays text: editors and screen readers can read it
    "svg.fonttype": "path",  # looks the same without the fonts
    "svg.hashsalt": "polytune",  # the same figure gives the same bytes
    "figure.dpi": 300,  # text is measured at the resolution that it is saved with
}


def use_style() -> None:
    """Set matplotlib to Polytune's style, whatever the user's settings are."""
    import matplotlib

    matplotlib.rcdefaults()
    matplotlib.rcParams.update(SETTINGS)


def new_figure(
    width: float, height: float, rows: int = 1, columns: int = 1, projection: str | None = None
) -> tuple[Figure, list[Axes]]:
    """Return a figure of `width` x `height` inches, for files and not for windows, and its axes, row by row."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, list(figure.subplots(rows, columns, squeeze=False, subplot_kw={"projection": projection}).ravel())
