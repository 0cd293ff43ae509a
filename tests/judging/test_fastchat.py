"""Judgments of FastChat: made-up files in its layouts, read as verdicts; scores follow as from our own judges."""

import json
import math

import pandas as pd
import pytest

from polytune.cli import main
from polytune.config.paths import Paths
from polytune.errors import InputError
from polytune.files import read_json
from polytune.judging.fastchat import command
from polytune.scores.verdicts import answer_values, read_verdicts


def single(item=81, model="vicuna", said="Good. Rating: [[8]]", score=8, turn=1, **more):
    return {"question_id": item, "model": model, "judge": ["gpt-4", "single-v1"], "user_prompt": "[[1]]",
            "judgment": said, "score": score, "turn": turn, "tstamp": 1.0} | more  # fmt: skip


def pair(item=81, winners=("model_1", "model_1"), said=("[[A]]", "[[B]]"), models=("vicuna", "alpaca"), **more):
    games = {f"g{game}_{what}": value for game, values in ((1, (winners[0], said[0])), (2, (winners[1], said[1])))
             for what, value in zip(("winner", "judgment"), values, strict=True)}  # fmt: skip
    return {"question_id": item, "model_1": models[0], "model_2": models[1], "judge": ["gpt-4", "pair-v2"],
            "turn": 1, "tstamp": 1.0, **games} | more  # fmt: skip


def run(folder, rows, language="en", answers=(), **options):
    files = {"gpt-4.jsonl": rows, "answers.jsonl": answers}
    for name, content in files.items():
        (folder / name).write_text("".join(json.dumps(row) + "\n" for row in content))
    command(judgments=[folder / "gpt-4.jsonl"], output=folder / "out", responses="mt-bench", language=language,
            answers=[folder / "answers.jsonl"] if answers else None, **options)  # fmt: skip
    return Paths(str(folder / "out"))


def verdicts(paths, model="vicuna", opponent="", protocol="rating-10"):
    file = paths.verdicts(model, "gpt-4", protocol, "mt-bench", opponent).removesuffix(".json") + ".parquet"
    return pd.read_parquet(file)


@pytest.mark.parametrize(
    ("said", "score", "status", "value"),
    [
        ("Rating: [[8]]", 8, "ok", 8),
        ("Rating: [8]", 8, "ok", 8),
        ("[[7.5]] is fair", 7.5, "ok", 7.5),
        ("It is good.", -1, "unparsable", None),
        ("[[8]]", -1, "unparsable", None),
        ("$ERROR$", -1, "failed", None),
        ("[[8]] or rather [[3]]", 8, "unparsable", None),
        ("[[11]]", 11, "unparsable", None),
        (None, 9, "ok", 9),
        (None, -1, "unparsable", None),
    ],
)
def test_a_verdict_is_what_the_judge_said(tmp_path, said, score, status, value):
    (row,) = verdicts(run(tmp_path, [single(said=said, score=score)])).to_dict("records")
    assert row["status"] == status and (row["value"] == value if value else math.isnan(row["value"]))
    assert (row["language"], row["item"], row["turn"], row["order"], row["repeat"]) == ("en", 81, 1, "", 0)


def test_ids_say_languages_and_models_have_files_of_their_own(tmp_path):
    rows = [single("81_DE"), single("81_FR", said="[[3]]"), single("82_DE", turn=2), single(81, "org/llama 2")]
    paths = run(tmp_path, rows)
    table = verdicts(paths)
    assert table[["language", "item", "turn"]].to_numpy().tolist() == [["de", 81, 1], ["de", 82, 2], ["fr", 81, 1]]
    assert len(verdicts(paths, "org-llama-2")) == 1
    marker = read_json(paths.verdicts("vicuna", "gpt-4", "rating-10", "mt-bench"))
    assert marker["rows"] == 3 and marker["status"] == {"ok": 3} and list(marker["imported"]) == ["gpt-4.jsonl"]
    with pytest.raises(InputError, match=r"gpt-4.jsonl: row 1: question_id 81 says no language.*--language"):
        run(tmp_path, [single(81)], language=None)


def test_repeated_rows_are_left_out_and_counted(tmp_path, capsys):
    rows = [single(said="$ERROR$", score=-1), single(), single(), single(said="[[5]]", score=5, tstamp=9.0), single(82)]
    (first, _) = verdicts(run(tmp_path, rows)).to_dict("records")
    assert first["value"] == 5
    said = capsys.readouterr().out
    assert "2 verdicts, 0 of them missing" in said
    assert "2 rows left out: another verdict on the same answer" in said and "1 rows left out: the same" in said


