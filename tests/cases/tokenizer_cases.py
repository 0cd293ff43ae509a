"""Tokenizer directories of the kinds that transformers takes as they are, rebuilds, completes or ignores."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from tests.cases.evaluation_cases import SENTENCES, write_tokenizer

NAMES = {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>"}
TEXTS = (
    *SENTENCES, "", " ", " a  b\n", "漢字 e\u0301 👩‍👩‍👧", "ﬁne ２０２４，toe", "палец", "\n\n### Output:\n",
    "tab\tand\u00a0space ", "<b>bold</b> 1,234", "a <x> b",
)  # fmt: skip
"""Texts without the spelling of a special token."""

SPELLINGS = ("</s>", "a </s> b", "toe.</s>", "<s>she ran", "</s></s>", "<unk> x<pad>", "(</s>)", "she ran,<s>,")


def byte_level() -> dict:
    """Return the tokenizer.json of a byte-level BPE (GPT-2, BLOOM, Pythia)."""
    import tempfile

    with tempfile.TemporaryDirectory() as name:
        write_tokenizer(Path(name))
        return json.loads((Path(name) / "tokenizer.json").read_text(encoding="utf-8"))


def sentencepiece(prefix: bool = True, bos: bool = True) -> dict:
    """Return the tokenizer.json of a BPE with spaces as characters and bytes for what it does not know (Llama 2)."""
    from tokenizers import Tokenizer, decoders, models, normalizers, processors, trainers

    tokenizer = Tokenizer(models.BPE(byte_fallback=True, unk_token="<unk>", fuse_unk=True))
    spaces = [normalizers.Prepend("▁")] if prefix else []
    tokenizer.normalizer = normalizers.Sequence([*spaces, normalizers.Replace(" ", "▁")])
    parts = [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()]
    tokenizer.decoder = decoders.Sequence(parts)
    special = ["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256))]
    trainer = trainers.BpeTrainer(vocab_size=600, special_tokens=special, show_progress=False)
    tokenizer.train_from_iterator(SENTENCES * 3, trainer)
    if bos:
        tokenizer.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 1)])
    content = json.loads(tokenizer.to_str())
    content["added_tokens"] = content["added_tokens"][:3]
    return content


def unigram() -> dict:
    """Return the tokenizer.json of a unigram model (T5, mT5), whose own vocabulary finds special tokens in texts."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers

    tokenizer = Tokenizer(models.Unigram())
    tokenizer.normalizer = normalizers.NFKC()
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    special = ["<pad>", "</s>", "<unk>"]
    alphabet = list("<>/spadunk(),.x")
    trainer = trainers.UnigramTrainer(
        vocab_size=200, special_tokens=special, unk_token="<unk>", initial_alphabet=alphabet, show_progress=False
    )
    tokenizer.train_from_iterator(SENTENCES * 3, trainer)
    tokenizer.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 1)])
    return json.loads(tokenizer.to_str())


def world() -> dict:
    """Return the tokenizer.json of a generated world: whole words, no merges."""
    from polytune.world.tokenizer import build_tokenizer

    return json.loads(build_tokenizer(" ".join(SENTENCES).split()).to_str())


