"""What figures and tables compare with, checked when planning: the values that the runs' columns will have."""

from __future__ import annotations

import pandas as pd
import pytest

from polytune.analysis.choices import RUN_COORDINATES, Choice, Contrast
from polytune.analysis.contrasts import LINE, contrast_rows
from polytune.config.settings import load_config
from polytune.errors import InputError
from polytune.files import write_json
from polytune.scores import runs as table_of_runs
from polytune.scores.spec import ScoresSpec
from polytune.study.plan import Plan
from polytune.study.references import _values

MEASURED = {"tokens", "supervised_tokens", "device_hours", "imported"}
"""Columns that are known after the trainings, or say of every run of ours the same."""


def plan_of(tmp_path, text, **config):
    path = tmp_path / "study.yaml"
    path.write_text(text)
    return Plan(load_config({"studies": [str(path)], **config}))


@pytest.mark.parametrize("scale", ["world", "full"])
@pytest.mark.parametrize(
    "study, old, new, message",
    [
        ("linguistic", "  reference: rnd", "  reference: rndm", "analysis.reference: no features 'rndm'; did .* 'rnd'"),
        ("linguistic", 'reference: "14"', 'reference: "15"', "tables.numbers.reference: no n_languages '15'"),
        ("linguistic", "reference: vi,", "reference: vj,", "tables.vietnamese.reference: no features 'vj'; did you"),
        ("donors", "reference: base", "reference: bse", r"tables.uplift.reference: no tuned_on 'bse'; .* 'base'\?"),
        (
            "small-real",
            "reference: base",
            "reference: 3 languages",
            r"no model '3 languages'; did you mean '\d languag",
        ),
        (
            "donors",
            "against: tuned_on",
            "against: language",
            "uplift.against: 'language' tells scores of one run apart",
        ),
    ],
)
def test_a_reference_that_no_run_is_is_said_when_planning(project, tmp_path, scale, study, old, new, message):
    text = (project / f"config/studies/{study}.yaml").read_text()
    assert old in text
    plan_of(tmp_path, text, scale=scale)
    with pytest.raises(InputError, match=message):
        plan_of(tmp_path, text.replace(old, new, 1), scale=scale)


@pytest.mark.slow
@pytest.mark.parametrize("scale", ["world", "full"])
@pytest.mark.parametrize("name", ["linguistic", "lucky52", "alpaca", "pinch", "polyglot", "linguistic-published"])
def test_every_value_that_the_scores_will_hold_is_known(tmp_path, monkeypatch, name, scale):
    """The same studies, their table of runs and the groups of a comparison made as after the trainings."""
    plan = Plan(load_config({"studies": [name], "scale": scale}))
    study = plan.studies[name]
    file = tmp_path / "spec.json"
    write_json(file, plan.specs[f"scores/{name}/{study.scale}"])

    def trained(run, paths):
        return list(run.languages or ()) if run.untuned or run.imported else _languages(plan.recipes[run.mixture]), []

    monkeypatch.setattr(table_of_runs, "_trained", trained)
    specs = tuple(run for run in ScoresSpec.read(file).runs if run.method != "null")
    runs = table_of_runs.build_runs(specs, plan.paths)
    scores = pd.DataFrame({"run": runs["run"].unique(), **{name: "" for name in LINE if name != "base"}, "value": 0.5})
    coordinates = [name for name in runs if name not in table_of_runs.COLUMNS]
    compared = 0
    for column in (*RUN_COORDINATES, *coordinates):
        if column not in MEASURED:
            groups = _groups(scores, runs, column)
            assert not groups - set(_values(study, column)), column
            compared += len(groups) > 1
    assert compared > 3


def _languages(recipe):
    return list(recipe.order or recipe.languages)[: recipe.size]


def _groups(scores, runs, column):
    """The values by which runs can be compared, as the comparison lists them."""
    with pytest.raises(InputError, match="there are: ") as raised:
        contrast_rows(scores, runs, Choice(), Contrast("no such value", column))
    return set(str(raised.value).partition("there are: ")[2].split(", ")) - {""}
