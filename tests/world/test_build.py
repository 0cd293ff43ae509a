"""A generated world on disk: layout, determinism, tokenizer, and that nothing held out is ever told."""

import gzip
import json
import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from polytune.files import sha256_file
from polytune.world.build import build_world
from polytune.world.settings import WorldSettings, settings_of_size

SETTINGS = WorldSettings(
    seed=5,
    languages=("en", "zh", "af", "es", "gl", "hi", "it", "tr"),
    base_languages=("en", "zh", "es", "hi"),
    documents_per_base_language=1500,
    instruction_rows=400,
)


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    folder = tmp_path_factory.mktemp("world") / "seed5"
    build_world(SETTINGS, folder)
    return folder


@pytest.fixture(scope="module")
def words(world):
    import pyarrow.parquet

    table = {}
    for row in pyarrow.parquet.read_table(world / "lexicon.parquet").to_pylist():
        table.setdefault(row["language"], {})[row["concept"]] = row["form"]
    return table


def read_rows(path: Path) -> list[dict]:
    return json.loads(gzip.decompress(path.read_bytes()))


@pytest.mark.parametrize("hash_seed", ["0", "77"])
def test_same_seed_same_bytes_whatever_the_hash_seed(world, tmp_path, hash_seed):
    code = "from polytune.world import build, settings\nfrom polytune.world.settings import WorldSettings\n"
    code += f"build.build_world({SETTINGS!r}, build.Path({str(tmp_path / 'again')!r}))"
    environment = os.environ | {"PYTHONHASHSEED": hash_seed}
    subprocess.run([sys.executable, "-c", code], env=environment, check=True, capture_output=True)
    assert sha256_file(tmp_path / "again" / "world.json") == sha256_file(world / "world.json")


def test_the_world_file_has_the_digest_of_every_other_file(world):
    files = json.loads((world / "world.json").read_text())["files"]
    assert len(files) > 40
    assert {name: sha256_file(world / name) for name in files} == files
    present = {path.relative_to(world).as_posix() for path in world.rglob("*") if path.is_file()}
    assert present == {*files, "world.json"}


def test_another_seed_is_another_world(world, tmp_path):
    small = replace(SETTINGS, seed=6, documents_per_base_language=10)
    build_world(small, tmp_path / "seed6")
    for name in ("instructions/data/en.json.gz", "benchmarks/cambridgeltl/xcopa/data/test.en.jsonl"):
        assert sha256_file(tmp_path / "seed6" / name) != sha256_file(world / name)


def test_sizes_have_all_languages():
    for size, rows in (("tiny", 400), ("default", 2000)):
        settings = settings_of_size(size, 2)
        assert (settings.seed, settings.instruction_rows, len(settings.languages)) == (2, rows, 57)


def test_data_sets_load_with_the_splits_that_the_harness_reads(world, tmp_path):
    from datasets import load_dataset

    folder = str(world / "benchmarks" / "cambridgeltl" / "xcopa")
    splits = load_dataset(folder, "gl", cache_dir=str(tmp_path))
    assert {name: len(split) for name, split in splits.items()} == {"validation": 96, "test": 96}
    assert (world / "benchmarks" / "tasks" / "xcopa_gl.yaml").is_file()
    assert not (world / "benchmarks" / "tasks" / "xcopa_tr.yaml").exists()  # the harness has its own


def test_instructions_are_parallel_and_in_the_layout_of_bactrian_x(world):
    rows = {language: read_rows(world / f"instructions/data/{language}.json.gz") for language in SETTINGS.languages}
    ids = [row["id"] for row in rows["en"]]
    assert len(ids) == len(set(ids)) == SETTINGS.instruction_rows
    for language, here in rows.items():
        assert [row["id"] for row in here] == ids, language
        assert all(list(row) == ["id", "instruction", "input", "output"] for row in here)
        assert all(row["instruction"] and row["output"] for row in here)
    assert any(row["input"] for row in rows["en"])


def test_a_corpus_has_texts_in_its_languages_with_empty_prompts_and_words_of_no_other(world, words):
    assert SETTINGS.corpora == {"texts": ("en", "zh", "es", "hi"), "texts-llama": ("en", "es", "it")}
    names = set(json.loads((world / "truth.json").read_text())["agents"])
    for corpus, languages in SETTINGS.corpora.items():
        files = sorted((world / corpus / "data").iterdir())
        assert [file.name for file in files] == sorted(f"{language}.json.gz" for language in languages)
        known = names | {part for code in languages for form in words[code].values() for part in form.split()}
        for file in files:
            rows = read_rows(file)
            assert len(rows) == SETTINGS.documents_per_base_language
            assert all(row["output"] and not row["instruction"] and not row["input"] for row in rows)
            assert {word for row in rows for word in re.findall(r"[^\s.,?:=]+", row["output"])} <= known


