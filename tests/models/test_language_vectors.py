"""Vectors of languages from a model: means of hidden states without padding, of the same rows."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch

from polytune.errors import InputError
from polytune.files import write_json
from polytune.languages import selections
from polytune.languages.own_vectors import read_own_vectors
from polytune.languages.similarity import model_similarity
from polytune.models.directory import ModelDirectory
from polytune.models.language_vectors import command, mean_hidden_states, read_parallel_texts
from polytune.models.load import load_transformers
from polytune.models.tokenizer import read_model_tokenizer
from tests.cases.evaluation_cases import write_model

TEXTS = {
    "en": ["the man broke his toe", "a dog", "she sang all day long"],
    "de": ["der mann brach den zeh", "ein hund", "sie sang den ganzen tag"],
    "tr": ["adam parmağını kırdı", "bir köpek", "bütün gün şarkı söyledi"],
}


@pytest.fixture
def data(tmp_path):
    for language, texts in TEXTS.items():
        rows = [{"id": f"row-{number}", "instruction": text, "input": "", "output": "x"}
                for number, text in enumerate(texts)]  # fmt: skip
        if language == "tr":
            rows = rows[::-1][:2]  # without row-0, in another order
        pd.DataFrame(rows).to_parquet(tmp_path / f"{language}.parquet")
    return tmp_path


def test_rows_are_the_same_in_every_language(data):
    texts = read_parallel_texts(data, ["en", "tr"], 10)
    assert texts == {
        "en": ["a dog\nx", "she sang all day long\nx"],
        "tr": ["bir köpek\nx", "bütün gün şarkı söyledi\nx"],
    }
    assert [len(own) for own in read_parallel_texts(data, ["en", "de"], 2).values()] == [2, 2]
    pd.DataFrame([{"id": "other", "instruction": "a", "input": "", "output": "b"}]).to_parquet(data / "fr.parquet")
    with pytest.raises(InputError, match="no row is there in all of en fr"):
        read_parallel_texts(data, ["en", "fr"], 10)


@pytest.mark.parametrize("kind", ["bloom", "gpt2", "t5"])
def test_padding_and_batches_change_nothing(tmp_path, kind):
    directory = ModelDirectory.find(write_model(tmp_path / kind, kind))
    model = load_transformers(directory.weights, torch.float32).eval()
    tokenizer, texts = read_model_tokenizer(directory), TEXTS["en"]
    found = mean_hidden_states(model, tokenizer, texts, longest=64)
    body = model.get_encoder() if kind == "t5" else model
    by_hand = []
    for ids in tokenizer.encode(texts, special_tokens=False):
        with torch.no_grad():
            states = body(input_ids=torch.tensor([ids]), output_hidden_states=True).hidden_states
        by_hand.append(states[round((len(states) - 1) / 2)][0].mean(0).numpy())
    np.testing.assert_allclose(found, np.mean(by_hand, axis=0), rtol=1e-4, atol=1e-5)


def test_the_command_writes_what_selections_and_similarities_read(data, tmp_path):
    model = write_model(tmp_path / "model")
    output = tmp_path / "vectors.parquet"
    command(model, data, output, "English, deu_Latn, tr", rows=2)
    vectors = read_own_vectors(output)
    assert sorted(vectors.index) == ["de", "en", "tr"] and vectors.shape[1] > 8
    selections.command(tmp_path / "s.json", selections.Features.model, 2, 1, own_vectors=output, candidates="en de tr")
    similarity, coverage, low, high = model_similarity(vectors, ["en", "de", "tr", "fr"])
    centred = vectors - vectors.mean()
    a, b = centred.loc["en"].to_numpy(float), centred.loc["tr"].to_numpy(float)
    expected = 1 - np.arccos(a @ b / np.sqrt((a @ a) * (b @ b))) / np.pi
    assert similarity[0, 2] == pytest.approx(expected, abs=1e-6) and similarity[0, 0] == 1
    assert np.isnan(similarity[3]).all() and coverage[3].sum() == 0 and coverage[0, 1] == 1
    assert np.isnan(low).all() and np.isnan(high).all()


def test_the_workflow_says_the_languages_in_a_spec(data, tmp_path):
    model, spec = write_model(tmp_path / "model"), tmp_path / "spec.json"
    command(model, data, tmp_path / "one.parquet", "en de", rows=2, longest=5)
    write_json(spec, {"base": "some", "source": "some", "languages": ["en", "de"], "rows": 2, "longest": 5})
    command(model, data, tmp_path / "other.parquet", spec=spec)
    assert (tmp_path / "one.parquet").read_bytes() == (tmp_path / "other.parquet").read_bytes()
    with pytest.raises(InputError, match=r"build-language-vectors: --languages: .*no language 'germn'; did you mean"):
        command(model, data, tmp_path / "none.parquet", "en germn")
    for options in ({}, {"languages": "en", "spec": spec}):
        with pytest.raises(InputError, match="--languages names the languages, or --spec does"):
            command(model, data, tmp_path / "none.parquet", **options)
