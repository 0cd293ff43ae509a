"""A judge in this process: a tiny model of random weights, which says nothing sensible, the same each time."""

from __future__ import annotations

import asyncio

import pytest

from polytune.errors import InputError
from polytune.judging import judge
from polytune.judging.backends import open_backend
from polytune.judging.protocols import PROTOCOLS
from polytune.judging.questions import Question
from polytune.prompts.prompt import Prompt
from tests.cases.judging_cases import Study, make_judge

torch = pytest.importorskip("torch")
ENTRY = {"name": "local", "backend": "transformers", "model": "tiny", "revision": "1", "sampling": {"max_tokens": 6}}


@pytest.fixture(scope="module")
def directory(tmp_path_factory):
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import GPTNeoXConfig, GPTNeoXForCausalLM, PreTrainedTokenizerFast

    folder = tmp_path_factory.mktemp("model")
    words = {piece: number for number, piece in enumerate(sorted(pre_tokenizers.ByteLevel.alphabet()))}
    tokenizer = Tokenizer(models.BPE(vocab=words, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    PreTrainedTokenizerFast(tokenizer_object=tokenizer).save_pretrained(folder)
    torch.manual_seed(1)
    config = GPTNeoXConfig(
        vocab_size=len(words),
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        max_position_embeddings=4096,
        eos_token_id=None,
        bos_token_id=None,
    )
    GPTNeoXForCausalLM(config).save_pretrained(folder)
    return folder


def test_it_goes_the_same_way_as_every_judge(tmp_path, directory):
    study = Study(tmp_path)
    judged = [{"responses": "questions", "prompts": "questions-x", "languages": ["en"]}]
    options = study.options(judge={**ENTRY, "asked_again": 0}, judged=judged, repeat_share=0.0)
    judge.command(**options, model=directory)
    rows = study.rows()
    assert {row["status"] for row in rows} == {"unparsable"} and {row["completion_tokens"] for row in rows} == {6}
    assert all(row["prompt_tokens"] > 500 for row in rows), "a token is a byte"
    judge.command(**options, model=directory)
    assert [row["text"] for row in study.rows()] == [row["text"] for row in rows]


def test_a_seed_decides_what_is_drawn(directory):
    def say(repeat: int, **sampling) -> str:
        backend = open_backend(make_judge(ENTRY | {"sampling": {"max_tokens": 12, **sampling}}), None, directory)
        prompt = Prompt(1, "1", "", ("why?",), ())
        asked = Question(PROTOCOLS["rating-3"], "en", 1, 1, prompt, ("because",), repeat=repeat)
        return asyncio.run(backend.ask(asked, "say something", "key", 0)).text

    assert say(0) == say(1)
    drawn = {say(repeat, temperature=1.0, seed=seed) for repeat in (0, 1) for seed in (1, 2)}
    assert len(drawn) == 4 and say(0, temperature=1.0, seed=1) in drawn


def test_a_directory_must_be_named():
    with pytest.raises(InputError, match="judge 'local': is a model in this process; name its directory: --model DIR"):
        open_backend(make_judge(ENTRY), None, None)
