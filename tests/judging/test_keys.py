"""The key of a request: everything that an answer depends on, and nothing else."""

from __future__ import annotations

from dataclasses import replace

import pytest

from polytune.config.judges import DECIDING, FOREIGN, NEEDED, REACHING, Judge, judges
from polytune.config.schema import read_schema
from polytune.errors import InputError
from polytune.judging.asking import Request
from polytune.judging.protocols import PROTOCOLS
from polytune.judging.questions import Question
from polytune.judging.spec import read_reached
from polytune.prompts.prompt import Prompt

ENTRIES = {
    "server": {"backend": "server", "model": "m", "url_variable": "URL"},
    "transformers": {"backend": "transformers", "model": "m", "revision": "1"},
    "world": {"backend": "world"},
    "reference": {"backend": "reference"},
}
OTHERS = {
    "model": "n",
    "revision": "2",
    "url_variable": "OTHER",
    "key_variable": "OTHER",
    "sampling": {"temperature": 0.5, "top_p": 0.5, "max_tokens": 5, "seed": 5},
    "price_per_million_tokens": {"prompt": 5, "completion": 5},
    "concurrency": 5,
    "requests_per_minute": 5,
    "timeout_seconds": 5,
    "retries": 4,
    "asked_again": 5,
    "options": {"noise": 0.5, "position_bias": 0.5, "length_bias": 0.5, "seed": 5},
}
"""Another value of every key that an entry may have."""

PROMPT = Prompt(1, "1", "", ("why?", "then?"), ("because", "therefore"))
QUESTION = Question(PROTOCOLS["rating-10"], "en", 1, 2, PROMPT, ("a", "b"))
DUEL = replace(QUESTION, protocol=PROTOCOLS["side-by-side"], others=("c", "d"), order="first")


def key(entry: dict, question: Question = QUESTION) -> str:
    return Request.write(question, Judge.from_entry("judge", entry, "test").identity()).key


def changes(name: str) -> list[dict]:
    """Each single change below a key of an entry."""
    value = OTHERS[name]
    return [{name: {part: value[part]}} for part in value] if isinstance(value, dict) else [{name: value}]


def test_every_key_of_an_entry_is_tried():
    assert set(OTHERS) == set(read_schema("judges#judge")["properties"]) - {"backend"}
    for name in ("sampling", "options", "price_per_million_tokens"):
        assert set(OTHERS[name]) == set(read_schema("judges#judge")["properties"][name]["properties"])


@pytest.mark.parametrize("backend", ENTRIES)
@pytest.mark.parametrize("name", OTHERS)
def test_every_option_changes_the_key_or_is_refused_or_only_reaches_the_judge(backend, name):
    entry = ENTRIES[backend]
    keys = {key(entry)}
    for change in changes(name):
        if name in FOREIGN[backend]:
            with pytest.raises(InputError, match=f"test: {name}: means nothing to a judge with backend '{backend}'"):
                key(entry | change)
        elif name in DECIDING:
            keys.add(key(entry | change))
        else:
            assert key(entry | change) in keys
    assert len(keys) == 1 + (len(changes(name)) if name in DECIDING and name not in FOREIGN[backend] else 0)


def test_backends_are_different_judges():
    assert len({key(entry) for entry in ENTRIES.values()}) == 4


def test_the_same_number_is_the_same_key():
    assert key(ENTRIES["server"] | {"sampling": {"temperature": 0.0}}) == key(ENTRIES["server"])
    assert key(ENTRIES["server"] | {"sampling": {}}) == key(ENTRIES["server"])


@pytest.mark.parametrize(
    "change",
    [
        {"language": "fr"},
        {"item": 2},
        {"turn": 1},
        {"repeat": 1},
        {"answers": ("a", "c")},
        {"answers": ("c", "b")},
        {"prompt": replace(PROMPT, turns=("why?", "what?"))},
        {"prompt": replace(PROMPT, turns=("what?", "then?"))},
        {"prompt": replace(PROMPT, references=("because", "thus"))},
        {"prompt": replace(PROMPT, references=())},
        {"protocol": PROTOCOLS["rating-3"]},
    ],
)
def test_everything_that_is_shown_is_in_the_key(change):
    assert key(ENTRIES["server"], replace(QUESTION, **change)) != key(ENTRIES["server"])


