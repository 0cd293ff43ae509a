"""Figures of judged answers: what is drawn is what the csv holds, nothing overlaps, published values at full scale."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.container import BarContainer
from scipy.stats import pearsonr

from polytune.analysis.asked import Asked
from polytune.analysis.decomposition import PARTS
from polytune.config.kinds import call_kind
from polytune.errors import InputError
from polytune.figures.axes import magnitude
from polytune.figures.drawing import finish
from polytune.figures.kinds import FIGURES
from polytune.figures.style import use_style
from tests.cases.drawn import csv_values, drawn_values, overlaps, texts_of
from tests.cases.synthetic_answers import CATEGORIES, TUNED, alpaca_study

OWN = {"own": ["monolingual"], "languages": list(TUNED), "measure": "rating_in_language", "total_of": 50}
SIZES = {"against": "parameters", "by": "family"}
FAMILIES = ["multilingual", "downsampled", "monolingual"]
LARGE = {"bases": ["world-bloom-l"]}
SPECS = {
    "fig1": {"draw": "values", "benchmarks": ["questions"], "panels": "language", "marks": "curves"} | OWN | SIZES,
    "fig3": {"draw": "values", "benchmarks": ["questions"], "languages": ["bn"], "measure": "rating",
             "families": ["multilingual", "downsampled", "english"]} | SIZES,
    "fig4": {"draw": "values", "benchmarks": ["questions"], "values": "logarithmic", "mean": "mean"} | OWN | SIZES
    | {"measure": "rating_lost"},
    "fig5": {"draw": "values", "benchmarks": ["questions"], "panels": "language", "marks": "bars", "against": "base",
             "by": "family", "families": FAMILIES} | OWN,
    "pass": {"draw": "values", "benchmarks": ["questions"], "measure": "language_pass", "against": "language",
             "by": "family"} | LARGE | {"own": ["monolingual"]},
    "confusion": {"draw": "language_confusion", "benchmark": "questions", "panels": "family"} | LARGE,
    "parts": {"draw": "decomposition", "benchmark": "questions", "reference": "english"} | OWN | LARGE,
    "length": {"draw": "pairs", "benchmark": "questions"} | OWN,
    "radar": {"draw": "radar", "benchmark": "questions", "turns": "together", "mean": "mean",
              "families": FAMILIES} | OWN | {"own": ["monolingual"], "total_of": None},
    "radar-by-language": {"draw": "radar", "benchmark": "questions", "turns": "together", "panels": "language",
                          "measure": "rating", "own": ["monolingual"]} | LARGE,
    "gains": {"draw": "gains", "benchmark": "questions", "reference": "monolingual", "measure": "rating",
              "families": FAMILIES},
    "length-mean": {"draw": "pairs", "benchmark": "questions", "panels": "evaluation", "beside": "language_pass",
                    "measure": "rating"},
}  # fmt: skip


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    return alpaca_study(tmp_path_factory.mktemp("study"), items=20)


def draw(study, spec, folder=None, **changes):
    use_style()
    asked = Asked(study.asked(spec, **changes), study.tables, "figures")
    tables = asked.tables(FIGURES[spec["draw"]].needs)
    given = {**tables, "context": asked.context, "published_folder": folder}
    drawing = call_kind(FIGURES, "draw", spec, given, asked.defaults, asked.where)
    finish(drawing, asked.statements(drawing.table))
    return drawing


@pytest.mark.parametrize("name", SPECS)
def test_nothing_overlaps_and_the_csv_holds_what_is_drawn(study, name):
    drawing = draw(study, SPECS[name])
    boxes = texts_of(drawing.figure)
    width, height = drawing.figure.bbox.width, drawing.figure.bbox.height
    assert not overlaps(boxes)
    assert all(box.x0 > -1 and box.y0 > -1 and box.x1 < width + 1 and box.y1 < height + 1 for box in boxes.values())
    if SPECS[name]["draw"] == "values":
        assert drawn_values(drawing.figure) == csv_values(drawing.table)
    assert "Generated world w1" in " ".join(text for text, _, _ in boxes)


def test_sizes_stand_at_their_logarithms(study):
    drawing = draw(study, SPECS["fig1"])
    axes = drawing.figure.axes[0]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["100K", "400K", "1.6M"]
    np.testing.assert_allclose(axes.get_xticks(), np.log10([1e5, 4e5, 1.6e6]))
    assert [ax.get_title(loc="left") for ax in drawing.figure.axes] == ["(a) English", "(b) Spanish", "(c) Bulgarian"]
    assert drawing.table["value"].max() > 100  # totals of 50 prompts
    assert drawing.figure.axes[0].get_ylabel().replace("\n", " ") == "rating in the right language (total of 50)"
    assert [magnitude(number) for number in (559e6, 1_065_314_304, 7.07e9, 13e9, 96)] == [
        "559M", "1.1B", "7.1B", "13B", "96"]  # fmt: skip


def test_lost_ratings_have_a_logarithmic_axis(study):
    axes = draw(study, SPECS["fig4"]).figure.axes[0]
    assert axes.get_yscale() == "log" and axes.get_ylim()[0] > 0


def test_published_values_stand_at_the_bars_they_belong_to(study, tmp_path):
    table = pd.DataFrame({"base": "world-bloom-l-w1", "family": ["multilingual", "monolingual"], "language": "es",
                          "value": [111.0, 99.0]})  # fmt: skip
    path = tmp_path / "paper.csv"
    path.write_text("# A paper, figure 5: totals\n" + table.to_csv(index=False))
    spec = SPECS["fig5"] | {"published": "paper.csv"}
    drawing = draw(study, spec, tmp_path, scale="full")
    found = drawing.table.dropna(subset="published").set_index("family")["published"].to_dict()
    assert found == {"multilingual": 111.0, "monolingual": 99.0}
    diamonds = [line for line in drawing.figure.axes[1].lines if line.get_marker() == "D" and line.get_mfc() == "none"]
    at = {float(x): y for line in diamonds for x, y in zip(*line.get_data(), strict=True) if y == y}
    bars = [one for one in drawing.figure.axes[1].containers if isinstance(one, BarContainer)]
    places = {family: bars[place][2].get_x() + bars[place][2].get_width() / 2 for place, family in enumerate(FAMILIES)}
    assert {round(places[family], 6): value for family, value in found.items()} == {
        round(x, 6): y for x, y in at.items()
    }
    assert "Published: A paper, figure 5." in drawing.notes
    world = draw(study, spec, tmp_path)
    assert "published" not in world.table and any("does not apply here" in note for note in world.notes)
    path.write_text("# x\n" + table.rename(columns={"base": "bse"}).to_csv(index=False))
    with pytest.raises(InputError, match=r"paper.csv: no column 'base', which the figure shows"):
        draw(study, spec, tmp_path, scale="full")
    path.write_text("# x\n" + table.assign(language="zh").to_csv(index=False))
    with pytest.raises(InputError, match="none of its base, family, language is in the figure"):
        draw(study, spec, tmp_path, scale="full")


def test_cells_of_the_heatmap_are_the_shares(study):
    drawing = draw(study, SPECS["confusion"] | {"own": ["monolingual"]})
    names = [axes.get_title(loc="left") for axes in drawing.figure.axes if axes.get_visible()]
    assert names == ["(a) base model", "(b) english", "(c) multilingual", "(d) downsampled", "(e) monolingual"]
    image = drawing.figure.axes[1].images[0].get_array()
    english = drawing.table[drawing.table["panel"] == "english"]
    wide = english.pivot(index="language", columns="answered", values="share")
    axes = drawing.figure.axes[1]
    labels = [[label.get_text() for label in ticks] for ticks in (axes.get_yticklabels(), axes.get_xticklabels())]
    np.testing.assert_allclose(image, 100 * wide.loc[labels[0], labels[1]])
    assert np.ma.getmaskarray(drawing.figure.axes[4].images[0].get_array()).sum() == len(
        labels[1]
    )  # no model of Bengali


def test_stacked_parts_end_at_the_difference(study):
    drawing = draw(study, SPECS["parts"])
    wide = drawing.table.pivot(index=["family", "language"], columns="part", values="value")
    np.testing.assert_allclose(wide[PARTS[0]] + wide[PARTS[1]], wide[PARTS[2]])
    np.testing.assert_allclose(
        wide.loc["multilingual"].drop("mean").mean(), wide.loc["multilingual"].loc["mean"], rtol=1e-9
    )
    bars = [bar for bar in drawing.figure.axes[0].patches if bar.get_width()]
    ends = sorted(round(bar.get_x() + bar.get_width(), 6) for bar in bars)
    both_positive = wide.loc["multilingual"][(wide.loc["multilingual"] >= 0).all(axis=1)]
    assert len(both_positive) and set(both_positive[PARTS[2]].round(6)) <= set(ends)
    limits = {axes.get_xlim() for axes in drawing.figure.axes if axes.get_visible()}
    assert len(limits) == 1 and len([axes for axes in drawing.figure.axes if axes.get_visible()]) > 1
    low, high = limits.pop()
    assert low <= drawing.table["low"].min() and high >= drawing.table["high"].max()
    with pytest.raises(InputError, match="only rating_in_language"):
        draw(study, SPECS["parts"] | {"measure": "rating"})


def test_two_measures_stand_beside_each_other(study):
    drawing = draw(study, SPECS["length-mean"])
    means = study.scores.query("aggregate == 'mean'").pivot(index="run", columns="measure", values="value")
    means = means[~means.index.str.startswith("null")]
    found = drawing.table[["value_beside", "value"]].sort_values("value").to_numpy()
    np.testing.assert_allclose(sorted(set(found[:, 1])), sorted(set(means["rating"])))
    assert {round(x, 6) for x in found[:, 0]} == {round(100 * x, 6) for x in means["language_pass"]}
    title = drawing.figure.axes[0].get_title(loc="left")
    once = drawing.table.drop_duplicates("model")  # some stand in two families
    r = pearsonr(once["value_beside"], once["value"])
    low, high = r.confidence_interval()
    said = f"r = {r.statistic:.2f} [{low:.2f}, {high:.2f}]".replace("-", "−")
    assert title == f"(a) World questions\n{said}"
    assert f"r over the {len(once)} models of a panel, each once" in drawing.notes[0]


def test_a_model_of_two_families_counts_once_in_a_correlation(study):
    """In English the model tuned on English alone is the one of `english` and the one of `monolingual`."""
    drawing = draw(study, SPECS["length"])
    english = drawing.table[drawing.table["language"] == "en"]
    assert {"english", "monolingual"} <= set(english["family"])
    once = english[english["family"] != "monolingual"]
    titles = [axes.get_title(loc="left") for axes in drawing.figure.axes]
    (title,) = (title for title in titles if "English" in title)
    r, (low, high) = (one := pearsonr(once["value_beside"], once["value"])).statistic, one.confidence_interval()
    said = f"\nr = {r:.2f} [{low:.2f}, {high:.2f}]".replace("-", "−")
    assert len(once) < len(english) and title.endswith(said)


@pytest.mark.parametrize("name", ["confusion", "parts"])
def test_figures_of_one_base_say_which(study, name):
    assert "Models: world-bloom-l; tuned: full." in draw(study, SPECS[name]).notes


def test_two_bases_of_one_size_do_not_share_a_line(study):
    runs = study.runs.assign(parameters=study.runs["parameters"].replace(400_000, 100_000))
    spec = SPECS["fig3"] | {"families": ["multilingual"]}
    given = {"scores": study.scores, "runs": runs, "context": study.context, "items": None, "published_folder": None}
    with pytest.raises(InputError, match=r"several bases of 100,000 parameters: world-bloom-s-w1, world-bloom-m-w1"):
        call_kind(FIGURES, "draw", spec, given, {}, "x")


def test_a_polygon_is_open_where_a_category_has_no_verdict(study):
    """The marks stand at the values, in the order of the categories; nothing is drawn through a missing one."""
    spec = SPECS["radar"] | LARGE
    whole = draw(study, spec)
    (axes,) = (one for one in whole.figure.axes if one.get_visible())
    assert [label.get_text() for label in axes.get_xticklabels()] == list(CATEGORIES)
    assert drawn_values(whole.figure) == csv_values(whole.table)
    edges = [line for line in axes.lines if len(line.get_xdata()) == 2]
    assert len(edges) == 4 * len(CATEGORIES)  # three mixtures and the base
    asked = Asked(study.asked(spec), study.tables, "figures")
    tables = asked.tables(FIGURES["radar"].needs)
    read = tables["items"].read

    def without_maths(evaluation, origin, measure, categories=False):
        table = read(evaluation, origin, measure, categories)
        lost = (table["item"] % len(CATEGORIES) == 1) & table["run"].str.contains("multilingual")
        return table if measure == "answer_characters" else table[~lost]

    object.__setattr__(tables["items"], "read", without_maths)
    given = {**tables, "context": asked.context}
    drawing = call_kind(FIGURES, "draw", spec, given, {"largest_missing_share": 0.5}, asked.where)
    (axes,) = (one for one in drawing.figure.axes if one.get_visible())
    edges = [line for line in axes.lines if len(line.get_xdata()) == 2]
    assert len(edges) == 4 * len(CATEGORIES) - 2
    assert sum(line.get_marker() == "x" and len(line.get_xdata()) == 1 for line in axes.lines) == 1
    assert drawing.table["value"].isna().sum() == 1 and "missing" in [
        text.get_text() for text in drawing.figure.legends[0].get_texts()
    ]


def test_gains_are_ratios_within_languages(study, tmp_path):
    drawing = draw(study, SPECS["gains"] | LARGE)
    items = Asked(study.asked(SPECS["gains"]), study.tables, "figures").tables(("items",))["items"]
    values = items.read("questions", "world", "rating")
    means = values.groupby(["run", "language"])["value"].mean()
    run, over = (f"world-bloom-l-w1/full/world-w1-{name}/seed1" for name in ("multilingual", "es-all"))
    expected = 100 * ((means[run] / means[over]).mean() - 1)
    points = drawing.table.set_index(["family", "over"])
    assert points.loc[("multilingual", "es"), "value"] == pytest.approx(expected)
    assert set(drawing.table["over"]) == {*TUNED, "all of them"} and set(drawing.table["family"]) == set(FAMILIES[:2])
    (tmp_path / "paper.csv").write_text("# A paper, abstract: the largest\nvalue\n99.5\n")
    spec = SPECS["gains"] | LARGE | {"published": "paper.csv"}
    full = draw(study, spec, tmp_path, scale="full")
    (axes,) = (one for one in full.figure.axes if one.get_visible())
    assert 99.5 in [line.get_xdata()[0] for line in axes.lines if line.get_linestyle() == "--"]
    assert axes.get_xlim()[1] > 99.5 and "Dashed: the largest gain in A paper, abstract, 99.5 %." in full.notes
    assert any("does not apply here" in note for note in draw(study, spec, tmp_path).notes)
