"""The sentences below figures and tables, on small inputs whose truth is known, the null case included."""

from __future__ import annotations

import math

import pytest
from scipy.stats import norm, pearsonr

from polytune.errors import InputError
from polytune.figures.kinds import FIGURES
from polytune.languages.codes import languages
from polytune.report.sentences import OF_FIGURES, OF_TABLES, interpret
from polytune.tables.kinds import TABLES

NAMES = {code: {"name": row.name, "family": row.family, "branch": row.branch, "script": row.script}
         for code, row in languages().items()}  # fmt: skip
BENCHMARK = {"benchmark": "xcopa", "title": "XCOPA", "chance": 0.5}
ANSWERS = {"name": "questions", "origin": "world", "title": "World questions", "parallel": True}
Z = norm.ppf(0.975)


def say(kind: str, rows: list[dict], **options) -> str:
    section, key = ("figures", "draw") if kind in FIGURES else ("tables", "build")
    content = {
        "study": "s", "scale": "world", "worlds": ["w1"], "name": "one", "spec": {key: kind, **options},
        "defaults": {"outlier": "ko"}, "languages": NAMES, "answers": [ANSWERS],
        "evaluations": [{"name": "xcopa", "origin": "world", "parallel": True, "benchmark": BENCHMARK}],
    }  # fmt: skip
    return interpret(section, content, [{name: str(value) for name, value in row.items()} for row in rows])


def point(value: float, half: float, **about) -> dict:
    model = {"evaluation": "xcopa", "language": "et", "aggregate": "", "base": "b-w1", "method": "full"}
    return {
        **model,
        "n_languages": 1,
        "mixture": "m",
        **about,
        "value": value,
        "low": value - half,
        "high": value + half,
    }


BASE = point(50.0, 3.0, method="base", n_languages=0, mixture="none")


def test_every_kind_has_a_sentence():
    assert set(OF_FIGURES) == set(FIGURES) and set(OF_TABLES) == set(TABLES)


def test_a_difference_from_the_base_is_told_with_its_interval():
    half = math.hypot(3, 4)
    said = say("language_accuracy", [BASE, point(70.0, 4.0, n_languages=3)], benchmark="xcopa", languages=["et"])
    assert f"+20.0 points [{20 - half:.1f}, {20 + half:.1f}]" in said
    assert "70.0 against 50.0" in said and "excludes zero" in said


def test_no_difference_is_not_said_to_be_one():
    said = say("language_accuracy", [BASE, point(54.0, 4.0)], benchmark="xcopa", languages=["et"])
    assert "no difference from the untuned base can be seen" in said and "includes zero" in said
    assert "[−1.0, 9.0]" in said
    assert "better" not in said and "equal" not in said


def test_of_many_differences_the_largest_is_judged_with_all_of_them():
    """A difference of 2.2 standard errors is found alone; as the largest of ten it is not."""
    error = 2.0
    one = point(50.0 + 2.2 * error, Z * error / math.sqrt(2), n_languages=2)
    base = {**BASE, "low": 50 - Z * error / math.sqrt(2), "high": 50 + Z * error / math.sqrt(2)}
    assert "excludes zero" in say("accuracy_by_languages", [base, one], benchmarks=["xcopa"])
    others = [point(50.0, Z * error / math.sqrt(2), n_languages=count) for count in range(3, 12)]
    said = say("accuracy_by_languages", [base, one, *others], benchmarks=["xcopa"])
    assert "no difference from the untuned base can be seen: the largest of 10 is +4.4 points" in said
    assert "2 languages tuned on" in said and "95 % for all 10 at once" in said
    half = norm.ppf(1 - 0.025 / 10) * error
    assert f"[{2.2 * error - half:.1f}".replace("-", "−") in said


def test_only_models_of_one_base_and_language_are_set_against_each_other():
    rows = [BASE, point(55.0, 1.0), point(90.0, 1.0, language="it"), point(95.0, 1.0, base="other-w1")]
    said = say("values", rows, benchmarks=["xcopa"], against="n_languages")
    assert "+5.0 points" in said and "35" not in said and "40" not in said


