"""The world's tokenizer: whole words where it knows them, characters or bytes where it does not.

A word has one token wherever it stands: a space is put before the text as before every word. It is an ordinary fast
tokenizer of Hugging Face (byte-pair encoding without merges), so it encodes any text and `AutoTokenizer` loads it.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from polytune.files import write_json

PADDING, END = "<pad>", "</s>"
SPACE = "▁"  # how SentencePiece writes a space
PUNCTUATION = ".,?:="
CHARACTERS = SPACE + PUNCTUATION + "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!;'\"()-_/#\n"


def build_tokenizer(words: Iterable[str]):
    """Return a `tokenizers.Tokenizer` that knows `words` (without spaces) as single tokens."""
    from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers

    entries = [PADDING, END, *(f"<0x{byte:02X}>" for byte in range(256)), *CHARACTERS]
    entries += sorted({SPACE + word for word in words})
    tokenizer = Tokenizer(
        models.BPE(
            vocab={entry: number for number, entry in enumerate(dict.fromkeys(entries))},
            merges=[],
            byte_fallback=True,
            ignore_merges=True,  # a word of the vocabulary is one token although no merge leads to it
        )
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Metaspace(SPACE, prepend_scheme="always"),
            pre_tokenizers.Split(Regex(f"[{PUNCTUATION}]"), "isolated"),
        ]
    )
    tokenizer.decoder = decoders.Sequence(
        [
            decoders.Replace(SPACE, " "),
            decoders.ByteFallback(),
            decoders.Fuse(),
            decoders.Strip(" ", 1, 0),
        ]
    )
    tokenizer.add_special_tokens([AddedToken(PADDING, special=True), AddedToken(END, special=True)])
    return tokenizer


def save_tokenizer(tokenizer, folder: Path) -> None:
    """Write `tokenizer` so that `transformers.AutoTokenizer` and `tokenizers.Tokenizer.from_file` load it."""
    folder.mkdir(parents=True)
    tokenizer.save(str(folder / "tokenizer.json"))
    write_json(
        folder / "tokenizer_config.json",
        {
            "tokenizer_class": "PreTrainedTokenizerFast",
            "eos_token": END,
            "pad_token": PADDING,
            "clean_up_tokenization_spaces": False,
            "model_max_length": 512,
        },
    )
