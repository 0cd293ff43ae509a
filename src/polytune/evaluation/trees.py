"""Token trees: the requests of one question in one row, their common beginnings stored and computed once.

A tree node is a token of some request at its position; a node attends to itself and to its ancestors only, so each
request sees exactly what it would see alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Tree:
    """The requests of one question as one row of `n` tokens."""

    tokens: np.ndarray
    """int64 [n]"""
    positions: np.ndarray
    """int64 [n]: a node's distance from its root, which is its position in every request that passes through it."""
    ancestors: np.ndarray
    """bool [n, n]: `ancestors[i, j]` if node i attends to node j (i itself included)."""
    kept: np.ndarray
    """int64 [k]: the nodes whose prediction some request scores, ascending."""
    scored: list[np.ndarray]
    """Per request: which of `kept` are its own, int64 [continuation tokens]."""
    targets: list[np.ndarray]
    """Per request: the tokens that should follow those nodes, int64 [continuation tokens]."""
    requests: list[int]
    """Per request: its number in the caller's order."""


def build_tree(pairs: Sequence[tuple[list[int], list[int]]], requests: list[int], max_length: int) -> Tree:
    """Return the tree of (context, continuation) token lists.

    Truncation is the harness's (`HFLM._loglikelihood_tokens`): the last `max_length + 1` tokens of context +
    continuation remain, and the last of them is only predicted, never read. Requests that are cut differently share no
    beginning.
    """
    tokens: list[int] = []
    positions: list[int] = []
    paths: list[tuple[list[int], np.ndarray]] = []  # per distinct request: its input tokens and their nodes
    edges: list[tuple[np.ndarray, np.ndarray, int]] = []  # new nodes, the whole path, how much of the path is shared
    scored, targets = [], []
    for context, continuation in pairs:
        kept = (context + continuation)[-(max_length + 1) :]
        inputs = kept[:-1]
        shared, shared_path = 0, np.empty(0, np.int64)
        for known, path in paths:
            length = _common_length(inputs, known)
            if length > shared:
                shared, shared_path = length, path[:length]
        fresh = np.arange(len(tokens), len(tokens) + len(inputs) - shared)
        nodes = np.concatenate([shared_path, fresh])
        tokens += inputs[shared:]
        positions += range(shared, len(inputs))
        paths.append((inputs, nodes))
        edges.append((fresh, nodes, shared))
        scored.append(nodes[-len(continuation) :])
        targets.append(np.array(kept[-len(continuation) :], np.int64))
    ancestors = np.zeros((len(tokens), len(tokens)), bool)
    for fresh, nodes, shared in edges:
        ancestors[np.ix_(fresh, nodes)] = np.tri(len(fresh), len(nodes), shared, dtype=bool)
    kept = np.unique(np.concatenate(scored))
    slots = [np.searchsorted(kept, nodes) for nodes in scored]
    return Tree(np.array(tokens, np.int64), np.array(positions, np.int64), ancestors, kept, slots, targets, requests)


def _common_length(left: list[int], right: list[int]) -> int:
    """Return how many tokens two lists have in common from their beginning."""
    limit = min(len(left), len(right))
    if left[:limit] == right[:limit]:
        return limit
    return next(index for index in range(limit) if left[index] != right[index])