def test_without_a_base_models_are_set_against_each_other():
    rows = [point(30.0, 2.0, family="a"), point(60.0, 2.0, family="b"), point(45.0, 2.0, family="c")]
    said = say("values", rows, benchmarks=["xcopa"], by="family")
    assert "3 differences between two models" in said and "+30.0 points" in said and "b over a" in said
    same = [point(30.0, 2.0, family="a"), point(30.5, 2.0, family="b")]
    assert "no difference between two models can be seen" in say("values", same, benchmarks=["xcopa"], by="family")


def test_lower_is_better_is_said():
    assert "lower is better" in say("values", [BASE, point(70.0, 1.0)], benchmarks=["xcopa"], measure="bits_per_byte")


def test_differences_of_shares_stay_within_bounds():
    rows = [{**BASE, "value": 2, "low": 0, "high": 20}, point(98.0, 18.0)]
    assert "100.0]" in say("language_accuracy", rows, benchmark="xcopa", languages=["et"])


def wins(value: float, half: float, tuned_on: str) -> dict:
    return point(value, half, evaluation="questions", tuned_on=tuned_on)


def test_wins_are_set_against_one_half():
    options = {"benchmark": "questions", "measure": "win", "opponent": "monolingual"}
    own = {**wins(50, 0, "et"), "items": 0}  # a model against itself has no width and does not count
    said = say("matrix", [own, wins(80.0, 10.0, "fi"), wins(52.0, 10.0, "en")], **options)
    assert "1 of 2 differences from winning one half" in said and "+30.0 points" in said
    assert "tuned on Finnish, asked in Estonian: 80.0 % of wins" in said
    null = say("matrix", [own, wins(52.0, 10.0, "en")], **options)
    assert "no difference from winning one half can be seen" in null
    assert "can be judged" in say("matrix", [own], **options)


def test_two_languages_are_set_against_each_of_them():
    rows = [
        point(value, 2.0, trained=trained, pair="en-zh") for value, trained in ((40, "en"), (45, "zh"), (60, "en-zh"))
    ]
    said = say("pair_means", rows, benchmark="questions")
    assert "all 2 differences" in said and "+20.0 points" in said and "English and Chinese over English alone" in said


def effect(value: float, half: float, **about) -> dict:
    return {
        "evaluation": "xcopa",
        "reference": "base",
        "pairs": 50,
        **about,
        "difference": value,
        "low": value - half,
        "high": value + half,
    }


def test_comparisons_follow_the_false_discovery_rate():
    rows = [{**effect(4.0, 1.0, model="a"), "q": 0.01}, {**effect(9.0, 30.0, model="b"), "q": 0.6}]
    said = say("comparison", rows, reference="base")
    assert "1 of 2 differences from the untuned base is found" in said
    assert "+4.0 points [3.0, 5.0]" in said and "q = 0.01" in said
    null = say("comparison", rows[1:], reference="base")
    assert "no difference from the untuned base can be seen" in null and "+9.0 points" in null


def test_means_over_runs_and_selections_have_intervals_at_once():
    rows = [effect(3.0, 2.9, model="a", base="x"), effect(0.1, 2.9, model="b", base="x")]
    said = say("run_means", rows, reference="base")
    assert "no difference from the untuned base can be seen: the largest of 2" in said
    selected = {"features": "typo", "reference": "random", "base": "all", "effect": 2.0, "low": 1.0, "high": 3.0,
                "freedom": 9.5}  # fmt: skip
    assert "difference from languages chosen by random is +2.0" in say(
        "selection_effect", [selected], reference="random"
    )
    alone = {**selected, "low": "", "high": ""}
    assert "can be judged" in say("selection_effect", [alone], reference="random")


def test_win_rates_are_told_raw_and_controlled():
    row = {"evaluation": "questions", "model": "a", "language": "", "value": 0.7, "low": 0.6, "high": 0.8,
           "controlled": 0.5, "controlled_low": 0.4, "controlled_high": 0.6, "prompts": 50}  # fmt: skip
    said = say("win_rates", [row])
    assert "+20.0 points [10.0, 30.0]" in said and "none of these exclude one half" in said


