"""The loss on right answers: that of transformers on the same tokens, and its mean and error worked out otherwise."""

from __future__ import annotations

import json
import math

import numpy as np
import pandas as pd
import pytest

from polytune.data.templates import load_template
from polytune.errors import InputError
from polytune.evaluation.evaluate import command as evaluate
from polytune.evaluation.evaluate_loss import command as evaluate_loss
from polytune.evaluation.losses import per_token
from polytune.files import write_json
from polytune.models.directory import ModelDirectory
from polytune.models.tokenizer import read_model_tokenizer
from polytune.prompts.prompt import Prompt, write_prompts
from polytune.scores.losses import linearised
from tests.cases.evaluation_cases import SENTENCES, build_model, write_tokenizer

ROWS = {
    "en": [
        ("Who?", "the man broke his toe", "the man"),
        ("Why?", "", "because he dropped a hammer"),
        ("So?", "x", "no"),
    ],
    "es": [("¿Quién?", "se rompió el dedo", "el"), ("¿Por qué?", "", "dejó caer un martillo"), ("¿Y?", "x", "no")],
}


@pytest.fixture(scope="module", params=["llama", "bloom", "opt", "t5", "bart"])
def model(request, tmp_path_factory):
    directory = tmp_path_factory.mktemp(request.param)
    vocabulary = write_tokenizer(directory, SENTENCES)
    build_model(request.param, vocabulary).save_pretrained(directory)
    return directory


@pytest.fixture(scope="module")
def rows(tmp_path_factory):
    folder = tmp_path_factory.mktemp("rows")
    for code, of_language in ROWS.items():
        lines = [
            json.dumps({"id": str(number), "instruction": row[0], "input": row[1], "output": row[2]})
            for number, row in enumerate(of_language)
        ]
        (folder / f"{code}.jsonl").write_text("\n".join(lines))
    return folder


def theirs(directory, project, row):
    """Nats and supervised tokens of one row by transformers' own loss on labels."""
    import torch
    from transformers import AutoModelForCausalLM, AutoModelForSeq2SeqLM

    template = load_template(project / "config/templates.yaml", "bactrian-x")
    tokenizer = read_model_tokenizer(ModelDirectory.find(directory))
    prompt, answer = template.prompt(row[0], row[1]), template.response(row[2])
    config = json.loads((directory / "config.json").read_text())
    end = tokenizer.eos_token_id
    with torch.no_grad():
        if config.get("is_encoder_decoder"):
            model = AutoModelForSeq2SeqLM.from_pretrained(directory).eval()
            source, labels = (tokenizer.encode([text], special_tokens=True)[0] + [end] for text in (prompt, answer))
            loss = model(input_ids=torch.tensor([source]), labels=torch.tensor([labels])).loss
            return loss.item() * len(labels), len(labels)
        model = AutoModelForCausalLM.from_pretrained(directory).eval()
        (whole,) = tokenizer.encode([prompt + answer], special_tokens=True)
        encoding = tokenizer.backend.encode(prompt + answer)
        first = next(place for place, (start, _) in enumerate(encoding.offsets) if start >= len(prompt))
        ids = torch.tensor([[*whole, end]])
        labels = ids.clone()
        labels[0, :first] = -100
        return model(input_ids=ids, labels=labels).loss.item() * (len(whole) + 1 - first), len(whole) + 1 - first


def test_the_loss_is_transformers(model, rows, project, tmp_path):
    output, samples = tmp_path / "loss.json", tmp_path / "loss.parquet"
    evaluate(
        model=model, output=output, samples=samples, loss=str(rows / "{language}.jsonl"), template="bactrian-x",
        cache=None, languages="", items=None, precision="auto", device="cpu", batch_tokens=8192,
    )  # fmt: skip
    table = pd.read_parquet(samples)
    assert list(table.columns) == ["language", "item", "turn", "nats", "tokens"] and len(table) == 6
    for code, of_language in ROWS.items():
        expected = [theirs(model, project, row) for row in of_language]
        mine = table[table["language"] == code]
        assert mine["tokens"].tolist() == [tokens for _, tokens in expected]
        np.testing.assert_allclose(mine["nats"], [nats for nats, _ in expected], rtol=2e-5)
        said = json.loads(output.read_text())["languages"][code]
        whole = sum(nats for nats, _ in expected) / sum(tokens for _, tokens in expected)
        assert said["nats_per_token"] == pytest.approx(whole, rel=2e-5)


