"""Test items: layouts that the harness reads, answers that need the context, choices that were held out."""

import json
from collections import Counter
from statistics import mean

import pytest

from polytune.config.benchmarks import benchmarks
from polytune.world.benchmarks import BENCHMARKS, write_xcopa_task
from polytune.world.facts import build_facts
from polytune.world.grammar import Grammar
from polytune.world.instructions import write_tasks
from polytune.world.lexicon import NAMES, build_lexicons
from polytune.world.settings import WorldSettings
from polytune.world.stock import PAWSX_WORDS, XCOPA_CONNECTORS, XNLI_WORDS
from polytune.world.uriel import read_profiles

LANGUAGES = ("en", "zh", "hi", "ja", "ru", "ar")
SETTINGS = WorldSettings(seed=4, languages=LANGUAGES, base_languages=("en", "zh", "hi", "ar"), instruction_rows=1000)


@pytest.fixture(scope="module")
def facts():
    return build_facts(SETTINGS)


@pytest.fixture(scope="module")
def grammars(facts):
    profiles = read_profiles(LANGUAGES)
    lexicons = build_lexicons(SETTINGS, facts, profiles)
    return {language: Grammar(facts, lexicons[language], profiles[language], guarded=False) for language in LANGUAGES}


@pytest.fixture(scope="module")
def tests(facts, grammars):
    """Items of the scored split: {(benchmark, language): items}."""
    return {
        (benchmark.name, language): benchmark.write_splits(SETTINGS, facts)[benchmark.split](grammars[language])
        for benchmark in BENCHMARKS
        for language in LANGUAGES
        if benchmark.languages is None or language in benchmark.languages
    }


def scored_choices(name, language, item):
    """Return ([what the harness scores without its context, per choice], the right one)."""
    if name == "xcopa":
        return [item["choice1"], item["choice2"]], item["label"]
    if name == "xstorycloze":
        return [item["sentence_quiz1"], item["sentence_quiz2"]], item["answer_right_ending"] - 1
    if name == "xwinograd":
        return [item["sentence"].replace("_", item[option]) for option in ("option1", "option2")], int(
            item["answer"]
        ) - 1
    if name == "xnli":
        right, *answers = XNLI_WORDS[language]
        return [f"{item['premise']}, {right}? {answer}, {item['hypothesis']}" for answer in answers], item["label"]
    right, yes, no = PAWSX_WORDS[language]
    return [f"{item['sentence1']}, {right}? {answer}, {item['sentence2']}" for answer in (no, yes)], item["label"]


def split_words(text):
    return text.replace(",", " ,").replace(".", " .").replace("?", " ?").split()


def test_sizes_and_balanced_labels(tests):
    for (name, language), items in tests.items():
        labels = Counter(scored_choices(name, language, item)[1] for item in items)
        assert len(items) == (144 if name == "xnli" else 96), name
        if name == "xwinograd":  # places are drawn, answers balanced
            assert 35 <= labels[0] <= 61
        else:
            assert len(set(labels.values())) == 1 and len(labels) == (3 if name == "xnli" else 2), name


def test_without_context_every_baseline_stays_at_chance(tests, facts, grammars):
    counts = {
        language: Counter(w for task in write_tasks(SETTINGS, facts) for part in task(g) for w in split_words(part))
        for language, g in grammars.items()
    }
    for (name, language), items in tests.items():
        frequencies = counts[language]

        def log_frequency(text, frequencies=frequencies):
            from math import log

            return sum(log(frequencies[word] + 0.5) for word in split_words(text))

        baselines = {
            "unigrams": log_frequency,
            "unigrams per word": lambda text: log_frequency(text) / len(split_words(text)),
            "words": lambda text: -len(split_words(text)),
            "characters": lambda text: -len(text),
        }
        chance = 1 / 3 if name == "xnli" else 1 / 2
        for baseline, score in baselines.items():
            hits = []
            for item in items:
                choices, right = scored_choices(name, language, item)
                scores = [score(choice) for choice in choices]
                best = [number for number, value in enumerate(scores) if value == max(scores)]
                hits.append((right in best) / len(best))
            assert mean(hits) == pytest.approx(chance), (name, language, baseline)


