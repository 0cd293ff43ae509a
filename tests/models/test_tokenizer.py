"""One tokenizer for training and scoring: AutoTokenizer's ids, but a text that spells a special token is text."""

import json
import random
import subprocess
import sys

import pytest

from polytune.errors import InputError
from polytune.models.directory import ModelDirectory
from polytune.models.tokenizer import PROBES, read_model_tokenizer, read_tokenizer
from tests.cases.evaluation_cases import write_model, write_tokenizer
from tests.cases.tokenizer_cases import CASES, NAMES, PLAIN, SPELLINGS, TEXTS, sentencepiece, world, write


def change(directory, name="tokenizer", **changes):
    """Change keys of one of a directory's JSON files."""
    file = directory / f"{name}.json"
    content = json.loads(file.read_text(encoding="utf-8"))
    file.write_text(json.dumps({**content, **changes}, ensure_ascii=False), encoding="utf-8")


@pytest.mark.parametrize("name", CASES)
def test_ids_are_those_of_transformers(name, tmp_path):
    from transformers import AutoTokenizer

    directory = CASES[name](tmp_path / "t")
    ours, theirs = read_tokenizer(directory), AutoTokenizer.from_pretrained(directory)
    for special in (True, False):
        expected = theirs(list(TEXTS), add_special_tokens=special)["input_ids"]
        assert ours.encode(TEXTS, special) == expected
        assert max(map(len, expected)) > 10
    assert (ours.bos_token_id, ours.eos_token_id) == (theirs.bos_token_id, theirs.eos_token_id)
    assert ours.highest_token_id == max(theirs.get_vocab().values())
    for ids in ([theirs.eos_token_id], [0, 1, 50, 60, theirs.eos_token_id]):
        for skip in (True, False):
            assert ours.decode(ids, skip) == theirs.decode(ids, skip_special_tokens=skip)


@pytest.mark.parametrize("name", CASES)
def test_a_spelled_special_token_is_text(name, tmp_path):
    from transformers import AutoTokenizer

    directory = CASES[name](tmp_path / "t")
    ours, theirs = read_tokenizer(directory), AutoTokenizer.from_pretrained(directory)
    special = {theirs.convert_tokens_to_ids(token) for token in theirs.all_special_tokens} - {theirs.unk_token_id}
    assert special
    for text, ids in zip(SPELLINGS, ours.encode(SPELLINGS, False), strict=True):
        assert ids and not special & set(ids), text
    # the tokens around a text stay
    assert ours.encode(["a </s> b"], True)[0][:1] == theirs("a")["input_ids"][:1]


@pytest.mark.parametrize("name", ["fast", "byte level", "world", "llama", "pythia"])
def test_spelled_special_tokens_keep_their_letters(name, tmp_path):
    tokenizer = read_tokenizer(CASES[name](tmp_path / "t"))
    for text in SPELLINGS:
        assert tokenizer.decode(tokenizer.encode([text], False)[0]).strip() == text


