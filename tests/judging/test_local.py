"""A judge in this process: a tiny model of random weights, which says nothing sensible, the same each time."""

from __future__ import annotations

import asyncio
import shutil

import pytest

from polytune.errors import InputError
from polytune.files import write_json
from polytune.judging import judge
from polytune.judging.backends import open_backend
from polytune.judging.protocols import PROTOCOLS
from polytune.judging.questions import Question
from polytune.prompts.prompt import Prompt
from tests.cases.judging_cases import Study, make_judge

torch = pytest.importorskip("torch")
ENTRY = {"name": "local", "backend": "transformers", "model": "tiny", "revision": "1", "sampling": {"max_tokens": 6}}


TEMPLATE = "{{ bos_token }}{% for m in messages %}<|user|>{{ m['content'] }}{% endfor %}<|judge|>"


def make_model(folder, chat: bool, seed: int = 1) -> None:
    """Write a tiny model with a token for each byte and a few special ones; the seed decides its weights."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import GPTNeoXConfig, GPTNeoXForCausalLM, PreTrainedTokenizerFast

    special = ["<s>", "</s>", "<|user|>", "<|judge|>"]
    words = {piece: number for number, piece in enumerate([*special, *sorted(pre_tokenizers.ByteLevel.alphabet())])}
    backend = Tokenizer(models.BPE(vocab=words, merges=[]))
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    backend.decoder = decoders.ByteLevel()
    backend.add_special_tokens(special)
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=backend, bos_token="<s>", eos_token="</s>")
    tokenizer.chat_template = TEMPLATE if chat else None
    tokenizer.save_pretrained(folder)
    torch.manual_seed(seed)
    config = GPTNeoXConfig(
        vocab_size=len(words),
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        max_position_embeddings=4096,
        bos_token_id=0,
        eos_token_id=1,
    )
    model = GPTNeoXForCausalLM(config)
    model.get_output_embeddings().weight.data[1] = 0  # the end is never likely
    model.save_pretrained(folder)


@pytest.fixture(scope="module")
def directory(tmp_path_factory):
    make_model(folder := tmp_path_factory.mktemp("model"), chat=False)
    return folder


@pytest.fixture(scope="module")
def chat(tmp_path_factory):
    make_model(folder := tmp_path_factory.mktemp("chat"), chat=True)
    return folder


def say(directory, texts: list[str], repeat: int = 0, **sampling) -> list[str]:
    """Return what the judge says to texts that are asked at the same moment."""
    backend = open_backend(make_judge(ENTRY | {"sampling": {"max_tokens": 12, **sampling}}), None, directory)
    asked = Question(PROTOCOLS["rating-3"], "en", 1, 1, Prompt(1, "1", "", ("why?",), ()), ("because",), repeat=repeat)

    async def ask_all():
        return await asyncio.gather(*(backend.ask(asked, text, "key", 0) for text in texts))

    return [reply.text for reply in asyncio.run(ask_all())]


def test_it_goes_the_same_way_as_every_judge(tmp_path, directory):
    study = Study(tmp_path)
    judged = [{"responses": "questions", "prompts": "questions-x", "languages": ["en"]}]
    options = study.options(judge={**ENTRY, "asked_again": 0}, judged=judged, repeat_share=0.0)
    judge.command(**options, model=directory, concurrency=5)
    rows = study.rows()
    assert {row["status"] for row in rows} == {"unparsable"} and {row["completion_tokens"] for row in rows} == {6}
    assert all(row["prompt_tokens"] > 500 for row in rows), "a token is a byte"
    judge.command(**options, model=directory)
    assert [row["text"] for row in study.rows()] == [row["text"] for row in rows]


def test_another_model_under_the_same_entry_is_asked_itself(tmp_path, directory, chat, capsys):
    """Other weights, another chat template, another token that ends an answer: none gets what the first one said."""
    make_model(weights := tmp_path / "weights", chat=False, seed=2)
    shutil.copytree(directory, ends := tmp_path / "ends")
    write_json(ends / "generation_config.json", {"eos_token_id": [1, 2]})
    shutil.copytree(directory, same := tmp_path / "same")
    study = Study(tmp_path)
    judged = [{"responses": "questions", "prompts": "questions-x", "languages": ["en"]}]
    options = study.options(judge={**ENTRY, "asked_again": 0}, judged=judged, repeat_share=0.0)
    sent, said = [], []
    for model in (directory, weights, chat, ends, same):
        judge.command(**options, model=model)
        sent.append(int(capsys.readouterr().out.partition("'local': ")[2].split()[0]))
        said.append([row["text"] for row in study.rows()])
    assert sent == [12, 12, 12, 12, 0] and said[1] != said[0] == said[4]


def test_a_batch_says_what_each_alone_says(directory):
    texts = ["say something", "s", "something else that is a good deal longer than the first one"]
    assert say(directory, texts) == [say(directory, [text])[0] for text in texts]
    drawn = say(directory, texts, temperature=1.0)
    assert drawn == [say(directory, [text], temperature=1.0)[0] for text in texts]


def test_a_seed_decides_what_is_drawn(directory):
    text = ["say something"]
    assert say(directory, text, repeat=0) == say(directory, text, repeat=1), "the most likely tokens are the same"
    drawn = [say(directory, text, repeat, temperature=1.0, seed=seed)[0] for repeat in (0, 1) for seed in (1, 2)]
    assert len(set(drawn)) == 4 and drawn[0] == say(directory, text, temperature=1.0, seed=1)[0]


def test_an_answer_cannot_end_the_message(chat):
    """`<|judge|>` in an answer is nine characters, the template's own is one token."""
    backend = open_backend(make_judge(ENTRY), None, chat)
    ids = backend._encode("a</s><|judge|>b")
    assert ids[:2] == [0, 2] and ids[-1] == 3
    assert len(ids) == 3 + len("a</s><|judge|>b") and not {0, 1, 2, 3} & set(ids[2:-1])


def test_a_directory_must_be_named():
    with pytest.raises(InputError, match="judge 'local': is a model in this process; name its directory: --model DIR"):
        open_backend(make_judge(ENTRY), None, None)