def test_gains_and_their_parts():
    gain = point(9.9, 4.0, tuning="all", over="en")
    assert "+9.90 % [5.90, 13.90]" in say("gains", [gain], benchmark="questions", reference="m", measure="rating")
    parts = [point(value, half, family="f", part=part) for part, value, half in
             (("right language", 0.4, 0.1), ("quality", 0.2, 0.1), ("difference", 0.6, 0.2))]  # fmt: skip
    said = say("decomposition", parts, benchmark="questions", reference="base", measure="rating_in_language")
    assert "+0.60 [0.40, 0.80]" in said and "0.40 comes from answering in the right language" in said


def correlation(language: str, r: float, predictor: str = "number of languages", best: bool = True) -> dict:
    return {"language": language, "predictor": predictor, "models": 13, "r": r, "best": best}


def test_correlations_are_counted_with_fishers_intervals():
    said = say("similarity_correlation", [correlation("et", 0.9), correlation("it", 0.1)], benchmark="xcopa")
    assert "from 0.10 (Italian) to 0.90 (Estonian)" in said and "excludes zero in 1 of 2 languages" in said
    null = say("similarity_correlation", [correlation("et", 0.3), correlation("it", -0.3)], benchmark="xcopa")
    assert "excludes zero in no language" in null
    details = {"language": "et", "predictor": "sound", "r": 0.9, "q": 0.01, "block_low": -0.1, "block_high": 1.0}
    assert "exclude zero in none" in say("correlation_details", [details], benchmark="xcopa")
    assert "no correlation is found" in say("correlation_details", [{**details, "q": 0.2}], benchmark="xcopa")


def test_scattered_points_have_pearsons_r():
    values = [(1, 2.0), (2, 2.9), (3, 4.2), (4, 4.8), (5, 6.1), (6, 7.0)]
    rows = [{**point(y, 1.0), "value_beside": x} for x, y in values]
    said = say("pairs", rows, benchmark="questions", measure="rating")
    r = pearsonr(*zip(*values, strict=True))
    low, high = r.confidence_interval()
    assert f"r = {r.statistic:.2f} [{low:.2f}, {high:.2f}], 6 points" in said and "excludes zero" in said
    twice = [{**row, "family": name} for row in rows for name in ("english", "monolingual")]
    assert say("pairs", twice, benchmark="questions", measure="rating") == said
    shuffled = [{**row, "value_beside": x} for row, x in zip(rows, (3, 1, 6, 5, 2, 4), strict=True)]
    assert "no correlation" in say("pairs", shuffled, benchmark="questions", measure="rating")
    assert "can be judged" in say("pairs", rows[:3], benchmark="questions", measure="rating")
    shares = [{**point(y, 1.0), "share": 5.0} for _, y in values]  # a generated world spreads its texts evenly
    assert "can be judged" in say("corpus_share", shares, benchmark="questions", shares="mc4-shares.csv")


def ranked(model: str, rank: int, group: str, **about) -> dict:
    return {
        "evaluation": "xcopa",
        "language": "",
        "model": model,
        "rank": rank,
        "group": group,
        "separated": 0.5,
        **about,
    }


def test_ties_of_ranks_are_said():
    tied = say("ranks", [ranked("a", 1, "a"), ranked("b", 2, "ab"), ranked("c", 3, "b")])
    assert "a ranks first but cannot be told from b;" in tied
    assert "can be told from every other model" in say("ranks", [ranked("a", 1, "a"), ranked("b", 2, "b")])
    two = [ranked(name, place, group, language=code) for code, groups in (("et", "ab"), ("it", "aa"))
           for name, place, group in (("x", 1, groups[0]), ("y", 2, groups[1]))]  # fmt: skip
    assert "in 1 of 2 lists" in say("ranks", two)