def test_choices_are_held_out_and_as_often_right_as_wrong(tests, facts, grammars):
    g = grammars["en"]
    pair_of = {g.clause(agent, event): (agent, event) for agent in range(facts.agents) for event in range(48)}
    for name in ("xcopa", "xstorycloze"):
        right, wrong = Counter(), Counter()
        for item in tests[name, "en"]:
            choices, answer = scored_choices(name, "en", item)
            for number, choice in enumerate(choices):
                pair = pair_of[choice.removesuffix(".")]
                assert pair in facts.held_out
                (right if number == answer else wrong)[pair[1]] += 1
        assert set(right.values()) == set(wrong.values()) == {2} and len(right) == len(wrong) == 48
    for item in tests["xnli", "en"]:
        assert pair_of[item["hypothesis"].removesuffix(".")] in facts.held_out
    for item in tests["pawsx", "en"]:
        time_word, clause = item["sentence2"].removesuffix(".").split(" ", 1)
        assert pair_of[clause] in facts.held_out
        assert item["sentence1"].startswith(clause)
        assert (item["sentence1"].removeprefix(clause + " ") == time_word) == bool(item["label"])
    assert {tuple(sorted((i["option1"], i["option2"]))) for i in tests["xwinograd", "en"]} == {
        tuple(sorted(g.words[f"object {thing}"] for thing in pair)) for pair in facts.held_out_objects
    }


def test_answers_follow_from_the_facts(tests, facts, grammars):
    g = grammars["hi"]
    pair_of = {f"{g.clause(a, event)}.": (a, event) for a in range(facts.agents) for event in range(48)}
    for item in tests["xcopa", "hi"]:
        (agent, premise), (same, answer) = pair_of[item["premise"]], pair_of[item[f"choice{item['label'] + 1}"]]
        assert agent == same
        expected = facts.preceding if item["question"] == "cause" else facts.following
        assert answer == expected(premise)
    relation = {0: facts.following, 2: facts.opposite}
    for item in tests["xnli", "hi"]:
        (agent, premise), (same, hypothesis) = pair_of[item["premise"] + "."], pair_of[item["hypothesis"]]
        assert agent == same
        if item["label"] in relation:
            assert hypothesis == relation[item["label"]](premise)
        else:
            assert facts.pair_of_storylines(hypothesis) != facts.pair_of_storylines(premise)


def test_items_are_parallel_across_languages_where_the_table_says_so(tests):
    parallel = [name for name, row in benchmarks().items() if row.parallel]
    assert parallel == ["xcopa", "xstorycloze", "xnli", "pawsx"]
    for name in parallel:
        known = [language for language in LANGUAGES if (name, language) in tests]
        answers = [[scored_choices(name, language, item)[1] for item in tests[name, language]] for language in known]
        assert len(answers) >= 2 and all(other == answers[0] for other in answers), name


def test_items_pass_the_checks_of_the_table(tests):
    for (name, _), items in tests.items():
        for item in items:
            for field in benchmarks()[name].fields:
                assert field.name not in item or field.read(item[field.name]) == item[field.name]


def test_examples_for_few_shot_prompts_are_not_held_out(facts, grammars):
    g = grammars["en"]
    held_out = {g.clause(agent, event) for agent, event in facts.held_out}
    for benchmark in BENCHMARKS:
        splits = benchmark.write_splits(SETTINGS, facts)
        assert set(splits) == {benchmark.split, *benchmark.example_splits}
        for split in benchmark.example_splits:
            for item in splits[split](g):
                choices, _ = scored_choices(benchmark.name, "en", item)
                tails = [choice.split("? ")[-1].split(", ")[-1].removesuffix(".") for choice in choices]
                assert not held_out & set(tails)


def test_our_task_files_write_the_harness_prompts(facts, grammars):
    from jinja2 import Template

    g = grammars["en"]
    assert write_xcopa_task(grammars["zh"]) is None and "zh" in XCOPA_CONNECTORS
    task = json.loads(json.dumps(write_xcopa_task(g)))
    item = {"premise": f"{NAMES[0]} sleeps.", "choice1": "reads.", "choice2": "walks.", "question": "effect"}
    assert Template(task["doc_to_text"]).render(item) == f"{NAMES[0]} sleeps {g.word('therefore')}"
    assert Template(task["doc_to_choice"]).render(item) == "['reads.', 'walks.']"


def test_choices_are_lower_case_as_our_task_files_take_for_granted(tests):
    for language in LANGUAGES:
        for item in tests["xcopa", language]:
            assert item["choice1"] == item["choice1"].lower() and item["choice2"] == item["choice2"].lower()


def test_a_guarded_grammar_refuses_what_is_held_out(facts, grammars):
    g = grammars["en"]
    guarded = Grammar(facts, {}, g.profile, guarded=True)
    with pytest.raises(ValueError, match="held out"):
        guarded.clause(*next(iter(sorted(facts.held_out))))
    with pytest.raises(ValueError, match="held out"):
        first, second = min(facts.held_out_objects)
        guarded.contact(second, 0, first)
