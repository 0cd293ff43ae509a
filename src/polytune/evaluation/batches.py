"""Batches of token trees and of encoder-decoder pairs, as padded arrays."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from polytune.evaluation.trees import Tree


@dataclass(frozen=True)
class Batch:
    """Padded inputs and what is scored in them."""

    inputs: tuple[np.ndarray, ...]
    places: np.ndarray
    """int64 [scored tokens]: which of the batch's kept hidden states predicts the token."""
    targets: np.ndarray
    """int64 [scored tokens]: the token that should be predicted there."""
    requests: np.ndarray
    """int64 [scored tokens]: the request that it belongs to."""


def batch_by_length(lengths: Sequence[int], batch_tokens: int) -> Iterator[list[int]]:
    """Yield the rows of each batch: longest first, at most `batch_tokens` tokens including padding, at least one row.

    The largest batch comes first, so that a lack of memory shows at once.
    """
    order = sorted(range(len(lengths)), key=lambda row: (-lengths[row], row))
    start = 0
    while start < len(order):
        rows = max(1, batch_tokens // max(1, lengths[order[start]]))
        yield order[start : start + rows]
        start += rows


def collate_trees(trees: Sequence[Tree]) -> Batch:
    """Return a batch with inputs (tokens, positions, ancestors, kept, slots).

    Tokens and positions are int64 [rows, n], ancestors bool [rows, n, n], kept int64 [rows, k] the nodes of each row
    whose hidden states are wanted, padded with node 0, and slots int64 [m] the places of the flattened `kept` that are
    no padding.
    """
    rows, longest = len(trees), max(len(tree.tokens) for tree in trees)
    most = max(len(tree.kept) for tree in trees)
    tokens = np.zeros((rows, longest), np.int64)
    positions = np.zeros((rows, longest), np.int64)
    ancestors = np.zeros((rows, longest, longest), bool)
    ancestors[:, np.arange(longest), np.arange(longest)] = True  # a padded query needs something to attend to
    kept = np.zeros((rows, most), np.int64)
    slots, places, targets, requests = [], [], [], []
    count = 0
    for row, tree in enumerate(trees):
        size = len(tree.tokens)
        tokens[row, :size], positions[row, :size] = tree.tokens, tree.positions
        ancestors[row, :size, :size] = tree.ancestors
        kept[row, : len(tree.kept)] = tree.kept
        slots.append(row * most + np.arange(len(tree.kept)))
        places += [count + scored for scored in tree.scored]
        count += len(tree.kept)
        targets += tree.targets
        requests += [np.full(len(target), number) for number, target in zip(tree.requests, tree.targets, strict=True)]
    inputs = (tokens, positions, ancestors, kept, np.concatenate(slots))
    return Batch(inputs, *map(np.concatenate, (places, targets, requests)))


def collate_pairs(pairs: Sequence[tuple[list[int], list[int]]], max_length: int) -> Batch:
    """Return a batch with inputs (labels [pairs, m], owners [pairs], source [contexts, n], its mask, slots [k]).

    All are int64. Contexts keep their last `max_length` tokens, as the harness has it; equal ones become one row, to
    which `owners` points. `slots` are the places of the flattened labels that are no padding, `requests` number the
    pairs of the batch. Padding is token 0, as the harness has it; nothing that is scored sees it.
    """
    contexts: dict[tuple[int, ...], int] = {}
    owners = np.array([contexts.setdefault(tuple(context[-max_length:]), len(contexts)) for context, _ in pairs])
    source = np.zeros((len(contexts), max(map(len, contexts))), np.int64)
    mask = np.zeros_like(source)
    for row, context in enumerate(contexts):
        source[row, : len(context)], mask[row, : len(context)] = context, 1
    sizes = np.array([len(continuation) for _, continuation in pairs])
    labels = np.zeros((len(pairs), sizes.max()), np.int64)
    real = np.arange(sizes.max()) < sizes[:, None]
    labels[real] = targets = np.concatenate([np.array(continuation, np.int64) for _, continuation in pairs])
    inputs = (labels, owners, source, mask, np.flatnonzero(real))
    return Batch(inputs, np.arange(len(targets)), targets, np.repeat(np.arange(len(pairs)), sizes))
