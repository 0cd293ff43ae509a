"""LoRA on one process: adapters change, the base does not, and what is saved reloads to the same model."""

import pytest
import torch

from polytune.errors import InputError
from polytune.files import read_json, sha256_file
from polytune.training import train
from tests.cases.training_cases import Case, random_rows, weights

TARGETS = {"bloom": ["query_key_value"], "gpt2": ["c_attn"], "llama": ["q_proj", "v_proj"], "t5": ["q", "v"]}


def make_case(tmp_path, kind="bloom", **lora) -> Case:
    values = {"r": 2, "alpha": 4, "dropout": 0.0, "target_modules": TARGETS[kind], **lora}
    return Case(tmp_path, kind, "lora", {"lora": values, "adam_epsilon": 1e-3}).write()


@pytest.mark.parametrize("kind", TARGETS)
def test_adapters_are_trained_and_reload_to_the_same_logits(kind, tmp_path, monkeypatch):
    from peft import PeftModel
    from transformers import AutoModelForCausalLM, AutoModelForSeq2SeqLM

    from polytune.training import output

    case = make_case(tmp_path, kind)
    kept = []
    original = output.write_model
    monkeypatch.setattr(output, "write_model", lambda *args: (kept.append(args[1].model), original(*args)))
    before = sha256_file(tmp_path / "base/model.safetensors")
    train.command(**case.options())

    adapters = weights(tmp_path / "model")
    assert len(adapters) >= 4
    assert all(tensor.numel() and tensor.abs().max() > 0 for tensor in adapters.values())  # B starts at zero
    assert sha256_file(tmp_path / "base/model.safetensors") == before
    config = read_json(tmp_path / "model/adapter_config.json")
    assert (config["base_model_name_or_path"], config["r"], config["lora_alpha"]) == ("tiny", 2, 4)

    auto = AutoModelForSeq2SeqLM if kind == "t5" else AutoModelForCausalLM
    base = auto.from_pretrained(tmp_path / "base", attn_implementation="eager")
    ids = torch.tensor([random_rows(1)[0][0] + random_rows(1)[0][1]])
    inputs = {"input_ids": ids, **({"decoder_input_ids": ids} if kind == "t5" else {})}
    with torch.no_grad():
        untuned = base(**inputs).logits
        reloaded = PeftModel.from_pretrained(base, tmp_path / "model").eval()
        tuned = reloaded(**inputs).logits
        trained = kept[0].cpu().eval()  # where there is a GPU, it was trained there
        hidden = []
        head = trained.get_output_embeddings()
        head.forward = lambda states, targets, weights: hidden.append(states) or states.sum()
        if kind != "t5":
            from polytune.training.batches import Pack
            from polytune.training.layout import build_layout

            length = ids.shape[1]
            places = torch.arange(length)
            trained(pack=Pack(ids, places[None], build_layout([length]), places, ids[0], torch.ones(length)))
            torch.testing.assert_close(hidden[0] @ head.weight.T, tuned[0], rtol=1e-5, atol=1e-5)
    assert (tuned - untuned).abs().max() > 1e-3


def test_adapters_are_the_same_from_one_pack_or_many(tmp_path):
    case = make_case(tmp_path)
    train.command(**case.options("whole"))
    train.command(**case.options("pieces", micro_batch_tokens=20, activation_checkpointing=True))
    one, other = weights(tmp_path / "whole"), weights(tmp_path / "pieces")
    for name in one:
        torch.testing.assert_close(one[name], other[name], rtol=2e-5, atol=2e-6, msg=name)


def test_half_precision_loads_the_frozen_base_in_half_precision(tmp_path, monkeypatch):
    from polytune.training import output

    kept = []
    original = output.write_model
    monkeypatch.setattr(output, "write_model", lambda *args: (kept.append(args[1].model), original(*args)))
    case = make_case(tmp_path)
    train.command(**case.options("full"))
    case.write_spec(precision="bf16")
    train.command(**case.options("half"))
    dtypes = {name: parameter.dtype for name, parameter in kept[1].named_parameters()}
    assert all((dtype == torch.float32) == ("lora" in name) for name, dtype in dtypes.items())
    full, half = (read_json(tmp_path / name / "manifest.json")["final_loss"] for name in ("full", "half"))
    assert half == pytest.approx(full, rel=0.02)


def test_a_lora_run_resumes_to_the_same_bytes(tmp_path, monkeypatch):
    from tests.cases.training_cases import stop_after

    case = make_case(tmp_path, dropout=0.1)
    train.command(**case.options("whole"))
    with monkeypatch.context() as patch:
        stop_after(patch, 3)
        with pytest.raises(SystemExit, match="after update 3 of 5"):
            train.command(**case.options())
    train.command(**case.options())
    name = "adapter_model.safetensors"
    assert sha256_file(tmp_path / "model" / name) == sha256_file(tmp_path / "whole" / name)


@pytest.mark.parametrize("said", [{"target_modules": []}, {}], ids=["empty", "absent"])
@pytest.mark.parametrize(
    ("kind", "names"),
    [
        ("bloom", {"query_key_value"}),
        ("gpt2", {"c_attn"}),
        ("gpt_neox", {"query_key_value"}),
        ("mistral", {"q_proj", "k_proj", "v_proj"}),
        ("t5", {"q", "k", "v"}),
    ],
)
def test_without_target_modules_the_adapters_go_to_query_key_and_value(kind, names, said, tmp_path):
    case = Case(tmp_path, kind, "lora", {"lora": {"r": 2, "alpha": 4, "dropout": 0.0, **said}, "epochs": 0.5}).write()
    train.command(**case.options())
    assert {name.split(".")[-3] for name in weights(tmp_path / "model")} == names
    assert set(read_json(tmp_path / "model/adapter_config.json")["target_modules"]) == names
    assert f"target_modules {' '.join(sorted(names))} |" in (tmp_path / "model/README.md").read_text()


def test_an_unknown_target_module_is_an_error_with_the_names_there_are(tmp_path):
    case = make_case(tmp_path, target_modules=["query_key_values"])
    message = r"names 'query_key_values'; this model has dense, .*query_key_value; did you mean 'query_key_value'"
    with pytest.raises(InputError, match=message):
        train.command(**case.options())


def test_the_output_layer_cannot_be_a_target(tmp_path):
    case = make_case(tmp_path, target_modules=["lm_head"])
    with pytest.raises(InputError, match="names 'lm_head'; this model has"):
        train.command(**case.options())
