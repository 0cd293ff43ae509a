"""Tidy points: a measure against a coordinate of the runs, over seeds and generated worlds.

The one way from scores to what figures and tables show.
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from polytune.analysis.choices import (
    PARTS,
    SCORE_COORDINATES,
    Choice,
    Layout,
    check_coverage,
    choose_runs,
    coordinates,
    name_models,
    without_world,
)
from polytune.analysis.measures import MeasureInfo, measure_bounds
from polytune.analysis.wilson import wilson_interval
from polytune.errors import InputError, nearest
from polytune.scores.runs import COLUMNS, SCORE_COLUMNS
from polytune.scores.spec import UNTUNED

if TYPE_CHECKING:
    import pandas as pd

BAND = 1.96
"""Half-width of intervals in standard errors of items: 95 % of a normal distribution."""
UNIT = ("evaluation", "language", "aggregate")
"""What a line is about, besides the column that tells lines apart."""
ONE = {"origin": "origin", "base": "bases", "method": "methods", "variant": "", "judge": "judge",
       "protocol": "protocol", "opponent": "opponent"}  # fmt: skip
"""What a line has one of, and the option that chooses it."""
LISTS = ("bases", "methods")
"""Options whose value is a list."""
OF_MODELS = ("base", "method", "variant")
"""What the name of a model tells apart."""
OF_EVERY_BASE = (*SCORE_COORDINATES, "base", "parameters", "world", "method")
"""Columns whose values an untuned base has too (its method is `base`); by the others it belongs to every line."""


def select_points(scores: pd.DataFrame, runs: pd.DataFrame, choice: Choice, layout: Layout) -> pd.DataFrame:
    """Return one row per line, coordinate and group of runs that differ only in seed and generated world.

    `scores` are the rows to show (`choices.choose_scores`, `groups.choose_units`). Columns: evaluation, language,
    aggregate, origin, those of `PARTS` that are told apart, `layout.by` (empty where an untuned base belongs to every
    line), base, method, `layout.against`, mixture, added (the language added last, where mixtures grow out of each
    other), tuned, value, low, high, stderr, freedom, items, coverage (the lowest of its runs), seeds, worlds. Values
    are in the measure's unit: percent for shares. Untuned bases come first.

    The interval of a measure with a lowest and a highest value stays between them (`_interval`), every other one is
    value -+ t(`freedom`) stderr, 1.96 stderr of a single run. Over runs within a world the error is
    sqrt(s_items^2 + s_runs^2 / runs): the items are the same, so their error does not shrink. Worlds have items of
    their own: max(s_worlds^2, mean s_within^2) / worlds. The degrees of freedom are those of runs and of worlds
    (Satterthwaite 1946; items count as many).
    Raises `InputError` if a line would hold more than one base, method, ... or a point more than one mixture.
    """
    import pandas as pd

    rows = _join(scores, choose_runs(runs, choice), layout)
    check_coverage(rows, choice)
    along = (layout.against, "aggregate") if layout.against == "exposure" else (layout.against,)
    parts = [name for name in PARTS if name in rows]
    line = [column for column in (*UNIT, *parts, *([layout.by] if layout.by else [])) if column not in along]
    points = []
    for _, members in rows.groupby(list(dict.fromkeys(line)), sort=False, dropna=False):
        _check_line(members, layout)
        points += _line_points(members, choice, layout)
    return pd.DataFrame(points)


def _join(scores: pd.DataFrame, runs: pd.DataFrame, layout: Layout) -> pd.DataFrame:
    """Return the scores with the columns of their runs, without tuned runs that have no place on the axis."""
    rows = scores.merge(runs.assign(model=name_models(runs)), on="run", sort=False)
    rows["variant"] = rows["variant"].replace("", "none").mask(rows["method"] == UNTUNED, "")
    order = {run: place for place, run in enumerate(runs["run"])}
    rows = rows.iloc[rows["run"].map(order).argsort(kind="stable")]
    known = coordinates(runs)
    for option, column in (("against", layout.against), ("by", layout.by), *(("over", name) for name in layout.over)):
        if column is not None and column not in known:
            raise InputError(f"{option}: no column '{column}'{nearest(column, known)}; there are: {', '.join(known)}")
    if "world" not in layout.used:
        for column in ("base", "mixture") if rows["world"].nunique() > 1 else ():
            rows[column] = without_world(rows[column], rows["world"])
    untuned = rows["method"] == UNTUNED
    placed = rows[layout.against].notna() & (rows[layout.against] != "")
    rows = rows[placed | untuned]
    if rows.empty or (not (placed & ~untuned).any() and layout.against not in OF_EVERY_BASE and (~untuned).any()):
        raise InputError(f"against: no run has a '{layout.against}'; there are: {', '.join(known)}")
    if layout.by is not None:
        words = rows[layout.by].map(lambda value: f"{value:g}" if isinstance(value, float) else str(value))
        rows[layout.by] = words if layout.by in OF_EVERY_BASE else words.mask(rows["method"] == UNTUNED, "")
    # a run of two families counts once where these are not told apart
    return rows.drop_duplicates([*dict.fromkeys([*scores.columns, *layout.used, *layout.over])])


def _check_line(rows: pd.DataFrame, layout: Layout) -> None:
    """Refuse a line over several bases, methods, ... with the options that would choose or split."""
    for column, option in ONE.items():
        of_tuning = column in ("method", "variant")
        values = list(dict.fromkeys(rows.loc[rows["method"] != UNTUNED, column] if of_tuning else rows[column]))
        told = column in layout.used or (column in OF_MODELS and "model" in layout.used)
        told |= column == "base" and "parameters" in layout.used  # sizes of one kind of base
        if len(values) > 1 and not told:
            first = f"[{values[0]}]" if option in LISTS else values[0]
            choose = f"choose one with '{option}: {first}' or " if option else ""
            raise InputError(
                f"scores: one line needs one {column}, found {', '.join(map(str, values))}; "
                f"{choose}draw a line for each with 'by: {column}'"
            )


def _line_points(rows: pd.DataFrame, choice: Choice, layout: Layout) -> list[dict[str, Any]]:
    """Return the points of one line, untuned bases first, then in the order of the coordinate."""
    untuned = rows["method"] == UNTUNED
    points = []
    for is_base, part in ((True, rows[untuned]), (False, rows[~untuned])):
        # words keep the order of the runs, numbers are sorted; bases without a place on the axis are one per base
        keys = [layout.against, *(["base"] if is_base and layout.against != "base" else [])]
        is_number = part[layout.against].dtype.kind in "iuf"
        for _, members in part.groupby(keys, sort=is_number, dropna=False):
            if not is_base:
                _check_point(members, layout)
            points.append(_summarize(members, choice, layout))
    tuned = [point for point in points if point["method"] != UNTUNED]
    if layout.against != "n_languages" or not _grow([point["added"] for point in tuned]):
        for point in tuned:
            point["added"] = []
    for point in points:
        point["added"] = point["added"][-1] if len(point["added"]) else ""
    return points


def _grow(mixtures: list[list[str]]) -> bool:
    """Return whether each of these lists of languages begins with the one before."""
    return all(len(before) and list(after[: len(before)]) == list(before) for before, after in pairwise(mixtures))


def _check_point(rows: pd.DataFrame, layout: Layout) -> None:
    """Refuse a point of several mixtures that nothing averages over."""
    if rows["base"].nunique() > 1 and layout.against == "parameters":
        raise InputError(f"scores: several bases of {rows['parameters'].iloc[0]:,.0f} parameters: "
                         f"{', '.join(dict.fromkeys(rows['base']))}; choose one with 'bases'")  # fmt: skip
    replicates = ["world", "seed", *layout.over]
    if not rows.duplicated(replicates).any() and (layout.over or rows["mixture"].nunique() == 1):
        return
    mixtures = list(dict.fromkeys(rows["mixture"]))
    of_families = [name for name in rows if name not in (*COLUMNS, *SCORE_COLUMNS, *replicates)]
    column = next((name for name in of_families if rows[name].nunique() > 1), "mixture")
    raise InputError(
        f"scores: several mixtures at {layout.against} {rows[layout.against].iloc[0]}: {', '.join(mixtures)}; choose "
        f"with 'families' or 'mixtures: [{mixtures[0]}]', draw a line for each with 'by: {column}', or average with "
        f"'over: [{column}]'"
    )


def _summarize(rows: pd.DataFrame, choice: Choice, layout: Layout) -> dict[str, Any]:
    """Return the point of a group of runs that differ in seed, world and what is averaged over."""
    info, first = choice.info, rows.iloc[0]
    within = [_within(group["value"].to_numpy(), group["stderr"].to_numpy()) for _, group in rows.groupby("world")]
    means, errors = [mean for mean, _, _ in within], [error for _, error, _ in within]
    value, stderr, freedom = sum(means) / len(means), errors[0], within[0][2]
    if len(means) > 1:
        between = sum((mean - value) ** 2 for mean in means) / (len(means) - 1)
        own = sum(error**2 for error in errors) / len(errors)
        freedom = math.inf if own > between else len(means) - 1
        stderr = math.sqrt(max(between, own if own == own else between) / len(means))
    low, high = _interval(value, stderr, first, freedom, info.is_share)
    tuned = rows["tuned"].drop_duplicates()
    orders = {tuple(codes) for codes in rows["languages"]}
    kept = [
        *UNIT,
        *(name for name in PARTS if name in rows),
        "origin",
        *([layout.by] if layout.by else []),
        "base",
        "method",
    ]
    return {
        **{column: first[column] for column in dict.fromkeys([*kept, layout.against])},
        "mixture": first["mixture"] if rows["mixture"].nunique() == 1 else "",
        "added": list(first["languages"]) if len(orders) == 1 else [],
        "tuned": tuned.iloc[0] if len(tuned) == 1 else None,
        "value": info.scale * value,
        "low": info.scale * low,
        "high": info.scale * high,
        "stderr": info.scale * stderr,
        "freedom": freedom,
        "items": int(first["items"]),
        "coverage": float((rows["items"] / (rows["items"] + rows["missing"])).min()),
        "seeds": rows["seed"].nunique(),
        "worlds": rows["world"].nunique(),
    }


def _within(values: Any, errors: Any) -> tuple[float, float, float]:
    """Return the mean over the runs of one world, its error and the error's degrees of freedom.

    The items are the same in all of them.
    """
    between = values.std(ddof=1) ** 2 / len(values) if len(values) > 1 else 0.0
    variance = float((errors**2).mean() + between)
    freedom = (len(values) - 1) * (variance / between) ** 2 if between else math.inf
    return float(values.mean()), math.sqrt(variance), float(freedom)


def coverage_notes(points: pd.DataFrame, info: MeasureInfo) -> list[str]:
    """Return how many of what was asked has a value, for judged measures always and for others where some has none."""
    lowest = points["coverage"].min()
    if not lowest < 1:  # NaN where it is not known of how many items a score is
        return ["Coverage: every answer has a verdict."] * info.judged
    return [f"Coverage: at least {100 * lowest:.1f} % of the answers have a {'verdict' if info.judged else 'value'}."]


def _interval(
    value: float, stderr: float, about: pd.Series, freedom: float = math.inf, share: bool = False
) -> tuple[float, float]:
    """Return the interval of a value whose first score is `about`, with the error's degrees of freedom.

    Several runs answer the same items: their mean is one of these with the error of items and runs. Rates and ratings,
    no `share`, are asked of few prompts, which have degrees of freedom too.
    """
    from polytune.analysis.intervals import t_quantile

    quantile = BAND if math.isinf(freedom) else t_quantile(freedom)
    bounds, items, clusters = measure_bounds(about["measure"], about["protocol"]), about["items"], about["clusters"]
    if bounds is None or not clusters or (stderr != stderr and about["aggregate"]):
        return value - quantile * stderr, value + quantile * stderr
    lowest, span = bounds[0], bounds[1] - bounds[0]
    place, error = (value - lowest) / span, stderr / span
    if share:
        most = math.inf if about["aggregate"] else float(items)  # languages apart from each other: a smaller error
        low, high = wilson_interval(place, _effective(place, error, most, int(clusters)), quantile)
    else:
        low, high = rate_interval(place, error, int(clusters), freedom)
    return lowest + span * low, lowest + span * high


def _effective(share: float, stderr: float, most: float, clusters: int) -> float:
    """Return how many independent items have this standard error: fewer where an item is several turns."""
    return min(most, 1 + share * (1 - share) / stderr**2) if stderr > 0 else float(clusters)


def rate_interval(value: float, stderr: float, clusters: int, freedom: float = math.inf) -> tuple[float, float]:
    """Return the interval of a mean of values between 0 and 1, some of them halves, that has this standard error.

    `intervals.bounded_interval` of the means of the clusters (prompts with their turns and languages), of which only
    mean and error are known: ties make the error smaller than that of as many wins and losses.
    """
    from polytune.analysis.intervals import t_quantile

    effective = value * (1 - value) / stderr**2 if stderr > 0 else float(clusters)
    return wilson_interval(value, effective, t_quantile(min(clusters - 1, freedom)))
