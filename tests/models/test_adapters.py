"""Adapters: added without peft where they are plain, equal to peft's own result, refused where they do not fit."""

import json
import shutil
import subprocess
import sys

import pytest
import torch
from safetensors.torch import load_file, save_file

from polytune.errors import InputError
from tests.cases.evaluation_cases import build_model, write_model
from tests.evaluation.test_loglikelihoods import QUESTIONS, assert_equal, make_requests

TARGETS = {
    "bloom": ["query_key_value", "dense_h_to_4h"],
    "gpt2": ["c_attn"],
    "llama": ["q_proj", "v_proj"],
    "gpt_neox": ["query_key_value", "dense_4h_to_h"],
    "mixtral": ["q_proj", "o_proj"],
    "t5": ["q", "v"],
    "mt5": ["q", "wi_0"],
}


def write_adapter(tmp_path, kind, **lora):
    """Write a base and a random adapter for it by peft; return their directories."""
    from peft import LoraConfig, get_peft_model

    base, adapter = write_model(tmp_path / "base", kind), tmp_path / "adapter"
    vocabulary = json.loads((base / "config.json").read_text())["vocab_size"]
    options = {"r": 3, "lora_alpha": 8, "target_modules": TARGETS[kind], "fan_in_fan_out": kind == "gpt2", **lora}
    model = get_peft_model(build_model(kind, vocabulary), LoraConfig(**options))
    torch.manual_seed(1)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "lora_" in name:
                parameter.copy_(0.3 * torch.randn_like(parameter))
    model.save_pretrained(adapter)
    return base, adapter


def loglikelihoods(model, base=None, **options):
    from polytune.evaluation.model import PolytuneLM

    lm = PolytuneLM(str(model), base=None if base is None else str(base), **options)
    return lm.loglikelihood(make_requests(QUESTIONS[:4]), disable_tqdm=True)


@pytest.mark.parametrize("kind", TARGETS)
@pytest.mark.parametrize("rank_stabilised", [False, True])
def test_plain_lora_equals_peft_in_the_harness(kind, rank_stabilised, tmp_path):
    from lm_eval.models.huggingface import HFLM

    base, adapter = write_adapter(tmp_path, kind, use_rslora=rank_stabilised)
    theirs = HFLM(str(base), peft=str(adapter), device="cpu", dtype="float32", batch_size=4)
    expected = theirs.loglikelihood(make_requests(QUESTIONS[:4]), disable_tqdm=True)
    ours = loglikelihoods(adapter, base)
    assert_equal(ours, expected)
    assert abs(ours[0][0] - loglikelihoods(base)[0][0]) > 0.01  # the adapter does something


@pytest.mark.parametrize("kind", ["bloom", "llama"])
def test_sixteen_bit_layers_keep_the_adapter_apart(kind, tmp_path):
    """The adapter's part is added to the output in float32, as peft does."""
    from polytune.evaluation.model import PolytuneLM
    from polytune.models.adapters import LoraLayer

    base, adapter = write_adapter(tmp_path, kind)
    lm = PolytuneLM(str(adapter), base=str(base), precision="bf16")
    assert any(isinstance(module, LoraLayer) for module in lm.model.modules())
    exact = loglikelihoods(adapter, base)
    for (value, _), (expected, _) in zip(
        lm.loglikelihood(make_requests(QUESTIONS[:4]), disable_tqdm=True), exact, strict=True
    ):
        assert value == pytest.approx(expected, rel=0.03)


def test_other_adapters_go_through_peft(tmp_path):
    """DoRA is not plain: peft applies it, and BLOOM then takes the harness's way, a row per request."""
    from lm_eval.models.huggingface import HFLM

    base, adapter = write_adapter(tmp_path, "bloom", use_dora=True)
    theirs = HFLM(str(base), peft=str(adapter), device="cpu", dtype="float32", batch_size=4)
    expected = theirs.loglikelihood(make_requests(QUESTIONS[:4]), disable_tqdm=True)
    assert_equal(loglikelihoods(adapter, base), expected)


def test_adapter_finds_the_base_that_it_names(tmp_path):
    base, adapter = write_adapter(tmp_path, "bloom")
    file = adapter / "adapter_config.json"
    config = json.loads(file.read_text())
    named = loglikelihoods(adapter, base)
    for name in (str(base), "../base"):
        file.write_text(json.dumps({**config, "base_model_name_or_path": name}))
        assert loglikelihoods(adapter) == named
    file.write_text(json.dumps({**config, "base_model_name_or_path": "bigscience/bloom-7b1"}))
    with pytest.raises(InputError, match=r"adapter_config\.json: .*bigscience/bloom-7b1.* --base"):
        loglikelihoods(adapter)


def test_adapter_of_another_model_is_refused(tmp_path):
    base, adapter = write_adapter(tmp_path, "bloom")
    other = write_model(tmp_path / "other", "gpt2")
    with pytest.raises(InputError, match=r"adapter_model\.safetensors: .* fits no layer of GPT2"):
        loglikelihoods(adapter, other)
    file = adapter / "adapter_model.safetensors"
    tensors = load_file(file)
    save_file(
        {name: tensor[:, :5].contiguous() if "lora_A" in name else tensor for name, tensor in tensors.items()}, file
    )
    with pytest.raises(InputError, match="has weights"):
        loglikelihoods(adapter, base)
    save_file({name: tensor for name, tensor in tensors.items() if "lora_A" in name}, file)
    with pytest.raises(InputError, match="fits no layer"):
        loglikelihoods(adapter, base)
    file.unlink()
    with pytest.raises(InputError, match="the adapter has no weights"):
        loglikelihoods(adapter, base)


def test_plain_lora_on_bloom_imports_neither_peft_nor_transformers(tmp_path):
    base, adapter = write_adapter(tmp_path, "bloom")
    code = (
        "import sys; from polytune.evaluation.model import PolytuneLM; "
        f"PolytuneLM({str(adapter)!r}, base={str(base)!r}); "
        "print([name for name in ('peft', 'accelerate', 'transformers', 'torch._dynamo', 'pandas', "
        "'lm_eval.models.huggingface') if name in sys.modules])"
    )
    finished = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert finished.stdout.splitlines()[-1] == "[]"


def test_adapter_uses_its_own_tokenizer(tmp_path):
    from polytune.models.directory import find_checkpoint

    base, adapter = write_adapter(tmp_path, "bloom")
    assert find_checkpoint(adapter, base).tokenizer == base
    shutil.copy(base / "tokenizer.json", adapter)
    assert find_checkpoint(adapter, base).tokenizer == adapter
