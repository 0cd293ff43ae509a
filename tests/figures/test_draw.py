"""Every figure of Lucky 52 from made-up scores: numbers, nothing overlapping, files without timestamps, messages."""

import csv
import json
from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from polytune.errors import InputError
from polytune.figures.draw import command, draw_figure
from polytune.figures.drawing import WORLD_NOTE, finish
from polytune.figures.series import select_line
from polytune.figures.style import use_style
from tests.cases.synthetic_study import synthetic_scores

ALL = ["xcopa", "xstorycloze", "xwinograd"]
SPECS = {
    "fig1a": {"draw": "accuracy_by_languages", "benchmarks": ALL},
    "fig1a-items": {"draw": "accuracy_by_languages", "benchmarks": ALL, "mean": "group"},
    "fig1b": {"draw": "language_accuracy", "benchmark": "xcopa", "languages": ["zh"]},
    "fig1d": {"draw": "language_accuracy", "benchmark": "xwinograd", "languages": ["en", "zh"]},
    "fig2b": {"draw": "language_accuracy", "benchmark": "xstorycloze", "exposure": "base"},
    "fig3c": {"draw": "language_accuracy", "benchmark": "xcopa", "languages": ["th"], "exposure": "tuning"},
    "fig4b": {"draw": "language_accuracy", "benchmark": "xwinograd", "exposure": "neither"},
    "fig2": {"draw": "exposure_panels", "benchmarks": ALL, "exposure": "base"},
    "fig3": {"draw": "exposure_panels", "benchmarks": ALL, "exposure": "tuning"},
    "fig4": {"draw": "exposure_panels", "benchmarks": ALL, "exposure": "neither"},
}


@pytest.fixture(scope="module")
def scores(tmp_path_factory):
    return synthetic_scores(tmp_path_factory.mktemp("study"))


@pytest.fixture(scope="module")
def dense_scores(tmp_path_factory):
    return synthetic_scores(tmp_path_factory.mktemp("dense"), sizes=range(1, 53), benchmarks=("xcopa", "xwinograd"))


def draw(scores, spec, scale="world"):
    use_style()
    drawing = draw_figure(scores, spec, "lucky52: figures.test")
    finish(drawing, scale, 1)
    return drawing


def texts_of(figure):
    """Return the boxes of all texts that are really drawn, in pixels, by (text, place)."""
    from matplotlib.text import Text

    drawn = []
    draw_text = Text.draw
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Text, "draw", lambda text, renderer: (drawn.append(text), draw_text(text, renderer)))
        figure.draw_without_rendering()
    boxes = [(text.get_text(), text.get_window_extent()) for text in drawn if text.get_text().strip()]
    return {(text, round(box.x0), round(box.y0)): box for text, box in boxes}


def overlaps(boxes):
    """Return the pairs of texts that overlap by more than a pixel."""
    found = []
    for (first, one), (second, other) in combinations(boxes.items(), 2):
        across = min(one.x1, other.x1) - max(one.x0, other.x0)
        upward = min(one.y1, other.y1) - max(one.y0, other.y0)
        if across > 1 and upward > 1:
            found.append((first, second))
    return found


@pytest.mark.parametrize("name", SPECS)
def test_no_text_overlaps_another_or_leaves_the_page(scores, name):
    figure = draw(scores, SPECS[name]).figure
    boxes = texts_of(figure)
    assert len(boxes) > 8
    for text, box in boxes.items():
        assert box.x0 >= -1 and box.y0 >= -1, text
        assert box.x1 <= figure.bbox.width + 1 and box.y1 <= figure.bbox.height + 1, text
    assert overlaps(boxes) == []


@pytest.mark.parametrize("spec", [{**SPECS["fig1a"], "benchmarks": ["xcopa", "xwinograd"]}, SPECS["fig3c"]])
def test_52_models_fit_as_well(dense_scores, spec):
    assert overlaps(texts_of(draw(dense_scores, spec, "full").figure)) == []


def test_a_world_says_so_and_full_scale_does_not(scores):
    note = WORLD_NOTE.format(seed=" (seed 1)")
    for scale in ("world", "full"):
        found = any(note in text for text, *_ in texts_of(draw(scores, SPECS["fig1a"], scale).figure))
        assert found == (scale == "world")


def test_the_line_holds_the_scores_and_their_intervals(scores):
    line = select_line(scores, "xcopa", "th")
    rows = scores[(scores["benchmark"] == "xcopa") & (scores["language"] == "th")].sort_values("n_languages")
    np.testing.assert_allclose(line["accuracy"], 100 * rows["value"])
    for point, value in zip(line.itertuples(), rows["value"], strict=True):
        interval = stats.binomtest(round(500 * value), 500).proportion_ci(0.95, method="wilson")
        assert (point.low, point.high) == pytest.approx((100 * interval.low, 100 * interval.high), abs=1e-3)
    mean = select_line(scores, "xcopa", "mean")
    np.testing.assert_allclose(mean["high"] - mean["low"], 2 * 1.96 * mean["stderr"])
    assert line["n_languages"].tolist() == [0, 1, 2, 4, 8, 12, 16, 20, 25, 26, 32, 39, 45, 52]
    assert line["added"].tolist()[:4] == ["", "en", "zh", "ar"]


