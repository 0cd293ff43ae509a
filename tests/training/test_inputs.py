"""Input that cannot work: one clear message each, before anything is trained, finished results untouched."""

import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from polytune.data.tokens import TokenStore
from polytune.errors import InputError
from polytune.files import read_json, write_json
from polytune.mixtures.manifest import Mixture, Part, Take
from polytune.training import train
from tests.cases.training_cases import VOCABULARY, Case, tiny_config, weights, write_store


@pytest.fixture
def case(tmp_path) -> Case:
    return Case(tmp_path).write()


def test_a_base_without_weights(case):
    (case.root / "base/model.safetensors").unlink()
    with pytest.raises(InputError, match=r"base: no weights \(model\.safetensors or model\.safetensors\.index\.json\)"):
        train.command(**case.options())


def test_a_base_with_pickled_weights_only(case):
    (case.root / "base/model.safetensors").rename(case.root / "base/pytorch_model.bin")
    with pytest.raises(InputError, match=r"only pytorch_model\.bin found, which can run code when loaded"):
        train.command(**case.options())


def test_a_base_with_a_missing_shard(case):
    write_json(
        case.root / "base/model.safetensors.index.json", {"weight_map": {"a": "model-00001-of-00002.safetensors"}}
    )
    with pytest.raises(InputError, match=r"model-00001-of-00002\.safetensors is missing, .*index\.json names it"):
        train.command(**case.options())


def test_a_base_with_truncated_weights(case):
    file = case.root / "base/model.safetensors"
    file.write_bytes(file.read_bytes()[:-100])
    with pytest.raises(InputError, match=r"base: the model cannot be loaded"):
        train.command(**case.options())


def test_a_base_that_lacks_a_tensor(case):
    from safetensors.torch import save_file

    tensors = weights(case.root / "base")
    del tensors["transformer.h.1.mlp.dense_h_to_4h.weight"]
    save_file(tensors, case.root / "base/model.safetensors", {"format": "pt"})
    with pytest.raises(InputError, match=r"1 tensors of the model are not in its files, first .*h\.1\.mlp"):
        train.command(**case.options())


def test_a_base_without_configuration(case):
    (case.root / "base/config.json").unlink()
    with pytest.raises(InputError, match=r"config\.json: no such file"):
        train.command(**case.options())


def test_a_base_that_needs_its_own_code(case):
    config = read_json(case.root / "base/config.json")
    write_json(case.root / "base/config.json", {**config, "auto_map": {"AutoModelForCausalLM": "modeling.Model"}})
    with pytest.raises(InputError, match=r"config\.json: 'auto_map' asks for code"):
        train.command(**case.options())


def test_an_architecture_without_exact_packing(case):
    config = read_json(case.root / "base/config.json")
    write_json(case.root / "base/config.json", {**config, "model_type": "opt"})
    with pytest.raises(InputError, match=r"model_type 'opt' is not supported; supported are bloom, gpt2"):
        train.command(**case.options())


def test_a_base_with_fewer_entries_than_the_tokens(case):
    tiny_config("bloom", VOCABULARY - 1).save_pretrained(case.root / "base")
    with pytest.raises(InputError, match=rf"'vocab_size' is {VOCABULARY - 1}, the tokens need {VOCABULARY}"):
        train.command(**case.options())


def set_token(case: Case, language: str, place: int, token: int, **index) -> None:
    """Put one token into a store, and `index` into its index.json (None: the key goes)."""
    store = case.root / "tokens/test" / language
    tokens = np.fromfile(store / "tokens.bin", "<u2")
    tokens[place] = token
    tokens.tofile(store / "tokens.bin")
    content = {**read_json(store / "index.json"), **index}
    write_json(store / "index.json", {key: value for key, value in content.items() if value is not None})


def test_a_token_that_the_model_does_not_know(case):
    set_token(case, "fr", -3, VOCABULARY + 7, highest_token_id=VOCABULARY + 7)
    with pytest.raises(InputError, match=rf"'vocab_size' is {VOCABULARY}, the tokens need {VOCABULARY + 8}"):
        train.command(**case.options())


def test_a_store_that_does_not_tell_its_highest_token_is_read(case):
    set_token(case, "fr", -3, VOCABULARY, highest_token_id=None)
    with pytest.raises(InputError, match=rf"'vocab_size' is {VOCABULARY}, the tokens need {VOCABULARY + 1}"):
        train.command(**case.options())


def test_only_tokens_of_the_mixtures_rows_have_to_be_known(case):
    """The store's highest token is in a row that the mixture does not take, or behind the cut: neither is fed."""
    mixture = Mixture.read(case.root / "mixture.json")
    parts = (mixture.parts[0], Part("test", "fr", Take(seed=1, count=9), 9, "0" * 64))
    store = TokenStore(case.root / "tokens/test/fr")
    (left_out,) = set(range(10)) - set(mixture.select(parts[1], store.keys).tolist())
    set_token(case, "fr", int(store.offsets[left_out]), VOCABULARY + 5, highest_token_id=VOCABULARY + 5)
    with pytest.raises(InputError, match=rf"the tokens need {VOCABULARY + 6}"):
        train.command(**case.options())
    replace(mixture, parts=parts).write(case.root / "mixture.json")
    train.command(**case.options())


def test_an_encoder_decoder_that_does_not_say_what_starts_its_decoder(tmp_path):
    case = Case(tmp_path, "t5").write()
    config = read_json(tmp_path / "base/config.json")
    for start in (None, VOCABULARY):
        write_json(tmp_path / "base/config.json", {**config, "decoder_start_token_id": start})
        with pytest.raises(
            InputError, match=rf"config\.json: 'decoder_start_token_id' is {start}, it must be a token of"
        ):
            train.command(**case.options())


