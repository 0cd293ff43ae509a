"""What a study asks freely and has judged: from its words to responses, verdicts, specs and jobs, each once."""

from __future__ import annotations

from collections import Counter

import pytest

from polytune.config.settings import load_config
from polytune.errors import InputError
from polytune.study import answer_jobs
from polytune.study.plan import Plan

STUDY = """
study: {name}
title: Asked
sources: {{bactrian-x: {{languages: all}}}}
mixtures:
  mono: {{family: monolingual, source: bactrian-x, languages: [en, es], rows: 100}}
  all: {{family: parallel, source: bactrian-x, languages: [en, es], rows: 50}}
runs:
  - bases: [bloom-7b1]
    method: full
    mixtures: [mono, all]
    seeds: [1]
    hyperparameters:
      {{learning_rate: 1e-3, epochs: 1, max_length_tokens: 128, template: bactrian-x, global_batch_rows: 16}}
evaluation:
  prompts:
    questions: {{prompts: world-questions, languages: [en, es, fr], items: 10, max_new_tokens: 24, identifier: exact}}
  judged:
    quality: {{responses: questions, protocol: rating-3, judge: exact}}
    duels: {{responses: questions, protocol: side-by-side, judge: exact, against: monolingual}}
world:
  bases: {{bloom-7b1: world-bloom}}
  sources: {{bactrian-x: world}}
  hyperparameters: {{learning_rate: 3e-3, template: world}}
"""
RUN = "world-bloom-w1/full/world-w1-{}/seed1"
BASE, EN, ES, ALL = (
    "world-bloom-w1/base/none/seed0",
    *(RUN.format(mixture) for mixture in ("en-100-rows", "es-100-rows", "all-50-rows")),
)


def plan_of(tmp_path, *texts, **config):
    paths = []
    for number, text in enumerate(texts):
        paths.append(tmp_path / f"study{number}.yaml")
        paths[-1].write_text(text)
    return Plan(load_config({"studies": list(map(str, paths)), **config}))


@pytest.fixture
def text():
    return STUDY.format(name="asked")


def test_every_run_is_asked_and_the_null_answers_stand_beside_them(text, tmp_path):
    plan = plan_of(tmp_path, text)
    nulls = {f"null-asked-w1/null/{kind}/seed0" for kind in ("empty", "constant", "copied-prompt", "other-language")}
    assert set(plan.answers.responses) == {BASE, EN, ES, ALL} | nulls
    (one,) = plan.specs[f"responses/{EN}"]["responses"]
    assert (one["prompts"], one["template"], one["items"]) == ("world-questions-w1", "world", 10)
    borrowing = plan.specs["responses/null-asked-w1/null/other-language/seed0"]
    assert (borrowing["kind"], borrowing["donor"]) == ("other-language", EN)
    assert plan.specs["responses/null-asked-w1/null/empty/seed0"]["donor"] is None


def test_two_runs_side_by_side_are_judged_once_and_only_where_they_meet(text, tmp_path):
    plan = plan_of(tmp_path, text)
    pairs = {
        (one.run, one.opponent): one.languages["questions"]
        for one in plan.answers.verdicts.values()
        if one.protocol == "side-by-side" and not one.run.startswith("null")
    }
    assert pairs == {  # the monolingual runs meet each other in both of their languages, everything else in one
        (BASE, EN): ("en",),
        (BASE, ES): ("es",),
        (ALL, EN): ("en",),
        (ALL, ES): ("es",),
        (EN, ES): ("es", "en"),
    }
    (described,) = plan.specs["scores/asked/world"]["answers"]
    duels = next(one for one in described["judged"] if one["protocol"] == "side-by-side")
    assert duels["opponents"][EN] == {ES: ["es"]} and duels["opponents"][ES] == {EN: ["en"]}
    assert set(duels["opponents"][ALL]) == {EN, ES}


@pytest.mark.parametrize(
    "against, expected",
    [("base", {(BASE, EN), (BASE, ES), (ALL, BASE)}), ("all", {(BASE, ALL), (ALL, EN), (ALL, ES)})],
)
def test_opponents_are_the_base_or_a_family(text, tmp_path, against, expected):
    plan = plan_of(tmp_path, text.replace("against: monolingual", f"against: {against}"))
    met = [one for one in plan.answers.verdicts.values() if one.opponent and not one.run.startswith("null")]
    assert {(one.run, one.opponent) for one in met} == {tuple(sorted(pair)) for pair in expected}
    assert all(one.languages["questions"] == ("en", "es", "fr") for one in met)


