"""Scores of free answers: values worked out by hand, missing verdicts, clusters, two runs side by side, repeats."""

import json
import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from polytune.config.paths import Paths
from polytune.errors import InputError
from polytune.scores.answers import parquet_of
from polytune.scores.collect import collect_scores, command
from polytune.scores.judged import answer_scores, drift
from polytune.scores.spec import ScoresSpec
from tests.cases.synthetic_answers import (
    LANGUAGES,
    NULLS,
    RATINGS,
    alpaca_study,
    answer_rows,
    answers_spec,
    verdict_rows,
    write_identified,
    write_responses,
    write_spec,
    write_verdicts,
)
from tests.cases.synthetic_study import make_run

BASE = make_run([])
RUN = BASE["run"]
OTHER = make_run(["en"], "world-en-all")
AGAINST = {"judge": "exact", "protocol": "side-by-side", "against": "base"}


def collect(spec):
    return collect_scores(ScoresSpec.read(spec), Paths(str(spec.parent))).tables()


def pick(scores, measure, language="", aggregate="", run=RUN):
    chosen = scores[(scores["run"] == run) & (scores["measure"] == measure)]
    (row,) = chosen[(chosen["language"] == language) & (chosen["aggregate"] == aggregate)].to_dict("records")
    return row


def rated(folder, rows, values, answered=None, more=(), tokens=10):
    """Write one run's answers with these ratings; return the spec."""
    write_responses(folder, RUN, rows, tokens)
    write_identified(folder, RUN, rows, rows["language"] if answered is None else answered)
    write_verdicts(folder, RUN, [verdict_rows(rows, values), *more])
    return write_spec(folder, [BASE], [answers_spec(dict.fromkeys(rows["language"]), [RATINGS])])


def test_a_rating_counts_only_in_the_right_language(tmp_path):
    rows = answer_rows(["en", "fr"], 2)
    spec = rated(tmp_path, rows, [3, 2, 3, 1], answered=["en", "", "en", "fr"], tokens=[4, 6, 8, 2])
    scores = collect(spec)["scores"]
    measures = ("rating", "rating_in_language", "rating_lost", "language_pass", "answer_tokens")
    found = {measure: [pick(scores, measure, code)["value"] for code in ("en", "fr")] for measure in measures}
    assert found == {
        "rating": [2.5, 2.0],
        "rating_in_language": [2.5, 0.5],  # an answer of no language keeps its rating
        "rating_lost": [0.0, 1.5],
        "language_pass": [1.0, 0.5],  # of one answer in English, the other is undecided
        "answer_tokens": [5.0, 5.0],
    }
    assert pick(scores, "language_pass", "en")["missing"] == 1
    assert pick(scores, "rating_in_language", "", "mean")["value"] == 1.5
    judged = pick(scores, "rating", "en")
    assert [judged[key] for key in ("judge", "protocol", "opponent")] == ["exact", "rating-3", ""]
    assert pick(scores, "word_pass", "en")["protocol"] == "language"
    assert pick(scores, "truncated", "en")["judge"] == "" and pick(scores, "truncated", "en")["value"] == 0


def test_a_verdict_that_is_missing_is_no_score(tmp_path):
    rows = answer_rows(["en", "fr"], 3)
    scores = collect(rated(tmp_path, rows, [3, np.nan, 2, 1, 1, 1]))["scores"]
    row = pick(scores, "rating", "en")
    assert (row["value"], row["items"], row["missing"]) == (2.5, 2, 1)
    assert pick(scores, "rating", "", "mean")["value"] == (2.5 + 1) / 2
    assert pick(scores, "rating", "", "group")["value"] == pytest.approx(8 / 5)
    assert pick(scores, "rating", "", "mean")["missing"] == 1
    assert pick(scores, "rating_in_language", "en")["missing"] == 1


def test_items_hold_what_has_a_value_and_give_the_scores(tmp_path):
    rows = answer_rows(["en", "fr"], 4, turns=2)
    values = np.random.default_rng(1).integers(1, 4, len(rows)).astype(float)
    values[3] = np.nan
    spec = rated(tmp_path, rows, values)
    command(spec=spec, results=tmp_path, output=tmp_path / "out")
    items = pd.read_parquet(tmp_path / "out" / "items.parquet").query("measure == 'rating'")
    assert len(items) == 15 and set(items["turn"]) == {1, 2}
    scores = pd.read_parquet(tmp_path / "out" / "scores.parquet")
    means = items.groupby("language", observed=True)["value"].mean()
    assert {code: pick(scores, "rating", code)["value"] for code in ("en", "fr")} == pytest.approx(means.to_dict())


