"""Adapters: added without peft where they are plain, equal to peft's own result, refused where they do not fit."""

import itertools
import json
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
    "qwen3": ["q_proj", "o_proj"],
    "gemma3_text": ["q_proj", "down_proj"],
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


def lora(**options):
    return lambda peft, kind: peft.LoraConfig(
        **{"r": 4, "lora_alpha": 8, "target_modules": TARGETS[kind], "fan_in_fan_out": kind == "gpt2", **options}
    )


def other(name, **options):
    return lambda peft, kind: getattr(peft, name)(**{"target_modules": TARGETS[kind], **options})


EMBEDDINGS = ["embed_tokens", "wte", "word_embeddings", "shared"]
CHANGES = {
    # plain: without peft
    "gaussian": lora(init_lora_weights="gaussian"),
    "no initialisation": lora(init_lora_weights=False),
    "wrong fan_in_fan_out": lambda peft, kind: lora(fan_in_fan_out=kind != "gpt2")(peft, kind),
    "output layer": lambda peft, kind: lora(target_modules=[*TARGETS[kind], "lm_head"])(peft, kind),
    # these change the base's own weights
    "PiSSA": lora(init_lora_weights="pissa"),
    "OLoRA": lora(init_lora_weights="olora"),
    # other ranks, scales, layers and parameters
    "orthogonal": lora(init_lora_weights="orthogonal"),
    "DoRA": lora(use_dora=True),
    "bias of adapted layers": lora(bias="lora_only"),
    "every bias": lora(bias="all"),
    "bias of the adapter": lora(lora_bias=True),
    "ranks": lora(rank_pattern={r"^.*\.0\..*": 2}),
    "scales": lora(alpha_pattern={name: 32 for names in TARGETS.values() for name in names}),
    "one layer": lora(layers_to_transform=[0]),
    "a pattern of names": lora(target_modules=r".*\.0\..*(q_proj|query_key_value|c_attn|SelfAttention\.q)"),
    "all linear layers": lora(target_modules="all-linear"),
    "embeddings": lambda peft, kind: lora(target_modules=[*TARGETS[kind], *EMBEDDINGS])(peft, kind),
    "saved output layer": lora(modules_to_save=["lm_head"]),
    "saved embeddings": lora(modules_to_save=EMBEDDINGS[:3]),
    "some tokens": lora(trainable_token_indices=[5, 6, 7, 300]),
    # other kinds
    "AdaLoRA": other("AdaLoraConfig", total_step=10, init_r=4, target_r=2, task_type="CAUSAL_LM"),
    "IA3": other("IA3Config", feedforward_modules=[]),
    "LoHa": other("LoHaConfig", r=4),
    "LoKr": other("LoKrConfig", r=4),
    "OFT": other("OFTConfig", oft_block_size=4, r=0),
    "BOFT": other("BOFTConfig", boft_block_size=4),
    "HRA": other("HRAConfig", r=4),
    "VeRA": other("VeraConfig", r=4, target_modules=["q_proj"]),
    "norms": other("LNTuningConfig", target_modules=["input_layernorm", "layer_norm"]),
    "tokens alone": other("TrainableTokensConfig", token_indices=[5, 6, 300], target_modules=None),
}
PLAIN = ("gaussian", "no initialisation", "wrong fan_in_fan_out", "all linear layers")


TIED = (
    "gaussian",
    "output layer",
    "PiSSA",
    "DoRA",
    "embeddings",
    "saved output layer",
    "saved embeddings",
    "some tokens",
)
"""Those that are tried on models with tied embeddings and fused or shared layers, too."""


def write_changed(tmp_path, kind, change):
    """Write a base and an adapter of some kind by peft, all that is trained moved; return their directories."""
    import peft
    from transformers import AutoModelForCausalLM, AutoModelForSeq2SeqLM

    base, adapter = write_model(tmp_path / "base", kind), tmp_path / "adapter"
    auto = AutoModelForSeq2SeqLM if kind == "t5" else AutoModelForCausalLM
    torch.manual_seed(0)
    model = peft.get_peft_model(auto.from_pretrained(base), CHANGES[change](peft, kind))
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.requires_grad:
                parameter.add_(0.2 * torch.randn_like(parameter))
    model.save_pretrained(adapter)
    return base, adapter


