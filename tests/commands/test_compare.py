"""Two runs item by item: the numbers by another way, and what is refused."""

from __future__ import annotations

import shutil

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binomtest

from polytune.commands.compare import command
from polytune.commands.paired import find_runs
from polytune.config.paths import Paths
from polytune.errors import InputError
from tests.cases.synthetic_answers import (
    RATINGS,
    answer_rows,
    answers_spec,
    verdict_rows,
    write_identified,
    write_responses,
    write_spec,
    write_verdicts,
)
from tests.cases.synthetic_duels import pinch_study
from tests.cases.synthetic_study import collect_study, make_run, synthetic_study


def place(study, name: str, scale: str = "world"):
    """Put a collected study where the workflow has it."""
    for source, target in ((study.tables, f"scores/{name}/{scale}"), (None, f"specs/scores/{name}/{scale}")):
        folder = study.folder / target
        if source is not None:
            shutil.copytree(source, folder)
        else:
            folder.mkdir(parents=True)
            shutil.copy(study.folder / "spec.json", folder / "0123456789ab.json")


@pytest.fixture(scope="module")
def lucky(tmp_path_factory):
    study = synthetic_study(tmp_path_factory.mktemp("lucky"), sizes=(1, 8), items=40)
    place(study, "lucky52")
    return study


@pytest.fixture(scope="module")
def pair(lucky):
    names = lucky.runs.drop_duplicates("run").sort_values("n_languages")["run"].tolist()
    return names[-1], names[0]  # eight languages and the base


def compared(study, runs, tmp_path, **options) -> pd.DataFrame:
    command(*runs, results=study.folder, output=tmp_path / "numbers.csv", **options)
    return pd.read_csv(tmp_path / "numbers.csv", keep_default_na=False, na_values=["nan"])


def right(study, run: str, evaluation: str) -> pd.DataFrame:
    """Return 0 or 1 of every item: items x languages."""
    items = pd.read_parquet(study.folder / "scores/lucky52/world/items.parquet")
    here = items[(items["run"] == run) & (items["evaluation"] == evaluation) & (items["measure"] == "acc")]
    return here.pivot(index="item", columns="language", values="value")


def test_each_language_has_its_difference_and_the_exact_test(lucky, pair, tmp_path, capsys):
    table = compared(lucky, pair, tmp_path, evaluation=["xcopa"])
    first, second = (right(lucky, run, "xcopa") for run in pair)
    rows = table[table["language"] != ""].set_index("language")
    assert set(rows.index) == set(first.columns) and len(rows) == 11
    for code, row in rows.iterrows():
        gained, lost = ((first[code] > second[code]).sum(), (first[code] < second[code]).sum())
        assert row["difference"] == pytest.approx(100 * (first[code] - second[code]).mean())
        assert row["value"] == pytest.approx(100 * first[code].mean())
        assert row["p"] == pytest.approx(binomtest(int(gained), int(gained + lost)).pvalue if gained + lost else 1)
        assert row["low"] < row["difference"] < row["high"] and row["items"] == 40
    printed = capsys.readouterr().out
    assert "Generated world w1: validates the pipeline" in printed
    assert pair[0] in printed and "mean over languages" in printed and "McNemar" in printed


def test_translations_of_an_item_are_one_cluster(lucky, pair, tmp_path):
    table = compared(lucky, pair, tmp_path, evaluation=["xcopa"])
    first, second = (right(lucky, run, "xcopa") for run in pair)
    (mean,) = table[table["aggregate"] == "mean"].to_dict("records")
    of_items = (first - second).mean(axis=1)
    assert mean["items"] == len(of_items) == 40
    assert mean["difference"] == pytest.approx(100 * of_items.mean(), rel=1e-4)
    spread = 100 * of_items.std(ddof=1) / np.sqrt(40)
    assert (mean["high"] - mean["low"]) / 2 == pytest.approx(2.02 * spread, rel=0.1)


def test_languages_may_be_chosen_by_any_name(lucky, pair, tmp_path):
    table = compared(lucky, pair, tmp_path, evaluation=["xcopa"], language=["Italian", "est"])
    assert list(table["language"]) == ["et", "it", ""]
    first, second = (right(lucky, run, "xcopa")[["et", "it"]] for run in pair)
    assert table["difference"].iloc[-1] == pytest.approx(100 * (first - second).to_numpy().mean())
    assert list(compared(lucky, pair, tmp_path, language=["Italian"])["language"]) == ["it"]


def test_the_other_way_round_is_the_negative(lucky, pair, tmp_path):
    there, back = (compared(lucky, runs, tmp_path, evaluation=["xwinograd"]) for runs in (pair, pair[::-1]))
    assert there["difference"].tolist() == pytest.approx((-back["difference"]).tolist())
    assert there["p"].tolist() == pytest.approx(back["p"].tolist())
    assert there["low"].tolist() == pytest.approx((-back["high"]).tolist())


def test_paths_of_runs_are_runs(lucky, pair, tmp_path):
    paths = Paths(str(lucky.folder))
    spelt = (f"{paths.results}/runs/{pair[0]}/model", f"runs/{pair[1]}/")
    assert [one.run for one in find_runs(paths, spelt)] == list(pair)


def test_other_measures(lucky, pair, tmp_path, capsys):
    table = compared(lucky, pair, tmp_path, measure="margin", evaluation=["xcopa"])
    assert set(table["measure"]) == {"margin"} and len(table) == 12
    assert "margin of the right choice (nats)" in capsys.readouterr().out


