"""The next token: the largest logit whatever the slices, and draws with the probabilities of the nucleus."""

import numpy as np
import pytest
import torch

from polytune.generation import choosing

LOGITS = torch.tensor([[2.0, 0.5, -1.0, 1.0, 0.0], [0.0, 0.1, 3.0, -2.0, 0.2]])


@pytest.mark.parametrize("bias", [True, False])
def test_slices_of_the_vocabulary_do_not_show(bias, monkeypatch):
    torch.manual_seed(0)
    layer, hidden = torch.nn.Linear(8, 5000, bias=bias), torch.randn(7, 8)
    with torch.no_grad():
        layer.weight[4321] = layer.weight[:4000][layer(hidden)[0, :4000].argmax()]  # an equal one in a later slice
    monkeypatch.setitem(choosing.LOGITS_AT_ONCE, "cpu", 1)
    assert choosing.most_likely(hidden, layer) == layer(hidden).argmax(-1).tolist()
    choose = choosing.choose_by(torch.nn.Sequential(layer), 0.0, 1.0)  # what is no plain layer
    assert choose(hidden, []) == layer(hidden).argmax(-1).tolist()


def nucleus(logits, top_p):
    """The probabilities of the smallest set of most likely tokens that reaches `top_p`, by sorting by hand."""
    probabilities = np.exp(logits) / np.exp(logits).sum()
    kept, total = np.zeros(len(logits)), 0.0
    for token in sorted(range(len(logits)), key=lambda token: -probabilities[token]):
        if total >= top_p:
            break
        kept[token], total = probabilities[token], total + probabilities[token]
    return kept / kept.sum()


@pytest.mark.parametrize("top_p", [1.0, 0.9, 0.6, 0.01])
def test_draws_have_the_probabilities_of_the_nucleus(top_p):
    shares = (np.arange(2000) + 0.5) / 2000  # every share of the probability, evenly
    drawn = np.array([choosing.draw_tokens(LOGITS, top_p, [share, share]) for share in shares])
    for row in range(2):
        found = np.bincount(drawn[:, row], minlength=5) / len(shares)
        np.testing.assert_allclose(found, nucleus(LOGITS[row].double().numpy(), top_p), atol=1e-3)


def test_the_last_share_is_a_token_of_the_nucleus():
    almost = np.nextafter(1.0, 0.0)
    assert choosing.draw_tokens(LOGITS, 1.0, [almost, almost]) == [2, 3]
    assert choosing.draw_tokens(LOGITS, 0.6, [almost, almost]) == [3, 2]


def test_temperature_divides_logits():
    layer = torch.nn.Linear(5, 5, bias=False)
    with torch.no_grad():
        layer.weight.copy_(torch.eye(5))
    draws = [np.random.Generator(np.random.Philox(seed)) for seed in range(2)]
    cold = [choosing.choose_by(layer, 0.01, 1.0)(LOGITS, draws) for _ in range(20)]
    assert cold == [[0, 2]] * 20
    hot = {tuple(choosing.choose_by(layer, 50.0, 1.0)(LOGITS, draws)) for _ in range(60)}
    assert len(hot) > 10