def words() -> dict:
    """Return the tokenizer.json of a list of words, special tokens among them."""
    from tokenizers import Tokenizer, models, pre_tokenizers

    listed = ["<pad>", "</s>", "<s>", "<unk>", *sorted({word for text in SENTENCES for word in text.split()})]
    tokenizer = Tokenizer(models.WordLevel({word: id for id, word in enumerate(listed)}, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer.add_special_tokens(listed[:4])
    return json.loads(tokenizer.to_str())


def write(directory: Path, content: dict, settings: dict | None, model_type: str | None = None, **files: dict) -> Path:
    """Write a tokenizer directory; `files` are further ones by their stem."""
    directory.mkdir(parents=True)
    named = {"tokenizer": content, "tokenizer_config": settings, **files}
    named["config"] = None if model_type is None else {"model_type": model_type}
    for stem, value in named.items():
        if value is not None:
            (directory / f"{stem}.json").write_text(json.dumps(value, ensure_ascii=False), encoding="utf-8")
    return directory


def _settings(kind: str, **others) -> dict:
    return {**NAMES, "tokenizer_class": kind, **others}


BYTES = {"bos_token": "<s>", "eos_token": "</s>", "pad_token": "<pad>"}
T5 = {"eos_token": "</s>", "pad_token": "<pad>", "unk_token": "<unk>"}
FAST = "PreTrainedTokenizerFast"

CASES: dict[str, Callable[[Path], Path]] = {
    "fast": lambda path: write(path, sentencepiece(), _settings(FAST), "llama"),
    "byte level": lambda path: write(path, byte_level(), {**BYTES, "tokenizer_class": FAST}, "gpt2"),
    "world": lambda path: write(path, world(), {"eos_token": "</s>", "pad_token": "<pad>", "tokenizer_class": FAST}),
    "unigram": lambda path: write(path, unigram(), {**T5, "tokenizer_class": FAST}, "mt5"),
    "words": lambda path: write(path, words(), _settings(FAST)),
    "repeated": lambda path: write(
        path, byte_level(), {**BYTES, "tokenizer_class": FAST, "add_prefix_space": False}, special_tokens_map=BYTES
    ),
    # transformers rebuilds these, and puts the space in front that tokenizer.json does not
    "llama": lambda path: write(path, sentencepiece(), _settings("LlamaTokenizer", add_bos_token=True), "llama"),
    "llama without prefix": lambda path: write(path, sentencepiece(prefix=False), _settings("LlamaTokenizer"), "llama"),
    "llama, legacy": lambda path: write(path, sentencepiece(), _settings("LlamaTokenizerFast", legacy=True), "llama"),
    "mixtral": lambda path: write(path, sentencepiece(prefix=False), _settings("LlamaTokenizer"), "mixtral"),
    "llama of bytes": lambda path: write(path, byte_level(), {**BYTES, "tokenizer_class": "LlamaTokenizer"}, "llama"),
    "bloom": lambda path: write(path, byte_level(), {**BYTES, "tokenizer_class": "BloomTokenizerFast"}, "bloom"),
    "gpt2 with prefix": lambda path: write(
        path, byte_level(), {**BYTES, "tokenizer_class": "GPT2Tokenizer", "add_prefix_space": True}, "gpt2"
    ),
    "pythia": lambda path: write(path, byte_level(), {**BYTES, "tokenizer_class": "GPTNeoXTokenizerFast"}, "gpt_neox"),
    "t5": lambda path: write(path, unigram(), {**T5, "tokenizer_class": "T5Tokenizer"}, "t5"),
    # transformers completes these from other files
    "special tokens in their own file": lambda path: write(
        path, sentencepiece(), {"tokenizer_class": FAST}, "llama", special_tokens_map=NAMES
    ),
    "another end in a file of its own": lambda path: write(
        path, byte_level(), {**BYTES, "tokenizer_class": FAST}, special_tokens_map={**BYTES, "eos_token": "<s>"}
    ),
    "no settings": lambda path: write(path, sentencepiece(), None, "llama", special_tokens_map=NAMES),
    "more special tokens": lambda path: write(
        path, sentencepiece(), _settings(FAST, additional_special_tokens=["<|im_end|>"]), "llama"
    ),
    "added tokens": lambda path: write(path, sentencepiece(), _settings(FAST), "llama", added_tokens={"<x>": 700}),
    "another model's class": lambda path: write(path, byte_level(), {**BYTES, "tokenizer_class": FAST}, "phi3"),
}
PLAIN = ("fast", "byte level", "world", "unigram", "words", "repeated")
"""Those that are read without transformers."""
