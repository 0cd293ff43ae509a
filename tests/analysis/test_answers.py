"""Judged answers: one system of many models, coverage, parts of a difference, languages, against hand-made numbers."""

import numpy as np
import pandas as pd
import pytest

from polytune.analysis.asked import Asked
from polytune.analysis.choices import Choice, Layout, RunChoice, check_coverage
from polytune.analysis.decomposition import PARTS, difference_scores, split_difference
from polytune.analysis.groups import choose_units
from polytune.analysis.languages import language_shares
from polytune.analysis.points import select_points
from polytune.analysis.systems import join_own
from polytune.errors import InputError
from tests.cases.synthetic_answers import TUNED, alpaca_study

RATING = Choice(measure="rating_in_language", own=["monolingual"])
LARGE = "world-bloom-l"


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    return alpaca_study(tmp_path_factory.mktemp("study"), items=20)


def tables(study, **spec):
    return Asked(study.asked(spec), study.tables, "figures").tables(("confusion",))


@pytest.fixture(scope="module")
def own(study):
    return tables(study, own=["monolingual"])


def test_null_responders_stand_apart(study):
    given = tables(study)
    assert set(given["responders"]["method"]) == {"null"} and "rating" in set(given["responders"]["measure"])
    assert not given["scores"]["run"].str.startswith("null-").any() and "null" not in set(given["runs"]["method"])


def test_a_system_is_in_each_language_the_run_tuned_on_it(study, own):
    rows = own["scores"].query("measure == 'rating' and language == 'es'").set_index("run")["value"]
    system = own["runs"].query("mixture == 'monolingual' and base == 'world-bloom-l-w1'")
    assert list(system["languages"].iloc[0]) == list(TUNED) and len(system) == 1
    single = study.scores.query("measure == 'rating' and language == 'es'").set_index("run")["value"]
    spanish = "world-bloom-l-w1/full/world-w1-es-all/seed1"
    assert rows[system["run"].iloc[0]] == single[spanish] and spanish not in rows.index
    # the run tuned on English alone is one of another family, too
    assert "world-bloom-l-w1/full/world-w1-en-all/seed1" in rows.index


def test_the_mean_over_languages_is_of_the_systems_items(study, own):
    rows = choose_units(own["scores"], study.context, own["items"], RATING, (), ["questions"], list(TUNED), "mean")
    points = select_points(rows, own["runs"], RATING, Layout("parameters", "family")).set_index(
        ["parameters", "family"]
    )
    items = pd.read_parquet(study.tables / "items.parquet").query("measure == 'rating_in_language'")
    runs = {code: f"world-bloom-l-w1/full/world-w1-{code}-all/seed1" for code in TUNED}
    wide = pd.DataFrame({code: items[(items["run"] == run) & (items["language"] == code)].set_index("item")["value"]
                         for code, run in runs.items()})  # fmt: skip
    point = points.loc[1_600_000, "monolingual"]
    assert point["value"] == pytest.approx(wide.mean().mean())
    assert point["stderr"] == pytest.approx(np.hypot(wide.mean(axis=1).sem(), rows["drift"].iloc[0]))
    assert len(points) == 3 * 5 and point["items"] == 60


def test_a_mean_over_languages_that_a_system_lacks_is_refused(study, own):
    def means(languages, mean):
        return choose_units(own["scores"], study.context, own["items"], RATING, (), ["questions"], languages, mean)

    with pytest.raises(InputError, match="own: a mean needs the option 'languages'"):
        means(None, None)
    with pytest.raises(InputError, match=r"monolingual.* has no score of all of en bn in questions"):
        means(["en", "bn"], "mean")
    with pytest.raises(InputError, match="'group' is the mean over all"):
        means(["en"], "group")


@pytest.mark.parametrize(
    ("families", "words"),
    [
        (["monolngual"], ["own: no family 'monolngual'", "did you mean 'monolingual'"]),
        (["multilingual"], ["tuned on 3 languages"]),
    ],
)
def test_what_is_no_system_is_explained(study, families, words):
    with pytest.raises(InputError) as error:
        join_own(study.runs, families)
    for word in words:
        assert word in str(error.value)
    twice = study.runs.assign(family=study.runs["family"].replace("english", "monolingual"))
    with pytest.raises(InputError, match="two runs tuned on 'en' alone"):
        join_own(twice, ["monolingual"])


