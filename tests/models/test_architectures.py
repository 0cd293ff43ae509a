"""The table of architectures says what the classes of transformers have."""

import pytest
import torch

from polytune.errors import InputError
from polytune.models.architectures import ARCHITECTURES, find_architecture
from tests.cases.evaluation_cases import KINDS, build_model

FUSED = ("bloom", "gpt_neox", "gpt2")
"""Here one layer computes queries, keys and values."""


@pytest.mark.parametrize("kind", ARCHITECTURES)
def test_the_default_modules_compute_queries_keys_and_values(kind):
    assert kind in KINDS
    model, names = build_model(kind, 300), ARCHITECTURES[kind].query_key_value
    attentions = [module for module in model.modules() if type(module).__name__.endswith("Attention")]
    attentions = [module for module in attentions if "Layer" not in type(module).__name__]  # T5's wrap theirs
    assert len(attentions) >= 2 and len(names) == (1 if kind in FUSED else 3)
    for attention in attentions:
        layers = dict(attention.named_children())
        found = [layers.pop(name) for name in names]
        assert all(type(layer).__name__ in ("Linear", "Conv1D") for layer in found)
        others = [name for name, layer in layers.items() if type(layer).__name__ in ("Linear", "Conv1D")]
        assert len(others) == 1, "only the output projection is left"


@pytest.mark.parametrize("kind", ARCHITECTURES)
def test_the_linear_layers_are_those_of_the_model(kind):
    model = build_model(kind, 300)
    linear = {name: layer for name, layer in model.named_modules() if type(layer).__name__ in ("Linear", "Conv1D")}
    found = {name.split(".")[-1] for name, layer in linear.items() if layer is not model.get_output_embeddings()}
    absent = {"wi"} if kind in ("t5", "mt5") and model.config.is_gated_act else set()
    absent = {"wi_0", "wi_1"} if kind in ("t5", "mt5") and not absent else absent
    assert found == set(ARCHITECTURES[kind].linear) - absent


@pytest.mark.parametrize("kind", ARCHITECTURES)
def test_the_table_agrees_with_the_models(kind):
    row, model = ARCHITECTURES[kind], build_model(kind, 300, positions=77)
    assert row.encoder_decoder == model.config.is_encoder_decoder
    learned = [module for module in model.modules() if isinstance(module, torch.nn.Embedding)]
    assert (row.positions is not None) == any(len(module.weight) == 77 for module in learned)
    assert row.positions is None or getattr(model.config, row.positions) == 77
    if row.llama_blocks:
        parts = ("input_layernorm", "self_attn", "post_attention_layernorm", "mlp")
        assert {name for name, _ in model.base_model.layers[-1].named_children()} == set(parts)


def test_an_unknown_architecture_names_the_nearest():
    with pytest.raises(InputError, match=r"c\.json: model_type 'blom' is not supported; .*did you mean 'bloom'"):
        find_architecture({"model_type": "blom"}, "c.json")
    with pytest.raises(InputError, match=r"c\.json: 'model_type' is missing"):
        find_architecture({}, "c.json")
