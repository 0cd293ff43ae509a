"""Model directories: only what is named is read, what identifies a model is content, everything odd is one line."""

import json
import os
import shutil

import pytest
import torch
from safetensors.torch import load_file, save_file

from polytune.errors import InputError
from polytune.models import directory as models_directory
from polytune.models.directory import ModelDirectory, base_digest, weight_files
from tests.cases.evaluation_cases import build_model, write_model, write_tokenizer


def write_shards(directory, size="40KB", seed=0):
    """Write a BLOOM in shards; return the directory."""
    build_model("bloom", write_tokenizer(directory), seed=seed).save_pretrained(directory, max_shard_size=size)
    return directory


def index_of(directory):
    return json.loads((directory / "model.safetensors.index.json").read_text())


def rewrite(file, **changes):
    file.write_text(json.dumps({**json.loads(file.read_text()), **changes}))


@pytest.mark.parametrize("kind", ["bloom", "llama"])
def test_shards_of_an_older_save_are_not_read(kind, tmp_path):
    """An older save had more shards, with other tensors, under names that the newer index does not name."""
    from polytune.models.load import load_scorer
    from polytune.training.model import load_base

    directory, vocabulary = tmp_path / "model", write_tokenizer(tmp_path / "model")
    build_model(kind, vocabulary, seed=1).save_pretrained(directory, max_shard_size="40KB")
    older = {file.name: file.read_bytes() for file in directory.glob("*.safetensors")}
    model = build_model(kind, vocabulary, seed=0)
    model.save_pretrained(directory, max_shard_size="90KB")
    before = ModelDirectory.find(directory).digest, base_digest(directory)
    for name, content in older.items():
        if not (directory / name).exists():
            (directory / name).write_bytes(content)
    named = set(index_of(directory)["weight_map"].values())
    assert named < {file.name for file in directory.glob("*.safetensors")}
    assert {file.name for file in weight_files(directory)} == named
    assert (ModelDirectory.find(directory).digest, base_digest(directory)) == before
    wanted = model.state_dict()
    for loaded in (load_scorer(ModelDirectory.find(directory), "cpu", "float32"), load_base(directory)):
        for name, tensor in loaded.state_dict().items():
            assert torch.equal(tensor, wanted[name]), name


def test_an_index_is_checked(tmp_path):
    directory = write_shards(tmp_path)
    index, names = directory / "model.safetensors.index.json", weight_files(tmp_path)
    assert len(names) > 2
    names[1].rename(directory / "away")
    with pytest.raises(InputError, match=rf"{names[1].name} is missing, model\.safetensors\.index\.json names it"):
        weight_files(directory)
    (directory / "away").rename(names[1])
    shutil.copy(names[0], tmp_path.parent / "elsewhere.safetensors")
    for outside in (
        "../elsewhere.safetensors",
        str(tmp_path.parent / "elsewhere.safetensors"),
        "a/../../x.safetensors",
    ):
        rewrite(index, weight_map={**index_of(directory)["weight_map"], "x": outside})
        with pytest.raises(InputError, match=r"index\.json: names .* which lies outside of the model directory"):
            weight_files(directory)
    for broken in ({}, {"weight_map": {}}, {"weight_map": [1]}, {"weight_map": {"a": 1}}):
        index.write_text(json.dumps(broken))
        with pytest.raises(InputError, match=r"index\.json: 'weight_map' must say the file of every tensor"):
            weight_files(directory)


def test_a_single_file_beside_an_index_that_does_not_name_it_is_refused(tmp_path):
    """transformers would read the single file, others the shards: which save is the newer one, nobody can say."""
    directory = write_shards(tmp_path)
    save_file({"x": torch.zeros(1)}, directory / "model.safetensors")
    with pytest.raises(InputError, match="two saves in one directory; remove the older one"):
        ModelDirectory.find(directory)


@pytest.mark.parametrize("name", ["model.safetensors", "tokenizer.json"])
def test_a_pointer_of_git_lfs_is_named_as_such(name, tmp_path):
    from polytune.evaluation.model import PolytuneLM

    directory = write_model(tmp_path)
    (directory / name).write_text("version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 123\n")
    with pytest.raises(InputError, match=rf"{name}: is a Git LFS pointer, not the file itself"):
        PolytuneLM(str(directory))


def test_a_shard_that_is_a_pointer(tmp_path):
    directory = write_shards(tmp_path)
    weight_files(directory)[1].write_text("version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 123\n")
    with pytest.raises(InputError, match=r"model-00002-.*: is a Git LFS pointer"):
        weight_files(directory)


