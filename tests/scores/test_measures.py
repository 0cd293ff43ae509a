"""Measures of items against textbook forms, and what is refused."""

import math

import numpy as np
import pandas as pd
import pytest
from scipy.special import log_softmax

from polytune.errors import InputError
from polytune.scores.measures import read_items

CHOICES = (2, 3, 4, 2)


@pytest.fixture
def samples():
    """Items with two to four choices, one of them with log-likelihoods far below what exp can hold."""
    generator = np.random.default_rng(3)
    rows = []
    for item, count in enumerate(CHOICES):
        loglikelihoods = generator.normal(-1e4 if item == 1 else -20, 3, count)
        target = int(generator.integers(count))
        rows.append(
            {
                "task": "xnli_ru",
                "language": "ru",
                "doc_id": item,
                "loglikelihoods": loglikelihoods.tolist(),
                "target": target,
                "prediction": int(np.argmax(loglikelihoods)),
                "acc": int(np.argmax(loglikelihoods) == target),
                "choice_bytes": generator.integers(5, 60, count).tolist(),
            }
        )
    return pd.DataFrame(rows)


def read(samples, tmp_path):
    samples.to_parquet(tmp_path / "xnli.samples.parquet")
    return read_items(tmp_path / "xnli.samples.parquet")


def test_the_measures_are_their_formulas(samples, tmp_path):
    items = read(samples, tmp_path)
    for row, item in zip(samples.itertuples(), items.itertuples(), strict=True):
        values, right = np.array(row.loglikelihoods), row.target
        assert item.choice_probability == pytest.approx(math.exp(log_softmax(values)[right]), rel=1e-12)
        assert item.margin == pytest.approx(values[right] - max(np.delete(values, right)), rel=1e-12)
        bits = -values[right] / math.log(2)
        assert item.bits_per_byte == pytest.approx(bits / row.choice_bytes[right], rel=1e-12)
        assert (item.margin > 0) == bool(row.acc) == item.acc  # the margin's sign is the harness's accuracy
    two = [row for row, count in enumerate(CHOICES) if count == 2]  # then the margin is the logit of the probability
    p = items["choice_probability"][two]
    np.testing.assert_allclose(np.log(p / (1 - p)), items["margin"][two], rtol=1e-9)


def test_older_samples_have_every_measure_but_bits_per_byte(samples, tmp_path):
    assert list(read(samples.drop(columns="choice_bytes"), tmp_path)) == [
        "language", "item", "acc", "choice_probability", "margin",
    ]  # fmt: skip


def broken(**changes):
    def change(samples):
        for column, value in changes.items():
            samples.at[2, column] = value
        return samples

    return change


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (broken(loglikelihoods=[-1.0, math.nan, -2.0, -3.0]), ["task 'xnli_ru'", "doc_id 2", "not finite"]),
        (broken(loglikelihoods=[-1.0, -math.inf, -2.0, -3.0]), ["doc_id 2", "not finite"]),
        (broken(loglikelihoods=[-1.0, None, -2.0, -3.0]), ["doc_id 2", "not finite"]),
        (broken(loglikelihoods=[-1.0]), ["doc_id 2", "fewer than two choices"]),
        (broken(loglikelihoods=[]), ["doc_id 2", "fewer than two choices"]),
        (broken(target=4), ["doc_id 2", "none of the choices"]),
        (broken(target=-1), ["doc_id 2", "none of the choices"]),
        (broken(choice_bytes=[0, 0, 0, 0]), ["doc_id 2", "no bytes"]),
        (broken(choice_bytes=[3]), ["doc_id 2", "one entry per choice"]),
        (broken(doc_id=1), ["doc_id 1", "stands there twice"]),
        (lambda samples: samples.drop(columns="target"), ["no column 'target'"]),
        (lambda samples: samples[:0], ["no items"]),
    ],
)
def test_broken_items_are_named(samples, tmp_path, change, words):
    with pytest.raises(InputError) as error:
        read(change(samples), tmp_path)
    for word in ["xnli.samples.parquet", "evaluate again", *words]:
        assert word in str(error.value)


@pytest.mark.parametrize(
    "content", [b"", b"PAR1", b"not parquet at all", b"version https://git-lfs.github.com/spec/v1"]
)
def test_a_broken_file_is_one_line(tmp_path, content):
    path = tmp_path / "x.samples.parquet"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"x.samples.parquet: not readable as parquet .*; evaluate again"):
        read_items(path)
