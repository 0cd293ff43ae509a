"""Tables of judged answers: numbers from the verdicts beneath, warnings, totals of prompts, ratings of people."""

import numpy as np
import pandas as pd
import pytest

from polytune import ROOT
from polytune.analysis.asked import Asked
from polytune.analysis.measures import MEASURES
from polytune.config.kinds import call_kind
from polytune.errors import InputError
from polytune.tables.kinds import TABLES
from polytune.tables.rendering import DASH
from tests.cases.synthetic_answers import (
    LANGUAGES,
    RATINGS,
    TUNED,
    alpaca_study,
    answer_rows,
    answers_spec,
    verdict_rows,
    write_identified,
    write_responses,
    write_spec,
    write_verdicts,
)
from tests.cases.synthetic_study import collect_study, make_run

TOTALS = {"build": "judged_totals", "benchmark": "questions", "measure": "rating_in_language", "total_of": 50}
LARGE = {"bases": ["world-bloom-l"]}


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    return alpaca_study(tmp_path_factory.mktemp("study"), items=20)


def build(study, spec, folder=ROOT / "config" / "published", **changes):
    asked = Asked(study.asked(spec, **changes), study.tables, "tables")
    tables = asked.tables(TABLES[spec["build"]].needs)
    given = {**tables, "context": asked.context, "published_folder": folder}
    table = call_kind(TABLES, "build", spec, given, asked.defaults, asked.where)
    table.notes.extend(asked.statements(table.data))
    return table


def cells(table):
    return {row[0].text: [cell.text for cell in row[1:]] for row in table.rows}


def duel(folder, first, second, values, nulls=(), null_wins=()):
    """A study of one tuned run against its base, whose verdicts in both orders are given from the view of the base.

    `nulls` are the ratings of a null responder, `null_wins` its verdicts beside the base, from its own view.
    """
    base, tuned = make_run([]), make_run(["en"], "world-en-all", family="english")
    null = [{**make_run([], "constant"), "run": "null-x/null/constant/seed0", "method": "null"}] if nulls else []
    rows = answer_rows(["en"], len(first))
    for run, tokens in ((base, 10), (tuned, 12), *((one, 1) for one in null)):
        write_responses(folder, run["run"], rows, tokens)
        write_identified(folder, run["run"], rows, rows["language"])
        write_verdicts(folder, run["run"], [verdict_rows(rows, values if run in (base, tuned) else nulls)])
    orders = [verdict_rows(rows, first, "first"), verdict_rows(rows, second, "second")]
    write_verdicts(folder, base["run"], orders, tuned["run"], "side-by-side")
    opponents = {tuned["run"]: {base["run"]: ["en"]}}
    if null_wins:
        beside = [verdict_rows(rows, null_wins, order) for order in ("first", "second")]
        write_verdicts(folder, null[0]["run"], beside, base["run"], "side-by-side")
        opponents[null[0]["run"]] = {base["run"]: ["en"]}
    judged = {"judge": "exact", "protocol": "side-by-side", "against": "base", "opponents": opponents}
    return collect_study(folder, write_spec(folder, [base, tuned, *null], [answers_spec(["en"], [RATINGS, judged])]))


def test_checks_are_the_counts_of_the_verdicts(study):
    table = build(study, {"build": "judge_checks"})
    rows = cells(table)
    assert table.header == ["", "exact, rating-3"] and rows["change with the seats"] == [DASH]
    assert rows["verdicts"] == [f"{22 * 80:,}"] and rows["of these with a value"] == ["100.00 %"]
    assert rows["tokens"] == [f"{(22 * 80 + 22 * 4) * 110:,}"]
    files = map(pd.read_parquet, study.folder.glob("runs/*/*/*/*/verdicts/exact/rating-3/*"))
    twice = [file.pivot(index=["language", "item"], columns="repeat", values="value").dropna() for file in files]
    change = np.concatenate([both[1] - both[0] for both in twice])
    assert len(change) == 88 and rows["change when judged again"][0].endswith("of 88")
    (data,) = table.data.to_dict("records")
    assert data["changed"] == pytest.approx((change != 0).mean())
    assert data["repeat_sd"] == pytest.approx(np.sqrt((change**2).mean() / 2))
    assert "rank 16 of 16" in rows["null responder empty: rating"][0] and not any("Warning" in n for n in table.notes)


