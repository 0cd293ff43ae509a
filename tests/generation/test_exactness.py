"""Greedy answers are transformers' own: the same tokens for every architecture, whichever rows share a batch."""

import random
from functools import cache

import pytest
import torch

from polytune.generation.choosing import choose_by
from polytune.generation.decoding import ContinuousBatch
from polytune.generation.engines import Request
from polytune.models.bloom import Bloom
from polytune.models.llama import Llama
from tests.cases.generation_cases import END, sharp_model

KINDS = ("bloom", "bloom-odd", "gpt2", "gpt_neox", "llama", "mistral", "mixtral", "qwen3", "gemma3_text", "t5", "mt5")
VOCABULARY, ROOM = 60, 12
DRAW = random.Random(1)
PROMPTS = [[DRAW.randrange(3, VOCABULARY) for _ in range(DRAW.randint(1, 40))] for _ in range(24)]
PROMPTS[3:5] = PROMPTS[3][:1], PROMPTS[4][:1]


@cache
def loaded(kind):
    model = sharp_model(kind, VOCABULARY, positions=128, seed=3 * (kind == "gpt2"))  # with another it never ends
    if not kind.startswith("bloom"):
        model.set_attn_implementation("sdpa")
    return model


@cache
def theirs(kind, rows, window=None):
    """transformers' `generate` with batches of `rows` rows."""
    model, answers = loaded(kind), []
    for start in range(0, len(PROMPTS), rows):
        part = PROMPTS[start : start + rows]
        longest = max(map(len, part))
        encoder = model.config.is_encoder_decoder
        fill = [[0] * (longest - len(prompt)) for prompt in part]
        tokens = [prompt + pad if encoder else pad + prompt for prompt, pad in zip(part, fill, strict=True)]
        known = [[1] * len(prompt) for prompt in part]
        mask = [seen + pad if encoder else pad + seen for seen, pad in zip(known, fill, strict=True)]
        said = model.generate(
            input_ids=torch.tensor(tokens), attention_mask=torch.tensor(mask), max_new_tokens=ROOM, do_sample=False,
            eos_token_id=END, pad_token_id=0,
        )  # fmt: skip
        rows_said = said[:, 1 if encoder else longest :].tolist()
        answers += [row[: row.index(END)] if END in row else row for row in rows_said]
    return answers


def ours(model, batch_tokens, prompts=PROMPTS, room=ROOM):
    batch = ContinuousBatch(model, END, choose_by(model.get_output_embeddings(), 0.0, 1.0), batch_tokens)
    requests = [Request(number, prompt, room, number) for number, prompt in enumerate(prompts)]
    finished = [(request.number, answer) for step in batch.answer(requests) for request, answer in step]
    assert sorted(number for number, _ in finished) == list(range(len(prompts))), "each request is answered once"
    return [answer for _, answer in sorted(finished)]


@pytest.mark.parametrize("kind", KINDS)
def test_greedy_answers_are_those_of_transformers(kind):
    alone = theirs(kind, 1)
    lengths = {len(answer) for answer in alone}
    assert len({tuple(answer) for answer in alone}) > 8 and len(lengths) > 2, "a case that shows something"
    assert theirs(kind, 8) == alone
    for batch_tokens in (1, 200, 600, 4000):
        assert ours(loaded(kind), batch_tokens) == alone, batch_tokens


@pytest.mark.parametrize("kind", ["bloom", "bloom-odd", "llama", "llama-odd"])
def test_our_own_models_answer_like_transformers(kind):
    model = loaded(kind)
    own_class = Bloom if kind.startswith("bloom") else Llama
    own = own_class.load(model.config.to_dict(), model.state_dict(), torch.float32).eval()
    for batch_tokens in (1, 200, 4000):
        assert ours(own, batch_tokens) == theirs(kind, 1)


@pytest.mark.parametrize("kind", ["mistral", "mixtral"])
def test_a_sliding_window_hides_what_it_hides_in_transformers(kind, monkeypatch):
    model, without = loaded(kind), theirs(kind, 1)
    monkeypatch.setattr(model.config, "sliding_window", 6)
    alone = theirs.__wrapped__(kind, 1)
    assert alone != without
    assert ours(model, 300) == alone


def test_rows_enter_and_leave_the_batch():
    """The steps of the model are those of the longest answers, not of whole batches one after the other."""
    model, steps = loaded("llama"), []
    hook = model.get_input_embeddings().register_forward_pre_hook(lambda _, given: steps.append(given[0].shape))
    answers = ours(model, 400)
    hook.remove()
    assert max(rows for rows, new in steps if new == 1) == max(rows for rows, _ in steps) > 4
    computed = sum(rows for rows, new in steps if new == 1)
    assert computed == sum(len(answer) + (len(answer) < ROOM) for answer in answers), "no row beyond its end"


@pytest.mark.parametrize("limit", [1, 3])
def test_out_of_memory_halves_the_batch_and_goes_on(limit, monkeypatch, capsys):
    model, expected = loaded("gpt2"), theirs("gpt2", 1)
    whole = model.base_model.forward

    def forward(*args, **options):
        if len(options["input_ids"]) > limit:
            raise torch.OutOfMemoryError("out of memory")
        return whole(*args, **options)

    monkeypatch.setattr(model.base_model, "forward", forward)
    assert ours(model, 600) == expected
    assert "out of memory; trying batches of 300 tokens" in capsys.readouterr().err


def test_one_row_that_does_not_fit_is_told(monkeypatch):
    from polytune.errors import InputError

    model = loaded("gpt2")

    def forward(*args, **options):
        raise RuntimeError("[enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: can't allocate memory")

    monkeypatch.setattr(model.base_model, "forward", forward)
    with pytest.raises(InputError, match="out of memory with one row of at most 52 tokens"):
        ours(model, 600)


def test_other_errors_are_no_lack_of_memory(monkeypatch):
    model = loaded("gpt2")
    monkeypatch.setattr(model.base_model, "forward", lambda **_: (_ for _ in ()).throw(RuntimeError("a defect")))
    with pytest.raises(RuntimeError, match="a defect"):
        ours(model, 600)