def by_peft(adapter, base, dtype="float32"):
    """Return the log-likelihoods of transformers and peft in the harness's backend.

    It is given the model: by itself it would cut the embedding to the tokenizer's size, and tie what peft has untied.
    """
    import peft
    from lm_eval.models.huggingface import HFLM
    from transformers import AutoModelForCausalLM, AutoModelForSeq2SeqLM, AutoTokenizer

    auto = AutoModelForSeq2SeqLM if "T5" in (base / "config.json").read_text() else AutoModelForCausalLM
    model = peft.PeftModel.from_pretrained(auto.from_pretrained(base, dtype=dtype), adapter).get_base_model()
    model.tie_weights = lambda: None
    tokenizer = AutoTokenizer.from_pretrained(base)
    theirs = HFLM(model.eval(), tokenizer=tokenizer, device="cpu", batch_size=4, softmax_dtype="float32")
    return theirs.loglikelihood(make_requests(QUESTIONS[:4]), disable_tqdm=True)


@pytest.mark.parametrize(
    ("kind", "change"), [("llama", change) for change in CHANGES] + list(itertools.product(["bloom", "t5"], TIED))
)
def test_every_other_kind_equals_peft_in_the_harness(kind, change, tmp_path):
    """PiSSA's base is not the base that the file names; a tied embedding must not change with its output layer."""
    from polytune.models.adapters import is_plain

    base, adapter = write_changed(tmp_path, kind, change)
    assert is_plain(adapter) == (change in PLAIN)
    ours = loglikelihoods(adapter, base)
    assert_equal(ours, by_peft(adapter, base))
    assert abs(ours[0][0] - loglikelihoods(base)[0][0]) > 1e-3  # the adapter does something


@pytest.mark.parametrize("kind", ["llama", "bloom", "gpt2"])
@pytest.mark.parametrize("tied", [True, False])
def test_plain_lora_of_an_output_layer(kind, tied, tmp_path):
    """Saved without the layer itself, so that nothing keeps it from being added without peft."""
    import peft
    from transformers import AutoModelForCausalLM

    from polytune.models.adapters import is_plain

    base, adapter = write_model(tmp_path / "base", kind), tmp_path / "adapter"
    model = AutoModelForCausalLM.from_pretrained(base, tie_word_embeddings=tied)
    if not tied:
        model.lm_head.weight = torch.nn.Parameter(2 * torch.randn_like(model.lm_head.weight))
    else:
        model.tie_weights()
    model.config.tie_word_embeddings = tied
    model.save_pretrained(base)
    model = peft.get_peft_model(model, peft.LoraConfig(r=2, target_modules=["lm_head", *TARGETS[kind]]))
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "lora_B" in name:
                parameter.copy_(0.3 * torch.randn_like(parameter))
    model.save_pretrained(adapter, save_embedding_layers=False)
    assert is_plain(adapter)
    for precision, dtype in (("fp32", "float32"), ("bf16", "bfloat16")):
        expected = by_peft(adapter, base, dtype)
        ours = loglikelihoods(adapter, base, precision=precision)
        if precision == "fp32":
            assert_equal(ours, expected)
        else:
            assert [value for value, _ in ours] == pytest.approx([value for value, _ in expected], rel=0.02)