def test_games_are_seats(tmp_path):
    rows = [
        pair(81),  # vicuna wins both: A in the first game, B in the second, where alpaca sits first
        pair(82, ("model_1", "model_2"), ("[[A]]", "[[A]]")),
        pair(83, ("tie", "model_2"), ("[[C]]", "[[A]]")),
        pair(84, ("error", "model_1"), ("$ERROR$", "[[B]]")),
        pair(85, ("model_2", "model_2"), (None, None)),
        pair(86, ("model_1", "model_1"), ("[[B]]", "[[A]]"), ("alpaca", "vicuna")),  # what was said counts
    ]
    paths = run(tmp_path, rows)
    table = verdicts(paths, "alpaca", "vicuna", "side-by-side")
    games = table.pivot(index="item", columns="order", values="value")
    # alpaca, whose name sorts first, sits first in the second game of rows 81 to 85
    assert games.loc[81].tolist() == [0, 0] and games.loc[82].to_dict() == {"first": 1, "second": 0}
    assert games.loc[83].to_dict() == {"first": 1, "second": 0.5} and math.isnan(games.loc[84, "second"])
    assert games.loc[85].tolist() == [1, 1] and games.loc[86].to_dict() == {"first": 0, "second": 0}
    file = paths.verdicts("alpaca", "gpt-4", "side-by-side", "mt-bench", "vicuna").replace(".json", ".parquet")
    wins = answer_values(read_verdicts(file, ["en"]), holds=False)[0]
    assert wins.droplevel(["language", "turn"]).dropna().to_dict() == {81: 1, 82: 0.5, 83: 0.5, 85: 0, 86: 1}


def test_answers_become_responses(tmp_path):
    answer = {"question_id": 81, "answer_id": "x", "model_id": "vicuna", "tstamp": 1.0,
              "choices": [{"index": 0, "turns": ["Hello.", "Bye."]}]}  # fmt: skip
    paths = run(tmp_path, [single()], answers=[answer])
    table = pd.read_parquet(paths.responses("vicuna", "mt-bench").replace(".json", ".parquet"))
    assert table[["language", "item", "turn", "text", "stop"]].to_numpy().tolist() == [
        ["en", 81, 1, "Hello.", "end"], ["en", 81, 2, "Bye.", "end"]]  # fmt: skip
    assert (table["tokens"] == -1).all()


@pytest.mark.parametrize(
    ("row", "words"),
    [
        (single(tstamp=None), ["field 'tstamp' is", "a number"]),
        (single(tstamp="now"), ["field 'tstamp' is 'now'", "a number"]),
        (single(model="///"), ["field 'model' is '///'", "a letter or a digit"]),
        (single(judge=["/", "single-v1"]), ["field 'judge' is '/'"]),
        (single(turn=0), ["field 'turn' is 0", "1 or 2"]),
        (single(turn=9), ["field 'turn' is 9", "1 or 2"]),
        (single(9_999_999_999), ["question_id' is", "expected a number"]),
        (pair(models=("alpaca", "alpaca")), ["field 'model_2' is 'alpaca'", "no comparison"]),
        (single("eighty"), ["question_id' is 'eighty'", "81_DE"]),
        (single("81_XX"), ["question_id", "xx"]),
        (single(turn="1"), ["field 'turn' is '1'", "int"]),
        (single(judge="gpt-4"), ["field 'judge' is 'gpt-4'", "list"]),
        (single(said=None, score=None), ["neither a text 'judgment' nor a number 'score'"]),
        (pair(winners=("model_3", "tie")), ["g1_winner' is 'model_3'", "did you mean 'model_"]),
        ({"question_id": 81, "turn": 1, "judge": ["gpt-4"]}, ["no field 'model_1'"]),
    ],
)
def test_broken_rows_are_explained(tmp_path, row, words):
    with pytest.raises(InputError) as error:
        run(tmp_path, [single(), row])
    for word in ["gpt-4.jsonl: row 2: ", *words]:
        assert word in str(error.value)
    assert not (tmp_path / "out").exists()


def test_two_names_that_would_be_one_are_refused(tmp_path):
    with pytest.raises(InputError) as raised:
        run(tmp_path, [single(model="vicuna/7b"), single(82, model="vicuna-7b")])
    said = str(raised.value)
    assert "gpt-4.jsonl: row 2: field 'model' is 'vicuna-7b'" in said and "'vicuna/7b'" in said and "\n" not in said
    assert not (tmp_path / "out").exists()
    answer = {"question_id": 81, "model_id": "vicuna-7b", "choices": [{"turns": ["Hello."]}]}
    with pytest.raises(InputError, match=r"answers.jsonl: row 1: field 'model_id' is 'vicuna-7b'"):
        run(tmp_path, [single(model="vicuna/7b")], answers=[answer])
    assert not (tmp_path / "out").exists()


def test_import_judgments_is_spelt_in_two_ways(tmp_path, capsys):
    (tmp_path / "gpt-4.jsonl").write_text(json.dumps(single()))
    options = ["--judgments", str(tmp_path / "gpt-4.jsonl"), "--language", "en", "--output"]
    for number, name in enumerate((["import-judgments"], ["import", "judgments"])):
        with pytest.raises(SystemExit, match=r"^0$"):
            main([*name, *options, str(tmp_path / str(number))])
        assert len(verdicts(Paths(str(tmp_path / str(number))))) == 1
