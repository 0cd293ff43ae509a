"""What the report says of differences over three runs that have no effect at all: hardly ever that there is one."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import pandas as pd
import pytest

from polytune.analysis.choices import Contrast
from polytune.analysis.comparisons import paired_t, welch_t
from polytune.analysis.contrasts import LINE, compare_runs
from polytune.analysis.intervals import t_interval
from polytune.analysis.selection_effect import estimate_effect
from tests.report.test_sentences import say

STUDIES, GROUPS, RUNS = 1000, 12, 3
MOST = 0.05 + 3 * math.sqrt(0.05 * 0.95 / STUDIES)
"""More reports than 5 % of all, as far as so many simulated ones can tell."""


def claims(sentences: Iterator[str]) -> int:
    """Return how many sentences tell any difference from zero; the others say that none can be seen."""
    return sum("can be told from zero" in sentence for sentence in sentences)


def runs_with(effect: float, generator: np.random.Generator) -> pd.DataFrame:
    """Return the margins of three runs of a reference and of twelve groups, all drawn alike but for `effect`."""
    rows = pd.DataFrame({"group": np.repeat(["rnd", *(f"g{number}" for number in range(GROUPS))], RUNS)})
    rows["value"] = 0.5 + generator.normal(0, 0.02, len(rows)) + effect * (rows["group"] == "g0")
    about = dict.fromkeys(LINE, "") | {"evaluation": "xcopa", "aggregate": "mean", "base": "b", "method": "lora"}
    return rows.assign(**about, seed=[1, 2, 3] * (GROUPS + 1), run=[f"run{place}" for place in range(len(rows))])


@pytest.mark.slow
@pytest.mark.parametrize("paired", [False, True])
def test_three_runs_without_an_effect_are_not_said_to_have_one(paired):
    """The columns are those of `compare_runs`, without its permutations, which the sentence does not read."""
    generator = np.random.default_rng(1)

    def table() -> list[dict]:
        reference, found = generator.normal(50, 2, RUNS), []
        for number in range(GROUPS):
            values = generator.normal(50, 2, RUNS)
            difference, half, p = (paired_t if paired else welch_t)(values, reference)
            row = {"evaluation": "xcopa", "features": f"g{number}", "reference": "rnd", "runs": RUNS, "p": p}
            row |= {"half": t_interval(values)[1], "reference_runs": RUNS, "reference_half": t_interval(reference)[1]}
            ends = {"low": difference - half, "high": difference + half}
            found.append(row | {"pairs": RUNS * paired, "difference": difference} | ends)
        return found

    said = (say("run_means", table(), reference="rnd", against="features") for _ in range(STUDIES))
    assert claims(said) <= MOST * STUDIES


@pytest.mark.parametrize("pair_by", [(), ("seed",)])
def test_what_is_told_from_zero_has_its_p(pair_by):
    """The sentence and the p of the table agree, whatever the size of an effect: p <= 0.05 / 12."""
    generator, both = np.random.default_rng(2), set()
    for effect in (0.0, 0.1, 0.3, 1.0, 3.0):
        rows = runs_with(effect, generator)
        table = compare_runs(rows, Contrast("rnd", "features", pair_by=pair_by), "margin")
        said = say("run_means", table.fillna("").to_dict("records"), reference="rnd", against="features",
                   measure="margin")  # fmt: skip
        found = bool((table["p"] <= 0.05 / GROUPS).any())
        assert ("can be told from zero" in said) == found
        both.add(found)
    assert both == {True, False}


@pytest.mark.slow
def test_three_sets_without_an_effect_are_not_said_to_help():
    generator, units = np.random.default_rng(3), 10
    weights = np.full(units, 1 / units)

    def table() -> list[dict]:
        reference = generator.normal(0, 1, (RUNS, units)) + generator.normal(0, 1, (RUNS, 1))
        found = []
        for number in range(GROUPS):
            selected = generator.normal(0, 1, (RUNS, units)) + generator.normal(0, 1, (RUNS, 1))
            effect = estimate_effect(selected, reference, weights, list(range(units)))
            ends = {name: getattr(effect, name) for name in ("effect", "low", "high", "p", "freedom")}
            found.append({"features": f"g{number}", "reference": "rnd", "base": "b", **ends})
        return found

    said = (say("selection_effect", table(), reference="rnd") for _ in range(STUDIES))
    assert claims(said) <= MOST * STUDIES
