"""Every figure of Lucky 52 from made-up scores: numbers, nothing overlapping, files without timestamps, messages."""

import csv
import itertools

import numpy as np
import pytest

from polytune.analysis.asked import Asked, caption
from polytune.analysis.context import missing_rows
from polytune.analysis.items import Items
from polytune.config.kinds import call_kind
from polytune.errors import InputError
from polytune.figures.draw import command
from polytune.figures.drawing import finish
from polytune.figures.kinds import FIGURES
from polytune.figures.style import use_style
from tests.cases.drawn import csv_values, drawn_values, overlaps, texts_of
from tests.cases.synthetic_study import (
    collect_study,
    incremental_runs,
    make_run,
    synthetic_study,
    write_json,
    write_mixture,
    write_results,
)

ALL = ["xcopa", "xstorycloze", "xwinograd"]
SPECS = {
    "fig1a": {"draw": "accuracy_by_languages", "benchmarks": ALL},
    "fig1a-items": {"draw": "accuracy_by_languages", "benchmarks": ALL, "mean": "group"},
    "fig1a-margin": {"draw": "accuracy_by_languages", "benchmarks": ALL, "measure": "margin"},
    "fig1b": {"draw": "language_accuracy", "benchmark": "xcopa", "languages": ["zh"]},
    "fig1d": {"draw": "language_accuracy", "benchmark": "xwinograd", "languages": ["en", "zh"]},
    "fig2b": {"draw": "language_accuracy", "benchmark": "xstorycloze", "exposure": "base"},
    "fig3c": {"draw": "language_accuracy", "benchmark": "xcopa", "languages": ["th"], "exposure": "tuning"},
    "fig3c-bits": {"draw": "language_accuracy", "benchmark": "xcopa", "languages": ["th"], "measure": "bits_per_byte"},
    "fig4b": {"draw": "language_accuracy", "benchmark": "xwinograd", "exposure": "neither"},
    "fig2": {"draw": "exposure_panels", "benchmarks": ALL, "exposure": "base"},
    "fig3": {"draw": "exposure_panels", "benchmarks": ALL, "exposure": "tuning"},
    "fig4": {"draw": "exposure_panels", "benchmarks": ALL, "exposure": "neither"},
    "tokens": {"draw": "values", "benchmarks": ALL, "against": "tokens", "marks": "curves"},
    "exposures": {"draw": "values", "benchmarks": ALL, "by": "exposure", "measure": "choice_probability"},
    "bars": {
        "draw": "values",
        "benchmarks": ALL,
        "against": "exposure",
        "marks": "bars",
        "measure": "margin",
        "mixtures": ["world-incremental-52-all"],
    },
    "languages": {
        "draw": "values",
        "benchmarks": ["xcopa"],
        "against": "language",
        "by": "model",
        "mixtures": ["world-incremental-52-all", "world-incremental-12-all"],
    },
}
WORLD = "Generated world w1: validates the pipeline, not the paper’s claims."


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    return synthetic_study(tmp_path_factory.mktemp("study"))


@pytest.fixture(scope="module")
def dense(tmp_path_factory):
    sizes = range(1, 53)
    return synthetic_study(tmp_path_factory.mktemp("dense"), sizes=sizes, benchmarks=("xcopa", "xwinograd"), items=90)


def draw(study, spec, scores=None, runs=None, **changes):
    """Return the finished drawing of a spec; `scores` and `runs` replace the study's own."""
    use_style()
    asked = Asked(study.asked(spec, **changes), study.tables, "figures")
    given = {
        "scores": study.scores if scores is None else scores,
        "runs": study.runs if runs is None else runs,
        "items": Items(study.tables / "items.parquet"),
        "context": asked.context,
        "published_folder": None,
    }
    drawing = call_kind(FIGURES, "draw", spec, given, asked.defaults, asked.where)
    finish(drawing, asked.statements(drawing.table))
    return drawing


