"""A tiny model in fastText's own file format: a bag of words that names a language, for tests without a real model."""

from __future__ import annotations

import struct
from pathlib import Path

MAGIC, VERSION = 793712314, 12
SOFTMAX, SUPERVISED = 3, 3
WORD, LABEL = 0, 1


def write_model(path: Path, words: dict[str, str]) -> Path:
    """Write a model that takes a text for the language of most of its words; `words` gives each word's label.

    The input matrix has a row per word and one for the end of a line (dimension = labels): a word points at its label.
    The output matrix is ten times the identity, so the softmax is nearly sure.
    """
    labels = sorted(set(words.values()))
    entries = [("</s>", WORD), *((word, WORD) for word in words), *((f"__label__{label}", LABEL) for label in labels)]
    size = len(labels)
    rows = [[0.0] * size] + [[float(label == other) for other in labels] for label in words.values()]
    with open(path, "wb") as stream:
        stream.write(struct.pack("<2i", MAGIC, VERSION))
        # dim, window, epoch, least count, negatives, word n-grams, loss, model, buckets, least and most n, update rate
        stream.write(struct.pack("<12i", size, 5, 1, 1, 5, 1, SOFTMAX, SUPERVISED, 0, 0, 0, 100))
        stream.write(struct.pack("<d", 1e-4))
        stream.write(struct.pack("<3i", len(entries), len(entries) - size, size))
        stream.write(struct.pack("<2q", len(entries), -1))  # tokens seen; nothing was pruned
        for word, kind in entries:
            stream.write(word.encode() + b"\0" + struct.pack("<qb", 1, kind))
        for matrix in (rows, [[10.0 * (row == column) for column in range(size)] for row in range(size)]):
            stream.write(struct.pack("<?2q", False, len(matrix), size))
            stream.write(struct.pack(f"<{len(matrix) * size}f", *(value for row in matrix for value in row)))
    return path