@pytest.mark.parametrize("prompt_loss_weight", [0.0, 0.3])
def test_a_run_without_a_response_token_is_refused(prompt_loss_weight, case):
    """Every prompt fills the cut: nothing that an answer could be learned from is left."""
    for language in ("en", "fr"):
        shutil.rmtree(case.root / "tokens/test" / language)
        write_store(case.root / "tokens/test" / language, [([5] * (8 + number), [6, 1]) for number in range(10)])
    case.write_spec(max_length_tokens=8, prompt_loss_weight=prompt_loss_weight)
    message = (
        "mixture 'test-02': not one of its 20 rows keeps a response token when it is cut to max_length_tokens 8, "
        "the shortest prompt has 8"
    )
    with pytest.raises(InputError, match=message):
        train.command(**case.options())
    case.write_spec(max_length_tokens=9, prompt_loss_weight=prompt_loss_weight)
    train.command(**case.options())
    assert read_json(case.root / "model/manifest.json")["rows_without_response"] == 18


def test_a_work_folder_that_cannot_be_written(case):
    (case.root / "file").touch()
    with pytest.raises(InputError, match=r"-1 cannot be written: .*file.*a part of this path is a file"):
        train.command(**case.options(work=case.root / "file/work"))


def test_token_stores_of_another_tokenizer(case):
    """Two bases that claim one tokenizer name and differ: the stores were made with the other's."""
    file = case.root / "base/tokenizer.json"
    content = read_json(file)
    vocabulary = content["model"]["vocab"]
    vocabulary["w5"], vocabulary["w6"] = vocabulary["w6"], vocabulary["w5"]
    write_json(file, content)
    with pytest.raises(InputError, match=r"en/index\.json: made with another tokenizer than that of .*base"):
        train.command(**case.options())


def test_a_base_without_tokenizer(case):
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (case.root / "base" / name).unlink()
    with pytest.raises(InputError, match=r"base: no tokenizer\.json"):
        train.command(**case.options())


def test_a_batch_dependent_router_loss(case):
    config = read_json(case.root / "base/config.json")
    write_json(case.root / "base/config.json", {**config, "output_router_logits": True})
    with pytest.raises(InputError, match="'output_router_logits' adds a loss that depends on the batch"):
        train.command(**case.options())


def test_rows_longer_than_a_sliding_window(tmp_path):
    case = Case(tmp_path, "mixtral").write()
    config = read_json(tmp_path / "base/config.json")
    write_json(tmp_path / "base/config.json", {**config, "sliding_window": 8})
    with pytest.raises(InputError, match="attends over a window of 8 tokens and a row has"):
        train.command(**case.options())


def test_rows_longer_than_the_learned_positions(tmp_path):
    case = Case(tmp_path, "gpt2").write()
    config = read_json(tmp_path / "base/config.json")
    write_json(tmp_path / "base/config.json", {**config, "n_positions": 12})
    with pytest.raises(InputError, match=r"'n_positions' is 12, the longest row has \d+ tokens; set max_length_tok"):
        train.command(**case.options())


def test_a_missing_token_store(case):
    shutil.rmtree(case.root / "tokens/test/fr")
    with pytest.raises(InputError, match=r"fr/index\.json: no such file"):
        train.command(**case.options())


@pytest.mark.parametrize(
    ("name", "value"),
    [("zero_stage", 4), ("micro_batch_tokens", 0), ("checkpoint_minutes", float("nan")), ("checkpoint_updates", -1)],
)
def test_impossible_hardware(name, value, case):
    with pytest.raises(InputError, match=f"--{name.replace('_', '-')} is {value}"):
        train.command(**case.options(**{name: value}))


def test_the_command_line_prints_one_line_and_keeps_a_finished_result(case):
    train.command(**case.options())
    before = (case.root / "model/manifest.json").read_bytes()
    case.write_spec(scheduler="linea")
    source = Path(train.__file__).resolve().parents[2]
    done = subprocess.run(
        [sys.executable, "-m", "polytune.cli", *case.arguments()],
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(source)},
    )
    assert done.returncode == 1
    assert done.stderr.startswith("polytune train: ") and done.stderr.count("\n") == 1
    assert "did you mean 'linear'" in done.stderr
    assert (case.root / "model/manifest.json").read_bytes() == before


def test_help_and_training_import_only_what_they_use(case):
    """`--help` loads no torch; a full run no datasets, pandas, scipy, DeepSpeed, Trainer or peft."""
    script = (
        "import sys\n"
        "from polytune.cli import main\n"
        "try:\n    main(sys.argv[1:])\nexcept SystemExit as stop:\n    assert not stop.code, stop.code\n"
        "heavy = ('torch', 'datasets', 'pandas', 'pyarrow', 'scipy', 'deepspeed', 'lm_eval', 'snakemake', 'peft')\n"
        "heavy += ('transformers.trainer', 'transformers.training_args')\n"
        "print('LOADED', *[name for name in heavy if name in sys.modules])"
    )
    source = Path(train.__file__).resolve().parents[2]

    def loaded(*arguments: str) -> list[str]:
        done = subprocess.run(
            [sys.executable, "-c", script, *arguments],
            capture_output=True,
            text=True,
            check=True,
            env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(source), "OMP_NUM_THREADS": "1"},
        )
        return done.stdout.splitlines()[-1].split()[1:]

    assert loaded("train", "--help") == []
    assert loaded(*case.arguments()) == ["torch"]