def line_of(study, benchmark, code):
    rows = study.scores.merge(study.runs, on="run")
    rows = rows[(rows["evaluation"] == benchmark) & (rows["language"] == code) & (rows["measure"] == "acc")]
    return 100 * rows.set_index("n_languages")["value"]


@pytest.mark.parametrize("name", SPECS)
def test_no_text_overlaps_or_leaves_the_page_and_every_number_is_drawn(study, name):
    drawing = draw(study, SPECS[name])
    figure = drawing.figure
    assert drawn_values(figure) == csv_values(drawing.table)
    boxes = texts_of(figure)
    assert len(boxes) > 8
    for text, box in boxes.items():
        assert box.x0 >= -1 and box.y0 >= -1, text
        assert box.x1 <= figure.bbox.width + 1 and box.y1 <= figure.bbox.height + 1, text
    assert overlaps(boxes) == []


@pytest.mark.parametrize("spec", [{**SPECS["fig1a"], "benchmarks": ["xcopa", "xwinograd"]}, SPECS["fig3c"]])
def test_52_models_fit_as_well(dense, spec):
    figure = draw(dense, spec, scale="full").figure
    assert len(texts_of(figure)) > 15
    assert overlaps(texts_of(figure)) == []


def test_a_world_says_so_and_full_scale_does_not(study):
    for scale in ("world", "full"):
        found = any(WORLD in text for text, *_ in texts_of(draw(study, SPECS["fig1a"], scale=scale).figure))
        assert found == (scale == "world")
        assert (WORLD in caption(FIGURES, "draw", study.asked(SPECS["fig1a"], scale=scale))) == found


def test_what_mixtures_lack_is_said_once():
    lack = "replay: 60 of 4,000 rows asked for are there"
    assert missing_rows([("none", []), ("a", [lack])]) == [f"a: {lack}."]
    assert missing_rows([("a", [lack]), ("b", [lack]), ("b", [lack])]) == [f"2 mixtures: {lack}."]
    many = [(name, [f"{name} rows of xh"]) for name in "12345"]
    assert missing_rows(many)[2:] == ["3: 3 rows of xh.", "2 more are in the column 'notes' of runs.parquet."]


def test_the_black_square_stands_where_the_language_enters(study):
    axes = draw(study, SPECS["fig3c"]).figure.axes[0]
    squares = [line for line in axes.lines if line.get_marker() == "s"]
    value = line_of(study, "xcopa", "th")[52]
    assert [(*square.get_xdata(), *square.get_ydata()) for square in squares] == [(52, value)]
    assert not [line for line in draw(study, SPECS["fig2b"]).figure.axes[0].lines if line.get_marker() == "s"]


@pytest.mark.parametrize("base", [0.515, 0.488])
def test_the_word_chance_is_not_struck_through_by_a_base_model_near_chance(study, base):
    near = study.scores.copy()
    untuned = study.runs.loc[study.runs["method"] == "base", "run"]
    near.loc[near["run"].isin(untuned), "value"] = base
    figure = draw(study, SPECS["fig3c"], near).figure
    box = next(box for (text, *_), box in texts_of(figure).items() if text == "chance")
    axes = figure.axes[0]
    for height in (100 * base, 50.0):
        pixel = axes.transData.transform((0, height))[1]
        assert not box.y0 < pixel < box.y1
    assert box.y0 > axes.get_window_extent().y0


def test_chance_belongs_to_measures_that_have_one(study):
    def words(**changes):
        return {text.replace("\n", " ") for text, *_ in texts_of(draw(study, SPECS["fig3c"] | changes).figure)}

    assert "chance" in words() and "accuracy (%)" in words()
    assert "chance" in words(measure="choice_probability")
    assert "chance" not in words(measure="margin") and "margin of the right choice (nats)" in words(measure="margin")
    assert any("lower is better" in text for text in words(measure="bits_per_byte"))


