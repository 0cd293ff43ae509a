"""Rotary positions and root mean square norms of Llama and its like on a CPU, in fewer passes than in transformers.

Both are many small operations there, and more of them in their gradients, each of which reads and writes all
activations (docs/performance.md, "Training"). The functions below are the same in float32 up to rounding. Elsewhere (on
a GPU, in 16 bits) transformers' own are called.
"""

from __future__ import annotations

from types import MethodType

import torch

from polytune.training.attention import attend_in_transformers

ROTATED = ("LlamaAttention", "MistralAttention", "MixtralAttention")
"""Classes whose attention is projections, rotation, attention, projection, and nothing else."""

NORMS = ("LlamaRMSNorm", "MistralRMSNorm", "MixtralRMSNorm", "Qwen3RMSNorm")


def install_llama(model) -> None:
    """Let the norms and rotations of a model take the functions below, where its values are float32 on a CPU."""
    for module in model.modules():
        kind = type(module).__name__
        if kind in NORMS:
            module.forward = MethodType(_normalise(module.forward), module)
        elif kind in ROTATED:
            module.forward = MethodType(_attend(module.forward), module)


class Rotate(torch.autograd.Function):
    """Rotary positions (Su et al. 2021, arXiv 2104.09864, eq. 34) of `x` [tokens, heads, d].

    `cosine` and `sine` are [tokens, 1, d / 2]; the halves of x are the coordinates of d / 2 planes. The gradient is the
    rotation back.
    """

    @staticmethod
    def forward(context, x, cosine, sine):
        context.save_for_backward(cosine, sine)
        return _rotate(x, cosine, sine)

    @staticmethod
    def backward(context, gradient):
        cosine, sine = context.saved_tensors
        return _rotate(gradient, cosine, -sine), None, None


class Normalise(torch.autograd.Function):
    """Root mean square norm (Zhang & Sennrich 2019, arXiv 1910.07467, eq. 4): y = w x / sqrt(mean(x^2) + epsilon).

    With r the inverse root, n = r x and h = w dy: dw = sum(dy n), dx = r (h - n mean(h n)).
    """

    @staticmethod
    def forward(context, x, weight, epsilon):
        width = x.shape[-1]
        squares = torch.linalg.vector_norm(x, dim=-1, keepdim=True).square_()
        inverse = squares.div_(width).add_(epsilon).rsqrt_()
        normed = x * inverse
        context.save_for_backward(normed, inverse, weight)
        return normed * weight

    @staticmethod
    def backward(context, gradient):
        normed, inverse, weight = context.saved_tensors
        product = gradient * normed
        of_weight = product.flatten(0, -2).sum(0) if context.needs_input_grad[1] else None
        # mean(h n) is a product of matrices with one column
        mean = torch.matmul(product, weight[:, None]).div_(-weight.shape[0])
        return (gradient * weight).addcmul_(normed, mean).mul_(inverse), of_weight, None


def _rotate(x: torch.Tensor, cosine: torch.Tensor, sine: torch.Tensor) -> torch.Tensor:
    result, half = torch.empty_like(x), x.shape[-1] // 2
    (first, second), (left, right) = x.split(half, -1), result.split(half, -1)
    torch.mul(first, cosine, out=left).addcmul_(second, sine, value=-1)
    torch.mul(second, cosine, out=right).addcmul_(first, sine)
    return result


def _is_plain(x: torch.Tensor) -> bool:
    return x.dtype == torch.float32 and x.device.type == "cpu" and not torch.is_autocast_enabled("cpu")


def _normalise(theirs):
    def forward(self, hidden_states):
        if not _is_plain(hidden_states):
            return theirs(hidden_states)
        return Normalise.apply(hidden_states, self.weight, self.variance_epsilon)

    return forward


def _attend(theirs):
    def forward(self, hidden_states, position_embeddings, **options):
        if not _is_plain(hidden_states):
            return theirs(hidden_states=hidden_states, position_embeddings=position_embeddings, **options)
        # both halves of transformers' cosines and sines [1, tokens, d] are the same
        cosine, sine = (table[0, :, None].chunk(2, -1)[0] for table in position_embeddings)
        query, key, value = (
            project(hidden_states)[0].unflatten(1, (-1, self.head_dim))
            for project in (self.q_proj, self.k_proj, self.v_proj)
        )
        heads = (Rotate.apply(query, cosine, sine), Rotate.apply(key, cosine, sine), value)
        mixed, _ = attend_in_transformers(
            self,
            *(tensor.transpose(0, 1)[None] for tensor in heads),
            None,
            dropout=self.attention_dropout if self.training else 0.0,
            scaling=self.scaling,
            sliding_window=getattr(self.config, "sliding_window", None),
        )
        return self.o_proj(mixed.flatten(2)), None

    return forward
