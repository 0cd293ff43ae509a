"""The smallest difference that a study can find: assumed before, and from the components of finished runs."""

import math
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from scipy import stats

from polytune.analysis.comparisons import paired_t, welch_t
from polytune.analysis.power import detectable_difference, errors_needed, share_variance
from polytune.config.benchmarks import Evaluation, benchmarks
from polytune.config.paths import Paths
from polytune.costs.assumptions import Assumptions
from polytune.costs.power import find_lines, show_lines

ASSUMED = Assumptions().content
COLUMNS = "evaluation,origin,base,language,component,own,shared,seed,draw,judge,item"


def study(*evaluations: Evaluation, seeds: int = 1, tables: dict | None = None) -> SimpleNamespace:
    runs = {
        f"b/full/m/seed{seed}": SimpleNamespace(
            spec={"method": "full"}, base=SimpleNamespace(name="b"), method="full", variant="", mixture="m", seed=seed
        )
        for seed in range(1, seeds + 1)
    }
    return SimpleNamespace(
        name="s", scale="full", runs=runs, tables=tables or {}, evaluations=dict.fromkeys(runs, evaluations)
    )


def evaluation(benchmark: str, **changes) -> Evaluation:
    return replace(Evaluation(benchmark, benchmarks()[benchmark], "hub", "", None), **changes)


def test_lucky_52_on_one_language_of_xcopa():
    (line,) = find_lines(study(evaluation("xcopa")), ASSUMED, Paths())
    assert (line.items, len(line.languages)) == (500, 11)
    assert line.unpaired == pytest.approx(8.7, abs=0.05) and line.paired == pytest.approx(4.8, abs=0.05)
    shown = show_lines([line], ASSUMED)
    assert "XCOPA      each of 11  500    1      8.7       4.8     assumed" in shown


def test_the_difference_is_found_in_80_percent_of_simulated_studies():
    generator, items, p = np.random.default_rng(1), 500, 0.6
    difference = detectable_difference([(share_variance(p, items), math.inf)])
    first = generator.binomial(items, p + difference / 2, 20000) / items
    second = generator.binomial(items, p - difference / 2, 20000) / items
    errors = np.sqrt((first * (1 - first) + second * (1 - second)) / items)
    assert np.mean((first - second) / errors > stats.norm.ppf(0.975)) == pytest.approx(0.8, abs=0.015)


@pytest.mark.parametrize("runs", [2, 3, 5, 10])
@pytest.mark.parametrize(("test", "paired"), [(paired_t, True), (welch_t, False)])
def test_the_tests_over_runs_find_the_difference_in_80_percent_of_simulated_studies(runs, test, paired):
    """With the normal quantiles the paired test would find it in 17, 35, 56 and 70 %."""
    generator = np.random.default_rng(2)
    difference = detectable_difference([(1 / runs, runs - 1)], paired)
    pairs = generator.normal(0, 1, (4000, 2, runs)) + np.array([[difference], [0.0]])
    assert np.mean([test(*both)[2] < 0.05 for both in pairs]) == pytest.approx(0.8, abs=0.02)


@pytest.mark.parametrize(("runs", "least"), [(2, 0.72), (3, 0.75), (5, 0.77), (10, 0.78)])
def test_items_and_runs_together_find_nearly_as_much(runs, least):
    """The error of the items is known, that of the runs is not: Satterthwaite's degrees of freedom in both."""
    generator, studies = np.random.default_rng(3), 20000
    for items in (0.2, 1.0, 5.0):  # their variance beside that of a mean over runs
        difference = detectable_difference([(items, math.inf), (1.0, runs - 1)])
        pairs = generator.normal(0, math.sqrt(2 * runs), (studies, runs))
        seen = pairs.var(axis=1, ddof=1) / runs
        found = difference + pairs.mean(axis=1) + generator.normal(0, math.sqrt(2 * items), studies)
        freedom = (2 * items + seen) ** 2 / (seen**2 / (runs - 1))
        p = 2 * stats.t.sf(np.abs(found) / np.sqrt(2 * items + seen), freedom)
        assert least <= np.mean(p < 0.05) <= 0.82


def test_errors_are_those_of_the_noncentral_t():
    for freedom in (1, 2, 4.5, 30):
        limit = stats.t.ppf(0.975, freedom)
        assert stats.nct.sf(limit, freedom, errors_needed(freedom)) == pytest.approx(0.8, abs=1e-4)
        assert errors_needed(freedom) > errors_needed(freedom, paired=False) > 2.8
    assert errors_needed(math.inf) == errors_needed(math.inf, paired=False) == pytest.approx(2.8016, abs=1e-4)
    assert errors_needed(9e4) == pytest.approx(errors_needed(math.inf), rel=1e-4)
    power = pytest.importorskip("statsmodels.stats.power").TTestPower()
    for runs in (3, 5, 10):
        expected = power.solve_power(nobs=runs, alpha=0.05, power=0.8) * math.sqrt(2)
        assert detectable_difference([(1 / runs, runs - 1)]) == pytest.approx(expected, rel=1e-3)


