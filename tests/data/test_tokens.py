"""Token stores and templates: a row is prompt + response + end-of-sequence, tokenised once."""

from __future__ import annotations

import json

import numpy as np
import pytest
from tokenizers import Tokenizer, models, pre_tokenizers, processors

from polytune.data.columns import write_rows
from polytune.data.rows import Row, row_key
from polytune.data.templates import load_template
from polytune.data.tokens import TokenizerFiles, TokenStore, encode_rows, tokenize
from polytune.errors import InputError


@pytest.fixture
def tokenizer(tmp_path):
    """A tokenizer whose token of a word is the word's number in the list, so that expected ids are read off."""
    words = ["</s>", "<s>", "one", "two", "three", "four", "###", "Input:", "Output:"]
    folder = tmp_path / "tokenizer"
    folder.mkdir()
    made = Tokenizer(models.WordLevel({word: i for i, word in enumerate(words)}, unk_token="###"))
    made.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    made.save(str(folder / "tokenizer.json"))
    (folder / "tokenizer_config.json").write_text(json.dumps({"eos_token": {"content": "</s>"}}))
    return folder


@pytest.fixture
def templates(project):
    return project / "config" / "templates.yaml"


def test_a_row_is_prompt_response_and_end_of_sequence(tmp_path, tokenizer, templates):
    rows = [Row("a", "one two", "", "three"), Row("b", "one", "four", "two three")]
    write_rows(rows, tmp_path / "en.parquet")
    tokenize(
        tmp_path / "en.parquet", TokenizerFiles(tokenizer), load_template(templates, "world"), False, tmp_path / "store"
    )
    store = TokenStore(tmp_path / "store")
    assert store.rows == 2
    assert store.row(0).tolist() == [2, 3, 4, 0]
    assert store.row(1).tolist() == [2, 5, 3, 4, 0]
    assert store.prompt_lengths.tolist() == [2, 2]
    assert store.lengths.tolist() == [4, 5]
    assert store.keys.tolist() == [row_key("a"), row_key("b")]
    assert store.row(0).dtype == np.uint16


def test_an_empty_prompt_leaves_every_token_to_the_response(tmp_path, tokenizer, templates):
    write_rows([Row("a", "", "", "one two")], tmp_path / "en.parquet")
    tokenize(
        tmp_path / "en.parquet", TokenizerFiles(tokenizer), load_template(templates, "world"), False, tmp_path / "store"
    )
    assert TokenStore(tmp_path / "store").prompt_lengths.tolist() == [0]


def test_a_leading_special_token_belongs_to_the_prompt_and_one_end_of_sequence_stays(tokenizer):
    files = TokenizerFiles(tokenizer)
    files.tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", 1), ("</s>", 0)]
    )
    ids, sizes, prompt_lengths = encode_rows(["one two"], [" three"], files, encoder_decoder=False)
    assert (ids.tolist(), sizes.tolist(), prompt_lengths.tolist()) == ([1, 2, 3, 4, 0], [5], [3])


def test_encoder_decoder_rows_end_both_sides(tokenizer):
    files = TokenizerFiles(tokenizer)
    ids, sizes, prompt_lengths = encode_rows(["one two", "three"], [" three", "one two"], files, encoder_decoder=True)
    assert ids.tolist() == [2, 3, 0, 4, 0, 4, 0, 2, 3, 0]
    assert sizes.tolist() == [5, 5]
    assert prompt_lengths.tolist() == [3, 2]


def test_prompt_and_response_meet_where_the_template_says(templates):
    template = load_template(templates, "bactrian-x")
    assert template.prompt("Sum {input}", "1 2") == "### Input:\nSum {input}\n\n1 2\n\n### Output:\n"
    assert template.prompt("Hello", "") == "### Input:\nHello\n\n### Output:\n"
    assert template.response("{output}") == "{output}"
    alpaca = load_template(templates, "alpaca")
    assert alpaca.prompt("I", "").endswith("### Instruction:\nI\n\n### Response:\n")
    assert "### Input:\nx\n\n### Response:\n" in alpaca.prompt("I", "x")


def test_an_unknown_template_names_the_nearest(templates):
    with pytest.raises(InputError, match=r"no template 'alpacca'; did you mean 'alpaca'\?"):
        load_template(templates, "alpacca")


def test_a_tokenizer_without_fast_file_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"no tokenizer\.json"):
        _ = TokenizerFiles(tmp_path).tokenizer


def test_an_eos_token_that_is_no_token_is_refused(tokenizer):
    (tokenizer / "tokenizer_config.json").write_text(json.dumps({"eos_token": "<end>"}))
    with pytest.raises(InputError, match="'eos_token' is '<end>', which is no token"):
        _ = TokenizerFiles(tokenizer).eos_token_id


def test_a_half_written_store_is_noticed(tmp_path):
    (tmp_path / "store").mkdir()
    with pytest.raises(InputError, match=r"index\.json: no such file"):
        _ = TokenStore(tmp_path / "store").rows