def test_verdicts_are_compared_too(tmp_path, capsys):
    study = pinch_study(tmp_path / "pinch", items=10)
    place(study, "pinch")
    base = next(run for run in study.runs["run"] if "/base/none/" in run)
    other = next(run for run in study.runs["run"] if "/base/" not in run)
    table = compared(study, (other, base), tmp_path, measure="rating")
    items = pd.read_parquet(study.folder / "scores/pinch/world/items.parquet")
    items = items[items["measure"] == "rating"]
    assert len(table) > 3 and set(table["protocol"]) == {"rating-3"}
    for row in table[table["language"] != ""].to_dict("records"):
        here = items[items["language"] == row["language"]]
        first, second = (here[here["run"] == run].groupby("item")["value"].mean() for run in (other, base))
        assert row["difference"] == pytest.approx((first - second).mean(), rel=1e-4, abs=1e-9)
    assert "rating" in capsys.readouterr().out


@pytest.mark.parametrize("turns", [(1,), (1, 2), (2,)])
def test_the_turns_of_a_question_count_as_in_the_scores(tmp_path, turns):
    """Every fourth item has `turns[-1]` turns: values are the scores', half-right items are no matter of McNemar."""
    generator, runs = np.random.default_rng(5), [make_run([]), make_run(["en"], "world-en-9-rows")]
    rows = answer_rows(["en", "fr"], 24, turns[-1])
    rows = rows[(rows["turn"] <= turns[0]) | (rows["item"] % 4 == 0)].reset_index(drop=True)
    for run in runs:
        write_responses(tmp_path, run["run"], rows)
        wrong = generator.random(len(rows)) < 0.3 + 0.3 * (rows["turn"] == 2)
        write_identified(tmp_path, run["run"], rows, rows["language"].mask(wrong, "de"))
        write_verdicts(tmp_path, run["run"], [verdict_rows(rows, generator.integers(1, 4, len(rows)))])
    spec = write_spec(tmp_path, runs, [answers_spec(["en", "fr"], [RATINGS])])
    study = collect_study(tmp_path, spec)
    place(study, "alpaca")
    pair = (runs[1]["run"], runs[0]["run"])
    for measure in ("language_pass", "rating"):
        table = compared(study, pair, tmp_path, measure=measure)
        scores = study.scores[study.scores["measure"] == measure].set_index(["run", "language", "aggregate"])["value"]
        scale = 100 if measure == "language_pass" else 1
        for run, column in zip(pair, ("value", "reference_value"), strict=True):
            expected = [scale * scores[run, row.language, row.aggregate] for row in table.itertuples()]
            assert table[column].tolist() == pytest.approx(expected, rel=1e-5) and len(expected) == 3
        if measure == "language_pass":
            items = pd.read_parquet(study.tables / "items.parquet")
            items = items[(items["measure"] == measure) & (items["language"] == "en")]
            first, second = (items[items["run"] == run].set_index(["item", "turn"])["value"] for run in pair)
            gained, lost = int((first > second).sum()), int((first < second).sum())
            exact = binomtest(gained, gained + lost).pvalue
            assert (table.set_index("language")["p"]["en"] == pytest.approx(exact)) == (turns == (1,))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda first, second: {"other": first}, "is given twice; name two runs"),
        (lambda first, second: {"other": second.replace("base/none", "base/nnoe")}, "no scores of a run"),
        (lambda first, second: {"evaluation": ["xcpa"]}, "--evaluation: no evaluation 'xcpa'; did you mean 'xcopa'?"),
        (lambda first, second: {"language": ["Klingon"]}, "no language 'Klingon'"),
        (lambda first, second: {"language": ["de"]}, "--language: no language 'de' (German); there are: "),
        (lambda first, second: {"measure": "accuracy"}, "--measure: no measure 'accuracy'; did you mean 'acc'?"),
        (lambda first, second: {"study": "lucky"}, "scores/lucky/: no scores; make them first"),
    ],
)
def test_what_cannot_be_compared_is_one_line(lucky, pair, change, message):
    options = {"other": pair[1], "results": lucky.folder} | change(*pair)
    with pytest.raises(InputError) as raised:
        command(pair[0], **options)
    assert message in str(raised.value) and "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("scale", "full", "is of scale world, .* of scale full: different questions"),
        ("world", "w2", "is of w1, .* of w2: each generated world has questions of its own"),
        ("origin", "hub", "were not measured on the same questions: .*origin world.*origin hub"),
    ],
)
def test_runs_of_other_questions_are_refused(lucky, pair, tmp_path, column, value, message):
    folder = tmp_path / "results"
    shutil.copytree(lucky.folder / "scores", folder / "scores")
    shutil.copytree(lucky.folder / "specs", folder / "specs")
    here = folder / "scores/lucky52/world"
    there = folder / f"scores/other/{value if column == 'scale' else 'world'}"
    shutil.copytree(here, there)
    shutil.copytree(folder / "specs/scores/lucky52/world", folder / "specs" / there.relative_to(folder))
    for name in ("scores", "runs"):
        table = pd.read_parquet(here / f"{name}.parquet")
        table[table["run"] == pair[0]].to_parquet(here / f"{name}.parquet")
        table = table[table["run"] == pair[1]]
        (table.assign(**{column: value}) if column in table else table).to_parquet(there / f"{name}.parquet")
    with pytest.raises(InputError, match=message):
        command(*pair, results=folder)
