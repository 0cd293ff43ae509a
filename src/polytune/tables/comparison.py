"""Models against a reference: differences with intervals, effect sizes, tests and their false-discovery rate."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from polytune.analysis.choices import Choice, Contrast, Mean
from polytune.analysis.context import Context, coordinate_word
from polytune.analysis.groups import choose_units
from polytune.analysis.measures import MeasureInfo, measure_info
from polytune.config.kinds import Evaluation, Language
from polytune.tables.rendering import DASH, Cell, Table, number

if TYPE_CHECKING:
    import pandas as pd

    from polytune.analysis.items import Items

FALSE_DISCOVERIES = 0.05
"""Share of false discoveries at which a difference is bold."""


def build_comparison(
    scores: pd.DataFrame,
    runs: pd.DataFrame,
    context: Context,
    items: Items,
    choice: Choice,
    contrast: Contrast,
    benchmarks: list[Evaluation] | None = None,
    languages: list[Language] | None = None,
    mean: Mean = "mean",
    test_over: Literal["runs", "items"] = "runs",
) -> Table:
    """Return each model's difference from the reference: a row per benchmark (or language), base and model.

    Over runs the tests ask whether other seeds (and language sets) would show it, over items whether other items would.
    """
    from polytune.analysis.contrasts import compare_items, compare_runs, contrast_rows

    info = measure_info(choice.measure)
    told = ("language",) if languages is not None else ()
    units = choose_units(scores, context, items, choice, told, benchmarks, languages, mean)
    rows = contrast_rows(units, runs, choice, contrast)
    over_runs = test_over == "runs"
    if over_runs:
        data = compare_runs(rows, contrast, choice.measure)
    else:
        data = compare_items(rows, contrast, choice.measure, items, context)
    named = {
        "benchmark": [_benchmark(name, context) for name in data["evaluation"]],
        "language": [context.language(code) for code in data["language"]],
        **{column: data[column] for column in ("base", "judge", "protocol", "opponent") if column in data},
    }
    named = {name: list(values) for name, values in named.items() if len(set(values)) > 1 or name == "benchmark"}
    texts = [*named.values(), list(data[contrast.against]), *_numbers(data, info, over_runs, contrast.arbitrary)]
    found = list(data["q"] <= FALSE_DISCOVERIES)
    place = len(named) + 1 + (2 if over_runs else 1)  # of the difference
    body = [
        [Cell(text, column == place and best) for column, text in enumerate(line)]
        for best, line in zip(found, zip(*texts, strict=True), strict=True)
    ]
    header = [*named, coordinate_word(contrast.against), *_header(contrast, over_runs)]
    title = f"{info.label.capitalize()}{info.unit_in_brackets} against {contrast.reference}"
    return Table(title, header, body, data, _notes(contrast, over_runs, data, info))


def _benchmark(name: str, context: Context) -> str:
    from polytune.analysis.contrasts import EVERY

    return "mean of the benchmarks" if name == EVERY else context.title(name)


def _header(contrast: Contrast, over_runs: bool) -> list[str]:
    counted = ["runs", "mean"] if over_runs else ["value"]
    header = [*counted, "difference", "95 % interval", *["g"] * over_runs, "p", "q"]
    return header + ["p, any pairing", "p, no pairing"] * (over_runs and contrast.arbitrary)


def _numbers(data: pd.DataFrame, info: MeasureInfo, over_runs: bool, arbitrary: bool) -> list[list[str]]:
    """Return the columns of numbers as texts."""
    digits = info.digits

    def column(name: str, places: int) -> list[str]:
        return [number(value, places) for value in data[name]]

    def joined(first: str, second: str, places: int, form: str) -> list[str]:
        pairs = zip(column(first, places), column(second, places), strict=True)
        return [DASH if DASH in pair else form.format(*pair) for pair in pairs]

    interval = joined("low", "high", digits, "[{}, {}]")
    if not over_runs:
        return [column("value", digits), column("difference", digits), interval, column("p", 4), column("q", 4)]
    means = zip(column("value", digits), column("half", digits), strict=True)
    texts = [
        [str(count) for count in data["runs"]],
        [value if half == DASH else f"{value} ± {half}" for value, half in means],
        column("difference", digits),
        interval,
        column("effect", 2),
        column("p", 4),
        column("q", 4),
    ]
    return texts + ([joined("p_smallest", "p_largest", 2, "{} to {}"), column("p_permutation", 2)] if arbitrary else [])


def _notes(contrast: Contrast, over_runs: bool, data: pd.DataFrame, info: MeasureInfo) -> list[str]:
    bold = f"Bold: false-discovery rate q of at most {FALSE_DISCOVERIES:g} over the table (Benjamini-Hochberg)."
    better = [] if info.higher_is_better else [f"Lower {info.label} is better."]
    if not over_runs:
        return [
            "Over items: intervals and p hold for other items and these models; translations of an item are one "
            "cluster. p: exact McNemar where two runs answer the items of one language, else flipped signs. " + bold,
            *better,
        ]
    test = "Welch's t" if not contrast.pair_by else "paired t"
    notes = [
        f"Over runs, {contrast.pairing}: mean ± t(0.975, n−1) s/√n; p of {test}; g: Hedges' standardised difference. "
        + bold
    ]
    if contrast.arbitrary:
        from polytune.analysis.comparisons import smallest_partition_p

        counts = data[["runs", "reference_runs"]].drop_duplicates().itertuples(index=False)
        least = min(smallest_partition_p(*pair) for pair in counts)
        notes.append(
            "The pairing is arbitrary: beside the p of the order of the runs stand the smallest and the largest over "
            f"all pairings, and that of a permutation test without pairing, which cannot be below {least:.2g}."
        )
    if data["p"].isna().any():
        notes.append(f"{DASH}: a single run, or runs without a spread, have no test.")
    if (data["effect"].isna() & data["p"].notna()).any():
        notes.append(f"g {DASH}: two pairs leave one degree of freedom, for which Hedges' correction does not exist.")
    return [*notes, *better]