def test_no_difference_is_promised_without_a_variance_or_a_second_run():
    assert math.isnan(detectable_difference([(0.0, math.inf), (0.0, 2)]))
    assert math.isnan(detectable_difference([(1.0, math.inf), (1.0, 0)]))
    assert detectable_difference([(1.0, math.inf), (0.0, 0)]) == pytest.approx(2.8016 * math.sqrt(2), abs=1e-4)


def test_languages_with_other_numbers_of_items_have_lines_of_their_own():
    lines = find_lines(study(evaluation("xwinograd")), ASSUMED, Paths())
    assert {line.languages: line.items for line in lines}[("ja",)] == 959 and len(lines) == 6
    (sample,) = find_lines(study(evaluation("xcopa", name="xcopa-50-items", items=50)), ASSUMED, Paths())
    assert sample.items == 50 and sample.unpaired == pytest.approx(8.68 * math.sqrt(10), rel=1e-3)


def test_finished_runs_tell_it_better(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    paths = Paths()
    table = Path(f"{paths.table('s', 'full', 'components')}.csv")
    table.parent.mkdir(parents=True)
    rows = ["xcopa,hub,b,et,item,2.0,3.0,,,,500", "xcopa,hub,b,et,seed,1.5,0,3,,,", "xcopa,hub,b,,item,9,9,,,,500"]
    rows.append("xcopa,hub,b,,language,9,9,,,,")
    table.write_text("\n".join([COLUMNS, *rows]) + "\n")
    made = study(evaluation("xcopa"), seeds=2, tables={"components": {"build": "variance_components"}})
    lines = {line.source: line for line in find_lines(made, ASSUMED, paths)}
    measured = lines["finished runs"]
    own, shared = 2.0 + 1.5 * 3 / 2, 3.0  # two seeds are planned, three were run
    assert measured.languages == ("et",) and measured.seeds == 2
    for found, variance, paired in ((measured.paired, own, True), (measured.unpaired, own + shared, False)):
        freedom = variance**2 / 2.25**2  # Satterthwaite's: two seeds leave one for their part
        assert found == pytest.approx(errors_needed(freedom, paired) * math.sqrt(2 * variance), abs=0.01)
    assert measured.paired > 1.2 * (1.959964 + 0.841621) * math.sqrt(2 * own)
    assert len(lines["assumed"].languages) == 10
    other = study(evaluation("xcopa"), tables={"components": {"build": "variance_components", "measure": "margin"}})
    assert {line.source for line in find_lines(other, ASSUMED, paths)} == {"assumed"}


def finished(tmp_path, *rows: str, seeds: int):
    path = Path(f"{Paths().table('s', 'full', 'components')}.csv")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join([COLUMNS, *rows]) + "\n")
    made = study(evaluation("xcopa"), seeds=seeds, tables={"components": {"build": "variance_components"}})
    lines = find_lines(made, ASSUMED, Paths())
    return [line for line in lines if line.source == "finished runs"], show_lines(lines, ASSUMED)


def test_a_plan_never_promises_to_find_a_difference_of_0(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rows = [f"xcopa,hub,b,{code},{part}" for code in ("et", "it") for part in ("item,0.0,3.0,,,,500", "seed,0,0,3,,,")]
    (line,), shown = finished(tmp_path, *rows, seeds=3)
    assert line.languages == ("et", "it") and math.isnan(line.paired) and line.unpaired == pytest.approx(6.86, abs=0.01)
    assert (
        "et it      500    3      6.9       -       finished runs" in shown
        and "no spread (estimated at or below 0)" in shown
    )


def test_a_single_planned_run_has_no_test_over_runs_that_are_known_to_scatter(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (line,), shown = finished(tmp_path, "xcopa,hub,b,et,item,2,3,,,,500", "xcopa,hub,b,et,seed,1,0,3,,,", seeds=1)
    assert math.isnan(line.paired) and math.isnan(line.unpaired) and "a single run has no test over runs" in shown


def test_draws_of_a_mixture_are_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rows = ["xcopa,hub,b,et,draw,1,0,,3,,", "xcopa,hub,b,et,draw x item,1,0,,3,,500", "xcopa,hub,b,et,judge,2,0,,,2,"]
    (line,), _ = finished(tmp_path, *rows, seeds=1)
    freedom = 4**2 / (2**2 / 2 + 2**2 / 1)  # three draws, two judges
    assert line.paired == pytest.approx(errors_needed(freedom) * math.sqrt(2 * 4), abs=0.01)


def test_where_nobody_knows_the_items_there_is_no_line():
    strange = replace(benchmarks()["xcopa"], benchmark="strange")
    assert find_lines(study(replace(evaluation("xcopa"), benchmark=strange)), ASSUMED, Paths()) == []
    assert show_lines([], ASSUMED) == ""