@pytest.mark.parametrize(
    ("kind", "name", "options", "message"),
    [
        ("bloom", "PromptTuningConfig", {"num_virtual_tokens": 3}, "'peft_type' is 'PROMPT_TUNING', which is not scor"),
        ("bloom", "PrefixTuningConfig", {"num_virtual_tokens": 3}, "'peft_type' is 'PREFIX_TUNING'"),
        ("llama", "AdaptionPromptConfig", {"adapter_len": 3, "adapter_layers": 1}, "'peft_type' is 'ADAPTION_PROMPT'"),
        ("llama", "LoraConfig", {"alora_invocation_tokens": [5]}, "'alora_invocation_tokens' is not supported"),
        ("llama", "LoraConfig", {"init_lora_weights": "pissa_niter_4"}, "drawn at random at every loading; convert"),
        (
            "gpt2",
            "LoraConfig",
            {"init_lora_weights": "olora"},
            "adapter: the model cannot compute a text: mat1 and mat2 shapes",
        ),
    ],
)
def test_adapters_that_cannot_be_scored_exactly_are_refused(kind, name, options, message, tmp_path):
    """Prompts would be dropped silently: their virtual tokens stand in no layer."""
    import peft
    from transformers import AutoModelForCausalLM

    base, adapter = write_model(tmp_path / "base", kind), tmp_path / "adapter"
    given = {"target_modules": TARGETS[kind]} if name == "LoraConfig" else {}
    configuration = getattr(peft, name)(task_type="CAUSAL_LM", **given, **options)
    peft.get_peft_model(AutoModelForCausalLM.from_pretrained(base), configuration).save_pretrained(adapter)
    with pytest.raises(InputError, match=message) as caught:
        loglikelihoods(adapter, base)
    assert "\n" not in str(caught.value)


def test_an_initialisation_that_needs_a_missing_library_is_one_line(tmp_path):
    base, adapter = write_adapter(tmp_path, "llama")
    file = adapter / "adapter_config.json"
    for start in ("loftq", "corda", "no such thing"):
        file.write_text(json.dumps({**json.loads(file.read_text()), "init_lora_weights": start}))
        with pytest.raises(InputError, match="adapter: peft cannot add the adapter: ") as caught:
            loglikelihoods(adapter, base)
        assert "\n" not in str(caught.value)


def test_an_enlarged_vocabulary_is_refused_with_both_sizes(tmp_path):
    import peft
    from transformers import AutoModelForCausalLM

    for kind, modules in (("llama", ["embed_tokens", "lm_head"]), ("bloom", None)):
        base, adapter = write_model(tmp_path / kind, kind), tmp_path / f"{kind} adapter"
        model = AutoModelForCausalLM.from_pretrained(base)
        model.resize_token_embeddings(402)
        peft.get_peft_model(
            model, peft.LoraConfig(task_type="CAUSAL_LM", r=4, target_modules=TARGETS[kind], modules_to_save=modules)
        ).save_pretrained(adapter, save_embedding_layers=True)
        with pytest.raises(InputError, match=r"is \[402, 32\] in .*\[400, 32\] by .* enlarged vocabulary") as caught:
            loglikelihoods(adapter, base)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("plain", [True, False])
def test_an_adapter_with_fewer_tensors_than_it_says_is_refused(plain, tmp_path):
    base, adapter = write_adapter(tmp_path, "llama", use_dora=not plain)
    file = adapter / "adapter_model.safetensors"
    tensors = {name: tensor for name, tensor in load_file(file).items() if "layers.1.self_attn.v_proj" not in name}
    save_file(tensors, file)
    with pytest.raises(InputError, match=r"layers\.1\.self_attn\.v_proj"):
        loglikelihoods(adapter, base)


def test_a_rank_or_layer_that_the_configuration_does_not_describe_is_refused(tmp_path):
    base, adapter = write_adapter(tmp_path, "llama")
    file = adapter / "adapter_config.json"
    config = json.loads(file.read_text())
    for change in ({"r": 5}, {"target_modules": ["q_proj"]}):
        file.write_text(json.dumps({**config, **change}))
        with pytest.raises(InputError, match=r"is not what adapter_config\.json describes"):
            loglikelihoods(adapter, base)


def test_adapter_finds_the_base_that_it_names(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # a path is first one from here
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