@pytest.mark.parametrize("name", PLAIN)
def test_where_a_file_says_all_transformers_is_not_imported(name, tmp_path):
    directory = CASES[name](tmp_path / "t")
    code = (
        "import sys; from pathlib import Path; from polytune.models.tokenizer import read_tokenizer; "
        f"read_tokenizer(Path({str(directory)!r})).digest; print('transformers' in sys.modules, 'torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]


@pytest.mark.parametrize(
    "settings",
    [
        {"add_bos_token": True},
        {"extra_special_tokens": ["<x>"]},
        {"pad_token": "<new>"},
        {"add_prefix_space": True},
        {"split_special_tokens": True},
        {"model_max_length": 64, "clean_up_tokenization_spaces": True},
    ],
)
def test_every_setting_has_the_effect_that_it_has_in_transformers(settings, tmp_path):
    from transformers import AutoTokenizer

    directory = CASES["byte level"](tmp_path / "t")
    change(directory, "tokenizer_config", **settings)
    ours, theirs = read_tokenizer(directory), AutoTokenizer.from_pretrained(directory)
    texts = [*TEXTS, "a <x> b"] if "extra_special_tokens" not in settings else list(TEXTS[:8])
    assert ours.encode(texts, True) == theirs(texts)["input_ids"]
    assert ours.model_max_length in (theirs.model_max_length, None)


def test_cutting_and_padding_that_a_file_asks_for_are_ignored(tmp_path):
    from tokenizers import Tokenizer

    directory = CASES["byte level"](tmp_path / "t")
    before = read_tokenizer(directory).encode(TEXTS, True)
    backend = Tokenizer.from_file(str(directory / "tokenizer.json"))
    backend.enable_truncation(4)
    backend.enable_padding()
    backend.save(str(directory / "tokenizer.json"))
    assert read_tokenizer(directory).encode(TEXTS, True) == before


def test_the_highest_id_is_not_the_number_of_tokens(tmp_path):
    write_tokenizer(tmp_path)
    vocabulary = json.loads((tmp_path / "tokenizer.json").read_text())["model"]["vocab"]
    assert read_tokenizer(tmp_path).highest_token_id == len(vocabulary) - 1
    change(
        tmp_path,
        model={
            **json.loads((tmp_path / "tokenizer.json").read_text())["model"],
            "vocab": {token: id + 70_000 * (id >= 300) for token, id in vocabulary.items()},
        },
    )
    assert read_tokenizer(tmp_path).highest_token_id == 70_000 + len(vocabulary) - 1


def _swap(content):
    """Exchange two words of a vocabulary."""
    vocabulary = content["model"]["vocab"]
    first, second = [token for token in vocabulary if token.startswith("▁") and len(token) > 3][:2]
    vocabulary[first], vocabulary[second] = vocabulary[second], vocabulary[first]


CHANGES = {
    "another vocabulary": _swap,
    "a normaliser": lambda content: content.update(normalizer={"type": "Lowercase"}),
    "another normaliser": lambda content: content.update(normalizer={"type": "NFKC"}),
    "another pre-tokenizer": lambda content: content.update(pre_tokenizer={"type": "WhitespaceSplit"}),
    "merges": lambda content: content["model"].update(ignore_merges=False),
    "a word as one token": lambda content: content["added_tokens"].append(
        {"id": 300, "content": content["added_tokens"][0]["content"].replace("<pad>", "bro"), "single_word": False,
         "lstrip": False, "rstrip": False, "normalized": True, "special": False}
    ),
    "a token in front": lambda content: content.update(
        post_processor={"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "</s>", "type_id": 0}},
                        {"Sequence": {"id": "A", "type_id": 0}}], "pair": [{"Sequence": {"id": "A", "type_id": 0}},
                        {"Sequence": {"id": "B", "type_id": 0}}],
                        "special_tokens": {"</s>": {"id": "</s>", "ids": [1], "tokens": ["</s>"]}}}
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CHANGES)
def test_the_digest_sees_what_changes_ids(name, tmp_path):
    settings = {"eos_token": "</s>", "pad_token": "<pad>", "tokenizer_class": "PreTrainedTokenizerFast"}
    content = world()
    before = read_tokenizer(write(tmp_path / "one", content, settings)).digest
    CHANGES[name](content)
    assert read_tokenizer(write(tmp_path / "other", content, settings)).digest != before


def test_the_digest_sees_one_merge_of_many(tmp_path):
    content = sentencepiece()
    settings = {**NAMES, "tokenizer_class": "PreTrainedTokenizerFast"}
    before = read_tokenizer(write(tmp_path / "one", content, settings)).digest
    content["model"]["merges"].append(content["model"]["merges"].pop(random.Random(1).randrange(100)))
    assert read_tokenizer(write(tmp_path / "other", content, settings)).digest != before


def test_the_digest_does_not_see_how_a_file_is_written(tmp_path):
    directory = CASES["fast"](tmp_path / "t")
    before = read_tokenizer(directory).digest
    content = json.loads((directory / "tokenizer.json").read_text(encoding="utf-8"))
    (directory / "tokenizer.json").write_text(json.dumps(content, indent=2, sort_keys=True))  # with escapes
    change(directory, decoder=None)
    assert read_tokenizer(directory).digest == before
    change(directory, "tokenizer_config", eos_token="<s>")
    assert read_tokenizer(directory).digest != before


def test_probes_hold_what_tokenizers_differ_in():
    text = "".join(PROBES)
    for part in ("\n\n", "  ", "</s>", "١", "２", "ﬁ", "👍🏽", "ကျ", "漢", "\u00a0", "1,234"):
        assert part in text
    assert any(probe.startswith(" ") for probe in PROBES) and any(probe.endswith(" ") for probe in PROBES)


def test_what_cannot_be_read_is_one_line(tmp_path):
    def refused(name, content=None, settings=None, **files):
        directory = write(tmp_path / name, content, settings, **files)
        return directory, lambda: read_tokenizer(directory)

    for file, message in {
        "spiece.model": r"no tokenizer\.json, only spiece\.model; write it once, .*AutoTokenizer.*save_pretrained",
        "tokenizer.model": r"only tokenizer\.model; write it once",
    }.items():
        directory, read = refused(file.replace(".", "-"))
        (directory / file).write_bytes(b"\x0a\x0e\x0a")
        with pytest.raises(InputError, match=message):
            read()
    _, read = refused("empty")
    with pytest.raises(InputError, match=r"empty: no tokenizer\.json"):
        read()
    directory, read = refused("pointer", {}, {"tokenizer_class": "PreTrainedTokenizerFast"})
    (directory / "tokenizer.json").write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n")
    with pytest.raises(InputError, match=r"tokenizer\.json: is a Git LFS pointer"):
        read()
    _, read = refused("no model", {"version": "1.0"}, {"tokenizer_class": "PreTrainedTokenizerFast", "eos_token": "x"})
    with pytest.raises(InputError, match=r"tokenizer\.json: cannot be read as a tokenizer"):
        read()
    settings = {**NAMES, "tokenizer_class": "PreTrainedTokenizerFast"}
    content = sentencepiece()
    content["model"]["dropout"] = 0.1
    _, read = refused("random", content, settings)
    with pytest.raises(InputError, match=r"tokenizer\.json: 'dropout' gives a text other token ids each time"):
        read()
    directory, read = refused("map", sentencepiece(), settings)
    (directory / "special_tokens_map.json").write_text("version https://git-lfs.github.com/spec/v1\noid\n")
    with pytest.raises(InputError, match=r"special_tokens_map\.json: is a Git LFS pointer"):
        read()
    _, read = refused("eos", sentencepiece(), {**settings, "eos_token": "<end>"})
    with pytest.raises(InputError, match=r"'eos_token' is '<end>', which is no token of tokenizer\.json"):
        read()
    _, read = refused(
        "code", sentencepiece(), {"tokenizer_class": "Mine", "auto_map": {"AutoTokenizer": ["a.B", None]}}
    )
    with pytest.raises(InputError, match=r"the tokenizer cannot be loaded: .*custom code"):
        read()
    directory, read = refused("no eos", sentencepiece(), None)
    with pytest.raises(InputError, match=r"tokenizer_config\.json: 'eos_token' is missing"):
        _ = read().eos_token_id


def write_adapter_files(directory):
    directory.mkdir()
    base = str(directory.parent / "base")
    (directory / "adapter_config.json").write_text(json.dumps({"base_model_name_or_path": base}))
    (directory / "adapter_model.safetensors").write_bytes(b"0")


def test_an_adapters_own_tokenizer_must_agree_with_its_bases(tmp_path):
    base, adapter = write_model(tmp_path / "base"), tmp_path / "adapter"
    write_adapter_files(adapter)
    model = ModelDirectory.find(adapter)
    assert model.tokenizer.samefile(base)
    own = read_model_tokenizer(model).digest
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (adapter / name).write_text((base / name).read_text())
    assert ModelDirectory.find(adapter).tokenizer == adapter
    assert read_model_tokenizer(model).digest == own
    change(adapter, padding=None, version="1.0")  # written otherwise, says the same
    assert read_model_tokenizer(model).digest == own
    change(adapter, normalizer={"type": "Lowercase"})
    with pytest.raises(
        InputError, match=r"adapter: made with another tokenizer than that of .*base .*remove its token"
    ):
        read_model_tokenizer(model)


def test_an_adapters_tokenizer_is_read_as_its_bases_model_type_asks(tmp_path):
    """Of Mixtral, transformers takes tokenizer.json as it is; without config.json it would rebuild it."""
    base, adapter = CASES["mixtral"](tmp_path / "base"), tmp_path / "adapter"
    write_adapter_files(adapter)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (adapter / name).write_text((base / name).read_text())
    assert read_tokenizer(adapter).digest != read_tokenizer(base).digest
    assert read_model_tokenizer(ModelDirectory(base, adapter)).digest == read_tokenizer(base).digest


def test_a_trained_model_keeps_the_tokenizer_that_it_was_trained_with(tmp_path):
    model = write_model(tmp_path / "model")
    wanted = read_tokenizer(model).digest
    (model / "manifest.json").write_text(json.dumps({"tokenizer_digest": wanted}))
    assert read_model_tokenizer(ModelDirectory.find(model)).digest == wanted
    change(model, normalizer={"type": "NFKC"})
    with pytest.raises(InputError, match=r"manifest\.json: made with another tokenizer"):
        read_model_tokenizer(ModelDirectory.find(model))
