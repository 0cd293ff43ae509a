"""The figure of comparisons shows the numbers of the table of that name."""

import numpy as np
import pytest

from polytune.analysis.asked import Asked
from polytune.config.kinds import call_kind
from polytune.errors import InputError
from polytune.figures.kinds import FIGURES
from polytune.figures.style import use_style
from polytune.tables.kinds import TABLES
from tests.cases.synthetic_study import collect_study, incremental_runs, write_results


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    folder = tmp_path_factory.mktemp("study")
    return collect_study(folder, write_results(folder, incremental_runs((1, 2, 4)), ("xcopa", "xwinograd"), items=60))


def make(study, key, kinds, **options):
    spec = {key: "comparison", **options}
    asked = Asked(study.asked(spec), study.tables, "figures")
    given = {**asked.tables(kinds["comparison"].needs), "context": asked.context}
    return call_kind(kinds, key, spec, given, asked.defaults, asked.where)


@pytest.mark.parametrize("options", [{}, {"languages": ["zh"], "benchmarks": ["xcopa"]}, {"measure": "bits_per_byte"}])
def test_every_difference_is_drawn_where_the_table_has_it(study, options):
    use_style()
    drawing = make(study, "draw", FIGURES, reference="base", **options)
    table = make(study, "build", TABLES, reference="base", test_over="items", **options)
    columns = ["evaluation", "model", "difference", "low", "high", "q"]
    assert drawing.table[columns].equals(table.data[columns])
    drawn = []
    for axes in drawing.figure.axes:
        bars = [line.get_xdata() for line in axes.lines if len(line.get_xdata()) == 2 and line.get_linestyle() == "-"]
        points = [line for line in axes.lines if line.get_marker() == "o"]
        drawn += [(point.get_xdata()[0], *bar) for point, bar in zip(points, bars, strict=True)]
        for point in points:
            row = table.data[np.isclose(table.data["difference"], point.get_xdata()[0])].iloc[0]
            assert (point.get_markerfacecolor() != "white") == (row["q"] <= 0.05)
    assert np.allclose(sorted(drawn), sorted(table.data[["difference", "low", "high"]].itertuples(index=False)))


def test_every_language_has_a_panel(study):
    languages = ["et", "ht", "id", "it", "qu", "sw", "ta", "th", "tr", "vi", "zh"]
    with pytest.raises(InputError, match="xwinograd has no 'et'"):
        make(study, "draw", FIGURES, reference="base", languages=languages)
    drawing = make(study, "draw", FIGURES, reference="base", languages=languages, benchmarks=["xcopa"])
    assert len([axes for axes in drawing.figure.axes if axes.get_visible()]) == 11
