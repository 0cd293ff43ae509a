"""Token stores and templates: a row is prompt + response + end-of-sequence, tokenised once."""

from __future__ import annotations

import json

import numpy as np
import pytest
from tokenizers import Tokenizer, models, pre_tokenizers, processors

from polytune.data.columns import write_rows
from polytune.data.rows import Row, row_key
from polytune.data.templates import Template, load_template, read_templates
from polytune.data.tokens import TokenStore, encode_rows, tokenize
from polytune.errors import InputError
from polytune.models.tokenizer import read_tokenizer
from tests.cases.evaluation_cases import SENTENCES, write_tokenizer
from tests.cases.tokenizer_cases import CASES, SPELLINGS, TEXTS


@pytest.fixture
def tokenizer(tmp_path):
    """A tokenizer whose token of a word is the word's number in the list, so that expected ids are read off."""
    words = ["</s>", "<s>", "one", "two", "three", "four", "###", "Input:", "Output:"]
    folder = tmp_path / "tokenizer"
    folder.mkdir()
    made = Tokenizer(models.WordLevel({word: i for i, word in enumerate(words)}, unk_token="###"))
    made.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    made.add_special_tokens(["</s>", "<s>"])
    made.save(str(folder / "tokenizer.json"))
    settings = {"eos_token": {"content": "</s>"}, "tokenizer_class": "PreTrainedTokenizerFast"}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    return folder


@pytest.fixture
def templates(project):
    return project / "config" / "templates.yaml"


def test_a_row_is_prompt_response_and_end_of_sequence(tmp_path, tokenizer, templates):
    rows = [Row("a", "one two", "", "three"), Row("b", "one", "four", "two three")]
    write_rows(rows, tmp_path / "en.parquet")
    tokenize(
        tmp_path / "en.parquet", read_tokenizer(tokenizer), load_template(templates, "world"), False, tmp_path / "store"
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
        tmp_path / "en.parquet", read_tokenizer(tokenizer), load_template(templates, "world"), False, tmp_path / "store"
    )
    assert TokenStore(tmp_path / "store").prompt_lengths.tolist() == [0]


def test_a_leading_special_token_belongs_to_the_prompt_and_one_end_of_sequence_stays(tokenizer):
    files = read_tokenizer(tokenizer)
    files.backend.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", 1), ("</s>", 0)]
    )
    ids, sizes, prompt_lengths = encode_rows(["one two"], [" three"], files, encoder_decoder=False)
    assert (ids.tolist(), sizes.tolist(), prompt_lengths.tolist()) == ([1, 2, 3, 4, 0], [5], [3])


def test_an_encoder_reads_the_beginning_of_a_text_without_prompt(tokenizer):
    """Every token of the text is there once, on one of the two sides, and neither side is empty."""
    files = read_tokenizer(tokenizer)
    texts = [" one two three", " three", " two one", " one two three one", ""]
    ids, sizes, prompts = encode_rows(["one", *[""] * 5], [" two", *texts], files, encoder_decoder=True)
    ends, eos = np.cumsum(sizes), files.eos_token_id
    rows = [list(ids[end - size : end]) for end, size in zip(ends, sizes, strict=True)]
    for text, row, prompt in zip(texts, rows[1:], prompts[1:], strict=True):
        (alone,) = files.encode([text], special_tokens=True)
        alone = [one for one in alone if one != eos]
        source, target = row[:prompt], row[prompt:]
        assert source[-1] == target[-1] == eos and [*source[:-1], *target[:-1]] == alone
        assert len(source) > 1 or len(alone) < 2
    assert prompts[0] == 2  # a row with a prompt is left as it is
    again = encode_rows([""], [texts[3]], files, encoder_decoder=True)  # whatever stands beside it
    assert again[0].tolist() == rows[4] and again[2].tolist() == [prompts[4]]


def test_encoder_decoder_rows_end_both_sides(tokenizer):
    files = read_tokenizer(tokenizer)
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


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("no: {with_input: '{instruction} {input}', without_input: '{instruction}', response: '{output}'}", None),
        ("123: {with_input: '{instruction} {input}', without_input: '{instruction}', response: '{output}'}", None),
        ("a: text", "template 'a' has keys 'text', expected"),
        ("a: {with_input: x}", r"template 'a' has keys \['with_input'\], expected"),
        ("- a", "the top level must be a mapping"),
        ("a: {with_input: '{input}', without_input: '{instruction}', response: '{output}'}",
         r"key 'with_input': must hold \{instruction\} exactly once"),
        ("a: {with_input: '{instruction} {input}', without_input: '{instruction}{input}', response: '{output}'}",
         r"key 'without_input': must hold \{input\} nowhere"),
        ("a: {with_input: '{instruction} {input}', without_input: '{instruction}', response: 3}",
         "key 'response': 3 is no text"),
        ("a: {with_input: '{instruction} {input}', without_input: '{instruction}', response: '{output}{output}'}",
         r"key 'response': must hold \{output\} exactly once"),
    ],
)  # fmt: skip
def test_templates_are_read_strictly(tmp_path, text, message):
    (tmp_path / "t.yaml").write_text(text)
    if message is None:
        (template,) = read_templates(tmp_path / "t.yaml").values()
        assert template.prompt("I", "x") == "I x" and template.name == text.partition(":")[0]
        return
    with pytest.raises(InputError, match=rf"t\.yaml: .*{message}"):
        read_templates(tmp_path / "t.yaml")


