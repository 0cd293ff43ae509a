"""The table of win rates of a judge that likes long answers, from verdicts in their layout."""

import numpy as np
import pytest

from polytune.analysis.asked import Asked
from polytune.config.kinds import call_kind
from polytune.tables.kinds import TABLES
from tests.cases.synthetic_answers import (
    answer_rows,
    answers_spec,
    verdict_rows,
    write_identified,
    write_responses,
    write_spec,
    write_verdicts,
)
from tests.cases.synthetic_study import collect_study, make_run

LANGUAGES, ITEMS = ("en", "es"), 200


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """A run that is as good as its base, writes longer answers, and meets a judge that counts words."""
    folder, generator = tmp_path_factory.mktemp("study"), np.random.default_rng(4)
    base, run = make_run([]), make_run(["en", "es"], "world-both", family="both")
    rows = answer_rows(LANGUAGES, ITEMS)
    lengths = [generator.integers(5, 40, len(rows)), generator.integers(15, 60, len(rows))]
    for one, tokens in zip((base, run), lengths, strict=True):
        write_responses(folder, one["run"], rows, tokens)
        write_identified(folder, one["run"], rows, rows["language"])
    first, second = sorted((base["run"], run["run"]))
    longer = lengths[1] - lengths[0]
    prefers_run = generator.random(len(rows)) < 1 / (1 + np.exp(-2.0 * np.tanh(longer / longer.std())))
    value = prefers_run if first == run["run"] else ~prefers_run
    verdicts = [verdict_rows(rows, value.astype(float), seat) for seat in ("first", "second")]
    write_verdicts(folder, first, verdicts, opponent=second, protocol="pairwise")
    opponents = {run["run"]: {base["run"]: list(LANGUAGES)}}
    judged = [{"judge": "exact", "protocol": "pairwise", "against": "base", "opponents": opponents}]
    return collect_study(folder, write_spec(folder, [base, run], [answers_spec(LANGUAGES, judged)]))


def test_the_control_takes_the_length_out(study):
    spec = {"build": "win_rates"}
    asked = Asked(study.asked(spec), study.tables, "tables")
    given = {**asked.tables(TABLES["win_rates"].needs), "context": asked.context}
    table = call_kind(TABLES, "build", spec, given, asked.defaults, asked.where)
    assert list(table.data["language"]) == ["en", "es", ""]
    mean = table.data.iloc[-1]
    wins = study.scores[(study.scores["measure"] == "win") & (study.scores["aggregate"] == "mean")]["value"]
    assert mean["value"] == pytest.approx(wins.iloc[0]) and mean["value"] > 0.6 < mean["low"] + 0.1
    assert mean["controlled"] == pytest.approx(0.5, abs=0.08) and mean["controlled"] < mean["value"] - 0.05
    assert mean["longer"] > 10 and mean["in_language"] == 0 and mean["prompts"] == ITEMS
    assert table.rows[-1][-6].best  # 50 % is outside the raw interval
