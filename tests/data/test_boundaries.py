"""Where the response begins: the tokens' own lengths say what the tokenizer's offsets say, on odd texts too."""

from __future__ import annotations

import json
import random

import numpy as np
import pytest
from tokenizers import AddedToken, Regex, Tokenizer, models, normalizers, pre_tokenizers, processors, trainers

from polytune.data.boundaries import read_pieces
from polytune.data.tokens import _flatten, count_prompt_tokens
from polytune.world.tokenizer import build_tokenizer
from tests.cases.evaluation_cases import SENTENCES

TEXTS = (
    *SENTENCES,
    "",
    " ",
    "   ",
    "\n",
    "\n\n### Output:\n",
    " leading",
    "trailing ",
    "two  spaces   three",
    "tab\tand\u00a0no-break\u3000wide",
    "e\u0301 decomposed, \u00e9 composed, \u212b \u1e9b\u0323",
    "漢字とかな交じり文、한국어 문장。",
    "👩‍👩‍👧‍👦 family, 🏳️‍🌈 flag, 👍🏽",
    "नमस्ते दुनिया, สวัสดีชาวโลก",
    "\U00010348 Gothic, \u0000 nul, \u200b\u200d joiners",
    "1234567890, 3.14",
    "▁ SentencePiece's own space ▁▁",
    "a </s> b<s>c <pad>",
    "    four spaces, added as a token",
    "İstanbul ı ß ŉ",
)
REGEX = Regex(r"\s+(?!\S)|\s|\w+|[^\s\w]+")  # cuts spaces off words, unlike the byte level's own
BOS = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 1)])
BOTH = processors.TemplateProcessing(single="<s> $A </s>", special_tokens=[("<s>", 1), ("</s>", 2)])


def byte_level(*cutters, normalizer=None, processor=None, use_regex=True):
    tokenizer = Tokenizer(models.BPE())
    level = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=use_regex)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([*cutters, level]) if cutters else level
    if normalizer:
        tokenizer.normalizer = normalizer
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    train(tokenizer, initial_alphabet=alphabet)
    if processor:
        tokenizer.post_processor = processor
    return tokenizer


def sentencepiece(byte_fallback=True, metaspace=None, processor=None):
    """BPE with spaces as characters of their own, unknown ones as bytes, trained by hand: Llama's way."""
    trained = Tokenizer(models.BPE())
    trained.normalizer = normalizers.Replace(" ", "▁")
    trained.pre_tokenizer = pre_tokenizers.Split("▁", "merged_with_next")
    train(trained)
    learned = trained.get_vocab()
    entries = ["<pad>", "<s>", "</s>", "<unk>", *(f"<0x{byte:02X}>" for byte in range(256))]
    entries += [token for token in sorted(learned, key=learned.get) if token not in entries]
    merges = [tuple(merge) for merge in json.loads(trained.to_str())["model"]["merges"]]
    vocabulary = {entry: number for number, entry in enumerate(entries)}
    model = models.BPE(vocabulary, merges, unk_token="<unk>", fuse_unk=True, byte_fallback=byte_fallback)
    tokenizer = Tokenizer(model)
    if metaspace:
        tokenizer.pre_tokenizer = metaspace
    else:
        tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    tokenizer.add_special_tokens(["<pad>", "<s>", "</s>"])
    if processor:
        tokenizer.post_processor = processor
    return tokenizer


def train(tokenizer, **options):
    special = ["<pad>", "<s>", "</s>"]
    trainer = trainers.BpeTrainer(vocab_size=600, special_tokens=special, show_progress=False, **options)
    tokenizer.train_from_iterator([*SENTENCES * 3, *TEXTS[15:18] * 3], trainer)


def neox():
    trimmed = processors.ByteLevel(trim_offsets=True)
    tokenizer = byte_level(normalizer=normalizers.NFC(), processor=trimmed)
    tokenizer.add_tokens([AddedToken(" " * count, normalized=True) for count in (2, 3, 4)])
    return tokenizer