def test_turns_and_languages_of_a_prompt_are_one_cluster():
    rows = answer_rows(["en", "fr"], 200)
    value = np.random.default_rng(2).normal(size=200)[rows["item"]]
    twice = pd.concat([rows, rows.assign(turn=np.int8(2))])
    errors = {}
    for name, items in {"once": rows.assign(rating=value), "twice": twice.assign(rating=np.tile(value, 2))}.items():
        for parallel in (True, False):
            found = {(aggregate, language): score.stderr
                     for aggregate, language, _, score, _ in answer_scores(items, parallel)}  # fmt: skip
            errors[name, parallel] = found
    single = value[:200].std(ddof=1) / math.sqrt(200)
    for parallel in (True, False):  # a second turn that repeats the first one brings nothing
        assert errors["once", parallel] == pytest.approx(errors["twice", parallel])
        assert errors["once", parallel]["", "en"] == pytest.approx(single)
    assert errors["once", True]["mean", ""] == pytest.approx(single)
    assert errors["once", False]["mean", ""] == pytest.approx(single / math.sqrt(2))


def test_the_clustered_error_is_that_of_a_bootstrap_of_prompts():
    generator = np.random.default_rng(3)
    rows = answer_rows(["en", "fr", "es"], 60, turns=2)
    value = generator.normal(0, 1, 60)[rows["item"]] + generator.normal(0, 1, len(rows))
    value[generator.random(len(rows)) < 0.1] = np.nan
    items = rows.assign(rating=value)
    wide = items.pivot(index="item", columns=["language", "turn"], values="rating").to_numpy()
    drawn = [wide[generator.integers(0, 60, 60)].reshape(-1, 3, 2) for _ in range(2000)]
    means = [np.nanmean(np.nanmean(one, axis=(0, 2))) for one in drawn]
    error = next(score.stderr for aggregate, _, _, score, _ in answer_scores(items, True) if aggregate == "mean")
    assert error == pytest.approx(np.std(means), rel=0.06)


def side_by_side(folder, first, second, runs=(OTHER, BASE)):
    """Write the verdicts of both orders, from the view of the run whose path sorts first."""
    rows = answer_rows(["en"], len(first))
    for place, run in enumerate(runs):
        write_responses(folder, run["run"], rows, 10 + 5 * place)
        write_identified(folder, run["run"], rows, rows["language"])
    holder, other = sorted(run["run"] for run in runs)
    write_verdicts(folder, holder, [verdict_rows(rows, first, "first"), verdict_rows(rows, second, "second")],
                   other, "side-by-side")  # fmt: skip
    one, opponent = (run["run"] for run in runs)
    judged = AGAINST | {"opponents": {one: {opponent: ["en"]}}}
    return write_spec(folder, list(runs), [answers_spec(["en"], [judged])]), holder


def test_a_win_is_preferred_in_both_orders(tmp_path):
    spec, holder = side_by_side(tmp_path, [1, 0, 1, 0.5, 1, np.nan], [1, 0, 0, 0.5, 0.5, 1])
    assert holder == RUN != OTHER["run"]  # so the values are from the view of the opponent
    tables = collect(spec)
    row = pick(tables["scores"], "win", "en", run=OTHER["run"])
    assert row["value"] == pytest.approx((0 + 1 + 0.5 + 0.5 + 0.5) / 5) and row["missing"] == 1
    assert row["opponent"] == "base" and row["protocol"] == "side-by-side"
    assert not ((tables["scores"]["measure"] == "win") & (tables["scores"]["run"] == RUN)).any()
    assert pick(tables["scores"], "length_advantage", "en", run=OTHER["run"])["value"] == -10
    (check,) = tables["checks"].to_dict("records")
    assert (check["swapped"], check["flipped"]) == (5, 2)  # 1 -> 0 and 1 -> 0.5
    # decided: 1 0 1 1 in the first seat, 1 0 0 1 in the second; the first seat wins 3 + 2 times
    assert (check["decided"], check["first"]) == (8, 5)
    assert (check["sized"], check["longer"]) == (8, 5)  # the base's answers are longer, and it wins 5 times
    assert (check["run"], check["opponent"], check["refused"]) == (RUN, OTHER["run"], 1)
    assert check["price"] == pytest.approx(0.012)