def told_pairs(text: str, truth: dict, words: dict) -> set[tuple[int, int]]:
    """Return every (agent, event) whose name and verb occur in `text`, read off the words alone."""
    found = set(re.findall(r"[^\s.,?:=]+", text))
    agents = [number for number, name in enumerate(truth["agents"]) if name in found]
    events = [number for number, event in enumerate(truth["events"]) if words[event["verb"]] in found]
    return {(agent, event) for agent in agents for event in events}


def test_no_text_and_no_instruction_tells_what_is_held_out(world, words):
    truth = json.loads((world / "truth.json").read_text())
    held_out = {tuple(pair) for pair in truth["held_out"]["agent_and_event"]}
    told, rows = set(), 0
    for kind, languages in (("instructions", SETTINGS.languages), *SETTINGS.corpora.items()):
        for language in languages:
            for row in read_rows(world / kind / "data" / f"{language}.json.gz"):
                # Of a translation, the half in this language: the other one tells the same.
                for text in f"{row['instruction']} {row['input']} {row['output']}".split(" = "):
                    told |= told_pairs(text, truth, words[language])
                    rows += 1
    assert rows > 8_000
    assert not told & held_out
    assert len(told) > 0.7 * (len(truth["agents"]) * len(truth["events"]))  # the reading above does find pairs


def test_no_text_and_no_instruction_shows_held_out_objects_together(world, words):
    truth = json.loads((world / "truth.json").read_text())
    for kind, languages in (("instructions", SETTINGS.languages), *SETTINGS.corpora.items()):
        for language in languages:
            pairs = [{words[language][f"object {n}"] for n in pair} for pair in truth["held_out"]["objects"]]
            assert len(pairs) == 12
            for row in read_rows(world / kind / "data" / f"{language}.json.gz"):
                text = f"{row['instruction']} {row['output']}"
                if row["input"] or len(re.findall("[.?]", text)) > 1:
                    continue  # stories and dialogues: two events that happen to have these complements
                found = set(re.findall(r"[^\s.,?:=]+", text))
                verbs = {words[language][event["verb"]] for event in truth["events"]}
                assert found & verbs or not any(pair <= found for pair in pairs), text


def test_tokenizer_loads_both_ways_and_encodes_any_text(world, words):
    from tokenizers import Tokenizer
    from transformers import AutoTokenizer

    fast = Tokenizer.from_file(str(world / "tokenizer" / "tokenizer.json"))
    auto = AutoTokenizer.from_pretrained(world / "tokenizer")
    assert (auto.pad_token, auto.eos_token) == ("<pad>", "</s>")
    assert fast.get_vocab_size() == len(auto)
    assert (auto.pad_token_id, auto.eos_token_id) == (fast.token_to_id("<pad>"), fast.token_to_id("</s>"))

    word = words["en"]["verb 0"]
    assert len(fast.encode(f"{word} {word}, {word}?").ids) == 5
    assert fast.encode(word).ids == fast.encode(f" {word}").ids  # one token wherever the word stands
    for text in (
        f"{word} kwa sababu {word}.",
        "Größe in 日本\nline (two)!",
        "### Input:\nfoo",
        "n'est-ce pas? Oui, 😀",
    ):
        ids = auto(text)["input_ids"]
        assert ids == fast.encode(text).ids
        assert auto.decode(ids) == text
    rows = read_rows(world / "instructions/data/tr.json.gz")
    unknown = {f"<0x{byte:02X}>" for byte in range(256)}
    assert all(not unknown & set(fast.encode(row["output"]).tokens) for row in rows)


def test_bases_of_the_table_have_the_parameters_that_it_says():
    """config/world.yaml: architectures that exist, and sizes that `polytune plan` may count with."""
    import transformers

    vocabulary = 3_100  # of a world of all 57 languages (docs/world.md)
    table = yaml.safe_load((Path(__file__).parents[2] / "config/world.yaml").read_text(encoding="utf-8"))["bases"]
    assert len(table) >= 2
    for name, base in table.items():
        settings = {**base["model"], "vocab_size": vocabulary}
        (architecture,) = settings.pop("architectures")
        config = transformers.AutoConfig.for_model(settings.pop("model_type"), **settings)
        model = getattr(transformers, architecture)(config)
        counted = sum(weight.numel() for weight in model.parameters())
        assert counted == pytest.approx(base["parameters"], rel=0.02), name
