"""What a run was evaluated on for studies that are not configured now stays in its spec."""

from __future__ import annotations

from pathlib import Path

import pytest

from polytune.config.settings import load_config
from polytune.study.earlier import forget
from polytune.study.plan import Plan

BASE = "world-bloom-w1-tiny/base/none/seed0"
RUN = "world-bloom-w1-tiny/full/world-w1-tiny-en-100-rows-replay60/seed1"


@pytest.fixture
def place(project, tmp_path):
    """Return a function that plans studies `toy` (xcopa, xwinograd) and `other` (xcopa, xnli), with edits of `toy`."""
    toy = (project / "tests/workflow/toy.yaml").read_text()
    head = toy.partition("figures:")[0] + toy[toy.index("world:") :]
    other = head.replace("study: toy", "study: other").replace("[xcopa, xwinograd]", "[xcopa, xnli]")

    def plan(*studies: str, edit: tuple[str, str] = ("", ""), begun: bool = False) -> Plan:
        texts = {"toy": head.replace(*edit) if edit[0] else head, "other": other}
        assert texts["toy"] != head or not edit[0]
        files = [tmp_path / f"{name}.yaml" for name in studies]
        for file in files:
            file.write_text(texts[file.stem])
        storage = {key: str(tmp_path / key) for key in ("results", "work", "resources")}
        config = {"studies": list(map(str, files)), "storage": storage, "world": {"size": "tiny"}}
        return Plan(load_config(config), begun)

    return plan


def finish(plan: Plan) -> None:
    """Write what the jobs of a plan leave, as far as planning looks at it."""
    for about in plan.specs:
        path = Path(plan.spec(about))
        path.parent.mkdir(parents=True, exist_ok=True)
        plan.write_spec(about, str(path))
    evaluations = [file for study in plan.studies for file in plan.evaluation_files(study)]
    for file in [*evaluations, *map(plan.paths.world_marker, plan.worlds)]:
        Path(file).parent.mkdir(parents=True, exist_ok=True)
        Path(file).touch()


def names(plan: Plan, run: str = BASE) -> list[str]:
    return [one.name for one in plan.owed[run]]


def job(plan: Plan, run: str = BASE) -> tuple:
    """Return what Snakemake compares of the job that evaluates a run."""
    return plan.spec(f"evaluations/{run}"), plan.data_options(run), plan.data_markers(run), names(plan, run)


@pytest.mark.parametrize("run", [BASE, RUN])
@pytest.mark.parametrize("fewer", ["toy", "other"])
def test_a_study_less_leaves_the_job_of_a_shared_run_as_it_was(place, run, fewer):
    both = place("toy", "other")
    finish(both)
    alone = place(fewer)
    assert job(alone, run) == job(both, run)
    assert names(alone, run) == ["xcopa", "xnli", "xwinograd"]
    assert alone.disagreements == []
    unasked = {"toy": "xnli", "other": "xwinograd"}[fewer]
    assert not any(unasked in target for target in alone.targets([fewer]))


def test_one_study_after_the_other_keeps_what_both_made(place):
    finish(place("toy"))
    second = place("other")
    assert names(second) == ["xcopa", "xnli", "xwinograd"]
    finish(second)
    assert job(place("toy")) == job(second) == job(place("toy", "other"))


def test_without_results_only_what_is_asked_for_is_owed(place):
    place("toy", "other")
    assert names(place("toy")) == ["xcopa", "xwinograd"]


def test_what_could_not_be_computed_is_not_owed_when_it_is_no_longer_asked_for(place):
    """A benchmark that made the job fail can be taken out again; Snakemake has removed what the job delivered."""
    both = place("toy", "other")
    finish(both)
    for name in ("xcopa", "xnli"):
        Path(both.paths.evaluation(BASE, "world", name)).unlink()
    assert names(place("toy")) == ["xcopa", "xwinograd"]


def test_a_deleted_result_of_a_study_that_is_not_configured_changes_nothing(place):
    both = place("toy", "other")
    finish(both)
    Path(both.paths.evaluation(BASE, "world", "xnli")).unlink()
    alone = place("toy")
    assert job(alone) == job(both)
    assert alone.disagreements == []


def test_a_changed_benchmark_is_another_spec_with_what_is_there(place):
    both = place("toy", "other")
    finish(both)
    sampled = place("toy", edit=("[xcopa, xwinograd]", "{xcopa: {items: 5}, xwinograd: {}}"))
    assert names(sampled) == ["xcopa", "xcopa-5-items", "xnli", "xwinograd"]
    assert sampled.spec(f"evaluations/{BASE}") in sampled.disagreements


def test_another_model_is_evaluated_on_what_is_asked_for_only(place):
    both = place("toy", "other")
    finish(both)
    changed = place("toy", edit=("learning_rate: 3e-3", "learning_rate: 4e-3"))
    assert names(changed, RUN) == ["xcopa", "xwinograd"]
    assert names(changed, BASE) == ["xcopa", "xnli", "xwinograd"]
    mixed = place("toy", edit=OTHER_MODEL)
    assert names(mixed, RUN) == ["xcopa", "xwinograd"]


def test_data_that_is_gone_is_not_owed(place):
    both = place("toy", "other")
    finish(both)
    Path(both.paths.world_marker("w1-tiny")).unlink()
    assert names(place("toy")) == ["xcopa", "xwinograd"]


NAMED_ALONE = '{"evaluations": [{"origin": "world", "name": "x"}]}'


@pytest.mark.parametrize("text", ["{", "[]", '{"evaluations": [1]}', NAMED_ALONE])
def test_a_broken_spec_says_nothing(place, text):
    both = place("toy", "other")
    finish(both)
    Path(both.spec(f"evaluations/{BASE}")).write_text(text)
    assert names(place("toy")) == ["xcopa", "xwinograd"]


OTHER_MODEL = ("languages: [en, zh]}}", "languages: [en]}}")


@pytest.mark.parametrize("edit", [("", ""), OTHER_MODEL], ids=["same", "other model"])
def test_a_job_of_a_workflow_that_has_begun_plans_what_its_start_decided(place, edit):
    """A cluster's job plans anew: results of its run are deleted by then, and the specs of the models are written."""
    both = place("toy", "other")
    finish(both)
    Path(both.paths.evaluation(RUN, "world", "xcopa")).unlink()
    start = place("toy", edit=edit)
    decided = {run: names(start, run) for run in (BASE, RUN)}
    assert decided[BASE] == ["xcopa", "xnli", "xwinograd"]
    assert decided[RUN] == (["xcopa", "xwinograd"] if edit[0] else decided[BASE])
    rules = start.owed_sets
    forget(start)
    for about in start.specs:
        if not about.startswith("evaluations/"):
            start.write_spec(about, start.spec(about))
    for name in ("xnli", "xwinograd"):
        Path(start.paths.evaluation(RUN, "world", name)).unlink()
    assert place("toy", edit=edit, begun=True).owed_sets == rules
    start.write_spec(f"evaluations/{RUN}", start.spec(f"evaluations/{RUN}"))
    assert place("toy", edit=edit, begun=True).owed_sets == rules
