"""Specs, templates and keys of generation: what is refused, and what an answer depends on."""

from dataclasses import replace
from pathlib import Path

import pytest

from polytune.config.settings import load_config
from polytune.data.model_templates import tuned_template
from polytune.data.templates import load_template
from polytune.errors import InputError
from polytune.generation.conversation import Form
from polytune.generation.engines import longest_context
from polytune.generation.journal import Answer, Journal
from polytune.generation.plans import digest_prompts, key_parts
from polytune.generation.server import COMMAND
from polytune.generation.spec import Responses, find_template, read_spec
from polytune.prompts.prompt import Prompt
from tests.cases.generation_cases import write_spec

RESPONSES = Responses("questions", "set", ("en",), "world", 12)
TEMPLATES = Path("config/templates.yaml")


def test_specs_are_read(tmp_path):
    run, [row] = read_spec(write_spec(tmp_path / "spec.json", {"items": 50}))
    assert (run, row) == ("bloom/base/none/seed0", replace(RESPONSES, items=50))


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ({"max_new_token": 3}, "unknown key 'max_new_token'; did you mean 'max_new_tokens'"),
        ({"max_new_tokens": 0}, "name 'questions': max_new_tokens is 0; it must be 1 or more"),
        ({"items": 0}, "items is 0; it must be 1 or more, or null for all"),
        ({"temperature": -1}, "temperature is -1.0; it must be from 0 to 100"),
        ({"top_p": 0}, "top_p is 0.0; it must be above 0 and at most 1"),
        ({"seed": -1}, "seed is -1"),
        ({"languages": []}, "languages is (); it must be a list of codes that is not empty"),
        ({"backend": "vllm"}, "backend is 'vllm'; allowed: transformers, server"),
        ({"name": "../x"}, "name is '../x'"),
    ],
)
def test_bad_specs_are_one_line(entry, expected, tmp_path):
    with pytest.raises(InputError) as refused:
        read_spec(write_spec(tmp_path / "spec.json", entry))
    assert expected in str(refused.value) and str(tmp_path / "spec.json") in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_name_twice_is_refused(tmp_path):
    with pytest.raises(InputError, match="name 'questions': stands there twice"):
        read_spec(write_spec(tmp_path / "spec.json", {}, {}))


def test_a_template_that_the_model_was_not_tuned_with_is_refused():
    tuned = {"spec": {"hyperparameters": {"template": "alpaca"}}}
    base = {"spec": {"hyperparameters": {"template": "alpaca"}, "model": {"model_type": "bloom"}}}
    assert (tuned_template(tuned), tuned_template(base), tuned_template({})) == ("alpaca", None, None)
    for allowed in (None, "world"):
        assert find_template(RESPONSES, TEMPLATES, allowed, "spec").name == "world"
    with pytest.raises(InputError, match="spec: template is 'world', the model was tuned with 'alpaca'"):
        find_template(RESPONSES, TEMPLATES, "alpaca", "spec")
    forced = replace(RESPONSES, template_forced=True)
    assert find_template(forced, TEMPLATES, "alpaca", "spec").name == "world"
    with pytest.raises(InputError, match="plan again"):
        find_template(replace(RESPONSES, template_digest="0" * 64), TEMPLATES, None, "spec")


def test_keys_hold_what_answers_depend_on():
    template = load_template(TEMPLATES, "world")

    def key(row=RESPONSES, model="m", prompts="p", language="en", device="cpu"):
        return key_parts(row, template, model, prompts, language, device)

    for same in (replace(RESPONSES, name="other"), replace(RESPONSES, items=3), replace(RESPONSES, seed=2)):
        assert key(same) == key(), "greedy answers have no seed, and the first answers are the first answers"
    assert key(device="cuda:1") == key(device="cuda") != key()
    assert key(language="fr") == key(), "the same prompts to the same model"
    drawn = replace(RESPONSES, temperature=0.5)
    others = [key(drawn), key(replace(drawn, seed=2)), key(drawn, language="fr"), key(replace(drawn, top_p=0.5))]
    others += [key(model="n"), key(prompts="q"), key(replace(RESPONSES, max_new_tokens=13)), key()]
    assert len({str(other) for other in others}) == len(others)


def test_prompts_are_known_by_what_is_asked():
    prompt = Prompt(0, "q", "c", ("why?",), ("because",))
    assert digest_prompts([prompt]) == digest_prompts([replace(prompt, id="r", category="", references=())])
    assert digest_prompts([prompt]) != digest_prompts([replace(prompt, turns=("why?", "and then?"))])


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({"model_type": "gpt2", "n_positions": 1024}, 1024),
        ({"model_type": "llama", "max_position_embeddings": 4096}, 4096),
        ({"model_type": "bloom", "seq_length": 2048}, None),
        ({"model_type": "mt5", "is_encoder_decoder": True, "n_positions": 512}, None),
    ],
)
def test_only_models_that_know_positions_have_a_longest_context(config, expected):
    assert longest_context(config) == expected


@pytest.mark.parametrize(("text", "answer"), [(" yes", "yes"), ("yes", "yes"), ("  yes ", " yes "), ("", "")])
def test_answers_lose_what_the_template_puts_around_them(text, answer):
    assert Form(None, load_template(TEMPLATES, "world"), False).answer(text) == answer


def test_journals_survive_lines_that_are_none(tmp_path, capsys):
    answer = Answer("a\u2028b\x85\n", 3, 5, "end", 0.5)
    journal = Journal(tmp_path / "journals" / "en.jsonl")
    journal.begin({"commit": "c"})
    journal.add([((0, 1), answer), ((0, 2), replace(answer, text=""))])
    whole = journal.path.read_bytes()
    for cut in range(len(whole)):
        journal.path.write_bytes(whole[:cut])
        torn = Journal(journal.path)
        torn.begin({"commit": "d"})
        torn.add([((7, 1), answer)])
        kept = Journal(journal.path).answers
        assert kept.pop((7, 1)) == answer
        assert len(kept) == max(0, whole[: cut + 1].count(b"\n") - 1), (
            "a record that is whole but for its line's end counts"
        )
        assert kept.get((0, 1), answer) == answer
    assert "is damaged; its answer is generated again" in capsys.readouterr().err
    journal.path.write_bytes(b'[]\n\x00\x00\n{"item": 1}\n3\n\xff\n' + whole)
    assert list(Journal(journal.path).answers) == [(0, 1), (0, 2)]


def test_the_configuration_serves_as_the_command_does():
    """On this machine alone: a server that listens everywhere would answer the whole cluster."""
    assert load_config({})["generation"]["server"] == COMMAND