def test_a_study_with_a_judge_has_the_table_of_its_checks(text, tmp_path):
    (study,) = plan_of(tmp_path, text).studies.values()
    assert study.tables["judge-checks"] == {"build": "judge_checks"}


def test_only_the_runs_of_the_named_mixtures_are_asked_and_judged(text, tmp_path):
    asked = text.replace("items: 10,", "items: 10, mixtures: [mono],")
    asked = asked.replace("judge: exact}", "judge: exact, mixtures: [all]}", 1)
    plan = plan_of(tmp_path, asked)
    assert {run for run in plan.answers.responses if not run.startswith("null")} == {BASE, EN, ES}
    rated = {one.run for one in plan.answers.verdicts.values() if one.protocol == "rating-3"}
    assert rated == {BASE}  # the other runs of `all` are not asked
    (described,) = plan.specs["scores/asked/world"]["answers"]
    assert {BASE, EN, ES} < set(described["runs"]) and ALL not in described["runs"]
    ratings, duels = described["judged"]
    assert ratings["runs"] == [BASE] and set(duels["opponents"][BASE]) == {EN, ES}
    everything = plan_of(tmp_path, text).specs["scores/asked/world"]["answers"][0]
    assert "runs" not in everything and "runs" not in everything["judged"][0]


def test_a_family_of_one_run_per_language_can_be_met_in_its_own_languages(text, tmp_path):
    """As two data sizes need it: of the monolingual runs only those of one entry, each in the language it knows."""
    more = text.replace(
        "  all:", "  few: {family: monolingual, source: bactrian-x, languages: [en, es], rows: 9}\n  all:"
    )
    more = more.replace("[mono, all]", "[mono, few, all]").replace("against: monolingual", "against: few, own: true")
    plan = plan_of(tmp_path, more)
    few = {code: RUN.format(f"{code}-9-rows") for code in ("en", "es")}
    met = {
        (one.run, one.opponent): one.languages["questions"]
        for one in plan.answers.verdicts.values()
        if one.opponent and not one.run.startswith("null")
    }
    expected = {tuple(sorted((run, few[code]))): (code,) for run in (BASE, EN, ES, ALL) for code in few}
    assert met == expected | {tuple(sorted(few.values())): ("es", "en")}


def test_two_studies_share_what_both_ask(tmp_path):
    alone = plan_of(tmp_path, STUDY.format(name="one"))
    both = plan_of(tmp_path, STUDY.format(name="one"), STUDY.format(name="two"))
    models = [run for run in both.answers.responses if not run.startswith("null")]
    assert models == [run for run in alone.answers.responses if not run.startswith("null")]
    of_models = [about for about in both.answers.verdicts if "/null-" not in about]
    assert of_models == [about for about in alone.answers.verdicts if "/null-" not in about]
    outputs = Counter(file for batch in both.answers.batches for file in answer_jobs.responses_of(both, batch))
    outputs += Counter(file for one in both.answers.judge_batches for file in answer_jobs.verdicts_of(both, one))
    assert set(outputs.values()) == {1}
    assert set(both.answers.files("one")) <= set(both.targets(["one"]))


def test_a_study_without_questions_stands_beside_one_with(tmp_path):
    """Both have the run whose answers are borrowed; each study's null answers are to its own questions."""
    silent = (
        STUDY.format(name="one").partition("  prompts:")[0]
        + "  benchmarks: [xcopa]\nworld:"
        + (STUDY.format(name="one").partition("\nworld:")[2])
    )
    plan = plan_of(tmp_path, silent, STUDY.format(name="two"))
    assert {path.split("/")[0] for path in plan.answers.nulls} == {"null-two-w1"}
    other = STUDY.format(name="three").replace("questions", "asked").replace("world-asked", "world-questions")
    plan = plan_of(tmp_path, other, STUDY.format(name="two"))
    assert set(plan.answers.responses["null-two-w1/null/empty/seed0"]) == {"questions"}
    assert set(plan.answers.responses["null-three-w1/null/empty/seed0"]) == {"asked"}


def test_the_result_of_an_identification_is_of_responses_that_it_identifies(text, tmp_path):
    """Else a result that was asked to be something else would be looked for in the wrong place, and stay."""
    first = "first: {prompts: world-questions, languages: [en], items: 5, max_new_tokens: 9}\n    questions:"
    plan = plan_of(tmp_path, text.replace("questions:", first, 1))
    assert list(plan.answers.responses[EN]) == ["first", "questions"]
    assert plan.answers.result_of(f"identified/exact/{EN}") == plan.paths.identified(EN, "exact", "questions")