def test_longer_answers_win_by_seats_and_by_ratings(tmp_path):
    study = duel(tmp_path, [1, 0, 0, 0.5], [0, 0, 0, 0.5], [2, 3, 2, 1], nulls=[1, 1, 1, 1])
    rows = cells(build(study, {"build": "judge_checks"}))
    assert rows["change with the seats"][1].startswith("25.0 %") and rows["change with the seats"][1].endswith("of 4")
    assert rows["first seat wins"][1].startswith("66.7 %")  # 1 of 3 in the first order, 3 of 3 in the second
    assert rows["longer answer wins"] == [DASH, rows["longer answer wins"][1]]  # equal ratings say nothing
    assert rows["longer answer wins"][1].startswith("83.3 %")


def test_a_null_responder_that_does_not_rank_last_is_warned_of(tmp_path):
    study = duel(tmp_path, [1, 0], [1, 0], [1, 2], nulls=[3, 1])
    table = build(study, {"build": "judge_checks"})
    (warning,) = [note for note in table.notes if "Warning: null" in note and "right language" not in note]
    assert "'constant' does not rank last (exact, rating-3): its rating is 2.00" in warning and "1.50" in warning
    row = next(row for row in table.rows if row[0].text == "null responder constant: rating")
    assert row[1].best and row[1].text == "2.00 (rank 1 of 2)" and row[2].text == DASH
    assert "Warning: nothing was judged twice." in table.notes


def test_the_ranks_of_null_responders_name_their_opponent(tmp_path):
    study = duel(tmp_path, [1, 1], [1, 1], [1, 2], nulls=[1, 1], null_wins=[1, 0])
    table = build(study, {"build": "judge_checks"})
    row = next(row for row in table.rows if row[0].text.startswith("null responder constant: wins"))
    assert row[0].text == "null responder constant: wins, ties counted half, against base"
    assert [cell.text for cell in row[1:]] == [DASH, "50.0 (rank 1 of 2)"] and row[2].best
    assert any("(exact, side-by-side, against base): its wins" in note for note in table.notes)
    assert table.data["null constant win against base rank"].tolist()[1] == 1


def test_a_study_without_null_responders_or_judges_says_so(tmp_path):
    table = build(duel(tmp_path, [1, 0], [1, 0], [1, 2]), {"build": "judge_checks"})
    assert any(note.startswith("Warning: no null responder") for note in table.notes)


def test_missing_verdicts_are_named_and_refuse_every_other_table(tmp_path):
    study = duel(tmp_path, [1, 0], [1, np.nan], [1, 2], nulls=[1, 1])
    table = build(study, {"build": "judge_checks"})
    assert cells(table)["of these with a value"] == ["100.00 %", "75.00 %"]
    assert "Missing (exact, side-by-side): 1 refused." in table.notes
    spec = {"build": "values", "benchmarks": ["questions"], "measure": "win", "against": "family"}
    with pytest.raises(InputError, match=r"1 of 2 verdicts on .*protocol side-by-side.*largest_missing_share"):
        build(study, spec)
    allowed = build(study, spec, defaults={"largest_missing_share": 0.5})
    assert len(allowed.rows) == 1 and "Coverage: at least 50.0 % of the answers have a verdict." in allowed.notes


def test_totals_are_those_of_the_answers(study):
    table = build(study, TOTALS | LARGE | {"languages": list(TUNED), "own": ["monolingual"]})
    assert table.header == ["model", "English", "Spanish", "Bulgarian", "mean", "coverage"]
    items = pd.read_parquet(study.tables / "items.parquet").query("measure == 'rating_in_language'")
    spanish = items[(items["run"] == "world-bloom-l-w1/full/world-w1-es-all/seed1") & (items["language"] == "es")]
    row = cells(table)["monolingual"]
    assert row[1].split(" ")[0] == f"{50 * spanish['value'].mean():.1f}" and row[-1] == "100.0 %"
    assert not any(cell.best for row in table.rows for cell in row)  # ranks say which models differ
    every = build(study, TOTALS | LARGE | {"own": ["monolingual"]})
    assert len(every.header) == 3 + len(LANGUAGES) and cells(every)["monolingual"][-2] == DASH  # no model of Bengali


