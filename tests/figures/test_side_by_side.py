"""Figures of models set side by side: cells, lines, bars and dots are what the verdicts say, worked out again."""

import numpy as np
import pytest

from polytune.analysis.asked import Asked
from polytune.config.kinds import call_kind
from polytune.errors import InputError
from polytune.figures.drawing import finish
from polytune.figures.kinds import FIGURES
from polytune.figures.style import use_style
from tests.cases.drawn import overlaps, texts_of
from tests.cases.synthetic_duels import ASKED, pinch_study

WIN = {"benchmark": "questions", "measure": "win", "opponent": "monolingual"}
OTHERS = [code for code in ASKED if code != "en"]
SPECS = {
    "matrix": {"draw": "matrix", "families": ["monolingual"], "labels": {"ru": "East, Cyrillic"}} | WIN,
    "groups": {"draw": "language_groups", "families": ["percent"], "against": "percent",
               "groups": {"non-English": OTHERS, "English": ["en"]}} | WIN,
    "pairs": {"draw": "pair_means", "families": ["monolingual", "pairs"]} | WIN,
    "shares": {"draw": "corpus_share", "families": ["monolingual"], "shares": "shares.csv", "left_out": ["en"],
               "published_r": 0.22} | WIN,
    "ratings": {"draw": "rating_shares", "families": ["monolingual"], "benchmark": "questions", "measure": "rating",
                "names": {"3": "excellent", "2": "pass", "1": "fail"}},
}  # fmt: skip


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    return pinch_study(tmp_path_factory.mktemp("study"))


@pytest.fixture(scope="module")
def wins(study):
    """Win rates in percent by run and language, from the scores alone."""
    rows = study.scores.query("measure == 'win' and aggregate == ''")
    return 100 * rows.pivot(index="run", columns="language", values="value")


def draw(study, spec, folder=None, **changes):
    use_style()
    asked = Asked(study.asked(spec, **changes), study.tables, "figures")
    given = {**asked.tables(FIGURES[spec["draw"]].needs), "context": asked.context, "published_folder": folder}
    drawing = call_kind(FIGURES, "draw", spec, given, asked.defaults, asked.where)
    finish(drawing, asked.statements(drawing.table))
    return drawing


def run_of(name):
    return f"world-bloom-w1/full/world-w1-{name}-9-rows/seed1"


@pytest.mark.parametrize("name", SPECS)
def test_nothing_overlaps_and_all_is_inside(study, name):
    boxes = texts_of(draw(study, SPECS[name]).figure)
    assert not overlaps(boxes)


def test_columns_are_coloured_one_by_one_and_the_diagonal_is_not(study, wins):
    drawing = draw(study, SPECS["matrix"])
    shades = drawing.figure.axes[0].images[0].get_array()
    order = [label.get_text().split("\n")[0] for label in drawing.figure.axes[0].get_yticklabels()]
    codes = ["ru", *(code for code in ASKED if code != "ru")]  # what has a label stands first
    assert order[0] == "Russian" and len(order) == len(ASKED)
    for column, asked in enumerate(codes):
        values = np.array([wins.at[run_of(code), asked] for code in codes])
        assert np.isnan(values[column]) and np.ma.getmaskarray(shades)[column, column]
        low, high = np.nanmin(values), np.nanmax(values)
        expected = np.delete((values - low) / (high - low), column)
        np.testing.assert_allclose(np.delete(shades[:, column].filled(-1), column), expected)
    texts = [text.get_text() for text in drawing.figure.axes[0].texts]
    assert texts[:: len(ASKED) + 1] == ["50"] * len(ASKED)
    whole = draw(study, SPECS["matrix"] | {"scale": "all"}).figure.axes[0].images[0].get_array()
    assert whole.min() == 0 and whole.max() == 1 and (whole.min(axis=0) > 0).any()


def test_a_group_is_the_mean_of_its_languages_and_a_model_against_itself_is_fifty(study, wins):
    table = draw(study, SPECS["groups"]).table
    lines = table[table["aggregate"] == table["group"]].set_index(["group", "percent"])["value"]
    for percent in (10, 50, 100):
        own = wins.loc[run_of(f"percent-{percent}")]
        assert lines["non-English", percent] == pytest.approx(own[OTHERS].mean())
        assert lines["English", percent] == pytest.approx(own["en"])
    assert lines["English", 0] == 50
    dots = table[table["language"] != ""]
    assert set(dots["language"]) == set(OTHERS)


