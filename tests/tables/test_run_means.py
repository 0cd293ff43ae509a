"""Means over runs with margins and marks, against scipy on the same scores."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from polytune.analysis.asked import Asked
from polytune.config.kinds import call_kind
from polytune.errors import InputError
from polytune.tables.kinds import TABLES
from polytune.tables.rendering import to_latex, to_markdown
from tests.cases.synthetic_study import collect_study, make_run, write_results

CONTRAST = {"reference": "rnd", "against": "features", "pair_by": ["selection_seed"]}


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    folder = tmp_path_factory.mktemp("study")
    runs = [make_run([])]
    for seed in (1, 2, 3):
        for name, languages in (("rnd", ["zh", "it"]), ("geo", ["ta", "th", "tr"])):
            runs.append(
                make_run(languages, f"world-{name}-{seed}", seed=1, family="selected",
                         coordinates={"features": name, "selection_seed": seed})
            )  # fmt: skip
    return collect_study(folder, write_results(folder, runs, ("xcopa", "xwinograd")))


def build(study, **options):
    spec = {"build": "run_means", **CONTRAST, **options}
    asked = Asked(study.asked(spec), study.tables, "tables")
    needs = TABLES["run_means"].needs
    given = {**asked.tables(needs), "context": asked.context}
    return call_kind(TABLES, "build", spec, given, asked.defaults, asked.where)


def values_of(study, features, evaluation, language="", aggregate="group"):
    """Return the values of a selection's runs in the order of their seeds, in percent."""
    runs = study.runs[study.runs["features"] == features].sort_values("selection_seed")
    rows = study.scores[(study.scores["measure"] == "acc") & (study.scores["evaluation"] == evaluation)]
    rows = rows[(rows["language"] == language) & (rows["aggregate"] == aggregate)].set_index("run")
    return 100 * rows.loc[runs["run"], "value"].to_numpy()


def shown(values: np.ndarray) -> str:
    return f"{values.mean():.1f} ± {stats.t.ppf(0.975, len(values) - 1) * values.std(ddof=1) / len(values) ** 0.5:.1f}"


def test_a_row_for_each_base_and_group(study):
    table = build(study)
    assert table.header == ["base", "languages chosen by", "XCOPA", "XWinograd", "mean of the benchmarks"]
    assert [row[1].text for row in table.rows] == ["base model", "rnd", "geo"]
    base, rnd, geo = ([cell.text for cell in row[2:]] for row in table.rows)
    assert all("±" not in text for text in base)
    for name, line in (("rnd", rnd), ("geo", geo)):
        by_benchmark = [values_of(study, name, evaluation) for evaluation in ("xcopa", "xwinograd")]
        # the plain mean of the benchmarks, of each run
        assert line == [shown(values) for values in (*by_benchmark, np.mean(by_benchmark, axis=0))]
    best = [[cell.best for cell in row[2:]] for row in table.rows]
    expected = values_of(study, "geo", "xcopa").mean() > values_of(study, "rnd", "xcopa").mean()
    assert not any(best[0]) and best[2][0] == expected and best[1][0] != expected


def test_the_group_score_weighs_items(study):
    """XWinograd's languages have 83 to 2,325 items: the two means differ."""
    weighted, plain = (build(study, mean=mean).rows[1][3].text for mean in ("group", "mean"))
    assert weighted == shown(values_of(study, "rnd", "xwinograd")) != plain
    assert plain == shown(values_of(study, "rnd", "xwinograd", aggregate="mean"))


def test_a_column_for_each_language(study):
    table = build(study, columns="language", benchmarks=["xcopa"])
    languages = list(dict.fromkeys(study.scores.loc[study.scores["evaluation"] == "xcopa", "language"]))
    assert len(table.header) == 2 + 11 + 1 and table.header[-1] == "all languages"
    place = 2 + [code for code in languages if code].index("ta")
    assert table.rows[2][place].text == shown(values_of(study, "geo", "xcopa", "ta", ""))
    with pytest.raises(InputError, match="columns: the languages of one benchmark; name it with 'benchmarks"):
        build(study, columns="language")


def test_marks_are_the_levels_of_a_paired_test(study):
    table = build(study, columns="language", benchmarks=["xcopa"], colours=True)
    data = table.data.set_index(["features", "language"])
    codes = [code for code in data.loc["geo"].index if code]
    marked = 0
    for place, code in enumerate(codes, start=2):
        first, second = (values_of(study, name, "xcopa", code, "") for name in ("geo", "rnd"))
        p = stats.ttest_rel(first, second).pvalue
        assert data.loc[("geo", code), "p"] == pytest.approx(p)
        strength = int(p <= 0.05) + int(p <= 0.10) + int(p <= 0.15)
        higher = first.mean() > second.mean()
        cell = table.rows[2][place]
        assert cell.beside.strip() == ("+" if higher else "−") * strength
        assert cell.colour == (f"{'green' if higher else 'red'}!{15 * strength}" if strength else "")
        marked += bool(strength)
    assert marked  # the made-up study has a language of its own in one of the two
    latex = to_latex(table)
    assert r"\cellcolor{green!" in latex and latex.startswith("% needs") and "xcolor" in latex.splitlines()[0]
    assert "cellcolor" not in to_markdown(table)
    assert "colour" not in to_latex(build(study)) and "xcolor" not in to_latex(build(study))


def test_the_pairing_is_stated_and_doubted_where_it_is_arbitrary(study):
    table = build(study, arbitrary=True, columns="language", benchmarks=["xcopa"])
    assert "a paired t-test against rnd, paired by selection_seed, which is arbitrary" in table.notes[0]
    marks = sum(bool(cell.beside) for row in table.rows for cell in row)
    lost = sum(1 for row in table.data.itertuples() if row.features == "geo" and row.p <= 0.15 < row.p_largest)
    assert f"of {marks} marked cells, {lost} have no mark in another pairing" in table.notes[1] and marks and lost
    assert "over n = 3 runs" in table.notes[0]
    unpaired = build(study, pair_by=[])
    assert "p of a Welch's t-test against rnd, unpaired" in unpaired.notes[0]


def test_numbers_stand_by_size_whatever_the_order_of_the_study(tmp_path):
    codes = ["zh", "it", "ta", "th", "tr", "id", "vi", "et", "sw", "qu", "ht"]
    runs = [make_run([]), *(make_run(codes[:size], f"world-{size}", seed=1) for size in (4, 11, 2))]
    study = collect_study(tmp_path, write_results(tmp_path, runs, ("xcopa",)))
    options = {"against": "n_languages", "reference": "4", "pair_by": []}
    assert [row[1].text for row in build(study, **options).rows] == ["base model", "2", "4", "11"]