def test_another_question_under_the_same_name_is_refused(tmp_path):
    other = STUDY.format(name="two").replace("items: 10", "items: 20")
    with pytest.raises(InputError, match=r"study1\.yaml: evaluation\.prompts\.questions: an earlier study asks"):
        plan_of(tmp_path, STUDY.format(name="one"), other)


def test_jobs_hold_as_many_runs_as_the_configuration_says(text, tmp_path):
    plan = plan_of(tmp_path, text, generation={"runs_per_job": 3}, judging={"runs_per_job": 5})
    assert [batch.runs for batch in plan.answers.batches] == [(BASE, EN, ES), (ALL,)]
    assert max(map(len, plan.answers.judge_batches)) == 5
    options = answer_jobs.generation_options(plan, plan.answers.batches[0])
    assert options.count("--spec") == options.count("--model") == options.count("--output") == 3
    assert "--base" not in options
    lora = text.replace("method: full", "method: lora").replace("16}", "16, lora: {r: 4, alpha: 8}}")
    plan = plan_of(tmp_path, lora)
    assert answer_jobs.generation_options(plan, plan.answers.batches[0]).count("--base") == 1


@pytest.mark.parametrize(
    "old, new, message",
    [
        ("prompts: world-questions", "prompts: world-question", "is not in config/prompts.tsv; did you mean"),
        ("languages: [en, es, fr]", "languages: [en, zz]", "no language 'zz'"),
        ("languages: [en, es, fr]", "languages: [en, no]", "'world-questions' has no prompts in 'no'"),
        ("items: 10", "items: 1000", "items: 1000 are asked for, 'world-questions' has 100"),
        ("identifier: exact", "identifier: exakt", "'exakt' is not in config/identifiers.tsv; did you mean 'exact'"),
        ("responses: questions, protocol: rating-3", "responses: question, protocol: rating-3", "no 'question'"),
        ("protocol: rating-3", "protocol: rating-5", "no 'rating-5'; did you mean"),
        ("judge: exact}", "judge: exat}", "no 'exat'; did you mean 'exact'"),
        ("against: monolingual", "against: mine", "against: 'mine' is not allowed; did you mean"),
        (", against: monolingual", "", "sets two answers side by side, against one of: base, monolingual, mono, all"),
        ("protocol: rating-3,", "protocol: rating-3, against: base,", "rates each answer alone; leave the key out"),
        ("max_new_tokens: 24, ", "", "max_new_tokens' is missing"),
        ("items: 10,", "items: 10, mixtures: [mon],", "mixtures: no family 'mon'; did you mean 'mono'"),
    ],
)
def test_a_mistake_names_file_and_key(text, tmp_path, old, new, message):
    assert old in text
    with pytest.raises(InputError) as raised:
        plan_of(tmp_path, text.replace(old, new, 1))
    assert "study0.yaml: " in str(raised.value) and message in str(raised.value)


def test_prompts_and_judges_of_full_scale_are_found_where_the_configuration_says(text, tmp_path):
    full = text.replace("world-questions, languages: [en, es, fr], items: 10", "openassistant-50, languages: [en, es]")
    full = full.replace("identifier: exact", "identifier: py3langid").replace("judge: exact", "judge: gpt-4o")
    for code in ("en", "es"):
        (tmp_path / f"test_{code}.jsonl").write_text('{"id": "1", "prompt": "Why?"}\n')
    with pytest.raises(InputError, match=r"location is '-'; name its directory in locations\.prompts"):
        answer_jobs.prompts_input(plan_of(tmp_path, full, scale="full"), "openassistant-50", "en")
    plan = plan_of(tmp_path, full, scale="full", locations={"prompts": {"openassistant-50": str(tmp_path)}})
    given = plan.spec("prompts/openassistant-50/en")
    assert answer_jobs.prompts_input(plan, "openassistant-50", "en") == given
    (tmp_path / "test_en.jsonl").write_text('{"id": "1", "prompt": "Why not?"}\n')
    again = plan_of(tmp_path, full, scale="full", locations={"prompts": {"openassistant-50": str(tmp_path)}})
    assert again.spec("prompts/openassistant-50/en") != given
    (tmp_path / "test_en.jsonl").unlink()
    with pytest.raises(
        InputError, match=r"locations\.prompts: .*has no prompts in 'en': .*test_en\.jsonl: no such file"
    ):
        again.outside.prompts(again.answers.prompts["openassistant-50"], "en")