CASES = {
    "byte-level": byte_level,
    "BLOOM": lambda: byte_level(pre_tokenizers.Split(REGEX, "isolated"), use_regex=False),
    "GPT-2": lambda: byte_level(processor=processors.ByteLevel(trim_offsets=False)),
    "trimmed": lambda: byte_level(processor=processors.ByteLevel(trim_offsets=True)),
    "trimmed, begin and end": lambda: byte_level(
        processor=processors.Sequence([processors.ByteLevel(trim_offsets=True), BOTH])
    ),
    "Pythia": neox,
    "Llama 3": lambda: byte_level(
        pre_tokenizers.Split(REGEX, "isolated"), pre_tokenizers.Digits(True), use_regex=False, processor=BOS
    ),
    "Llama 2": lambda: sentencepiece(processor=BOS),
    "Llama 2, newer file": lambda: sentencepiece(
        metaspace=pre_tokenizers.Metaspace(prepend_scheme="first", split=False), processor=BOTH
    ),
    "world": lambda: build_tokenizer(" ".join(SENTENCES).split()),
}


def pairs():
    draw = random.Random(0)
    given = [(prompt, response) for prompt in TEXTS for response in TEXTS]
    # every place in a text is a border somewhere
    for text in TEXTS:
        given += [(text[:place], text[place:]) for place in range(len(text) + 1)]
    for _ in range(300):
        text = "".join(draw.choice(draw.choice(TEXTS) or " ") for _ in range(draw.randint(1, 30)))
        place = draw.randint(0, len(text))
        given.append((text[:place], text[place:]))
    return given


@pytest.mark.parametrize("name", CASES)
def test_pieces_say_what_the_offsets_say(name):
    tokenizer = CASES[name]()
    pieces = read_pieces(tokenizer)
    rows = [(prompt, response) for prompt, response in pairs() if prompt + response]
    prompts, texts = [prompt for prompt, _ in rows], [prompt + response for prompt, response in rows]
    encodings = tokenizer.encode_batch(texts)
    expected = np.array(
        [count_prompt_tokens(*row) for row in zip(encodings, map(len, prompts), map(len, texts), strict=True)]
    )
    ids, sizes = _flatten(tokenizer.encode_batch_fast(texts))
    assert ids.tolist() == _flatten(encodings)[0].tolist()
    counts = np.empty(0, np.int64)
    for start in range(0, len(rows), 100):  # batches, as many rows in each
        part = slice(start, start + 100)
        inside = slice(sizes[:start].sum(), sizes[: start + 100].sum())
        counts = np.append(counts, pieces.count_prompt_tokens(prompts[part], texts[part], ids[inside], sizes[part]))
    said = counts >= 0
    wrong = [(rows[row], counts[row], expected[row]) for row in np.flatnonzero(said & (counts != expected))]
    assert wrong == []
    marks = ("</s>", "<s>", "<pad>", "▁", "  ", *("\u0301\u212b\u0323" if pieces.composed else ""))
    plain = np.array([not any(mark in text for mark in marks) for text in texts])
    assert said[plain].mean() > 0.9, "the offsets are hardly ever needed"


@pytest.mark.parametrize(
    "tokenizer",
    [
        Tokenizer(models.WordLevel({"a": 0}, unk_token="a")),
        Tokenizer(models.Unigram([("a", 0.0)], 0, False)),
        Tokenizer(models.BPE(vocab={"a": 0}, merges=[])),
        Tokenizer(models.BPE(vocab={"a": 0}, merges=[], end_of_word_suffix="</w>")),
    ],
)
def test_tokenizers_that_do_more_than_cut_keep_their_offsets(tokenizer):
    assert read_pieces(tokenizer) is None
    byte_level_one = byte_level()
    assert read_pieces(byte_level_one) is not None
    byte_level_one.normalizer = normalizers.Lowercase()
    assert read_pieces(byte_level_one) is None
    assert read_pieces(sentencepiece(byte_fallback=False)) is None
