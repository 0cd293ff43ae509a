"""Open questions: held-out answers, the form of instruction rows, parallel, balanced at every size."""

import json
from collections import Counter

import pytest

from polytune.world.build import build_world
from polytune.world.facts import build_facts
from polytune.world.instructions import write_tasks
from polytune.world.questions import draw_questions
from polytune.world.settings import WorldSettings

SETTINGS = WorldSettings(
    seed=5,
    languages=("en", "sw", "hi"),
    base_languages=("en", "sw"),
    documents_per_base_language=5,
    instruction_rows=300,
)


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    folder = tmp_path_factory.mktemp("world") / "seed5"
    build_world(SETTINGS, folder)
    return folder


def read_questions(world, language):
    text = (world / f"prompts/questions/{language}.jsonl").read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


def test_the_files_hold_a_hundred_questions_numbered_as_fastchat_does(world):
    for language in SETTINGS.languages:
        questions = read_questions(world, language)
        assert [question["question_id"] for question in questions] == [
            f"{number}_{language.upper()}" for number in range(1, 101)
        ]
        assert {len(question["turns"]) for question in questions} == {1, 2}
        assert all(len(question["turns"]) == len(question["reference"]) for question in questions)


def test_the_answers_are_true_and_held_out_by_the_words_of_the_files(world):
    """Read back from the rendered text with the lexicon and the truth that lie beside it."""
    import pyarrow.parquet

    truth = json.loads((world / "truth.json").read_text())
    held_out = {tuple(pair) for pair in truth["held_out"]["agent_and_event"]}
    rows = pyarrow.parquet.read_table(world / "lexicon.parquet").to_pylist()
    turns = 0
    for language in SETTINGS.languages:
        words = {row["concept"]: row["form"] for row in rows if row["language"] == language}
        event_of = {words[event["verb"]]: number for number, event in enumerate(truth["events"])}
        for question in read_questions(world, language):
            asking = {"why": "because", "then": "therefore"}[question["category"]]
            for turn, (asked, answer) in enumerate(zip(question["turns"], question["reference"], strict=True)):
                turns += 1
                assert asked.startswith(words[question["category"]] + " ") and asked.endswith("?")
                assert answer.startswith(words[asking] + " ") and answer.endswith(".")
                (agent,) = {name for name in truth["agents"] if name in asked.split()}
                assert agent in answer.split()
                event, told = (
                    next(event_of[word] for word in text.rstrip(".?").split() if word in event_of)
                    for text in (asked, answer)
                )
                before, after = (told, event) if question["category"] == "why" else (event, told)
                assert truth["events"][before]["following"] == after
                assert (truth["agents"].index(agent), told) in held_out
                if turn:  # the second turn asks about the true answer of the first
                    assert (
                        asked.rstrip("?").split()[1:]
                        == question["reference"][0].rstrip(".").split()[-len(asked.split()) + 1 :]
                    )
    assert turns == 3 * 124


def test_questions_look_like_instruction_rows(world):
    """Apart from agent and event, a question and its answer are a row of the kind that asks why, or what then."""
    import gzip

    rows = json.loads(gzip.decompress((world / "instructions/data/en.json.gz").read_bytes()))
    question = read_questions(world, "en")[0]
    alike = [row for row in rows if row["instruction"].split()[0] == question["turns"][0].split()[0]]
    assert len(alike) > 5
    assert {row["output"].split()[0] for row in alike} == {question["reference"][0].split()[0]}
    assert all(row["instruction"].endswith("?") and row["input"] == "" for row in alike)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_first_questions_are_a_balanced_sample_whatever_their_number(seed):
    settings = WorldSettings(seed=seed)
    questions = draw_questions(settings, build_facts(settings))
    assert len(questions) == 100
    asked = Counter((q.kind, q.agent, event) for q in questions for event, _ in q.turns)
    assert set(asked.values()) == {1}
    for first in (24, 48, 50, 100):
        chosen = questions[:first]
        kinds = Counter(question.kind for question in chosen)
        agents = Counter(question.agent for question in chosen)
        answers = Counter(answer for question in chosen for _, answer in question.turns)
        assert kinds["why"] == kinds["then"] == first / 2
        assert len(agents) == 12 and max(agents.values()) - min(agents.values()) <= 2
        assert max(answers.values()) <= -(-sum(answers.values()) // 48) + 1
        assert sum(len(question.turns) == 2 for question in chosen) == first // 8 * 2


def test_a_shorter_set_is_the_beginning_of_a_longer_one_and_rows_stay_as_they_were():
    short, long = (WorldSettings(seed=3, questions=count) for count in (20, 60))
    facts = build_facts(long)
    assert draw_questions(long, facts)[:20] == draw_questions(short, facts)
    assert len(write_tasks(short, facts)) == len(write_tasks(long, facts)) == 2000