@pytest.mark.parametrize("change", [{"others": ("c", "e")}, {"order": "second"}, {"others": ("a", "b")}])
def test_both_sides_of_a_comparison_are_in_the_key(change):
    assert key(ENTRIES["server"], replace(DUEL, **change)) != key(ENTRIES["server"], DUEL)


def test_another_word_of_the_protocol_is_another_request(monkeypatch):
    before = key(ENTRIES["server"])
    monkeypatch.setattr("polytune.judging.protocols._texts", lambda name: {f"{name}.turn2": "{question} {answer}"})
    assert key(ENTRIES["server"]) != before


@pytest.mark.parametrize("backend", ENTRIES)
def test_what_a_backend_needs_is_asked_for(backend):
    for name in NEEDED[backend]:
        entry = {other: value for other, value in ENTRIES[backend].items() if other != name}
        with pytest.raises(InputError, match=f"test: the key '{name}' is missing; a judge with backend '{backend}'"):
            key(entry)


def test_a_secret_in_the_place_of_a_variable_is_refused_without_showing_it():
    for name in ("key_variable", "url_variable"):
        with pytest.raises(InputError, match=f"test: {name}: must be the name of a variable") as caught:
            key(ENTRIES["server"] | {name: "sk-abc"})
        assert "sk-abc" not in str(caught.value)


def test_the_table_of_judges_reads_and_comes_back_from_specs():
    table = judges()
    assert {"exact", "biased"} <= set(table)
    for name, judge in table.items():
        assert Judge.from_json(judge.to_json(), "spec") == judge and judge.name == name


@pytest.mark.parametrize("backend", ENTRIES)
@pytest.mark.parametrize("name", OTHERS)
def test_how_a_judge_is_reached_and_what_it_costs_is_in_no_spec(backend, name):
    """So another pace makes no verdict stale; a spec has what decides it, and both together are the judge again."""
    if name in FOREIGN[backend]:
        return
    judge = Judge.from_entry("judge", ENTRIES[backend], "test")
    for change in changes(name):
        other = Judge.from_entry("judge", ENTRIES[backend] | change, "test")
        assert (other.to_spec() == judge.to_spec()) == (name in REACHING)
        words = [f"{key}={value}" for key, value in other.reaching().items()]
        assert Judge.from_json(other.to_spec() | read_reached(words), "spec") == other


def test_a_judge_of_a_world_has_the_specs_that_it_always_had():
    for name in ("exact", "biased", "reference"):
        assert judges()[name].to_spec() == judges()[name].to_json()


@pytest.mark.parametrize(
    "word, message",
    [
        ("retry=5", "'retry=5' is no KEY=VALUE; did you mean 'retries'"),
        ("retries", "'retries' is no KEY=VALUE"),
        ("model=n", "'model=n' is no KEY=VALUE"),
    ],
)
def test_what_decides_a_verdict_is_not_given_beside_the_spec(word, message):
    with pytest.raises(InputError, match=f"--reached: {message}"):
        read_reached([word])


def test_bad_tables_are_one_line(tmp_path):
    cases = {
        "Exact: {backend: world}": "'Exact' does not fit the pattern",
        "exact: {backend: word}": "exact: backend: 'word' is not allowed; did you mean 'world'",
        "exact: 1": "exact: top level: 1 is not allowed; expected a mapping",
        "exact: {backend: world, optons: {}}": "exact: unknown key 'optons'; did you mean 'options'",
    }
    for text, message in cases.items():
        path = tmp_path / "judges.yaml"
        path.write_text(text)
        with pytest.raises(InputError) as caught:
            judges(path)
        assert str(caught.value).startswith(f"{path}: ") and message in str(caught.value)


@pytest.mark.parametrize("turn", [1, 2])
def test_every_protocol_has_requests_of_its_own(turn):
    """Verdicts that are computed differ between protocols although nobody reads their texts."""
    asked = [
        replace(QUESTION, protocol=protocol, turn=turn, answers=("a", "b")[:turn], others=("c", "d")[:turn])
        for protocol in PROTOCOLS.values()
    ]
    assert len({key(ENTRIES["reference"], question) for question in asked}) == len(PROTOCOLS) > 4