def test_a_request_that_two_runs_share_is_paid_for_once(tmp_path):
    rows = pd.DataFrame({"language": "en", "item": [1, 2, 3], "turn": 1})
    for run in (RUN, OTHER["run"]):
        write_responses(tmp_path, run, rows)
        write_identified(tmp_path, run, rows, ["en"] * 3)
        write_verdicts(tmp_path, run, [verdict_rows(rows, 2).assign(key=["same", "same", run])])
    judged = [{"judge": "exact", "protocol": "rating-3"}]
    checks = collect(write_spec(tmp_path, [BASE, OTHER], [answers_spec(["en"], judged)]))["checks"]
    assert sorted(checks["price"]) == pytest.approx([0.001, 0.002]) and list(checks["ok"]) == [3, 3]


def test_both_views_of_a_pair_add_up_and_are_counted_once(tmp_path):
    generator = np.random.default_rng(4)
    first, second = (generator.choice([0, 0.5, 1], 40) for _ in range(2))
    spec, _ = side_by_side(tmp_path, first, second)
    content = json.loads(spec.read_text())
    opponents = content["answers"][0]["judged"][0]["opponents"]
    opponents[RUN] = {OTHER["run"]: ["en"]}
    spec.write_text(json.dumps(content))
    tables = collect(spec)
    wins = [pick(tables["scores"], "win", "en", run=run) for run in (RUN, OTHER["run"])]
    assert wins[0]["value"] + wins[1]["value"] == pytest.approx(1) and wins[0]["value"] != 0.5
    assert wins[0]["stderr"] == pytest.approx(wins[1]["stderr"])
    assert len(tables["checks"]) == 1


def test_several_opponents_in_one_language_are_averaged(tmp_path):
    third = make_run(["fr"], "world-fr-all")
    rows = answer_rows(["en"], 2)
    for run in (BASE, OTHER, third):
        write_responses(tmp_path, run["run"], rows)
        write_identified(tmp_path, run["run"], rows, rows["language"])
    for other, value in ((OTHER, [1, 0]), (third, [1, 1])):
        write_verdicts(tmp_path, RUN, [verdict_rows(rows, value, order) for order in ("first", "second")],
                       other["run"], "side-by-side")  # fmt: skip
    judged = AGAINST | {"against": "tuned", "opponents": {RUN: {OTHER["run"]: ["en"], third["run"]: ["en"]}}}
    spec = write_spec(tmp_path, [BASE, OTHER, third], [answers_spec(["en"], [judged])])
    row = pick(collect(spec)["scores"], "win", "en")
    assert row["value"] == 0.75 and row["items"] == 2 and row["opponent"] == "tuned"


def test_drift_is_what_single_verdicts_do_not_explain():
    generator = np.random.default_rng(5)
    assert drift(np.zeros(30)) == drift(np.array([1.0])) == 0.0
    noise = generator.normal(0, 0.5, (4000, 2, 100))
    alone = np.array([drift(second - first) for first, second in noise])
    assert np.mean(alone**2) < 0.5**2 / 100  # scatter alone: below the variance that the errors already hold
    shift = generator.normal(0, 0.4, (4000, 2, 1))
    shifted = np.array([drift(second - first) for first, second in noise + shift])
    assert np.mean(shifted**2) == pytest.approx(0.4**2, rel=0.1)


