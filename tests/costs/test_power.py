"""The smallest difference that a study can find: assumed before, and from the components of finished runs."""

import math
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from scipy import stats

from polytune.analysis.power import detectable_difference, share_variance
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
    difference = detectable_difference(share_variance(p, items))
    first = generator.binomial(items, p + difference / 2, 20000) / items
    second = generator.binomial(items, p - difference / 2, 20000) / items
    errors = np.sqrt((first * (1 - first) + second * (1 - second)) / items)
    assert np.mean((first - second) / errors > stats.norm.ppf(0.975)) == pytest.approx(0.8, abs=0.015)


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
    assert measured.paired == pytest.approx((1.959964 + 0.841621) * math.sqrt(2 * own), abs=0.01)
    assert measured.unpaired == pytest.approx((1.959964 + 0.841621) * math.sqrt(2 * (own + shared)), abs=0.01)
    assert len(lines["assumed"].languages) == 10
    other = study(evaluation("xcopa"), tables={"components": {"build": "variance_components", "measure": "margin"}})
    assert {line.source for line in find_lines(other, ASSUMED, paths)} == {"assumed"}


def test_where_nobody_knows_the_items_there_is_no_line():
    strange = replace(benchmarks()["xcopa"], benchmark="strange")
    assert find_lines(study(replace(evaluation("xcopa"), benchmark=strange)), ASSUMED, Paths()) == []
    assert show_lines([], ASSUMED) == ""
