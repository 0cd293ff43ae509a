"""What our own models share: layers without initial values, and how a checkpoint of transformers becomes a model."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, Self

import torch
from torch import nn

from polytune.models.slots import Slots


class Linear(nn.Linear):
    """A linear layer whose weights are loaded; drawing initial ones on the meta device imports torch's compiler."""

    def reset_parameters(self) -> None:
        pass


class Embedding(nn.Embedding):
    """An embedding whose weights are loaded."""

    def reset_parameters(self) -> None:
        pass


class OwnModel(nn.Module):
    """A decoder-only language model of ours: hidden states of token trees and of rows that are continued.

    The modules of a subclass carry transformers' names, so that its checkpoints and adapters fit.
    """

    BODY: str
    """What stands before the names of a checkpoint's body, as `transformer`."""
    EMBEDDING: str
    """Name of the embedding's weights."""
    TIED: bool
    """Whether the output layer is the embedding where config.json does not say."""

    config: SimpleNamespace
    lm_head: nn.Module

    @classmethod
    def load(cls, config: dict[str, Any], tensors: dict[str, torch.Tensor], dtype: torch.dtype) -> Self:
        """Return the model with the tensors of a checkpoint of transformers' class, with or without an output layer.

        Raises `KeyError` with the name of a missing tensor, `RuntimeError` for one of another shape.
        """
        if not any(name.startswith(f"{cls.BODY}.") for name in tensors):  # saved from the body alone
            body = {f"{cls.BODY}.{name}": tensor for name, tensor in tensors.items() if name != "lm_head.weight"}
            tensors = {**tensors, **body}
        # as transformers: a file's own output layer counts, whatever config.json says, unless it is the same anyway
        embedding = tensors[cls.EMBEDDING]
        tied = config.get("tie_word_embeddings", cls.TIED) and torch.equal(
            tensors.get("lm_head.weight", embedding), embedding
        )
        if tied:
            tensors = {**tensors, "lm_head.weight": embedding}
        with torch.device("meta"):
            model = cls(config)
        model.load_state_dict({name: tensors[name].to(dtype) for name in model.state_dict()}, assign=True)
        if tied:
            model.lm_head.weight = model.get_parameter(cls.EMBEDDING)
        return model

    @property
    def dtype(self) -> torch.dtype:
        return self.get_parameter(self.EMBEDDING).dtype

    def num_parameters(self) -> int:
        """Return how many parameters there are, tied ones counted once."""
        return sum(parameter.numel() for parameter in self.parameters())

    def get_output_embeddings(self) -> nn.Module:
        return self.lm_head

    def forward(
        self,
        tokens: torch.Tensor,
        positions: torch.Tensor,
        ancestors: torch.Tensor,
        kept: torch.Tensor,
        slots: torch.Tensor,
    ) -> torch.Tensor:
        """Return the hidden states [m, width] of the kept nodes of a batch (`batches.collate_trees`).

        The last block computes queries, and everything after them, for the kept nodes only.
        """
        raise NotImplementedError

    def extend(self, tokens: torch.Tensor, positions: torch.Tensor, mask: torch.Tensor, slots: Slots) -> torch.Tensor:
        """Return the hidden states [rows, new, width] of tokens that continue what `slots` holds.

        `positions` [rows, columns] and `mask` [rows, 1, new, columns] are those of all open columns, the new tokens'
        last.
        """
        raise NotImplementedError


def whole(config: dict[str, Any], *names: str) -> int:
    """Return a size that a configuration gives under one of some names; raises `ValueError` if it is none."""
    value = next((config[name] for name in names if name in config), None)
    if type(value) is not int or value < 1:
        raise ValueError(f"'{names[0]}' is {value!r}, expected a whole number from 1")
    return value
