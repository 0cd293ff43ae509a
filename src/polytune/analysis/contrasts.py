"""Every model against a reference, benchmark by benchmark, base by base: over runs, or over items.

Over runs the interval holds for other seeds (and other language sets, where the runs differ in them); over items it
holds for other items of the same kind and for these very models. docs/statistics.md, "Comparisons", has the formulas.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from polytune.analysis import comparisons
from polytune.analysis.choices import Choice, Contrast, choose_runs, coordinates, name_models, without_world
from polytune.analysis.context import EVERY
from polytune.analysis.intervals import bounded_interval, t_interval, t_quantile
from polytune.analysis.items import item_values
from polytune.analysis.measures import MeasureInfo, measure_info
from polytune.analysis.paired_items import mcnemar_p, sign_flip_p
from polytune.analysis.statistics import benjamini_hochberg
from polytune.errors import InputError, nearest
from polytune.scores.spec import UNTUNED

if TYPE_CHECKING:
    import pandas as pd

    from polytune.analysis.context import Context
    from polytune.analysis.items import Items

LINE = ("evaluation", "origin", "language", "aggregate", "judge", "protocol", "opponent", "base")
"""What has values that can be compared."""


def contrast_rows(scores: pd.DataFrame, runs: pd.DataFrame, choice: Choice, contrast: Contrast) -> pd.DataFrame:
    """Return scores with the columns of their runs and `group`, the value of the column that is compared.

    Untuned bases are the group `base`. Where the rows are means over languages of several benchmarks, the plain mean
    over these is added for each run that has them all (evaluation `all`). Raises `InputError` for a column or reference
    that there is not.
    """
    import pandas as pd

    chosen = choose_runs(runs, choice)
    known = [name for name in coordinates(runs) if name == "base" or name not in (*LINE, "exposure")]
    for option, column in (("against", contrast.against), *(("pair_by", name) for name in contrast.pair_by)):
        if column not in known:
            raise InputError(f"{option}: no column '{column}'{nearest(column, known)}; there are: {', '.join(known)}")
    chosen = chosen.assign(base=without_world(chosen["base"], chosen["world"]))
    chosen["mixture"] = without_world(chosen["mixture"], chosen["world"])
    models = [name_models(group.assign(base="")) for _, group in chosen.groupby("base", sort=False)]
    chosen["model"] = pd.concat(models)
    rows = scores.merge(chosen, on="run", sort=False)
    values = rows[contrast.against].map(lambda value: f"{value:g}" if isinstance(value, float) else str(value))
    rows["group"] = values.mask(rows["method"] == UNTUNED, UNTUNED)
    rows = rows[~rows["group"].isin(["", "nan"])]  # runs without a value of the column
    rows = rows.drop_duplicates([*scores.columns, "group", *contrast.pair_by])
    if pd.api.types.is_numeric_dtype(rows[contrast.against]):  # numbers by size, words in the order of the study
        places = {base: place for place, base in enumerate(dict.fromkeys(rows["base"]))}
        rows = rows.assign(place=rows["base"].map(places)).sort_values(["place", contrast.against], kind="stable")
        rows = rows.drop(columns="place")
    if contrast.against == "base":
        rows["base"] = ""
    groups = list(dict.fromkeys(rows["group"]))
    if contrast.reference not in groups:
        hint = nearest(contrast.reference, groups)
        raise InputError(
            f"reference: no {contrast.against} '{contrast.reference}'{hint}; there are: {', '.join(groups)}"
        )
    return pd.concat([rows, _mean_of_benchmarks(rows)], ignore_index=True)


def _mean_of_benchmarks(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the plain mean over the benchmarks for each run that has them all; nothing for single languages."""
    every = rows["evaluation"].nunique()
    if every == 1 or (rows["aggregate"] == "").any():
        return rows.iloc[:0]
    runs = rows.groupby(["run", "group"], sort=False)
    means = rows.drop_duplicates(["run", "group"]).set_index(["run", "group"])
    means = means.assign(value=runs["value"].mean(), evaluation=EVERY, origin="", stderr=math.nan)
    return means[runs["evaluation"].nunique() == every].reset_index()