def test_totals_are_of_prompts_and_shares_stay_shares():
    assert Choice(measure="rating", total_of=50).info.scale == 50
    assert Choice(measure="rating", total_of=50).info.axis == "rating (total of 50)"
    assert Choice(measure="win", total_of=50).info.scale == 100


def test_too_many_missing_verdicts_are_refused(study):
    scores = study.scores.query("measure == 'rating' and aggregate == ''")
    few = scores.assign(missing=0)
    few.loc[few.index[:2], "missing"] = [1, 0]  # one of the 81 of a run
    with pytest.raises(InputError, match=r"1 of 81 verdicts on questions of .* are missing \(judge exact, protocol"):
        check_coverage(few, Choice(measure="rating"))
    check_coverage(few, Choice(measure="rating", largest_missing_share=0.02))
    check_coverage(few.assign(protocol="language"), Choice())  # an undecided language is no failed judge
    with pytest.raises(InputError, match=r"analysis.largest_missing_share"):
        select_points(few, study.runs, Choice(measure="rating", bases=[LARGE.replace("-l", "-s")]), Layout("mixture"))


def test_a_choice_of_judges_is_checked(study):
    choice = Choice(measure="rating", judge="exct")
    with pytest.raises(InputError, match="judge: no 'exct'; did you mean 'exact'"):
        choose_units(study.scores, study.context, None, choice, (), ["questions"], None, None)


def test_parts_add_up_and_know_pure_cases():
    index = pd.RangeIndex(4, name="item")
    ours = pd.DataFrame({"rating": [3.0, 3, 2, 2], "rating_in_language": [3.0, 3, 2, 0]}, index)
    theirs = pd.DataFrame({"rating": [3.0, 1, 3, 3], "rating_in_language": [0.0, 1, 0, 3]}, index)
    parts = split_difference(ours, theirs)
    assert parts[PARTS[0]].tolist() == [3, 0, 2.5, -2.5] and parts[PARTS[1]].tolist() == [0, 2, -0.5, -0.5]
    assert (parts[PARTS[0]] + parts[PARTS[1]] == parts[PARTS[2]]).all()
    assert split_difference(theirs, ours).equals(-parts + 0.0)
    # with one prompt and shares instead of yes or no: Kitagawa's rates and composition
    assert len(split_difference(ours, theirs.iloc[:2])) == 2


def test_differences_are_paired_by_prompt(study, own):
    choice = Choice(measure="rating_in_language", own=["monolingual"], bases=[LARGE])
    given = (own["scores"], own["runs"], own["items"], choice, "questions")
    rows = difference_scores(*given, "english", ["en", "es"])
    whole = rows[rows["part"] == PARTS[2]].set_index(["run", "language"])
    run = own["runs"].query("family == 'multilingual' and base == 'world-bloom-l-w1'")["run"].iloc[0]
    items = own["items"].read("questions", "world", "rating_in_language").query("language == 'es'")
    wide = items.pivot(index="item", columns="run", values="value")
    difference = wide[run] - wide["world-bloom-l-w1/full/world-w1-en-all/seed1"]
    assert whole.loc[(run, "es"), "value"] == pytest.approx(difference.mean())
    assert whole.loc[(run, "es"), "stderr"] == pytest.approx(difference.sem())
    assert set(rows["language"]) == {"en", "es", ""} and rows["run"].nunique() == 3
    assert set(difference_scores(*given, "base", ["en"])["run"]) > set(rows["run"])
    with pytest.raises(InputError, match="reference: no 'englsh'; did you mean 'english'"):
        difference_scores(*given, "englsh", ["en"])


def test_languages_that_nobody_asked_in_are_one_column(study, own):
    choice = RunChoice(bases=[LARGE])
    shares = language_shares(own["confusion"], own["runs"], choice, "questions", ["es", "bg"], "family")
    english = shares[shares["panel"] == "english"].set_index(["language", "answered"])["share"]
    assert list(dict.fromkeys(shares["answered"])) == ["es", "bg", "other"]
    assert english.loc["es", "other"] > 0.5 > english.loc["es", "es"] > english.loc["es", "bg"] == 0
    sums = shares.groupby(["panel", "language"])["share"].sum()
    np.testing.assert_allclose(sums, 1)
    with pytest.raises(InputError, match="panels: no column 'famly'; did you mean 'family'"):
        language_shares(own["confusion"], own["runs"], choice, "questions", None, "famly")
    with pytest.raises(InputError, match="in 'zh'"):
        language_shares(own["confusion"], own["runs"], choice, "questions", ["zh"], "family")