def test_exposure_panels_are_the_papers(study):
    titles = {
        name: [axes.get_title(loc="left") for axes in draw(study, SPECS[name]).figure.axes if axes.get_visible()]
        for name in ("fig2", "fig3", "fig4")
    }
    assert titles["fig2"] == ["(a) Haitian Creole, XCOPA", "(b) Basque, XStoryCloze"]
    assert titles["fig4"] == ["(a) Quechua, XCOPA", "(b) Japanese, XWinograd"]
    assert [title.split(" ", 1)[1] for title in titles["fig3"]] == [
        "Estonian, XCOPA",
        "Italian, XCOPA",
        "Thai, XCOPA",
        "Turkish, XCOPA",
        "Burmese, XStoryCloze",
        "Russian, XStoryCloze",
        "Russian, XWinograd",
    ]


def test_the_command_writes_the_same_files_twice(study, tmp_path):
    spec = write_json(tmp_path / "fig1a.json", study.asked(SPECS["fig1a"]))
    for folder in ("one", "two"):
        command(spec=spec, scores=study.tables, output_stem=tmp_path / folder / "fig1a")
    names = sorted(path.name for path in (tmp_path / "one").iterdir())
    assert names == ["fig1a.csv", "fig1a.pdf", "fig1a.png", "fig1a.svg"]
    for name in names:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes(), name
    with open(tmp_path / "one" / "fig1a.csv", encoding="utf-8") as lines:
        rows = list(csv.DictReader(lines))
    assert len(rows) == 3 * 14
    run = study.runs.loc[study.runs["n_languages"] == 52, "run"].item()
    mean = study.scores[(study.scores["run"] == run) & (study.scores["evaluation"] == "xwinograd")]
    mean = mean[(mean["aggregate"] == "mean") & (mean["measure"] == "acc")]
    written = [row for row in rows if row["evaluation"] == "xwinograd" and row["n_languages"] == "52"]
    assert float(written[0]["value"]) == pytest.approx(100 * mean["value"].item())
    assert b"CreationDate" not in (tmp_path / "one" / "fig1a.pdf").read_bytes()


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ({"draw": "accuracy_by_language"}, ["accuracy_by_language", "did you mean 'accuracy_by_languages'"]),
        ({"draw": "accuracy_by_languages"}, ["needs the option 'benchmarks'"]),
        ({**SPECS["fig1a"], "benchmrks": []}, ["benchmrks", "did you mean 'benchmarks'"]),
        ({**SPECS["fig1a"], "mean": "mode"}, ["mode", "mean, group"]),
        ({**SPECS["fig1a"], "benchmarks": ["xcop"]}, ["xcop", "did you mean 'xcopa'"]),
        ({**SPECS["fig1a"], "measure": "margins"}, ["margins", "did you mean 'margin'"]),
        ({**SPECS["fig1a"], "against": "n_language"}, ["n_language", "did you mean 'n_languages'"]),
        ({**SPECS["fig1b"], "languages": ["ru"]}, ["xcopa has no 'ru'"]),
        ({**SPECS["fig3c"], "exposure": "base"}, ["'th'", "'tuning'", "not 'base'"]),
        ({**SPECS["fig3c"], "exposure": "tuned"}, ["tuned", "did you mean 'tuning'"]),
        ({"draw": "language_accuracy", "benchmark": "xcopa"}, ["'languages' and 'exposure'"]),
        ({"draw": "language_accuracy", "benchmark": "xwinograd", "exposure": "base"}, ["no language of xwinograd"]),
        ({"draw": "language_accuracy", "benchmark": "xstorycloze", "exposure": "both"}, ["8 lines are too many"]),
        ({**SPECS["tokens"], "marks": "dots"}, ["dots", "curves, points, bars"]),
    ],
)
def test_a_wrong_spec_is_explained(study, spec, words):
    with pytest.raises(InputError) as error:
        draw(study, spec)
    for word in ["lucky52: figures.test", *words]:
        assert word in str(error.value)