def compare_runs(rows: pd.DataFrame, contrast: Contrast, measure: str) -> pd.DataFrame:
    """Return one row per line and group other than the reference: means, difference, effect and tests over runs.

    Columns: those of `LINE`, the compared one, runs, value, half; reference_runs, reference_value, reference_half;
    pairs, difference, low, high, effect (Hedges' g), p, q; p_smallest, p_largest (over all pairings) and p_permutation
    (without pairing). Values are in the measure's unit.
    """
    info = measure_info(measure)
    found = []
    for line, members in rows.groupby(list(LINE), sort=False, dropna=False):
        groups = {name: part for name, part in members.groupby("group", sort=False)}
        if contrast.reference not in groups:
            continue
        reference = groups.pop(contrast.reference)
        for name, part in groups.items():
            row = dict(zip(LINE, line, strict=True)) | {"group": name}
            found.append(row | _compare_two(part, reference, contrast, info.scale))
    return _finish(found, contrast)


def _compare_two(part: pd.DataFrame, reference: pd.DataFrame, contrast: Contrast, scale: float) -> dict[str, Any]:
    """Return the statistics of two groups of runs."""
    values, others = scale * part["value"].to_numpy(), scale * reference["value"].to_numpy()
    (mean, half), (other, other_half) = t_interval(values), t_interval(others)
    pairs = _pair(part, reference, contrast)
    first, second = (values, others) if pairs is None else (scale * side for side in pairs)
    test = comparisons.welch_t if pairs is None else comparisons.paired_t
    difference, width, p = test(first, second)
    smallest, largest = comparisons.all_pairings(values, others)
    return {
        "runs": len(values),
        "value": mean,
        "half": half,
        "reference_runs": len(others),
        "reference_value": other,
        "reference_half": other_half,
        "pairs": 0 if pairs is None else len(first),
        "difference": difference,
        "low": difference - width,
        "high": difference + width,
        "effect": comparisons.standardized_difference(first, second, paired=pairs is not None),
        "p": p,
        "p_smallest": smallest,
        "p_largest": largest,
        "p_permutation": comparisons.partition_p(values, others) if min(len(values), len(others)) > 1 else math.nan,
    }


def _pair(part: pd.DataFrame, reference: pd.DataFrame, contrast: Contrast) -> tuple[np.ndarray, np.ndarray] | None:
    """Return the values of the runs that have a partner, None if runs are not paired.

    The untuned base has no seed: it is the partner of every run of its world. Raises `InputError` where a key has
    several runs or none has a partner.
    """
    for place, side in enumerate((part, reference)):
        if (side["method"] == UNTUNED).all():
            of_world = side.drop_duplicates("world").set_index("world")["value"]
            other = (reference, part)[place]
            other = other[other["world"].isin(of_world.index)]
            sides = (of_world.loc[other["world"]].to_numpy(), other["value"].to_numpy())
            return sides if place == 0 else sides[::-1]
    if not contrast.pair_by:
        return None
    sides = []
    for side in (part, reference):
        keyed = side.set_index(list(contrast.pair_by))["value"]
        if (repeated := keyed.index[keyed.index.duplicated()]).size:
            runs = ", ".join(side.set_index(list(contrast.pair_by)).loc[[repeated[0]], "run"][:2])
            raise InputError(
                f"pair_by: {' and '.join(contrast.pair_by)} {repeated[0]} has several runs of {contrast.against} "
                f"'{side['group'].iloc[0]}' ({runs}); name more columns, or choose with 'mixtures' or 'families'"
            )
        sides.append(keyed)
    common = sides[0].index.intersection(sides[1].index, sort=False)
    if common.empty:
        keys = [", ".join(map(str, side.index[:3])) for side in sides]
        raise InputError(
            f"pair_by: no run of {contrast.against} '{part['group'].iloc[0]}' ({keys[0]}) has a partner in "
            f"'{contrast.reference}' ({keys[1]}) with the same {' and '.join(contrast.pair_by)}"
        )
    return sides[0].loc[common].to_numpy(), sides[1].loc[common].to_numpy()


def compare_items(rows: pd.DataFrame, contrast: Contrast, measure: str, items: Items, context: Context) -> pd.DataFrame:
    """Return one row per line and group other than the reference: difference, interval and test over items.

    Items are averaged over the runs of a group first. p is McNemar's exact one where two single runs have right and
    wrong items of one language, each of one turn, else that of flipped signs; translations and turns of an item are one
    cluster. Columns as those of `compare_runs`, without the ones about runs, with `items`, the number of clusters.
    """
    info, found = measure_info(measure), []
    rows = rows[rows["evaluation"] != EVERY]
    for (name, origin), of_evaluation in rows.groupby(["evaluation", "origin"], sort=False):
        answers = items.read(name, origin, measure)
        parallel = context.evaluation(name, origin).parallel
        for line, members in of_evaluation.groupby(list(LINE), sort=False, dropna=False):
            row = dict(zip(LINE, line, strict=True))
            if contrast.reference in set(members["group"]):
                means = _item_means(answers, members, row)
                counts = members.groupby("group")["run"].nunique()
                found += list(_compare_columns(row, means, counts, contrast, info, parallel))
    return _finish(found, contrast)


