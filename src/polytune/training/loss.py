"""Cross entropy of the output layer without its logits as a whole.

With BLOOM's 250,880 entries the logits of one pack outweigh everything else in memory. Here the hidden states of the
supervised positions go through the output layer in chunks, and the gradients are computed in the same pass, so that a
chunk's logits are used up before the next chunk's exist and nothing is computed twice.
"""

from __future__ import annotations

import torch

CHUNK_ELEMENTS = 1 << 22  # logits alive at once: 16 MiB in float32
# fewer rows would make the matrix products slower, so that a large vocabulary decides the memory
MINIMAL_CHUNK_ROWS, MINIMAL_CHUNK_ROWS_ON_GPU = 128, 1024


def weighted_nll(
    hidden: torch.Tensor, weight: torch.Tensor, targets: torch.Tensor, weights: torch.Tensor
) -> torch.Tensor:
    """Return sum(weights * -log softmax(hidden @ weight.T)[targets]), a float32 scalar, differentiable.

    `hidden` [positions, features], `weight` [vocabulary, features], `targets` [positions] int64, `weights` [positions]
    float32 (constant). Log-likelihoods are computed in float32, matrix products in autocast's type or that of `hidden`.
    """
    return _WeightedNll.apply(hidden, weight, targets, weights)


class _WeightedNll(torch.autograd.Function):
    @staticmethod
    def forward(ctx, hidden, weight, targets, weights):
        device = hidden.device.type
        dtype = torch.get_autocast_dtype(device) if torch.is_autocast_enabled(device) else hidden.dtype
        need_hidden, need_weight = ctx.needs_input_grad[:2]
        with torch.autocast(device, enabled=False):
            states, matrix = hidden.to(dtype), weight.to(dtype)
            grad_hidden = torch.empty_like(states) if need_hidden else None
            grad_weight = None
            total = torch.zeros((), dtype=torch.float32, device=hidden.device)
            rows = max(
                MINIMAL_CHUNK_ROWS if device == "cpu" else MINIMAL_CHUNK_ROWS_ON_GPU, CHUNK_ELEMENTS // weight.shape[0]
            )
            for start in range(0, len(states), rows):
                part = slice(start, start + rows)
                state, target, scale = states[part], targets[part, None], weights[part]
                # one tensor [rows, vocabulary]: logits, then exponentials, then their sum times d nll / d logits
                chunk = (state @ matrix.T).float()
                highest = chunk.amax(dim=-1, keepdim=True)
                chosen = chunk.gather(1, target) - highest
                chunk.sub_(highest).exp_()
                sums = chunk.sum(dim=-1, keepdim=True)
                total += torch.dot((sums.log() - chosen).squeeze(1), scale)
                if need_hidden or need_weight:
                    # d nll / d logits = softmax - onehot = (exponentials - sum * onehot) / sum; the small factors of
                    # the products take 1 / sum and the weights, which saves two passes over the vocabulary
                    chunk = chunk.scatter_add_(1, target, -sums).to(dtype)
                    scale = scale[:, None] / sums
                    if need_hidden:
                        grad_hidden[part] = (chunk @ matrix) * scale
                    if need_weight:
                        grad_weight = _add_product(grad_weight, chunk.T, (state * scale).to(dtype))
                del chunk  # before the next one is computed
        if need_weight and grad_weight is None:  # no position is supervised
            grad_weight = torch.zeros_like(weight)
        ctx.gradients = (
            None if grad_hidden is None else grad_hidden.to(hidden.dtype),
            None if grad_weight is None else grad_weight.to(weight.dtype),
        )
        return total

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, gradient):
        grad_hidden, grad_weight = ctx.gradients
        ctx.gradients = None  # the weight's gradient is as large as the output layer: keep no second reference
        if gradient.is_cuda or float(gradient) != 1.0:  # on a GPU, asking would stop the stream
            for grad in (grad_hidden, grad_weight):
                if grad is not None:
                    grad.mul_(gradient)
        return grad_hidden, grad_weight, None, None


def _add_product(total: torch.Tensor | None, left: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
    """Return total + left @ right in float32; `total` is None for the first product and changed in place afterwards."""
    if total is None:
        return (left @ right).float()
    if left.dtype == torch.float32:
        return total.addmm_(left, right)
    return total.add_(left @ right)