def test_a_line_that_stands_alone_says_of_which_languages_and_models_it_is(study):
    """Two mixtures at 50 % behind one point are two models; several lines have their names above."""
    spec = SPECS["groups"] | {"groups": {"unseen": ["es", "ru"]}}
    runs = study.runs["family"] == "percent"
    said = " ".join(draw(study, spec).notes)
    assert "Line: mean over the languages 'unseen': Spanish, Russian." in said and "averages" not in said
    assert f"; {runs.sum()} tuned models;" in said
    averaged = " ".join(draw(study, spec | {"over": ["mixture"]}).notes)
    assert "Each point averages over every mixture." in averaged
    assert "Line:" not in " ".join(draw(study, SPECS["groups"]).notes)


def test_languages_stand_in_the_order_of_their_labels(study):
    spec = SPECS["matrix"] | {"labels": {"ru": "East", "it": "Romance (Spanish)"}, "labels_say": "branch"}
    drawing = draw(study, spec)
    order = [label.get_text().split("\n")[0] for label in drawing.figure.axes[0].get_yticklabels()]
    assert order[:2] == ["Russian", "Italian"] and len(order) == len(ASKED)
    assert [label.get_text() for label in drawing.figure.axes[0].get_xticklabels()] == order
    assert "Beside the languages: branch." in drawing.notes


def test_pairs_stand_beside_their_languages_in_the_others(study, wins):
    table = draw(study, SPECS["pairs"]).table.set_index(["pair", "trained"])["value"]
    rest = [code for code in ASKED if code not in ("es", "ru")]
    for tuned, run in (("es", "es"), ("ru", "ru"), ("es-ru", "es-ru")):
        assert table["es-ru", tuned] == pytest.approx(wins.loc[run_of(run), rest].mean())


def test_transfer_is_regressed_on_the_share_of_the_corpus(study, wins, tmp_path):
    shares = {"es": 7.0, "fr": 3.0, "it": 2.0, "ru": 11.0}
    rows = "".join(f"{code},{share}\n" for code, share in shares.items())
    (tmp_path / "shares.csv").write_text("# A corpus, table 6: shares\nlanguage,value\n" + rows)
    drawing = draw(study, SPECS["shares"], tmp_path, scale="full")
    points = drawing.table.set_index("tuned_on")
    for code, share in shares.items():
        others = [other for other in ASKED if other != code]
        assert points.at[code, "value"] == pytest.approx(wins.loc[run_of(code), others].mean())
        assert points.at[code, "share"] == share
    r = np.corrcoef(points["share"], points["value"])[0, 1]
    assert drawing.figure.axes[0].get_title(loc="left").startswith(f"r = {r:.2f}".replace("-", "−"))
    said = " ".join(drawing.notes)
    assert "Published r: 0.22" in said and "Without a share: Chinese." in said
    even = draw(study, SPECS["shares"])
    assert "no line" not in " ".join(even.notes) and set(even.table["share"]) > {0.0}


def test_ratings_are_those_in_the_models_own_language(study, tmp_path):
    table = draw(study, SPECS["ratings"]).table
    assert (table.groupby("language")["answers"].sum() == 30).all()
    assert np.allclose(table.groupby("language")["share"].sum(), 100)
    people = "".join(f"{run_of('es')},es,{item},{1 + item % 3}\n" for item in range(9)) + f"{run_of('es')},en,0,3\n"
    (tmp_path / "people.csv").write_text("run,language,item,rating\n" + people)
    rated = draw(study, SPECS["ratings"] | {"ratings": "people.csv"}, tmp_path).table
    assert set(rated["language"]) == {"es"} and list(rated["answers"]) == [3, 3, 3]


@pytest.mark.parametrize(
    "name, change, message",
    [
        ("matrix", {"families": ["pairs"]}, "none of the models is tuned on one language alone|no run has"),
        ("pairs", {"families": ["monolingual"]}, "none of the models is tuned on two languages"),
        ("groups", {"groups": {str(n): ["es"] for n in range(9)}}, "9 are too many for one plot"),
        ("ratings", {"families": ["pairs"]}, "no model that is tuned on one of them alone has ratings"),
    ],
)
def test_what_cannot_be_drawn_is_said(study, name, change, message):
    with pytest.raises(InputError, match=message):
        draw(study, SPECS[name] | change)