def test_two_bases_are_refused_or_drawn_as_two_lines(tmp_path):
    runs = [*incremental_runs((1, 2, 4)), *incremental_runs((1, 2, 4), base="world-t5")]
    study = collect_study(tmp_path, write_results(tmp_path, runs, ("xwinograd",), items=50))
    spec = {"draw": "accuracy_by_languages", "benchmarks": ["xwinograd"]}
    with pytest.raises(InputError, match=r"figures.test.*one base.*'by: base'"):
        draw(study, spec)
    both = draw(study, {**spec, "by": "base"})
    words = {text for text, *_ in texts_of(both.figure)}
    assert {"world-bloom", "world-t5", "world-bloom, base", "world-t5, base"} <= words
    assert drawn_values(both.figure) == csv_values(both.table)


def test_exposure_groups_are_those_of_the_base_that_is_shown(tmp_path):
    runs = [*incremental_runs((2, 4)), *incremental_runs((2, 4), base="world-t5")]
    for run in runs[3:]:
        run["seen_languages"] = ["ru"]
    study = collect_study(tmp_path, write_results(tmp_path, runs, ("xwinograd",), items=30))
    spec = {"draw": "exposure_panels", "benchmarks": ["xwinograd"], "exposure": "base"}
    with pytest.raises(InputError, match=r"'en' is in exposure groups both and tuning: choose one base with 'bases'"):
        draw(study, {**spec, "by": "base"})
    for base, titles in (("world-t5", ["(a) Russian, XWinograd"]),
                         ("world-bloom", ["(a) French, XWinograd", "(b) Portuguese, XWinograd"])):  # fmt: skip
        axes = draw(study, {**spec, "bases": [base]}).figure.axes
        assert [one.get_title(loc="left") for one in axes if one.get_visible()] == titles


def test_methods_share_the_line_of_their_base(tmp_path):
    runs = [make_run([])]
    for method, share in itertools.product(("full", "lora"), (0, 20, 100)):
        family = {"family": "share", "coordinates": {"percent": share}, "method": method}
        runs.append(make_run(["en", "zh"], f"world-share-{share}-all", **family))
    study = collect_study(tmp_path, write_results(tmp_path, runs, ("xwinograd", "xcopa"), items=50))
    spec = {"draw": "accuracy_by_languages", "benchmarks": ["xcopa"], "against": "percent", "by": "method"}
    drawing = draw(study, spec)
    words = {text for text, *_ in texts_of(drawing.figure)}
    assert {"full", "lora", "base model", "rows spread over all languages (%)"} <= words
    assert "language added last" not in words
    assert drawn_values(drawing.figure) == csv_values(drawing.table)
    dashed = [line for line in drawing.figure.axes[0].lines if line.get_linestyle() == "--"]
    assert len(dashed) == 1


ODD = {
    "fig1a": {"draw": "accuracy_by_languages", "benchmarks": ["xwinograd"]},
    "fig1b": {"draw": "language_accuracy", "benchmark": "xwinograd", "languages": ["en"]},
    "panels": {"draw": "exposure_panels", "benchmarks": ["xwinograd"], "exposure": "both"},
    "points": {"draw": "values", "benchmarks": ["xwinograd"], "by": "exposure"},
    "bars": {"draw": "values", "benchmarks": ["xwinograd"], "against": "model", "marks": "bars"},
}


@pytest.fixture(scope="module")
def odd(tmp_path_factory):
    """Studies of few models and few items, by (sizes, items)."""
    studies = {}
    for sizes, items in (((1, 2), 1), ((1,), 20), ((), 20), ((1, 2), 20), ((4,), 1)):
        folder = tmp_path_factory.mktemp("odd")
        runs = [run | {"seen_languages": ["en", "zh"]} for run in incremental_runs(sizes)]
        studies[sizes, items] = collect_study(folder, write_results(folder, runs, ("xwinograd",), items=items))
    return studies


