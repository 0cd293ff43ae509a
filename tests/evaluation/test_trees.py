"""Token trees hold every request exactly once, and each of them sees what it would see alone."""

import numpy as np
import pytest

from polytune.evaluation.batches import batch_by_length, collate_pairs, collate_trees
from polytune.evaluation.trees import build_tree

LIMIT = 100


def path_to(tree, node):
    """Return the tokens that a node attends to, in the order of their positions."""
    seen = np.flatnonzero(tree.ancestors[node])
    return list(tree.tokens[seen[np.argsort(tree.positions[seen])]])


def check(tree, pairs, limit=LIMIT):
    for (context, continuation), scored, targets in zip(pairs, tree.scored, tree.targets, strict=True):
        alone = (context + continuation)[-(limit + 1) :]
        assert list(targets) == continuation
        for offset, slot in enumerate(scored):
            # the node that predicts token k of the continuation attends to everything before that token, and only that
            seen = alone[: len(alone) - len(continuation) + offset]
            assert path_to(tree, tree.kept[slot]) == seen
            assert tree.positions[tree.kept[slot]] == len(seen) - 1


def test_shared_prompt_is_stored_once():
    pairs = [([1, 2, 3], [4, 5]), ([1, 2, 3], [6, 7, 8])]
    tree = build_tree(pairs, [0, 1], LIMIT)
    # the last token of each continuation is predicted, never read
    assert list(tree.tokens) == [1, 2, 3, 4, 6, 7]
    assert list(tree.positions) == [0, 1, 2, 3, 3, 4]
    assert list(tree.kept) == [2, 3, 4, 5]
    check(tree, pairs)


def test_shared_continuation_after_different_contexts():
    pairs = [([1, 2, 3], [8, 9]), ([1, 2, 4, 5], [8, 9])]
    tree = build_tree(pairs, [0, 1], LIMIT)
    assert list(tree.tokens) == [1, 2, 3, 8, 4, 5, 8]
    check(tree, pairs)


def test_choices_that_share_their_first_words_branch_late_and_equal_ones_never():
    pairs = [([1], [2, 3, 4]), ([1], [2, 3, 5]), ([1], [2, 3, 4]), ([1], [2])]
    tree = build_tree(pairs, [0, 1, 2, 3], LIMIT)
    assert list(tree.tokens) == [1, 2, 3]
    check(tree, pairs)


def test_truncation_is_from_the_left_and_unlike_cuts_share_nothing():
    context = list(range(10, 20))
    pairs = [(context, [1, 2]), (context, [3, 4, 5])]
    tree = build_tree(pairs, [0, 1], max_length=6)
    # the last 7 tokens of each, the very last one only predicted
    assert list(tree.tokens) == [15, 16, 17, 18, 19, 1, 16, 17, 18, 19, 3, 4]
    check(tree, pairs, limit=6)


def test_random_questions_keep_every_request():
    draw = np.random.default_rng(0)
    for _ in range(50):
        context = draw.integers(0, 4, draw.integers(1, 12)).tolist()
        pairs = [
            (context[: draw.integers(1, len(context) + 1)], draw.integers(0, 3, draw.integers(1, 6)).tolist())
            for _ in range(draw.integers(1, 5))
        ]
        limit = int(draw.integers(6, 20))
        check(build_tree(pairs, list(range(len(pairs))), limit), pairs, limit)


def test_batches_take_every_row_once_longest_first():
    lengths = [3, 9, 1, 9, 4, 30]
    batches = list(batch_by_length(lengths, batch_tokens=20))
    assert batches == [[5], [1, 3], [4, 0, 2]]
    for rows in batches[1:]:
        assert len(rows) * max(lengths[row] for row in rows) <= 20


def test_collated_trees_keep_places_and_masks():
    pairs = [[([1, 2], [3, 4]), ([1, 2], [5])], [([7], [8, 9, 9])]]
    trees = [build_tree(pairs[0], [0, 1], LIMIT), build_tree(pairs[1], [2], LIMIT)]
    batch = collate_trees(trees)
    tokens, positions, ancestors, kept, slots = batch.inputs
    assert tokens.shape == positions.shape == (2, 3)
    assert ancestors.shape == (2, 3, 3)
    assert kept.flatten()[slots].tolist() == [1, 2, 0, 1, 2]
    # request 0 is scored at the first two kept nodes, request 1 shares the first, request 2 has the other three
    assert batch.places.tolist() == [0, 1, 0, 2, 3, 4]
    assert batch.targets.tolist() == [3, 4, 5, 8, 9, 9]
    assert batch.requests.tolist() == [0, 0, 1, 2, 2, 2]


def test_equal_contexts_are_encoded_once():
    batch = collate_pairs([([1, 2, 3], [4]), ([1, 2, 3], [5, 6]), ([9], [4])], max_length=2)
    labels, owners, source, mask, slots = batch.inputs
    assert source.tolist() == [[2, 3], [9, 0]]
    assert mask.tolist() == [[1, 1], [1, 0]]
    assert owners.tolist() == [0, 0, 1]
    assert labels.flatten()[slots].tolist() == batch.targets.tolist() == [4, 5, 6, 4]
    assert batch.requests.tolist() == [0, 1, 1, 2]


@pytest.mark.parametrize("order", [[0, 1], [1, 0]])
def test_requests_keep_their_numbers(order):
    tree = build_tree([([1], [2]), ([1], [3])], order, LIMIT)
    assert collate_trees([tree]).requests.tolist() == order