def _item_means(answers: pd.DataFrame, members: pd.DataFrame, line: Mapping[str, Any]) -> pd.DataFrame:
    """Return the mean value over a group's runs: (language, item) x groups; an answer that a group lacks is left out.

    The turns of a question are one item and count each, as in the scores (`item_values`).
    """
    here = answers
    for column in ("language", "judge", "protocol", "opponent"):
        if line[column] or column != "language":
            here = here[here[column] == line[column]]
    labelled = here.merge(members[["run", "group"]].drop_duplicates(), on="run").dropna(subset="value")
    places, names = ["language", "item", "turn"], list(dict.fromkeys(members["group"]))  # in the order of the runs
    labelled = labelled[labelled.groupby(places)["group"].transform("nunique") == len(names)]
    if (labelled.groupby(["language", "item"])["turn"].transform("nunique") > 1).any():
        return item_values(labelled, "value", ["group"])[names]
    return labelled.groupby(["language", "item", "group"])["value"].mean().unstack("group")[names]


def _compare_columns(
    line: dict[str, Any],
    means: pd.DataFrame,
    counts: Mapping[str, int],
    contrast: Contrast,
    info: MeasureInfo,
    parallel: bool,
) -> Iterator[dict[str, Any]]:
    """Yield the statistics of each group on the items of one line."""
    if line["aggregate"] and parallel:
        means = means.groupby("item").mean()
    languages = means.index.get_level_values(0) if not parallel and line["aggregate"] else None
    weights = _weights(languages, line["aggregate"]) if languages is not None else np.ones(len(means))
    others = [name for name in means if name != contrast.reference]
    differences = means[others].to_numpy() - means[[contrast.reference]].to_numpy()
    flipped = sign_flip_p(weights[:, None] * differences) if others else []
    for place, name in enumerate(others):
        own = differences[:, place]
        difference = float((weights * own).mean())
        if languages is not None:
            low, high = _stratified(own, weights, languages)
        elif info.percent:
            low, high = bounded_interval(own, -1.0, 1.0)
        else:
            half = t_interval(own)[1]
            low, high = difference - half, difference + half
        single = info.is_share and line["language"] and counts[name] == counts[contrast.reference] == 1
        single = single and means[[name, contrast.reference]].isin((0, 1)).all(axis=None)  # no turns, none half right
        p = mcnemar_p(int((own > 0).sum()), int((own < 0).sum())) if single else float(flipped[place])
        yield line | {
            "group": name,
            "items": len(own),
            "value": info.scale * float((weights * means[name].to_numpy()).mean()),
            "reference_value": info.scale * float((weights * means[contrast.reference].to_numpy()).mean()),
            "difference": info.scale * difference,
            "low": info.scale * low,
            "high": info.scale * high,
            "p": p,
        }


def _weights(languages: pd.Index, aggregate: str) -> np.ndarray:
    """Return the weights of items, of mean 1: languages count the same in the plain mean, items in `group`."""
    sizes = languages.value_counts()
    if aggregate == "group":
        return np.ones(len(languages))
    return len(languages) / (len(sizes) * sizes.loc[languages].to_numpy())


def _stratified(own: np.ndarray, weights: np.ndarray, languages: pd.Index) -> tuple[float, float]:
    """Return the interval of a weighted mean over languages whose items are independent."""
    variance, names = 0.0, languages.unique()
    for name in names:
        here = languages == name
        share = weights[here].sum() / len(own)
        variance += share**2 * own[here].var(ddof=1) / here.sum()
    half = t_quantile(len(own) - len(names)) * math.sqrt(variance)
    mean = float((weights * own).mean())
    return mean - half, mean + half


def _finish(found: list[dict[str, Any]], contrast: Contrast) -> pd.DataFrame:
    """Return the table with the false-discovery rate over all its p."""
    import pandas as pd

    if not found:
        raise InputError(f"reference: nothing stands beside '{contrast.reference}' on the same base and benchmark")
    table = pd.DataFrame(found)
    if contrast.against == "base":
        table = table.drop(columns="base")
    place = table.columns.get_loc("p") + 1
    table.insert(place, "q", benjamini_hochberg(table["p"].to_numpy()))
    return table.rename(columns={"group": contrast.against}).assign(reference=contrast.reference)