@pytest.mark.parametrize(
    ("sizes", "items", "constant"),
    [((1, 2), 1, False), ((1,), 20, False), ((), 20, False), ((1, 2), 20, True), ((4,), 1, True)],
    ids=["one item", "one model", "base only", "constant", "all of these"],
)
@pytest.mark.parametrize(
    ("name", "measure"), [*((name, "acc") for name in ODD), ("fig1b", "margin"), ("bars", "margin")]
)
def test_odd_studies_have_finite_axes_and_no_nan(odd, name, measure, sizes, items, constant):
    study = odd[sizes, items]
    spec = {**ODD[name], "measure": measure}
    if name == "panels" and not sizes:
        with pytest.raises(InputError, match="no language of xwinograd is in the exposure group 'both'"):
            draw(study, spec)  # nothing is tuned
        return
    drawing = draw(study, spec, study.scores.assign(value=0.5, stderr=0.0) if constant else study.scores)
    for axes in drawing.figure.axes:
        assert np.isfinite([*axes.get_xlim(), *axes.get_ylim()]).all()
        assert axes.get_ylim()[0] < axes.get_ylim()[1] and axes.get_xlim()[0] < axes.get_xlim()[1]
    boxes = texts_of(drawing.figure)
    assert not [text for text, *_ in boxes if "nan" in text.split()]
    assert overlaps(boxes) == []
    assert drawn_values(drawing.figure) == csv_values(drawing.table)
    if items == 1 and name in ("fig1b", "panels"):
        assert any("; 1 item each." in text for text, *_ in boxes)


def test_notes_count_seeds_worlds_and_items(tmp_path):
    runs = [run for world in ("w1", "w2") for run in incremental_runs((1, 2), world=world)]
    runs += [run | {"run": run["run"][:-1] + "2", "seed": 2} for run in runs if run["languages"]]
    study = collect_study(tmp_path, write_results(tmp_path, runs, ("xwinograd",), items=30))
    words = " ".join(text for text, *_ in texts_of(draw(study, {**SPECS["fig1a"], "benchmarks": ["xwinograd"]}).figure))
    assert "interval over items and 2 seeds and 2 worlds; 8 tuned models; 180 items each" in words
    assert "Generated worlds w1, w2: validate" in words


def test_the_footer_of_a_study_whose_mixtures_lack_rows(tmp_path):
    spec = write_results(tmp_path, incremental_runs((1, 2)), ("xwinograd",), items=30)
    write_mixture(
        tmp_path, "world-w1-incremental-02-all", ["en", "zh"], ["replay: 60 of 4,000 rows asked for are there"]
    )
    study = collect_study(tmp_path, spec)
    asked = write_json(tmp_path / "asked.json", study.asked({**SPECS["fig1a"], "benchmarks": ["xwinograd"]}))
    command(spec=asked, scores=study.tables, output_stem=tmp_path / "fig")
    assert "replay: 60 of 4,000 rows" in (tmp_path / "fig.svg").read_text()


def test_a_broken_spec_names_its_key(study, tmp_path):
    asked = study.asked(SPECS["fig1a"])
    del asked["languages"]
    with pytest.raises(InputError, match=r"asked.json: key 'languages' is missing"):
        command(spec=write_json(tmp_path / "asked.json", asked), scores=study.tables, output_stem=tmp_path / "f")
    with pytest.raises(InputError, match=r"runs.parquet: no such file; run polytune collect-scores"):
        spec = write_json(tmp_path / "asked.json", study.asked(SPECS["fig1a"]))
        command(spec=spec, scores=tmp_path, output_stem=tmp_path / "f")


def test_a_study_without_bytes_says_how_to_get_them(study):
    older = study.scores[study.scores["measure"] != "bits_per_byte"]
    with pytest.raises(InputError, match=r"no measure 'bits_per_byte'.*evaluate again"):
        draw(study, SPECS["fig3c-bits"], older)


def test_the_csv_has_the_columns_of_the_points(study):
    assert list(draw(study, SPECS["fig3c"]).table) == [
        "evaluation", "language", "aggregate", "origin", "base", "method", "n_languages", "mixture", "added", "tuned",
        "value", "low", "high", "stderr", "freedom", "items", "coverage", "seeds", "worlds",
    ]  # fmt: skip