def test_intervals_hold_the_truth_when_the_judge_shifts():
    """95 % intervals over prompts, of a judge who is kinder or harsher as a whole from round to round."""
    generator = np.random.default_rng(6)
    with_drift, without = [], []
    for _ in range(3000):
        quality, shift = generator.normal(2, 0.5, 100), generator.normal(0, 0.06, 2)
        first = quality + generator.normal(0, 0.3, 100) + shift[0]
        error = first.std(ddof=1) / 10
        changes = generator.normal(0, 0.3 * math.sqrt(2), 2000) + shift[1] - shift[0]  # pooled over the study's runs
        without.append(abs(first.mean() - 2) < 1.96 * error)
        with_drift.append(abs(first.mean() - 2) < 1.96 * math.hypot(error, drift(changes)))
    # a variance that is known from a single pair of rounds is known badly: better, not right
    assert np.mean(without) < 0.84 < 0.86 < np.mean(with_drift) < 0.95


def test_repeats_enter_every_error_and_no_value(tmp_path):
    rows = answer_rows(["en", "fr"], 20)
    values = np.tile([1.0, 2.0, 3.0, 2.0], 10)
    again = verdict_rows(rows[:10], values[:10] + 0.5, repeat=1)
    tables = collect(rated(tmp_path, rows, values, more=[again]))
    plain = collect(rated(tmp_path, rows, values))["scores"]
    for measure, shift in (("rating", 0.5 / math.sqrt(2)), ("rating_lost", 0.0)):
        for key in (("en", ""), ("", "mean")):
            with_repeats, without = pick(tables["scores"], measure, *key), pick(plain, measure, *key)
            assert with_repeats["value"] == without["value"]
            assert with_repeats["stderr"] == pytest.approx(math.hypot(without["stderr"], shift))
    check = tables["checks"].set_index("language")
    assert check.loc["en", ["repeated", "changed", "squares"]].tolist() == [10, 10, 2.5]
    assert check["ok"].tolist() == [20, 20] and check["prompt_tokens"].tolist() == [3000, 2000]


def test_confusion_counts_answers_by_asked_and_answered_language(tmp_path):
    rows = answer_rows(["en", "fr"], 3)
    spec = rated(tmp_path, rows, 2, answered=["en", "en", "", "fr", "en", "en"])
    counts = collect(spec)["confusion"].set_index(["language", "answered"])["answers"].to_dict()
    assert counts == {("en", "en"): 2, ("en", ""): 1, ("fr", "fr"): 1, ("fr", "en"): 2}


def test_null_responders_are_runs_without_evaluations(tmp_path):
    study = alpaca_study(tmp_path, items=20)
    null = study.runs[study.runs["method"] == "null"]
    assert len(null) == len(NULLS) and (null["n_languages"] == 0).all() and (null["tokens"] == 0).all()
    means = study.scores.query("measure == 'rating' and aggregate == 'mean'").set_index("run")["value"]
    assert means[list(null["run"])].max() < means.drop(list(null["run"])).min()
    assert set(study.runs["parameters"].dropna()) == {100_000, 400_000, 1_600_000}
    assert study.scores["language"].nunique() == len(LANGUAGES) + 1


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda table: table.assign(status="fine"), ["status 'fine'", "ok, refused"]),
        (lambda table: table.assign(order="left"), ["order", "left"]),
        (lambda table: table.assign(value=np.nan), ["item 0", "status 'ok'", "nan"]),
        (lambda table: table[table["item"] != 1], ["item 1", "make", "again"]),
        (lambda table: table[table["language"] != "fr"], ["no verdicts in 'fr'"]),
        (lambda table: pd.concat([table, table[:1]]), ["item 0", "stands there twice"]),
        (lambda table: table.drop(columns="status"), ["no column 'status'"]),
    ],
)
def test_broken_verdicts_are_explained(tmp_path, change, words):
    rows = answer_rows(["en", "fr"], 3)
    spec = rated(tmp_path, rows, 2)
    path = Path(Paths(str(tmp_path)).verdicts(RUN, "exact", "rating-3", "questions")).with_suffix(".parquet")
    change(pd.read_parquet(path)).to_parquet(path)
    with pytest.raises(InputError) as error:
        collect(spec)
    for word in [str(path), *words]:
        assert word in str(error.value)