def test_what_would_run_code_is_refused(tmp_path):
    directory = write_model(tmp_path)
    file, config = directory / "config.json", json.loads((directory / "config.json").read_text())
    for change, message in {
        "auto_map": "'auto_map' asks for code of the model's repository",
        "transformers_weights": "'transformers_weights' is 'other.safetensors'",
    }.items():
        file.write_text(json.dumps({**config, change: "other.safetensors"}))
        with pytest.raises(InputError, match=message):
            ModelDirectory.find(directory)
    file.write_text("[1]")
    with pytest.raises(InputError, match=r"config\.json: is no object"):
        ModelDirectory.find(directory)
    file.write_text(json.dumps(config))
    for name in ("pytorch_model.bin", "model.pt", "consolidated.00.pth"):
        (directory / "model.safetensors").rename(directory / name)
        with pytest.raises(InputError, match=f"only {name} found, which can run code when loaded; convert it"):
            ModelDirectory.find(directory)
        (directory / name).rename(directory / "model.safetensors")


def test_a_base_with_an_adapter_beside_its_weights_is_refused(tmp_path):
    """transformers would add the adapter unasked."""
    from polytune.training.model import load_base

    base, adapter = write_model(tmp_path / "base", "llama"), tmp_path / "adapter"
    adapter.mkdir()
    (adapter / "adapter_config.json").write_text("{}")
    (adapter / "adapter_model.safetensors").write_bytes(b"0")
    (base / "adapter_config.json").write_text("{}")
    with pytest.raises(InputError, match="base: is an adapter itself"):
        ModelDirectory.find(adapter, base)
    with pytest.raises(InputError, match="an adapter lies beside the weights"):
        load_base(base)


def test_the_digest_is_of_content(tmp_path):
    directory = write_model(tmp_path / "a")
    first = ModelDirectory.find(directory).digest
    other = shutil.copytree(directory, tmp_path / "b")
    assert ModelDirectory.find(other).digest == first
    (other / "README.md").write_text("a card")
    (other / "manifest.json").write_text('{"wall_seconds": 3}')
    assert ModelDirectory.find(other).digest == first
    for name in ("tokenizer.json", "config.json"):
        text = (other / name).read_text()
        (other / name).write_text(text + "\n")
        assert ModelDirectory.find(other).digest != first
        (other / name).write_text(text)
    tensors = load_file(other / "model.safetensors")
    tensors["transformer.ln_f.bias"][0] += 1
    save_file(tensors, other / "model.safetensors", {"format": "pt"})
    assert ModelDirectory.find(other).digest != first
    assert base_digest(other) != base_digest(directory)


def describe(directory):
    """Write the manifest that fetching or training writes last."""
    files = weight_files(directory)
    said = {file.name: models_directory.sha256_file(file) for file in files}
    (directory / "manifest.json").write_text(json.dumps({"weights_sha256": said}))


@pytest.mark.parametrize("large", [True, False])
def test_weights_replaced_in_place_are_noticed(large, tmp_path, monkeypatch):
    """With the same size, and even with the old time of change."""
    monkeypatch.setattr(models_directory, "HASHED_BYTES", 0 if large else 2**40)
    directory = write_model(tmp_path)
    first = base_digest(directory)
    describe(directory)
    assert base_digest(directory) == first
    file = directory / "model.safetensors"
    content, times = bytearray(file.read_bytes()), (file.stat().st_atime, file.stat().st_mtime)
    content[-1] ^= 1
    file.write_bytes(content)
    os.utime(file, times)
    for read in (lambda: base_digest(directory), lambda: ModelDirectory.find(directory).digest):
        with pytest.raises(InputError, match=r"model\.safetensors: is not the file that manifest\.json describes"):
            read()
    (directory / "manifest.json").unlink()
    assert base_digest(directory) != first


def test_large_weights_are_not_hashed_again_while_nothing_touched_them(tmp_path, monkeypatch):
    directory = write_model(tmp_path)
    describe(directory)
    first, hashed = base_digest(directory), []
    sha256_file = models_directory.sha256_file
    monkeypatch.setattr(models_directory, "HASHED_BYTES", 0)
    monkeypatch.setattr(models_directory, "sha256_file", lambda file: hashed.append(file.name) or sha256_file(file))
    assert base_digest(directory) == first
    assert hashed == ["config.json"]


def test_an_adapter_belongs_to_the_base_that_it_was_trained_on(tmp_path):
    base, other, adapter = tmp_path / "base", tmp_path / "other", tmp_path / "adapter"
    write_model(base)
    shutil.copytree(base, other)
    adapter.mkdir()
    (adapter / "adapter_config.json").write_text("{}")
    (adapter / "adapter_model.safetensors").write_bytes(b"0")
    (adapter / "manifest.json").write_text(json.dumps({"base_digest": base_digest(base)}))
    ModelDirectory.find(adapter, base).check_base()
    ModelDirectory.find(adapter, other).check_base()  # the same content
    build_model("bloom", 400, seed=5).save_pretrained(other)
    with pytest.raises(InputError, match=r"adapter: was trained on another base than .*other .*--base DIR"):
        ModelDirectory.find(adapter, other).check_base()
