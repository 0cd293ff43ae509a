"""How well tuning on a language carries over to others, against how much of it the base was pre-trained on."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from polytune.analysis.choices import Choice, Layout, choose_scores
from polytune.analysis.context import Context
from polytune.analysis.groups import mean_scores
from polytune.analysis.points import coverage_notes, select_points
from polytune.analysis.published import published_source, read_published_values
from polytune.config.kinds import Evaluation, Language, Published
from polytune.errors import InputError
from polytune.figures import style
from polytune.figures.drawing import Drawing
from polytune.figures.labels import LineLabel
from polytune.scores.spec import UNTUNED

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from polytune.analysis.items import Items


def draw_corpus_share(
    scores: pd.DataFrame,
    runs: pd.DataFrame,
    context: Context,
    items: Items,
    published_folder: Path,
    choice: Choice,
    benchmark: Evaluation,
    shares: Published,
    left_out: list[Language] = (),
    published_r: float | None = None,
) -> Drawing:
    """Draw a dot for each language that a model was tuned on alone, and the regression line with its 95 % band.

    `shares` has the columns language and value, percent of the corpus; the texts of a generated world are spread evenly
    over the languages of its bases. A model's own language is not in its mean. `left_out` are languages tuned on.
    """
    rows = choose_scores(scores, choice, [benchmark])
    singles = runs[(runs["n_languages"] == 1) & (runs["method"] != UNTUNED)].drop_duplicates("run")
    own = dict(zip(singles["run"], (codes[0] for codes in singles["languages"]), strict=True))
    rows = rows[rows["run"].isin(own) & (rows["language"] != rows["run"].map(own))]
    means = mean_scores(rows.assign(every="others"), "every", context, items)
    points = select_points(means, runs, choice, Layout("tuned_on"))
    points = points[~points["tuned_on"].isin(left_out)].reset_index(drop=True)
    if context.scale == "world":
        share, source = _even_shares(singles), "Generated world: its texts are spread evenly over the base's languages."
    else:
        path = published_folder / shares
        table = read_published_values(path, ("language", "value"), context.code)
        share, source = dict(zip(table["language"], table["value"], strict=True)), f"Shares: {published_source(path)}."
    points = points.assign(share=points["tuned_on"].map(share))
    lacking = points.loc[points["share"].isna(), "tuned_on"]
    points = points[points["share"].notna()]
    if points.empty:
        raise InputError(f"shares: {shares} has none of the languages that models are tuned on")
    figure, (axes,) = style.new_figure(style.COLUMN, 2.5)
    notes = [*_draw(axes, points, context), source, *coverage_notes(points, choice.info)]
    if len(lacking):
        notes.append(f"Without a share: {', '.join(map(context.language, lacking))}.")
    if published_r is not None and context.scale != "world":
        notes.append(f"Published r: {published_r:.2f}.")
    axes.set_ylabel(f"mean {choice.info.axis}")
    axes.set_xlabel("share of the language in the pre-training corpus (%)")
    places = zip(points["tuned_on"], points["share"], points["value"], strict=True)
    dots = [(axes, [LineLabel(code, share, value, "black") for code, share, value in places])]
    return Drawing(figure, points, dots=dots, notes=notes)


def _even_shares(singles: pd.DataFrame) -> dict[str, float]:
    """Return the share of each language in the texts of its base, percent; 0 for one that the base has not seen."""
    found = {}
    for codes, seen in zip(singles["languages"], singles["seen_languages"], strict=True):
        found[codes[0]] = 100 / len(seen) if codes[0] in list(seen) else 0.0
    return found


def _draw(axes: Axes, points: pd.DataFrame, context: Context) -> list[str]:
    """Draw the dots with their languages, line and band; return what must be said of them."""
    import numpy as np

    from polytune.analysis.regression import fit_line
    from polytune.analysis.statistics import fisher_interval, pearson

    x, y = points["share"].to_numpy(float), points["value"].to_numpy(float)
    arms = [y - points["low"], points["high"] - y]
    axes.errorbar(x, y, arms, fmt="o", color=style.PALETTE[0], mew=0, ms=3.5, lw=0.5, zorder=3)
    axes.margins(x=0.08)
    said = "Dots: models tuned on one language, mean over the other languages with 95 % intervals over prompts."
    fitted = fit_line(x, y)
    if fitted is None:
        return [said, "The shares do not vary, or there are fewer than three: no line."]
    grid = np.linspace(x.min(), x.max(), 100)
    line, half = fitted.line(grid), fitted.half_width(grid)
    axes.plot(grid, line, color=style.PALETTE[1])
    axes.fill_between(grid, line - half, line + half, color=style.PALETTE[1], alpha=style.BAND_OPACITY, lw=0)
    r = pearson(x[:, None], y)
    low, high = (float(end[0]) for end in fisher_interval(r, len(x)))
    correlation = f"r = {float(r[0]):.2f} [{low:.2f}, {high:.2f}]".replace("-", "−")
    axes.set_title(correlation, loc="left", fontsize=6.5)
    return [said, "Line: least squares with its 95 % band; r with Fisher's interval over languages."]