def test_answers_in_other_languages_than_asked_are_explained(tmp_path):
    spec = rated(tmp_path, answer_rows(["en", "fr"], 2), 2)
    content = json.loads(spec.read_text())
    content["answers"][0]["languages"] = ["en", "es"]
    spec.write_text(json.dumps(content))
    with pytest.raises(InputError, match=r"questions.parquet: holds answers in en fr, asked were en es"):
        collect(spec)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda one: one.update(prompt="x"), ["answers (questions)", "prompt", "did you mean 'prompts'"]),
        (lambda one: one["judged"][0].update(jugde="x"), ["judged", "jugde", "did you mean 'judge'"]),
        (lambda one: one["judged"].append(one["judged"][0]), ["exact rating-3", "listed twice"]),
    ],
)
def test_a_wrong_section_of_answers_is_explained(tmp_path, change, words):
    entry = answers_spec(["en"], [dict(RATINGS)])
    change(entry)
    with pytest.raises(InputError) as error:
        ScoresSpec.read(write_spec(tmp_path, [BASE], [entry]))
    for word in words:
        assert word in str(error.value)


def write_losses(folder, run, rows, nats, tokens):
    table = rows.assign(nats=np.asarray(nats, float), tokens=np.asarray(tokens, np.int32))
    path = parquet_of(Paths(str(folder)).loss(run, "questions"))
    path.parent.mkdir(parents=True, exist_ok=True)
    table.to_parquet(path, index=False)


def losing(folder, nats=(1, 5, 2, 2), tokens=(1, 3, 2, 2)):
    """A run and its base with the same answers, and losses on them; return the spec."""
    rows = answer_rows(["en", "fr"], 2)
    for run, more in ((BASE, 0.0), (OTHER, 0.5)):
        write_responses(folder, run["run"], rows)
        write_losses(folder, run["run"], rows, np.asarray(nats, float) + more * np.asarray(tokens), tokens)
    asked = answers_spec(["en", "fr"], [], loss=True, identifier="")
    return write_spec(folder, [BASE, OTHER], [asked])


def test_a_loss_is_of_tokens_not_of_answers(tmp_path):
    tables = collect(losing(tmp_path))
    english, french = (pick(tables["scores"], "answer_loss", code) for code in ("en", "fr"))
    assert (english["value"], english["items"], english["evaluation"]) == (pytest.approx(6 / 4), 2, "questions")
    # residuals 1 - 1.5 and 5 - 4.5 nats over 2 tokens: values 1.25 and 1.75, whose error is 0.25
    assert english["stderr"] == pytest.approx(0.25) and french["value"] == 1 and french["stderr"] == 0
    mean = pick(tables["scores"], "answer_loss", aggregate="mean")
    assert mean["value"] == pytest.approx(1.25)
    # half a nat more on every token is half a nat more per token, without error
    other = pick(tables["scores"], "answer_loss", "en", run=OTHER["run"])
    assert other["value"] - english["value"] == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"nats": (1, math.nan, 2, 2)}, "a loss is not finite, or of no token; measure again"),
        ({"tokens": (1, 0, 2, 2)}, "a loss is not finite, or of no token; measure again"),
    ],
)
def test_losses_that_are_none_are_refused(tmp_path, changes, message):
    with pytest.raises(InputError, match=message):
        collect(losing(tmp_path, **changes))


def test_losses_of_other_languages_are_refused(tmp_path):
    spec = losing(tmp_path)
    rows = answer_rows(["en"], 2)
    write_losses(tmp_path, RUN, rows, [1, 1], [1, 1])
    with pytest.raises(InputError, match="holds losses in en, asked were en fr; measure again"):
        collect(spec)


@pytest.mark.parametrize(("protocol", "measure"), [("exact-match", "exact_match"), ("token-f1", "token_f1")])
def test_a_comparison_with_the_reference_is_a_measure_of_its_own(tmp_path, protocol, measure):
    rows = answer_rows(["en", "fr"], 2)
    write_responses(tmp_path, RUN, rows)
    write_identified(tmp_path, RUN, rows, ["fr", "fr", "fr", "fr"])
    write_verdicts(tmp_path, RUN, [verdict_rows(rows, [1, 0, 1, 1])], protocol=protocol, judge="reference")
    judged = {"judge": "reference", "protocol": protocol}
    scores = collect(write_spec(tmp_path, [BASE], [answers_spec(["en", "fr"], [judged])]))["scores"]
    assert [pick(scores, measure, code)["value"] for code in ("en", "fr")] == [0.5, 1]
    assert not {"rating", "rating_in_language", "rating_lost"} & set(scores["measure"])
