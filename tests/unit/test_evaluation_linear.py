"""Linear layers through oneDNN are the layers of PyTorch."""

import pytest
import torch
from torch.nn import functional

from polytune.evaluation import linear as module
from polytune.evaluation.linear import linear


@pytest.mark.parametrize("onednn", [True, False])
@pytest.mark.parametrize("gelu", [True, False])
@pytest.mark.parametrize("with_bias", [True, False])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_linear_equals_the_layer_and_its_gelu(onednn, gelu, with_bias, dtype, monkeypatch):
    monkeypatch.setattr(module, "ONEDNN", onednn and module.ONEDNN)
    torch.manual_seed(0)
    x, weight = torch.randn(2, 5, 24, dtype=dtype), torch.randn(40, 24, dtype=dtype)
    bias = torch.randn(40, dtype=dtype) if with_bias else None
    expected = functional.linear(x.double(), weight.double(), None if bias is None else bias.double())
    if gelu:
        expected = functional.gelu(expected, approximate="tanh")
    assert expected.abs().max() > 3
    part = slice(8, 32)  # a slice of the vocabulary
    found = linear(x, weight, bias, gelu)
    assert found.dtype == dtype
    rtol, atol = (1e-5, 1e-5) if dtype == torch.float32 else (0.02, 0.1)
    torch.testing.assert_close(found.double(), expected, rtol=rtol, atol=atol)
    sliced = linear(x, weight[part], None if bias is None else bias[part], gelu)
    torch.testing.assert_close(sliced, found[..., part], rtol=rtol, atol=atol)
