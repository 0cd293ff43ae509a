"""Scores of categories and turns: against plain means over items, missing ones stay in sight."""

import numpy as np
import pytest

from polytune.analysis.asked import Asked
from polytune.analysis.choices import Choice, choose_scores
from polytune.analysis.parts import part_scores
from polytune.errors import InputError
from tests.cases.synthetic_answers import (
    RATINGS,
    answer_rows,
    answers_spec,
    verdict_rows,
    write_categories,
    write_identified,
    write_responses,
    write_spec,
    write_verdicts,
)
from tests.cases.synthetic_study import collect_study, make_run

RUN = make_run([])
CATEGORIES = ["maths", "maths", "writing", "writing", "writing", "roleplay"]
LANGUAGES = ["de", "en"]


def write(folder, ratings, files=True):
    """Write a study of one run with six questions of two turns in two languages, rated like this; return it."""
    rows = answer_rows(LANGUAGES, len(CATEGORIES), turns=2)
    write_responses(folder, RUN["run"], rows)
    write_identified(folder, RUN["run"], rows, rows["language"])
    write_verdicts(folder, RUN["run"], [verdict_rows(rows, ratings)])
    asked = write_categories(folder, LANGUAGES, CATEGORIES) if files else {}
    return collect_study(folder, write_spec(folder, [RUN], [answers_spec(LANGUAGES, [RATINGS], **asked)])), rows


def parts_of(study, parts, by_language, measure="rating"):
    spec = {"draw": "values", "benchmarks": ["questions"], "measure": measure}
    asked = Asked(study.asked(spec), study.tables, "figures")
    tables = asked.tables(("scores", "items"))
    rows = choose_scores(tables["scores"], Choice(measure=measure), ["questions"])
    return part_scores(rows, parts, by_language, asked.context, tables["items"])


def test_values_are_means_over_the_questions_of_a_part(tmp_path):
    ratings = np.random.default_rng(3).integers(1, 11, 24).astype(float)
    study, rows = write(tmp_path, ratings)
    rows = rows.assign(value=ratings, category=[CATEGORIES[item] for item in rows["item"]])
    found = parts_of(study, ["category", "turn"], by_language=True)
    expected = rows.groupby(["category", "turn", "language"])["value"].mean()
    assert found.set_index(["category", "turn", "language"])["value"].to_dict() == pytest.approx(expected.to_dict())
    assert len(found) == 3 * 2 * 2
    mean = parts_of(study, ["category"], by_language=False).set_index("category")
    assert mean["value"].to_dict() == pytest.approx(rows.groupby("category")["value"].mean().to_dict())
    # the two turns and the translations of a question are one cluster: sd / sqrt(questions) of the questions' means
    of_questions = rows[rows["category"] == "writing"].groupby("item")["value"].mean()
    assert mean.loc["writing", "stderr"] == pytest.approx(of_questions.std(ddof=1) / 3**0.5)
    assert np.isnan(mean.loc["roleplay", "stderr"])


def test_a_part_without_a_verdict_is_missing_and_in_sight(tmp_path):
    ratings = np.full(24, 5.0)
    ratings[answer_rows(LANGUAGES, len(CATEGORIES), turns=2)["item"] == 5] = np.nan
    study, _ = write(tmp_path, ratings)
    found = parts_of(study, ["category"], by_language=False).set_index("category")
    assert np.isnan(found.loc["roleplay", "value"]) and found.loc["roleplay", "missing"] == 4
    assert found.loc["maths", ["value", "missing", "items"]].to_list() == [5, 0, 8]


def test_questions_without_categories_are_refused(tmp_path):
    study, _ = write(tmp_path, np.full(24, 5.0), files=False)
    with pytest.raises(InputError, match="category: the questions of questions have none"):
        parts_of(study, ["category"], by_language=False)
    assert set(parts_of(study, ["turn"], by_language=False)["turn"]) == {1, 2}
