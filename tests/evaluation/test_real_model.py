"""A real model, where one is at hand: its loss, items and answers are those of transformers and the harness.

SmolLM2-135M-Instruct, a directory that POLYTUNE_SMOLLM2 names (docs/studies/small-real.md).
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import torch

from polytune.data.chat import read_chat_template
from polytune.data.tokens import encode_rows
from polytune.models.directory import ModelDirectory
from polytune.models.tokenizer import read_tokenizer
from tests.cases.training_cases import write_store

QUESTIONS = (
    ("Who wrote the letter?", "In 1843 Ada Lovelace wrote a letter to her friend about an engine.", "Ada Lovelace"),
    ("Wann wurde die Brücke gebaut?", "Die Brücke wurde 1894 gebaut und 1945 gesprengt.", "1894"),
    ("谁修了这座桥？", "这座桥是李工程师在一九五七年修的。", "李工程师"),
    ("Что стоит у реки?", "У реки стоит старая мельница, которой двести лет.", "старая мельница"),
)


@pytest.fixture(scope="module")
def directory() -> Path:
    named = os.environ.get("POLYTUNE_SMOLLM2")
    if not named:
        pytest.skip("no real model is at hand; name a directory of SmolLM2-135M-Instruct in POLYTUNE_SMOLLM2")
    return Path(named)


@pytest.fixture(scope="module")
def model(directory):
    from transformers import AutoModelForCausalLM

    return AutoModelForCausalLM.from_pretrained(directory, dtype=torch.float32).eval()


@pytest.fixture(scope="module")
def rows(directory):
    """Prompt and response tokens of the questions with the model's chat template."""
    tokenizer = read_tokenizer(directory)
    template = read_chat_template(tokenizer)
    prompts = [template.prompt(question, paragraph) for question, paragraph, _ in QUESTIONS]
    ids, sizes, prompt_sizes = encode_rows(
        prompts, [template.response(answer) for *_, answer in QUESTIONS], tokenizer, encoder_decoder=False
    )
    starts = np.cumsum(sizes) - sizes
    return [
        (ids[start : start + prompt].tolist(), ids[start + prompt : start + size].tolist())
        for start, size, prompt in zip(starts, sizes, prompt_sizes, strict=True)
    ]


def theirs_on(model, row) -> float:
    """transformers' own loss on one row, in nats over its supervised tokens."""
    prompt, response = row
    ids = torch.tensor([prompt + response])
    labels = ids.clone()
    labels[0, : len(prompt)] = -100
    with torch.no_grad():
        return model(input_ids=ids, labels=labels).loss.item() * len(response)


def test_rows_are_what_transformers_makes_of_the_chat(directory, rows):
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(directory)
    for (question, paragraph, answer), (prompt, response) in zip(QUESTIONS, rows, strict=True):
        chat = [{"role": "user", "content": f"{question}\n\n{paragraph}"}]
        asked = tokenizer.apply_chat_template(chat, add_generation_prompt=True, tokenize=True, return_dict=False)
        assert prompt == asked
        assert response == [*tokenizer(answer, add_special_tokens=False)["input_ids"], tokenizer.eos_token_id]


def test_the_loss_of_the_first_update_is_transformers(model, rows, tmp_path):
    import copy

    from polytune.mixtures.manifest import Mixture, Part
    from polytune.training.batches import Updates
    from polytune.training.model import compute_packs
    from polytune.training.rows import Limits, Rows

    expected = sum(theirs_on(model, row) for row in rows) / sum(len(response) for _, response in rows)
    write_store(tmp_path / "test" / "en", rows, False)
    mixture = Mixture("m", "incremental", "test", ("en",), (Part("test", "en", "all", len(rows), "0" * 64),))
    updates = Updates(Rows(mixture, tmp_path, Limits(1024)), 1, 1, len(rows), 2048)
    packed = copy.deepcopy(model)
    compute_packs(packed)
    with torch.no_grad():
        loss = sum(float(packed(pack=pack)) for pack in updates[0].packs)
    assert loss == pytest.approx(expected, rel=1e-5) and loss > 1


def test_the_loss_that_is_measured_is_the_same(directory, model, rows):
    from polytune.evaluation.evaluate_loss import load_model

    lm = load_model(ModelDirectory.find(directory), "cpu", 2048)
    names = [str(number) for number in range(len(rows))]
    np.testing.assert_allclose(-lm.score_answers(rows, names), [theirs_on(model, row) for row in rows], rtol=1e-5)


def test_answers_are_those_of_generate(directory, model, rows):
    from polytune.generation.choosing import choose_by
    from polytune.generation.decoding import ContinuousBatch
    from polytune.generation.engines import Request
    from polytune.models.load import load_scorer

    room, end, expected = 16, model.config.eos_token_id, []
    for prompt, _ in rows:
        ids = torch.tensor([prompt])
        said = model.generate(
            ids, attention_mask=torch.ones_like(ids), max_new_tokens=room, do_sample=False, pad_token_id=end
        )[0, len(prompt) :].tolist()
        expected.append(said[: said.index(end)] if end in said else said)
    scorer = load_scorer(ModelDirectory.find(directory), "cpu", "float32")
    batch = ContinuousBatch(scorer, end, choose_by(scorer.get_output_embeddings(), 0.0, 1.0), 2048)
    requests = [Request(number, prompt, room, number) for number, (prompt, _) in enumerate(rows)]
    finished = {request.number: answer for step in batch.answer(requests) for request, answer in step}
    assert [finished[number] for number in range(len(rows))] == expected
    assert all(expected) and len({tuple(answer) for answer in expected}) == len(rows)


def test_items_are_those_of_the_harness(directory, shared_data):
    from polytune.config.benchmarks import find_benchmark
    from polytune.evaluation.documents import sample
    from polytune.evaluation.harness import evaluate_benchmark, prepare_environment
    from polytune.evaluation.tasks import list_tasks, read_rows

    prepare_environment()
    from lm_eval.models.huggingface import HFLM

    from polytune.evaluation.model import PolytuneLM

    for name, language in (("xwinograd", "en"), ("xnli", "ru")):
        benchmark = find_benchmark(name)
        tasks = list_tasks(benchmark, shared_data, (language,))
        documents = {code: sample(one, 6) for code, one in read_rows(benchmark, shared_data, tasks).items()}
        found = []
        for lm in (PolytuneLM(str(directory)), HFLM(str(directory), device="cpu", dtype="float32", batch_size=4)):
            (items,) = evaluate_benchmark(lm, benchmark, shared_data, tasks, documents)["samples"].values()
            found.append([(item["doc_id"], item["acc"], [one[0] for one in item["filtered_resps"]]) for item in items])
        ours, theirs = found
        assert len(ours) == 6 and [item[:2] for item in ours] == [item[:2] for item in theirs]
        np.testing.assert_allclose(
            np.concatenate([item[2] for item in ours]), np.concatenate([item[2] for item in theirs]), rtol=1e-5
        )
