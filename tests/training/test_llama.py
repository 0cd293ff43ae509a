"""Norms and rotations of Llama in few passes: transformers' values and gradients, and transformers' own elsewhere."""

import pytest
import torch
from torch.autograd import gradcheck

from polytune.training.llama import Normalise, Rotate, install_llama
from tests.cases.evaluation_cases import build_model


def test_gradients_are_those_of_the_functions():
    torch.manual_seed(1)
    x = torch.randn(5, 3, 8, dtype=torch.float64, requires_grad=True)
    angles = torch.randn(5, 1, 4, dtype=torch.float64)
    assert gradcheck(lambda x: Rotate.apply(x, angles.cos(), angles.sin()), x)
    rows = torch.randn(2, 5, 8, dtype=torch.float64, requires_grad=True)
    weight = torch.randn(8, dtype=torch.float64, requires_grad=True)
    assert gradcheck(lambda x, weight: Normalise.apply(x, weight, 1e-3), (rows, weight))


def test_values_are_those_of_transformers():
    from transformers.models.llama.modeling_llama import LlamaRMSNorm, apply_rotary_pos_emb

    torch.manual_seed(2)
    norm, x = LlamaRMSNorm(48, eps=1e-4), torch.randn(1, 7, 48)
    norm.weight.data.normal_()
    torch.testing.assert_close(Normalise.apply(x, norm.weight, 1e-4), norm(x), rtol=1e-5, atol=1e-6)
    angles = torch.randn(7, 6)
    tables = torch.cat((angles, angles), -1)[None]
    query = torch.randn(1, 4, 7, 12)  # [1, heads, tokens, d]
    expected, _ = apply_rotary_pos_emb(query, query, tables.cos(), tables.sin())
    found = Rotate.apply(query[0].transpose(0, 1), angles.cos()[:, None], angles.sin()[:, None])
    torch.testing.assert_close(found.transpose(0, 1), expected[0], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(("kind", "attends"), [("llama", True), ("mistral", True), ("mixtral", True), ("qwen3", False)])
def test_sixteen_bits_are_left_to_transformers(kind, attends, monkeypatch):
    model, used = build_model(kind, 60), []
    for function in (Normalise, Rotate):
        forward = function.forward
        watched = staticmethod(
            lambda *given, forward=forward, name=function.__name__: used.append(name) or forward(*given)
        )
        monkeypatch.setattr(function, "forward", watched)
    install_llama(model)
    norm = model.base_model.norm
    assert (
        torch.equal(norm(torch.ones(1, 3, 32, dtype=torch.bfloat16)), norm.weight * torch.ones(1, 3, 32)) and not used
    )
    assert norm(torch.ones(1, 3, 32)).shape == (1, 3, 32) and used == ["Normalise"]
    patched = [module for module in model.modules() if type(module).__name__.endswith("Attention")]
    assert len(patched) == 2 and all(("forward" in vars(module)) == attends for module in patched)
