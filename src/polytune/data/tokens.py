"""Tokenise one language of a source, once per tokenizer and template, into a memory-mapped store.

The store holds whole rows (prompt + response + end-of-sequence); mixtures select from it and runs truncate when
reading, so that no mixture and no maximum length ever tokenises anything again.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from polytune.data.boundaries import Pieces, read_pieces
from polytune.data.chat import read_chat_template
from polytune.data.columns import keys_of, read_table
from polytune.data.cutting import Cut, Lengths
from polytune.data.templates import CHAT, Template, load_template
from polytune.files import atomic_directory, read_json, write_json
from polytune.models.tokenizer import HIDDEN, Tokenizer, check_agreement, read_tokenizer

ROWS_PER_BATCH = 4096  # rows handed to the tokenizer at once: bounds the memory, long enough to use all threads


@dataclass(frozen=True)
class TokenStore:
    """Read-only view of one tokenised language; arrays are memory-mapped, nothing is copied until a row is read."""

    path: Path

    @cached_property
    def index(self) -> dict:
        """Return `index.json`; raises `InputError` if the store is missing or half-written."""
        return read_json(Path(self.path) / "index.json")

    @cached_property
    def _tokens(self) -> np.ndarray:
        if not self.index["tokens"]:
            return np.zeros(0, self.index["dtype"])
        return np.memmap(Path(self.path) / "tokens.bin", dtype=self.index["dtype"], mode="r")

    @cached_property
    def offsets(self) -> np.ndarray:
        """Return where each row starts in the flat token file: int64, shape (rows + 1,)."""
        return np.load(Path(self.path) / "offsets.npy", mmap_mode="r")

    @cached_property
    def prompt_lengths(self) -> np.ndarray:
        """Return how many tokens of each row are prompt: int32, shape (rows,)."""
        return np.load(Path(self.path) / "prompt_lengths.npy", mmap_mode="r")

    @cached_property
    def keys(self) -> np.ndarray:
        """Return the 64-bit key of each row's id: uint64, shape (rows,)."""
        return np.load(Path(self.path) / "keys.npy", mmap_mode="r")

    @cached_property
    def lengths(self) -> np.ndarray:
        """Return the token count of each row, prompt and response and end-of-sequence: int64, shape (rows,)."""
        return np.diff(self.offsets)

    @property
    def rows(self) -> int:
        """Return the number of rows."""
        return int(self.index["rows"])

    def row(self, number: int) -> np.ndarray:
        """Return the token ids of row `number` (from 0): uint16 or uint32, shape (length,)."""
        return self._tokens[self.offsets[number] : self.offsets[number + 1]]

    def count_cut(self, lengths: Lengths, rows: np.ndarray | slice = slice(None)) -> Cut:
        """Return how many rows lose a part of their answer, or all of it, at a run's maximum lengths.

        `rows` are the numbers of the rows that count, default all.
        """
        prompts, totals = np.asarray(self.prompt_lengths, np.int64)[rows], self.lengths[rows]
        return Cut.count(totals - prompts, lengths.cut(prompts, totals, self.index["encoder_decoder"])[1])

    def is_cut(self, lengths: Lengths) -> np.ndarray:
        """Return which rows lose a part of their answer at a run's maximum lengths; bool [rows]."""
        prompts, totals = np.asarray(self.prompt_lengths, np.int64), self.lengths
        return lengths.cut(prompts, totals, self.index["encoder_decoder"])[1] < totals - prompts

    def check_tokenizer(self, tokenizer: Tokenizer) -> None:
        """Raise `InputError` unless the store was made with this tokenizer: a base's own, which will score the text."""
        check_agreement(
            tokenizer,
            self.index.get("tokenizer_digest", ""),
            f"{self.path}/index.json",
            "give the base a tokenizer name of its own in config/bases.tsv, or tokenise",
        )


