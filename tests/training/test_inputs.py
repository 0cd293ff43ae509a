"""Input that cannot work: one clear message each, before anything is trained, finished results untouched."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from polytune.errors import InputError
from polytune.files import read_json, write_json
from polytune.training import train
from polytune.training.spec import read_spec
from tests.cases.training_cases import VOCABULARY, Case, tiny_config, weights


@pytest.fixture
def case(tmp_path) -> Case:
    return Case(tmp_path).write()


def change_spec(case: Case, **changes) -> None:
    write_json(case.root / "spec.json", {**read_json(case.root / "spec.json"), **changes})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"learning_rat": 1.0}, r"unknown key 'hyperparameters.learning_rat'; did you mean 'learning_rate'"),
        ({"epochs": "3"}, r"'hyperparameters.epochs' is '3', expected float or int"),
        ({"global_batch_rows": 0}, r"'hyperparameters.global_batch_rows' is 0, it must be above 0"),
        ({"global_batch_rows": 2.5}, r"'hyperparameters.global_batch_rows' is 2.5, expected int"),
        ({"scheduler": "cosin"}, r"'hyperparameters.scheduler' is 'cosin', allowed are .*did you mean 'cosine'"),
        ({"precision": "fp16"}, r"'hyperparameters.precision' is 'fp16', allowed are fp32, bf16"),
        ({"warmup_ratio": 1.5}, r"'hyperparameters.warmup_ratio' is 1.5, it must lie between 0 and 1"),
        ({"lora": {"r": 2}}, r"key 'hyperparameters.lora.alpha' is missing"),
    ],
)
def test_wrong_hyperparameters(changes, message, case):
    path = case.write_spec(**changes)
    with pytest.raises(InputError, match=rf"spec\.json: {message}"):
        read_spec(path)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"method": "lore"}, r"'method' is 'lore', allowed are full, lora; did you mean 'lora'"),
        ({"method": "lora"}, r"method 'lora' needs 'hyperparameters.lora'"),
        ({"extra": 1}, r"unknown key 'extra'"),
        ({"seed": True}, r"'seed' is True, expected int"),
    ],
)
def test_wrong_spec(changes, message, case):
    change_spec(case, **changes)
    with pytest.raises(InputError, match=rf"spec\.json: {message}"):
        read_spec(case.root / "spec.json")


def test_a_missing_key_is_named(case):
    content = read_json(case.root / "spec.json")
    del content["hyperparameters"]["learning_rate"]
    write_json(case.root / "spec.json", content)
    with pytest.raises(InputError, match=r"key 'hyperparameters\.learning_rate' is missing"):
        read_spec(case.root / "spec.json")


def test_the_digest_of_a_spec_does_not_depend_on_its_layout(case):
    before = read_spec(case.root / "spec.json").digest
    content = read_json(case.root / "spec.json")
    (case.root / "spec.json").write_text(json.dumps(dict(reversed(content.items()))))
    assert read_spec(case.root / "spec.json").digest == before
    case.write_spec(learning_rate=0.5)
    assert read_spec(case.root / "spec.json").digest != before


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


@pytest.mark.parametrize(("name", "value"), [("zero_stage", 4), ("micro_batch_tokens", 0)])
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
    """`--help` loads no torch; a run loads no datasets, pandas, scipy or DeepSpeed."""
    script = (
        "import sys\n"
        "from polytune.cli import main\n"
        "try:\n    main(sys.argv[1:])\nexcept SystemExit as stop:\n    assert not stop.code, stop.code\n"
        "heavy = ('torch', 'datasets', 'pandas', 'pyarrow', 'scipy', 'deepspeed', 'lm_eval', 'snakemake')\n"
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
