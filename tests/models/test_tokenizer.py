"""The tokenizer without transformers does what transformers does, or leaves it to transformers."""

import json

import pytest

from polytune.models.tokenizer import load_plain_tokenizer
from polytune.world.tokenizer import build_tokenizer, save_tokenizer
from tests.cases.evaluation_cases import SENTENCES, write_tokenizer

TEXTS = [*SENTENCES, "", " ", " a  b\n", "漢字 e\u0301 👩‍👩‍👧", "<s>she ran</s> home <pad>", "<unk> x"]


@pytest.fixture(params=["byte-level", "world"])
def directory(request, tmp_path):
    folder = tmp_path / "tokenizer"
    if request.param == "world":
        save_tokenizer(build_tokenizer(" ".join(SENTENCES).split()), folder)
    else:
        write_tokenizer(folder)
    return folder


@pytest.mark.parametrize("processor", [False, True])
def test_equal_to_transformers(directory, processor):
    from tokenizers import Tokenizer, processors
    from transformers import AutoTokenizer

    if processor:  # special tokens around every text, cut and padded by default
        file = str(directory / "tokenizer.json")
        tokenizer = Tokenizer.from_file(file)
        tokenizer.post_processor = processors.TemplateProcessing(
            single="</s> $A", special_tokens=[("</s>", tokenizer.token_to_id("</s>"))]
        )
        tokenizer.enable_truncation(4)
        tokenizer.enable_padding()
        tokenizer.save(file)
    plain, theirs = load_plain_tokenizer(directory), AutoTokenizer.from_pretrained(directory)
    for special in (True, False):
        expected = theirs(TEXTS, add_special_tokens=special)["input_ids"]
        assert plain(TEXTS, add_special_tokens=special)["input_ids"] == expected
        assert max(map(len, expected)) > 10
    assert (plain.bos_token_id, plain.eos_token_id) == (theirs.bos_token_id, theirs.eos_token_id)
    assert plain.model_max_length == theirs.model_max_length
    for token in (theirs.eos_token_id, 0, 300):
        assert plain.decode(token) == theirs.decode(token)


@pytest.mark.parametrize(
    "change",
    [
        {"tokenizer_class": "BloomTokenizer"},
        {"add_bos_token": True},
        {"extra_special_tokens": ["<x>"]},
        {"pad_token": "<new>"},
        {"eos_token": None},
    ],
)
def test_what_transformers_may_do_otherwise_is_left_to_it(directory, change):
    assert load_plain_tokenizer(directory) is not None
    file = directory / "tokenizer_config.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), **change}))
    assert load_plain_tokenizer(directory) is None


def test_further_files_are_left_to_transformers(directory):
    (directory / "added_tokens.json").write_text("{}")
    assert load_plain_tokenizer(directory) is None
