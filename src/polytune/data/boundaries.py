"""Where the response begins among the tokens of a row, found without the tokenizer's offsets.

Encoding is much slower with offsets than without. Where tokens are the text itself, cut into pieces, their own lengths
say the same: byte-level BPE (BLOOM, GPT-2, Pythia, Llama 3) and SentencePiece's BPE with byte fallback (Llama 2,
Mixtral). Every row is checked: its pieces must add up to its text.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from unicodedata import is_normalized

import numpy as np

SPACE = "▁"  # how SentencePiece writes a space
BYTE_TOKENS = frozenset(f"<0x{byte:02X}>" for byte in range(256))
CUTTERS = ("ByteLevel", "Metaspace", "Split", "Digits", "Punctuation")
"""Pre-tokenizers that only cut the text, or would spoil the sum of a row whose text they change."""


@dataclass(frozen=True)
class Pieces:
    """How much text each token of a vocabulary stands for."""

    lengths: np.ndarray
    """int64 [vocabulary]: bytes of UTF-8; -1 if the token does not say"""
    leading: np.ndarray
    """int64 [vocabulary]: bytes of white space in front that the tokenizer's offsets leave out"""
    trailing: np.ndarray
    """int64 [vocabulary]: the same at the end"""
    specials: tuple[int, int]
    """How many special tokens are put before and after every text."""
    spaces: bool
    """Whether a space may be put before the text."""
    composed: bool
    """Whether texts are first brought into Unicode's normal form C."""

    def count_prompt_tokens(
        self, prompts: Sequence[str], texts: Sequence[str], ids: np.ndarray, sizes: np.ndarray
    ) -> np.ndarray:
        """Return how many tokens of each text start inside its prompt, -1 where the pieces do not say; int64 [texts].

        `ids` are the tokens of all texts, flat, `sizes` how many each text has, special tokens included. Those in front
        count as prompt, one at the end does not.
        """
        if not sizes.all():
            return np.full(len(sizes), -1)
        before, after = self.specials
        last = np.cumsum(sizes)
        first = last - sizes
        lengths, leading, trailing = (table[ids] for table in (self.lengths, self.leading, self.trailing))
        for special in [first + n for n in range(before)] + [last - 1 - n for n in range(after)]:
            lengths[special] = leading[special] = trailing[special] = 0
        exact = np.minimum.reduceat(lengths, first) >= 0
        lengths = np.maximum(lengths, 0)
        ends = np.cumsum(lengths)
        starts = ends - lengths
        written = np.array([len(text.encode()) for text in texts])
        extra = ends[last - 1] - starts[first] - written
        exact &= (extra == 0) | ((extra == 1) & self.spaces)
        if self.composed:
            exact &= np.array([text.isascii() or is_normalized("NFC", text) for text in texts])
        inside = np.array([len(prompt.encode()) for prompt in prompts])
        border = starts[first] + np.where(inside > 0, inside + extra, 0)  # the extra space stands before the text
        # the first token that shows text behind the border
        token = np.searchsorted(ends, border, "right")
        shown_starts, shown_ends = starts + leading, np.where(leading < lengths, ends - trailing, -1)
        shown_starts, shown_ends = np.append(shown_starts, 0), np.append(shown_ends, 0)
        while (hidden := (token < last - after) & (shown_ends[token] <= border)).any():
            token = token + hidden
        found = token < last - after
        counts = np.where(found, token - first + (shown_starts[token] < border), sizes - (after > 0) * (sizes > 1))
        if self.leading.any():  # offsets treat white space at the very beginning of a text differently
            exact &= token > first + before
        return np.where(exact, counts, -1)


def read_pieces(tokenizer: Any) -> Pieces | None:
    """Return the pieces of a `tokenizers.Tokenizer`, None if its tokens are not the text, cut."""
    model, normalizers = tokenizer.model, list(_parts(tokenizer.normalizer))
    cutters, processors = list(_parts(tokenizer.pre_tokenizer)), list(_parts(tokenizer.post_processor))
    if type(model).__name__ != "BPE" or model.dropout or model.continuing_subword_prefix or model.end_of_word_suffix:
        return None
    vocabulary = tokenizer.get_vocab()
    if any(part["type"] not in CUTTERS for part in cutters):
        return None
    if _is_byte_level(cutters, normalizers):
        measure = _byte_level_length
    elif _writes_spaces(cutters, normalizers) and model.byte_fallback and vocabulary.keys() >= BYTE_TOKENS:
        measure = _spaced_length
    else:
        return None
    specials = _count_specials(tokenizer)
    if specials is None:
        return None
    unsaid = {*tokenizer.get_added_tokens_decoder(), vocabulary.get(model.unk_token)}
    lengths, leading, trailing = (np.zeros(max(vocabulary.values()) + 1, np.int64) for _ in range(3))
    trims = any(part.get("trim_offsets") for part in processors)
    for token, number in vocabulary.items():
        lengths[number] = -1 if number in unsaid else measure(token)
        if trims:
            leading[number] = len(token) - len(token.lstrip("Ġ"))
            trailing[number] = len(token) - len(token.rstrip("Ġ"))
    composed = any(part["type"] == "NFC" for part in normalizers)
    return Pieces(lengths, leading, trailing, specials, measure is _spaced_length, composed)


def _parts(component: Any) -> Iterator[dict[str, Any]]:
    """Yield the settings of a component of a tokenizer, one by one if it is a sequence."""

    def flatten(settings: dict[str, Any]) -> Iterator[dict[str, Any]]:
        if settings["type"] == "Sequence":
            for part in next(value for value in settings.values() if isinstance(value, list)):
                yield from flatten(part)
        else:
            yield settings

    if component is not None:
        yield from flatten(json.loads(component.__getstate__()))


def _is_byte_level(cutters: list[dict], normalizers: list[dict]) -> bool:
    """Return whether every byte of the text becomes one character, and nothing else happens to it but NFC."""
    levels = [part for part in cutters if part["type"] == "ByteLevel"]
    plain = all(part["type"] == "NFC" for part in normalizers)
    return len(levels) == 1 and plain and not any(part["type"] == "Metaspace" for part in cutters)


def _writes_spaces(cutters: list[dict], normalizers: list[dict]) -> bool:
    """Return whether spaces become SPACE, one may be put before the text, and nothing else happens to it."""
    known = (
        {"type": "Prepend", "prepend": SPACE},
        {"type": "Replace", "pattern": {"String": " "}, "content": SPACE},
    )
    if normalizers:
        return all(part in known for part in normalizers) and not any(part["type"] == "Metaspace" for part in cutters)
    spaced = [part["type"] == "Metaspace" and part["replacement"] == SPACE for part in cutters]
    return spaced[:1] == [True] and not any(spaced[1:])


def _byte_level_length(token: str) -> int:
    return len(token)


def _spaced_length(token: str) -> int:
    return 1 if token in BYTE_TOKENS else len(token.replace(SPACE, " ").encode())


def _count_specials(tokenizer: Any) -> tuple[int, int] | None:
    """Return how many special tokens stand before and after a text; None if that is not simply so."""
    plain = tokenizer.encode("a", add_special_tokens=False).ids
    whole = tokenizer.encode("a").ids
    for before in range(len(whole) - len(plain) + 1):
        if plain and whole[before : before + len(plain)] == plain:
            after = len(whole) - len(plain) - before
            return (before, after) if after <= 1 else None
    return None