def test_the_workflow_measures_the_same_on_a_prompt_set(rows, project, tmp_path):
    directory = tmp_path / "model"
    vocabulary = write_tokenizer(directory, SENTENCES)
    build_model("llama", vocabulary).save_pretrained(directory)
    for code, of_language in ROWS.items():
        prompts = [
            Prompt(number, str(number), "", (row[0] + (f"\n\n{row[1]}" if row[1] else ""),), (row[2],))
            for number, row in enumerate(of_language)
        ]
        (tmp_path / "prompts/set").mkdir(parents=True, exist_ok=True)
        write_prompts(prompts, tmp_path / f"prompts/set/{code}.parquet")
    template = load_template(project / "config/templates.yaml", "bactrian-x")
    spec = {"run": "r", "name": "n", "prompts": "set", "languages": ["en", "es"], "items": 2}
    write_json(tmp_path / "spec.json", spec | {"template": "bactrian-x", "template_digest": template.digest})
    options = {"base": None, "templates": project / "config/templates.yaml", "batch_tokens": 8192, "device": "cpu"}
    evaluate_loss(tmp_path / "spec.json", directory, tmp_path / "prompts", tmp_path / "out/n.json", **options)
    table = pd.read_parquet(tmp_path / "out/n.parquet")
    assert table[["language", "item"]].values.tolist() == [["en", 0], ["en", 1], ["es", 0], ["es", 1]]
    expected = [theirs(directory, project, row)[0] for code in ("en", "es") for row in ROWS[code][:2]]
    np.testing.assert_allclose(table["nats"], expected, rtol=2e-5)

    write_json(tmp_path / "spec.json", spec | {"template": "bactrian-x", "template_digest": "0" * 64})
    with pytest.raises(InputError, match=r"template 'bactrian-x' is not what .* was planned with"):
        evaluate_loss(tmp_path / "spec.json", directory, tmp_path / "prompts", tmp_path / "out/n.json", **options)


def test_values_of_answers_have_the_ratio_as_mean_and_its_error_as_theirs():
    rng = np.random.default_rng(1)
    tokens = rng.integers(1, 30, 400).astype(float)
    nats = tokens * rng.gamma(4, 0.5, 400)
    loss, stderr = per_token(nats, tokens)
    values = linearised(nats, tokens)
    assert loss == pytest.approx(nats.sum() / tokens.sum()) and values.mean() == pytest.approx(loss)
    assert values.std(ddof=1) / math.sqrt(400) == pytest.approx(stderr)
    # the bootstrap knows no formula
    draws = rng.integers(0, 400, (4000, 400))
    assert stderr == pytest.approx((nats[draws].sum(1) / tokens[draws].sum(1)).std(), rel=0.1)


def test_a_single_row_has_no_error():
    loss, stderr = per_token(np.array([6.0]), np.array([3]))
    assert loss == 2 and math.isnan(stderr)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"loss": "x/{language}.jsonl", "benchmark": "xcopa"}, "either --benchmark NAME --data DIR or --loss FILES"),
        ({}, "either --benchmark NAME --data DIR or --loss FILES"),
        ({"benchmark": "xcopa"}, "--benchmark: the directory of its data is missing"),
        ({"loss": "none/{language}.jsonl", "template": "alpaca"}, "there is no such file for any language"),
        ({"loss": "rows.jsonl", "template": "alpaca"}, "must hold {language} once"),
        ({"loss": "{rows}", "languages": "fr", "template": "alpaca"}, r"no file in .fr. \(French\); there are: en"),
        ({"loss": "{rows}", "languages": "French", "template": "alpaca"}, r"no file in .fr. \(French\); there are: en"),
        ({"loss": "{rows}", "languages": "Frensh", "template": "alpaca"}, "--languages: .*'Frensh'.*"),
        ({"loss": "{rows}", "cache": "x"}, "leave --data, --configfile, --cache out"),
        ({"loss": "{rows}"}, "the model was not tuned here, so its template is not known; name it: --template"),
        ({"benchmark": "xcopa", "data": ".", "template": "alpaca"}, "--template: belongs to --loss"),
    ],
)
def test_what_cannot_be_measured_is_said(tmp_path, rows, options, message):
    directory = tmp_path / "model"
    vocabulary = write_tokenizer(directory, SENTENCES)
    build_model("llama", vocabulary).save_pretrained(directory)
    options = {key: value.replace("{rows}", str(rows / "{language}.jsonl")) for key, value in options.items()}
    defaults = {
        "cache": None,
        "languages": "",
        "items": None,
        "precision": "auto",
        "device": "cpu",
        "batch_tokens": 512,
    }
    with pytest.raises(InputError, match=message):
        evaluate(model=directory, output=tmp_path / "o.json", samples=tmp_path / "s.parquet", **{**defaults, **options})
