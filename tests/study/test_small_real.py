"""The study of a real model on real rows: what it plans with directories of one's own, and what it refuses."""

from __future__ import annotations

import json
import shutil

import pytest

from polytune.config.settings import load_config, merge_config
from polytune.errors import InputError
from polytune.study.plan import Plan
from tests.cases.evaluation_cases import build_model, write_tokenizer

CODES = ("en", "ar", "de", "el", "es", "hi", "ro", "ru", "th", "tr", "vi", "zh")
ROWS = 720  # as many as the larger of the two studies takes of English
BASE = "smollm2-135m/base/none/seed0"


@pytest.fixture(scope="module")
def given(tmp_path_factory):
    """Directories as the example names them: rows, questions, a tiny model, a folder of benchmarks."""
    root = tmp_path_factory.mktemp("given")
    for part in ("train", "test"):
        (root / "split" / part).mkdir(parents=True)
        for code in CODES:
            rows = [{"id": str(i), "instruction": "Who?", "input": "Ada came.", "output": "Ada"} for i in range(ROWS)]
            (root / "split" / part / f"{code}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    vocabulary = write_tokenizer(root / "model")
    build_model("llama", vocabulary).save_pretrained(root / "model")
    (root / "model/chat_template.jinja").write_text("{{ messages }}")  # rendered by no plan
    (root / "benchmarks").mkdir()
    return root


def plan_of(project, root, example, tmp_path, change=("", "")):
    """The plan of an example file whose four placeholders are replaced."""
    text = (project / "config/examples" / example).read_text()
    places = {"models/SmolLM2-135M-Instruct": "model", "xquad-split": "split", "real-benchmarks": "benchmarks"}
    for placeholder, place in places.items():
        assert placeholder in text
        text = text.replace(placeholder, str(root / place))
    (tmp_path / "my.yaml").write_text(text)
    if change[0]:
        name = example.replace("smollm2", "small-real")
        study = (project / "config/studies" / name).read_text()
        assert change[0] in study
        (tmp_path / name).write_text(study.replace(*change, 1))
        (tmp_path / "my.yaml").write_text(text.replace(f"[{name.removesuffix('.yaml')}]", f"[{tmp_path / name}]"))
    return Plan(load_config(merge_config([tmp_path / "my.yaml"])))


def test_the_example_is_one_base_and_five_sizes_in_two_designs(project, given, tmp_path):
    plan = plan_of(project, given, "smollm2.yaml", tmp_path)
    assert {run.seed for run in plan.tuned.values()} == {1, 2}
    assert len(plan.tuned) == 2 * 2 * 5 and len(plan.runs) == 1 + 2 * 2 * 5
    assert {run.spec["hyperparameters"]["template"] for run in plan.tuned.values()} == {"chat"}
    families = plan.studies["small-real"].families
    assert [[recipe.size for recipe in family] for family in families.values()] == [[1, 2, 4, 8, 12]] * 2
    for name, rows in {"one-budget": 48, "growing": 8}.items():
        assert all(recipe.complete_rows and rows in recipe.amount.values() for recipe in families[name])
    assert {(one.origin, one.items) for one in plan.owed[BASE]} == {("directory", 25)}
    (asked,) = plan.answers.responses[BASE].values()
    assert (asked.origin, asked.items, asked.loss) == ("directory", 10, True)


def test_every_model_has_a_loss_and_null_responders_have_none(project, given, tmp_path):
    plan = plan_of(project, given, "smollm2.yaml", tmp_path)
    assert {run for run, _ in plan.answers.losses} == set(plan.runs)
    spec = plan.specs[f"losses/{BASE}/held-out"]
    assert spec["languages"] == ["en", "de", "zh", "ru"] and spec["template"] == "chat"
    assert f"{plan.paths.run(BASE)}/losses/held-out.json" in plan.answers.files("small-real")
    (entry,) = plan.specs["scores/small-real/full"]["answers"]
    assert entry["loss"] is True and {one["protocol"] for one in entry["judged"]} == {"exact-match", "token-f1"}
    # what is asked is the same with and without it: no answer is generated again
    without = plan_of(project, given, "smollm2.yaml", tmp_path, ("      loss: true\n", ""))
    assert without.specs[f"responses/{BASE}"] == plan.specs[f"responses/{BASE}"]
    assert not without.answers.losses


def test_the_whole_study_has_five_sizes_twice_and_two_seeds(project, given, tmp_path):
    plan = plan_of(project, given, "smollm2-full.yaml", tmp_path)
    families = plan.studies["small-real-full"].families
    assert [[recipe.size for recipe in family] for family in families.values()] == [[1, 2, 4, 8, 12]] * 2
    assert len(plan.tuned) == 2 * 2 * 5


def test_complete_rows_of_a_family_are_complete_for_every_run_of_the_family(project, given, tmp_path):
    """Each mixture of the family waits for the stores of all its languages, and its training for its own alone."""
    plan = plan_of(project, given, "smollm2.yaml", tmp_path, ("complete_rows: true", "complete_rows: family"))
    budget, growing = plan.studies["small-real"].families.values()
    for recipe in (plan.recipes[one.name] for one in budget):
        assert recipe.name.endswith("-complete-in-one-budget") and len(recipe.complete_languages) == 12
        assert len(recipe.needed_stores) == len(plan.reports(recipe.name)) == 12
        [told] = recipe.complete_for
        assert told["max_length_tokens"] == 1024
    assert [len(plan.recipes[one.name].needed_stores) for one in growing] == [1, 2, 4, 8, 12]
    english = next(run for run in plan.tuned.values() if run.mixture == budget[0].name)
    assert len(plan.token_indexes(english)) == 1


def test_the_whole_study_keeps_its_questions_as_languages_are_added(project, given, tmp_path):
    plan = plan_of(project, given, "smollm2-full.yaml", tmp_path)
    assert {len(recipe.complete_languages) for recipe in plan.recipes.values()} == {12}


def test_a_model_without_a_chat_template_and_files_with_too_few_rows_are_refused(project, given, tmp_path):
    root = tmp_path / "given"
    shutil.copytree(given, root)
    (root / "model/chat_template.jinja").unlink()
    with pytest.raises(
        InputError, match=r"run 'smollm2-135m/lora/.*': template: 'chat': .*/model: the tokenizer has no"
    ):
        plan_of(project, root, "smollm2.yaml", tmp_path)
    settings = root / "model/tokenizer_config.json"
    settings.write_text(json.dumps({**json.loads(settings.read_text()), "chat_template": "{{ messages }}"}))
    assert plan_of(project, root, "smollm2.yaml", tmp_path).tuned
    root = root.rename(tmp_path / "fewer")  # files are counted once in a process
    (root / "split/train/th.jsonl").write_text(json.dumps({"id": "1"}) + "\n")
    with pytest.raises(InputError, match=r"mixtures\.growing\.rows: 8 rows are asked for, .*/th\.jsonl has 1"):
        plan_of(project, root, "smollm2.yaml", tmp_path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("complete_rows: true", "complete_rows: famly"), "'famly' is not allowed; expected true or false or 'family'"),
        (("judge: reference}", "judge: exact}"), "judge: 'exact' has no verdict by protocol 'exact-match'; .*ref"),
        (("protocol: exact-match", "protocol: rating-3"), "'reference' has no verdict by protocol 'rating-3'"),
        (
            ("prompts: xquad-held-out", "prompts: openassistant-50"),
            "no prompts in 'de' .German.; it has: en",
        ),
        (
            ("prompts: xquad-held-out\n      languages: [en, de, zh, ru]",
             "prompts: openassistant-50\n      languages: [en, es, zh, ru]"),
            "loss: the questions of 'openassistant-50' have no reference answers",
        ),
        (("items: 10", "items: 300"), "300 are asked for, 'xquad-held-out' has 299"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_said_before_any_job(project, given, tmp_path, change, message):
    with pytest.raises(InputError, match=message):
        plan_of(project, given, "smollm2.yaml", tmp_path, change)


def test_a_language_without_questions_is_said(project, given, tmp_path):
    root = tmp_path / "given"
    shutil.copytree(given, root)
    (root / "split/test/ru.jsonl").unlink()
    plan = plan_of(project, root, "smollm2.yaml", tmp_path)
    with pytest.raises(InputError, match="prompt set 'xquad-held-out' has no prompts in 'ru'"):
        plan.outside.prompts(plan.answers.prompts["xquad-held-out"], "ru")