def test_a_template_may_come_from_its_patterns(templates):
    whole = load_template(templates, "alpaca")
    patterns = {"with_input": whole.with_input, "without_input": whole.without_input}
    patterns["response"] = whole.response_pattern
    assert Template.from_patterns("alpaca", patterns) == whole


def store_of(tmp_path, rows, tokenizer, template, encoder_decoder=False):
    """Tokenise rows; return the store."""
    write_rows(rows, tmp_path / "rows.parquet")
    tokenize(tmp_path / "rows.parquet", read_tokenizer(tokenizer), template, encoder_decoder, tmp_path / "made")
    return TokenStore(tmp_path / "made")


def test_the_highest_id_decides_the_type(tmp_path, templates):
    """400 tokens, ids up to 70,399: two bytes would wrap them silently."""
    template = load_template(templates, "world")
    rows = [Row(str(number), SENTENCES[number], "", SENTENCES[number - 1]) for number in range(4)]
    for highest, dtype in ((65_535, "<u2"), (65_536, "<u4"), (70_399, "<u4")):
        folder = tmp_path / str(highest)
        write_tokenizer(folder)
        file = folder / "tokenizer.json"
        content = json.loads(file.read_text(encoding="utf-8"))
        vocabulary = content["model"]["vocab"]
        far = highest - max(vocabulary.values())
        content["model"]["vocab"] = {token: id + far * (id >= 300) for token, id in vocabulary.items()}
        file.write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")
        store = store_of(folder, rows, folder, template)
        text = template.prompt(rows[0].instruction, "") + template.response(rows[0].output)
        assert store.index["dtype"] == dtype
        assert store.row(0).tolist() == [*Tokenizer.from_file(str(file)).encode(text).ids, 2]
        used = max(int(store.row(number).max()) for number in range(store.rows))
        assert store.index["highest_token_id"] == used > 65_000


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("encoder_decoder", [False, True])
def test_rows_have_the_ids_of_transformers(name, encoder_decoder, tmp_path, templates):
    """What the base's own AutoTokenizer says, whatever tokenizer.json says; a spelled special token is text."""
    from transformers import AutoTokenizer

    directory, template = CASES[name](tmp_path / "t"), load_template(templates, "bactrian-x")
    rows = [Row(str(number), text, "", TEXTS[number - 1] or "x") for number, text in enumerate(TEXTS)]
    spelled = [Row(f"s{number}", text, "", f"so {text}") for number, text in enumerate(SPELLINGS)]
    store = store_of(tmp_path, rows + spelled, directory, template, encoder_decoder)
    theirs = AutoTokenizer.from_pretrained(directory)
    for number, row in enumerate(rows):
        prompt, response = template.prompt(row.instruction, row.input), template.response(row.output)
        end, expected = theirs.eos_token_id, []
        for text in (prompt, response) if encoder_decoder else (prompt + response,):
            ids = theirs(text)["input_ids"]
            expected += ids if ids[-1:] == [end] else [*ids, end]
        assert store.row(number).tolist() == expected, row
    special = {theirs.convert_tokens_to_ids(token) for token in theirs.all_special_tokens} - {theirs.unk_token_id}
    counts = {sum(id in special for id in store.row(number).tolist()) for number in range(store.rows)}
    assert len(counts) == 1 and 0 not in counts  # rows that spell special tokens have no more than others


def test_a_row_that_spells_the_end_still_gets_one(tmp_path, templates):
    directory = CASES["world"](tmp_path / "t")
    store = store_of(tmp_path, [Row("a", "x", "", "the man </s>")], directory, load_template(templates, "world"))
    ids = store.row(0).tolist()
    assert ids.count(1) == 1 and ids[-1] == 1


def test_a_store_is_compared_with_the_bases_own_tokenizer(tmp_path, templates):
    """Two bases that claim one tokenizer name and differ are found when the second is trained."""
    from tests.models.test_tokenizer import change

    directory = CASES["world"](tmp_path / "t")
    store = store_of(tmp_path, [Row("a", "the man", "", "broke")], directory, load_template(templates, "world"))
    store.check_tokenizer(read_tokenizer(directory))
    change(directory, normalizer={"type": "Lowercase"})
    with pytest.raises(
        InputError, match=r"made/index\.json: made with another tokenizer .*config/bases\.tsv, or token"
    ):
        store.check_tokenizer(read_tokenizer(directory))


def test_a_half_written_store_is_noticed(tmp_path):
    (tmp_path / "store").mkdir()
    with pytest.raises(InputError, match=r"index\.json: no such file"):
        _ = TokenStore(tmp_path / "store").rows