def encode_rows(
    prompts: list[str],
    responses: list[str],
    tokenizer: Tokenizer,
    encoder_decoder: bool,
    pieces: Pieces | None = None,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the token ids of all rows, flat; how many each row has; and how many of those are prompt (int64 [rows]).

    Decoder: prompt and response are encoded as one text, once; a token belongs to the prompt if it starts inside it.
    Special tokens that the tokenizer puts in front (Llama's `<s>`) stay, one end-of-sequence token ends the row.
    Of a chat template, whose prompts name special tokens, prompt and response are encoded alone, as in generation.
    Encoder-decoder: both sides are encoded alone and each ends with end-of-sequence; a row without prompt is a text,
    of which the encoder reads the beginning (`_split_texts`). `pieces` is how much text each token stands for
    (`read_pieces`), None if the tokenizer does not just cut it.
    """
    backend, eos = tokenizer.backend, tokenizer.eos_token_id
    if encoder_decoder:
        sources, targets = (_flatten(backend.encode_batch_fast(side)) for side in (prompts, responses))
        if texts := [row for row, prompt in enumerate(prompts) if not prompt and sources[1][row] == 0]:
            sources, targets = _split_texts(np.array(texts), responses, sources, targets)
        (sources, source_sizes), (targets, target_sizes) = _end_rows(*sources, eos), _end_rows(*targets, eos)
        sides = np.repeat(np.arange(2 * len(prompts)) % 2, np.stack([source_sizes, target_sizes], 1).ravel())
        ids = np.empty(len(sides), np.uint32)
        ids[sides == 0], ids[sides == 1] = sources, targets
        return ids, source_sizes + target_sizes, source_sizes
    if any(HIDDEN in prompt for prompt in prompts):
        asked, answered = (tokenizer.encode(side, special_tokens=True) for side in (prompts, responses))
        rows = [question + answer for question, answer in zip(asked, answered, strict=True)]
        return *_end_rows(*_flat(rows), eos), np.fromiter(map(len, asked), np.int64, len(asked))
    texts = [prompt + response for prompt, response in zip(prompts, responses, strict=True)]
    if pieces is None:
        encodings = backend.encode_batch(texts)
        ids, sizes = _flatten(encodings)
        prompt_lengths = _count_by_offsets(encodings, prompts, texts)
    else:
        ids, sizes = _flatten(backend.encode_batch_fast(texts))
        prompt_lengths = pieces.count_prompt_tokens(prompts, texts, ids, sizes)
        unsaid = np.flatnonzero(prompt_lengths < 0)
        subset = [[side[row] for row in unsaid] for side in (prompts, texts)]
        prompt_lengths[unsaid] = _count_by_offsets(backend.encode_batch(subset[1]), *subset)
    return *_end_rows(ids, sizes, eos), prompt_lengths


def _split_texts(
    texts: np.ndarray,
    responses: list[str],
    sources: tuple[np.ndarray, np.ndarray],
    targets: tuple[np.ndarray, np.ndarray],
) -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """Return sources and targets (flat ids, sizes) with the first tokens of the rows `texts` moved to the source.

    How many, from one to all but one, is drawn by a hash of the text: the prefix objective of Raffel et al. 2020
    (section 3.2.2), without which pre-training on texts alone teaches an encoder nothing.
    """
    (source_ids, source_sizes), (target_ids, target_sizes) = sources, targets
    moved = np.zeros(len(target_sizes), np.int64)
    for row in texts[target_sizes[texts] > 1]:
        draw = int.from_bytes(hashlib.blake2b(responses[row].encode(), digest_size=4).digest(), "little")
        moved[row] = 1 + draw % (target_sizes[row] - 1)
    starts = np.cumsum(target_sizes) - target_sizes
    first = np.arange(len(target_ids)) < np.repeat(starts + moved, target_sizes)
    rows = np.arange(len(moved))
    order = np.argsort(np.concatenate([np.repeat(rows, source_sizes), np.repeat(rows, moved)]), kind="stable")
    begun = np.concatenate([source_ids, target_ids[first]])[order]
    return (begun, source_sizes + moved), (target_ids[~first], target_sizes - moved)


def _flatten(encodings: list) -> tuple[np.ndarray, np.ndarray]:
    """Return the ids of all encodings, flat (uint32), and how many each has (int64)."""
    return _flat([encoding.ids for encoding in encodings])


def _flat(rows: list[list[int]]) -> tuple[np.ndarray, np.ndarray]:
    """Return the ids of all rows, flat (uint32), and how many each has (int64)."""
    sizes = np.fromiter(map(len, rows), np.int64, len(rows))
    return np.fromiter(chain.from_iterable(rows), np.uint32, int(sizes.sum())), sizes


def _end_rows(ids: np.ndarray, sizes: np.ndarray, eos: int) -> tuple[np.ndarray, np.ndarray]:
    """Put end-of-sequence after every row that does not end with it."""
    last = np.cumsum(sizes)
    lacking = (sizes == 0) | (ids[np.maximum(last, 1) - 1] != eos) if len(ids) else np.ones(len(sizes), bool)
    return np.insert(ids, last[lacking], eos), sizes + lacking


def _count_by_offsets(encodings: list, prompts: list[str], texts: list[str]) -> np.ndarray:
    counts = [count_prompt_tokens(*row) for row in zip(encodings, map(len, prompts), map(len, texts), strict=True)]
    return np.array(counts, np.int64)


def count_prompt_tokens(encoding, prompt_end: int, text_end: int) -> int:
    """Return how many tokens of a `tokenizers.Encoding` start before character `prompt_end` of its text.

    Special tokens in front count as prompt, one at the end does not. The tokenizer is asked for the token at the
    boundary instead of for all offsets, which would build a Python object for every token of the corpus.
    """
    for character in range(prompt_end, text_end):
        number = encoding.char_to_token(character)
        if number is not None:  # None: white space that belongs to no token
            return number + (encoding.token_to_chars(number)[0] < prompt_end)
    length = len(encoding)
    return length - 1 if length > 1 and encoding.special_tokens_mask[-1] else length


def tokenize(
    data: Path, tokenizer: Tokenizer, template: Template, encoder_decoder: bool, output: Path, data_digest: str = ""
) -> dict:
    """Tokenise a parquet file of rows into a store at `output`; return its index."""
    table, highest = read_table(data), -1
    pieces = None if encoder_decoder else read_pieces(tokenizer.backend)
    dtype = np.dtype("<u2" if tokenizer.highest_token_id < 65_536 else "<u4")
    lengths, prompt_lengths = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    with atomic_directory(output) as directory:
        with open(directory / "tokens.bin", "wb") as stream:
            for batch in table.to_batches(max_chunksize=ROWS_PER_BATCH):
                rows = batch.to_pylist()
                prompts = [template.prompt(row["instruction"], row["input"]) for row in rows]
                responses = [template.response(row["output"]) for row in rows]
                ids, sizes, prompt_sizes = encode_rows(prompts, responses, tokenizer, encoder_decoder, pieces)
                highest = max(highest, int(ids.max(initial=0)))
                ids.astype(dtype).tofile(stream)
                lengths.append(sizes)
                prompt_lengths.append(prompt_sizes)
        lengths, prompt_lengths = np.concatenate(lengths), np.concatenate(prompt_lengths)
        np.save(directory / "offsets.npy", np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)]))
        np.save(directory / "prompt_lengths.npy", prompt_lengths.astype(np.int32))
        np.save(directory / "keys.npy", keys_of(table))
        index = {
            "rows": table.num_rows,
            "tokens": int(lengths.sum()),
            "prompt_tokens": int(prompt_lengths.sum()),
            "dtype": dtype.str,
            "highest_token_id": highest,
            "eos_token_id": tokenizer.eos_token_id,
            "encoder_decoder": encoder_decoder,
            "template": template.name,
            "data_digest": data_digest,
            "tokenizer_digest": tokenizer.digest,
            "template_digest": template.digest,
        }
        write_json(directory / "index.json", index)
    return index


def command(
    data: Annotated[Path, typer.Option(help="Parquet file of rows.")],
    report: Annotated[Path, typer.Option(help="Report of these rows, for their digest.")],
    tokenizer: Annotated[Path, typer.Option(help="Directory of the tokenizer.")],
    template: Annotated[str, typer.Option(help="Name of the prompt template.")],
    templates: Annotated[Path, typer.Option(help="File of prompt templates.")],
    output: Annotated[Path, typer.Option(help="Directory to write.")],
    encoder_decoder: Annotated[bool, typer.Option(help="Encode prompt and response as two sequences.")] = False,
) -> None:
    """Tokenise one language of a source, once per tokenizer and template."""
    made = read_tokenizer(tokenizer)
    chosen = read_chat_template(made) if template == CHAT else load_template(templates, template)
    index = tokenize(data, made, chosen, encoder_decoder, output, read_json(report)["digest"])
    print(f"{index['rows']} rows, {index['tokens']} tokens, {index['prompt_tokens']} of them prompt")