def test_seeds_are_averaged_and_their_spread_counts(scores):
    second = scores[scores["method"] != "base"].assign(seed=2)
    second = second.assign(value=second["value"] + 0.02)
    line = select_line(pd.concat([scores, second]), "xcopa", "th").set_index("n_languages")
    single = select_line(scores, "xcopa", "th").set_index("n_languages")
    assert line.loc[8, "accuracy"] == pytest.approx(single.loc[8, "accuracy"] + 1)
    # two seeds 2 points apart: standard deviation sqrt(2), standard error of their mean 1
    assert line.loc[8, "stderr"] == pytest.approx(np.hypot(single.loc[8, "stderr"], 1))
    assert line.loc[0, "seeds"] == 1 and line.loc[8, "seeds"] == 2


def test_the_black_square_stands_where_the_language_enters(scores):
    axes = draw(scores, SPECS["fig3c"]).figure.axes[0]
    squares = [line for line in axes.lines if line.get_marker() == "s"]
    line = select_line(scores, "xcopa", "th").set_index("n_languages")
    assert [(*square.get_xdata(), *square.get_ydata()) for square in squares] == [(52, line.loc[52, "accuracy"])]
    assert not [line for line in draw(scores, SPECS["fig2b"]).figure.axes[0].lines if line.get_marker() == "s"]


def test_the_word_chance_is_not_struck_through_by_a_base_model_near_chance(scores):
    near = scores.copy()
    near.loc[near["method"] == "base", "value"] = 0.515
    figure = draw(near, SPECS["fig3c"]).figure
    box = next(box for (text, *_), box in texts_of(figure).items() if text == "chance")
    axes = figure.axes[0]
    for height in (51.5, 50.0):
        pixel = axes.transData.transform((0, height))[1]
        assert not box.y0 < pixel < box.y1
    assert box.y0 > axes.get_window_extent().y0


def test_exposure_panels_are_the_papers(scores):
    titles = {
        name: [axes.get_title(loc="left") for axes in draw(scores, SPECS[name]).figure.axes if axes.get_visible()]
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


def test_the_command_writes_the_same_files_twice(scores, tmp_path):
    scores.to_parquet(tmp_path / "scores.parquet")
    for folder in ("one", "two"):
        command(
            study="lucky52",
            figure="fig1a",
            spec=json.dumps(SPECS["fig1a"]),
            scores=tmp_path / "scores.parquet",
            output_stem=tmp_path / folder / "fig1a",
        )
    names = sorted(path.name for path in (tmp_path / "one").iterdir())
    assert names == ["fig1a.csv", "fig1a.pdf", "fig1a.png", "fig1a.svg"]
    for name in names:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes(), name
    with open(tmp_path / "one" / "fig1a.csv", encoding="utf-8") as lines:
        rows = list(csv.DictReader(lines))
    assert len(rows) == 3 * 14
    mean = scores[(scores["benchmark"] == "xwinograd") & (scores["kind"] == "mean") & (scores["n_languages"] == 52)]
    written = [row for row in rows if row["benchmark"] == "xwinograd" and row["n_languages"] == "52"]
    assert float(written[0]["accuracy"]) == pytest.approx(100 * mean["value"].iloc[0])
    assert b"CreationDate" not in (tmp_path / "one" / "fig1a.pdf").read_bytes()


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ({"draw": "accuracy_by_language"}, ["accuracy_by_language", "did you mean 'accuracy_by_languages'"]),
        ({"draw": "accuracy_by_languages"}, ["needs the option 'benchmarks'"]),
        ({**SPECS["fig1a"], "benchmrks": []}, ["benchmrks", "did you mean 'benchmarks'"]),
        ({**SPECS["fig1a"], "mean": "mode"}, ["mode", "mean, group"]),
        ({**SPECS["fig1a"], "benchmarks": ["xcop"]}, ["xcop", "did you mean 'xcopa'"]),
        ({**SPECS["fig1b"], "languages": ["ru"]}, ["xcopa has no 'ru'"]),
        ({**SPECS["fig3c"], "exposure": "base"}, ["'th'", "'tuning'", "not 'base'"]),
        ({**SPECS["fig3c"], "exposure": "tuned"}, ["tuned", "did you mean 'tuning'"]),
        ({"draw": "language_accuracy", "benchmark": "xcopa"}, ["'languages' and 'exposure'"]),
        ({"draw": "language_accuracy", "benchmark": "xwinograd", "exposure": "base"}, ["no language of xwinograd"]),
        ({"draw": "language_accuracy", "benchmark": "xstorycloze", "exposure": "both"}, ["8 lines are too many"]),
    ],
)
def test_a_wrong_spec_is_explained(scores, spec, words):
    use_style()
    with pytest.raises(InputError) as error:
        draw_figure(scores, spec, "lucky52: figures.fig9")
    for word in ["lucky52: figures.fig9", *words]:
        assert word in str(error.value)


def test_two_bases_are_no_line(scores):
    both = pd.concat([scores, scores.assign(base="world-t5")])
    with pytest.raises(InputError, match="one base and one method"):
        select_line(both, "xcopa", "th")