def test_languages_of_answers_are_counted(study):
    table = build(study, {"build": "language_confusion", "benchmark": "questions", "panels": "family"} | LARGE)
    assert table.header[:3] == ["family", "asked in", "answers"] and len(table.rows) == 5 * len(LANGUAGES)
    row = next(row for row in table.rows if (row[0].text, row[1].text) == ("english", "Spanish"))
    shares = [float(cell.text) for cell in row[3:]]
    assert sum(shares) == pytest.approx(100) and [cell.best for cell in row[3:]] == [False, False, False, True]


def test_people_and_judge_stand_beside_what_was_published(study, tmp_path):
    items = pd.read_parquet(study.tables / "items.parquet").query("measure == 'rating' and language == 'en'")
    items = items[items["run"].str.contains("bloom-l") & (items["item"] < 10)]
    human = items.assign(rating=items["value"] + 1)[["run", "language", "item", "rating"]]
    human.to_csv(tmp_path / "people.csv", index=False)
    spec = {"build": "human_agreement", "benchmark": "questions", "measure": "rating", "ratings": "people.csv"}
    table = build(study, spec, tmp_path)
    (row,) = table.rows
    assert [cell.text for cell in row[:2]] == ["measured", "English"]
    assert (
        row[3].text.startswith("1.0000") and row[6].text.startswith("100.0 [100.0") and row[7].text.startswith("1.00")
    )
    judged = pd.read_parquet(study.tables / "items.parquet").query("measure == 'rating'")
    judged = judged[~judged["run"].str.startswith("null-")]
    assert f"Both rated {len(human):,} answers, of {len(judged):,} that the judge" in table.notes[0]
    human.assign(item=human["item"] + 1000).to_csv(tmp_path / "people.csv", index=False)
    with pytest.raises(InputError, match=r"people.csv: row 1: no item 1000, turn 1 in 'en' was judged"):
        build(study, spec, tmp_path)
    published = build(study, {"build": "human_agreement", "published": "alpaca-table3.csv"})
    assert [row[3].text[:6] for row in published.rows] == ["0.9225", "0.9683", "0.9205", "0.8685"]
    assert all(row[6].text == DASH for row in published.rows)
    shares = build(study, {"build": "human_agreement", "published": "pinch-agreement.csv"})
    assert shares.header[6] == "agreement (%)"
    assert [row[6].text for row in shares.rows] == ["79.5", "77.0", "76.5", "75.0"]  # as the paper prints them
    with pytest.raises(InputError, match="one of the options 'ratings' and 'published'"):
        build(study, {"build": "human_agreement", "benchmark": "questions"})
    human.assign(rating="x").to_csv(tmp_path / "people.csv", index=False)
    with pytest.raises(InputError, match=r"people.csv: row 1: rating: 'x'"):
        build(study, spec, tmp_path)


def test_every_measure_of_answers_is_in_the_scores(study):
    measured = set(study.scores["measure"])
    assert measured < set(MEASURES) and len(measured) == 9


def test_comparisons_with_references_are_checked_by_their_own_measure(tmp_path):
    base, tuned = make_run([]), make_run(["en"], "world-en-all", family="english")
    null = {**make_run([], "constant"), "run": "null-x/null/constant/seed0", "method": "null"}
    rows = answer_rows(["en"], 4)
    values = {base["run"]: [0, 0, 0.5, 1], tuned["run"]: [0.25, 0.5, 0.5, 1], null["run"]: [0, 0, 0, 0]}
    for run, tokens in ((base, 3), (tuned, 5), (null, 1)):
        write_responses(tmp_path, run["run"], rows, tokens)
        verdicts = [verdict_rows(rows, values[run["run"]])]
        write_verdicts(tmp_path, run["run"], verdicts, protocol="token-f1", judge="reference")
    judged = [{"judge": "reference", "protocol": "token-f1"}]
    spec = write_spec(tmp_path, [base, tuned, null], [answers_spec(["en"], judged, identifier="")])
    found = cells(build(collect_study(tmp_path, spec), {"build": "judge_checks"}))
    (said,) = [row for name, row in found.items() if name.startswith("null responder constant")]
    assert said == ["0.0 (rank 2 of 2)"]
    assert [name for name in found if "F1 of tokens" in name] and not [
        name for name in found if "rating" in name.split(": ")[-1]
    ]
    # the tuned model's answers are longer than the base's, and better where the two differ
    (longer,) = [row for name, row in found.items() if "longer" in name]
    assert longer[0].startswith("100")