def test_sources_of_error_are_ordered():
    parts = [{"evaluation": "xcopa", "base": "b", "language": "", "component": name, "own": own, "seed": 3}
             for name, own in (("item", 3.0), ("seed", 1.0))]  # fmt: skip
    said = say("variance_components", parts)
    assert "75 % of the variance of a difference of two models comes from items" in said
    assert f"± {1.96 * math.sqrt(8):.1f} points" in said
    separated = [{"evaluation": "xcopa", "base": "b", "measure": measure, "ratio": ratio, "separated": 0.4}
                 for measure, ratio in (("acc", 1.0), ("margin", 2.0))]  # fmt: skip
    assert "margin of the right choice (40 % of pairs told apart)" in say("measure_separation", separated)


def test_counts_say_what_is_most_and_least():
    shares = (("et", "et", 0.9), ("et", "en", 0.1), ("it", "it", 0.3), ("it", "en", 0.7))
    rows = [
        {"panel": "m", "language": asked, "answered": answered, "share": share} for asked, answered, share in shares
    ]
    said = say("language_confusion", rows, benchmark="questions")
    assert "in 1 of 2 cases" in said and "30 % (m, asked in Italian); most of its answers (70 %) are in English" in said
    assert "2 seen by neither" in say(
        "exposure_groups",
        [{"base": "b", "evaluation": "xcopa", "language": code, "exposure": "neither"} for code in ("et", "it")],
    )
    calm = [{"evaluation": "xcopa", "n_languages": count, "stands_out": "False"} for count in (1, 2)]
    assert "none of the 2 checkpoints stands out" in say("outlier_checkpoints", calm)
    assert "2 languages (XCOPA)" in say("outlier_checkpoints", [calm[0], {**calm[1], "stands_out": "True"}])
    cut = {"base": "b", "source": "s", "language": "et", "rows": 10, "partly": 1, "wholly": 0, "share": 0.1}
    assert "most in Estonian (10.0 % of its rows)" in say("cut_answers", [cut])
    assert "no answer" in say("cut_answers", [{**cut, "share": 0.0}])


def test_languages_in_common_are_counted():
    rows = [{"evaluation": "xcopa", "base": "b", "model": name, "all_three": both, "asked": 11}
            for name, both in (("few", 2), ("many", 9))]  # fmt: skip
    said = say("language_overlap", rows)
    assert "from 2 of 11 (XCOPA, b, few) to 9 of 11 (XCOPA, b, many)" in said


def test_judges_and_people_are_described():
    row = {"evaluation": "questions", "origin": "world", "judge": "exact", "protocol": "rating-3", "verdicts": 40,
           "coverage": 0.975, "flipped_of": 0, "null empty rating": 1, "null empty rating rank": 2,
           "null empty rating models": 3}  # fmt: skip
    said = say("judge_checks", [row])
    assert "40 verdicts, 97.5 % with a value" in said and "null answers rank last in no check" in said
    assert "In the paper" in say("human_agreement", [{"source": "published", "language": "en", "share": 0.8}])
    shares = [
        {"language": code, "rating": 3, "share": share, "answers": share / 10}
        for code, share in (("en", 90), ("et", 20))
    ]
    shares += [
        {"language": code, "rating": 1, "share": 100 - share, "answers": 10 - share / 10}
        for code, share in (("en", 90), ("et", 20))
    ]
    told = say("rating_shares", shares, benchmark="questions", measure="rating", names={"3": "excellent"})
    assert "'excellent' is given most often in English (90 %" in told and "least often in Estonian (20 %" in told


def test_a_file_of_another_kind_is_refused_in_one_line():
    with pytest.raises(InputError, match=r"s: tables\.one: its csv file has no 'predictor'; draw it again"):
        say("similarity_correlation", [{"language": "et"}], benchmark="xcopa")
    assert say("values", [], benchmarks=["xcopa"]) == "The file of its numbers is empty."


def test_values_without_a_width_are_counted_and_not_compared():
    alike = {**point(0.0, 0.0, n_languages=5), "low": 0.0, "high": 0.0}
    said = say("language_accuracy", [BASE, point(70.0, 4.0, n_languages=3), alike], benchmark="xcopa", languages=["et"])
    assert "+20.0 points" in said and "one difference more has no interval" in said
