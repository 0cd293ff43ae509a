"""One tokenizer for training, scoring and generation: the token ids that transformers' AutoTokenizer gives.

AutoTokenizer is what everybody else's numbers come from, and it may rebuild or ignore what tokenizer.json says. So its
result is taken, except where a class of transformers does what tokenizer.json says and nothing else: then the file is
read without transformers, whose import takes seconds.

One thing differs on purpose: a text that spells a special token ("</s>") is text. A row that quotes HTML must not end.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from polytune.errors import InputError, reason
from polytune.files import digest
from polytune.models.architectures import known_architecture
from polytune.models.directory import SENTENCEPIECE, TOKENIZER_FILES, TOKENIZERS, ModelDirectory, read_object
from polytune.readers.text import first_bytes

CLASSES = ("PreTrainedTokenizerFast", "TokenizersBackend")
"""Classes of transformers that do what tokenizer.json says and nothing else."""

SPECIAL = ("bos_token", "eos_token", "pad_token", "unk_token")
SETTINGS = {"tokenizer_class", "backend", "model_max_length", "clean_up_tokenization_spaces", "is_local", *SPECIAL}
"""What tokenizer_config.json may say without changing what a text is encoded to; `add_prefix_space` if false, too."""

OTHER_FILES = ("added_tokens.json", "tekken.json")
PROBES = (
    "The man broke his toe, because he dropped a hammer: 1,234.50 and 2024-01-31!",
    " a space in front", "two  spaces,   three", "at the end ", "\n", "a\nb\n\nc\r\nd\te", "", " ",
    "### Input:\nWhat is 7 x 8?\n\n### Output:\n56", "naïve café ﬁne ＡＢＣ １２３", "e\u0301 \u212b \u1e9b\u0323 ß İı",
    "es dejó caer un martillo", "мужчина сломал палец", "ο άνθρωπος έσπασε", "الرجل كسر إصبعه، ١٢٣", "האיש שבר אצבע",
    "आदमी ने अपना पैर तोड़ा।", "মানুষ আঙুল", "மனிதன்", "คนทำค้อนหล่น", "ကျွန်ုပ်", "ადამიანი", "漢字とかな交じり文。", "한국어 문장",
    "👩‍👩‍👧 🏳️‍🌈 👍🏽", "a\u00a0b\u200bc\u200dd\ufeff", "x=[{'k': f(y)}]; // <b>&amp;</b>", "▁ ▁▁ <0x41> Ġ",
    *(f"a {token}{token} b." for token in ("<s>", "</s>", "<pad>", "<unk>", "<|endoftext|>", "<|im_end|>", "[CLS]")),
)  # fmt: skip
"""Texts on which tokenizers differ that differ at all: scripts, spaces, lines, digits, forms of one letter, spellings
of special tokens."""

HIDDEN = "\uffff"
"""In front of a token's name that no text may reach: no character of any text."""

MARKED = re.compile(f"{HIDDEN}([^{HIDDEN}]+){HIDDEN}")
"""A special token inside a text that is meant as one: what a chat template puts around texts."""


@dataclass(frozen=True)
class Tokenizer:
    """Texts to token ids and back."""

    directory: Path
    backend: Any
    """The `tokenizers.Tokenizer` that does the work."""
    special: dict[str, int]
    """Ids by role: bos_token and eos_token, as far as there are any."""
    model_max_length: int | None = None

    @property
    def bos_token_id(self) -> int | None:
        return self.special.get("bos_token")

    @property
    def eos_token_id(self) -> int:
        """Return the id of the end-of-sequence token; raises `InputError` if no file names one."""
        if "eos_token" not in self.special:
            raise InputError(f"{self.directory / 'tokenizer_config.json'}: 'eos_token' is missing")
        return self.special["eos_token"]

    @cached_property
    def highest_token_id(self) -> int:
        """Return the highest id there is; ids need not be consecutive, so this is not the number of tokens less one."""
        return max(self.backend.get_vocab(with_added_tokens=True).values())

    @cached_property
    def digest(self) -> str:
        """Return a SHA-256 that two tokenizers share if they give the same ids.

        Vocabulary and merges are compared as they are, everything else (normaliser, pre-tokenizer, added tokens, what
        stands before and after a text) by what it does to `PROBES`. Takes a millisecond, a quarter of a second for a
        vocabulary of 250,000.
        """
        model = self.backend.model.__getstate__()
        ids = [self.encode(PROBES, special_tokens) for special_tokens in (True, False)]
        return digest([hashlib.sha256(model[model.index(b'"vocab"') :]).hexdigest(), ids, self.special])

    def encode(self, texts: Sequence[str], special_tokens: bool) -> list[list[int]]:
        """Return the token ids of each text, with the special tokens that belong around a text or without.

        A text of a chat template (`data.chat`) has the special tokens that it names, and none around it.
        """
        if any(HIDDEN in text for text in texts):
            return self._encode_marked(texts)
        encodings = self.backend.encode_batch_fast(list(texts), add_special_tokens=special_tokens)
        return [encoding.ids for encoding in encodings]

    def _encode_marked(self, texts: Sequence[str]) -> list[list[int]]:
        parts = [MARKED.split(text) for text in texts]  # every second one is the name of a token
        between = [text for split in parts for text in split[::2]]
        encodings = iter(self.backend.encode_batch_fast(between, add_special_tokens=False))
        return [
            [
                token
                for place, part in enumerate(split)
                for token in ([self.backend.token_to_id(part)] if place % 2 else next(encodings).ids)
            ]
            for split in parts
        ]

    def decode(self, ids: Sequence[int], skip_special_tokens: bool = False) -> str:
        """Return the text of token ids."""
        return self.backend.decode(list(ids), skip_special_tokens=skip_special_tokens)


def read_tokenizer(directory: Path, config: Path | None = None) -> Tokenizer:
    """Return the tokenizer of a directory; `config` is where config.json lies, if elsewhere (an adapter's base).

    Raises `InputError` for missing and broken files, and for tokenizers that are no `tokenizers.Tokenizer`.
    """
    directory = Path(directory)
    if not any((directory / name).is_file() for name in TOKENIZERS):
        raise InputError(f"{directory}: no tokenizer.json")
    for name in TOKENIZER_FILES:
        if (directory / name).is_file():
            first_bytes(directory / name, 0)  # raises for a pointer of Git LFS
    pieces = [name for name in SENTENCEPIECE if (directory / name).is_file()]
    if pieces and not (directory / "tokenizer.json").is_file():
        raise InputError(
            f"{directory}: no tokenizer.json, only {pieces[0]}; write it once, where the packages sentencepiece and "
            f"protobuf are installed: python -c \"from transformers import AutoTokenizer as T; d = '{directory}'; "
            'T.from_pretrained(d).save_pretrained(d)"'
        )
    tokenizer = _read_plainly(directory, config or directory) or _read_by_transformers(directory, config or directory)
    if not isinstance(tokenizer.model_max_length, int | float | None):
        shown = tokenizer.model_max_length
        raise InputError(f"{directory / 'tokenizer_config.json'}: 'model_max_length' is {shown!r}, expected a number")
    if getattr(tokenizer.backend.model, "dropout", None):
        raise InputError(f"{directory / 'tokenizer.json'}: 'dropout' gives a text other token ids each time; remove it")
    _make_spellings_text(tokenizer.backend)
    return tokenizer


def read_model_tokenizer(model: ModelDirectory) -> Tokenizer:
    """Return a model's tokenizer, and assert that it is the one that the model was trained with.

    An adapter may bring its own, which must agree with its base's; a model that was trained here says in its manifest
    what its token stores were made with. Raises `InputError` if they differ.
    """
    tokenizer = read_tokenizer(model.tokenizer, config=model.weights)
    if "tokenizer_digest" in model.manifest:
        check_agreement(tokenizer, model.manifest["tokenizer_digest"], f"{model.directory}/manifest.json", "train it")
    if model.tokenizer != model.weights and not _same_files(model.tokenizer, model.weights):
        base = read_tokenizer(model.weights)
        check_agreement(
            base, tokenizer.digest, str(model.tokenizer), "remove its tokenizer files if the base's are meant, or train"
        )
    return tokenizer


def check_agreement(tokenizer: Tokenizer, wanted: str, where: str, remedy: str) -> None:
    """Raise `InputError` if what `where` describes was made with another tokenizer than this one, by their digests."""
    if tokenizer.digest != wanted:
        raise InputError(
            f"{where}: made with another tokenizer than that of {tokenizer.directory} (digests {wanted[:12]}... and "
            f"{tokenizer.digest[:12]}...): the same text has other token ids; {remedy} again"
        )


def _read_plainly(directory: Path, config: Path) -> Tokenizer | None:
    """Return the tokenizer of tokenizer.json, None if transformers may do more than that says."""
    files = [directory / name for name in ("tokenizer.json", "tokenizer_config.json")]
    if not all(file.is_file() for file in files) or any((directory / name).exists() for name in OTHER_FILES):
        return None
    settings = read_object(files[1])
    neutral = settings.keys() <= {*SETTINGS, "add_prefix_space"} and not settings.get("add_prefix_space")
    repeated = _only_repeats(directory / "special_tokens_map.json", settings)
    if not (neutral and repeated) or settings.get("tokenizer_class") not in CLASSES or not settings.get("eos_token"):
        return None
    # for some models transformers takes a class of its own, whatever the tokenizer's files say
    file = config / "config.json"
    names = {name: _content(settings[name]) for name in SPECIAL if settings.get(name)}
    if (file.is_file() and known_architecture(read_object(file)) is None) or None in names.values():
        return None
    backend = _read_backend(files[0])
    # transformers adds special tokens that the tokenizer itself does not treat as such
    treated = {token.content for token in backend.get_added_tokens_decoder().values() if token.special}
    if not set(names.values()) <= treated:
        return None
    special = {role: backend.token_to_id(names[role]) for role in SPECIAL[:2] if role in names}
    return Tokenizer(directory, backend, special, settings.get("model_max_length"))


def _only_repeats(file: Path, settings: dict[str, Any]) -> bool:
    """Return whether special tokens of a file, if it is there, are texts and those of tokenizer_config.json."""
    named = read_object(file) if file.is_file() else {}
    return all(isinstance(token, str) and settings.get(role) == token for role, token in named.items())


def _read_by_transformers(directory: Path, config: Path) -> Tokenizer:
    """Return the tokenizer that AutoTokenizer makes of a directory."""
    from transformers import AutoConfig, AutoTokenizer

    try:
        options = {} if config == directory else {"config": AutoConfig.from_pretrained(config, local_files_only=True)}
        theirs = AutoTokenizer.from_pretrained(directory, local_files_only=True, trust_remote_code=False, **options)
    except Exception as error:  # of any library that reads the user's files
        raise InputError(f"{directory}: the tokenizer cannot be loaded: {reason(error)}") from error
    backend = getattr(theirs, "backend_tokenizer", None)
    if backend is not None:
        _do_not_cut(backend)
    if backend is None or theirs(list(PROBES))["input_ids"] != _ids(backend):
        raise InputError(
            f"{directory}: {type(theirs).__name__} does more than a tokenizer.json can say; only tokenizers of the "
            "library 'tokenizers' are supported"
        )
    special = {}
    for role in SPECIAL[:2]:
        token = getattr(theirs, role)
        if token is not None:
            _check_known(token, role, directory)
            special[role] = getattr(theirs, f"{role}_id")
    return Tokenizer(directory, backend, special, theirs.model_max_length)


def _same_files(own: Path, base: Path) -> bool:
    """Return whether the base has no tokenizer or the same files."""
    names = [name for name in TOKENIZER_FILES if (base / name).is_file()]
    return all((own / name).is_file() and (own / name).read_bytes() == (base / name).read_bytes() for name in names)


def _read_backend(file: Path) -> Any:
    """Return the `tokenizers.Tokenizer` of a tokenizer.json, without cutting and padding."""
    from tokenizers import Tokenizer as Backend

    try:
        backend = Backend.from_file(str(file))
    except Exception as error:  # the library raises nothing narrower
        raise InputError(f"{file}: cannot be read as a tokenizer: {reason(error)}") from error
    _do_not_cut(backend)
    return backend


def _do_not_cut(backend: Any) -> None:
    backend.no_truncation()
    backend.no_padding()


def _ids(backend: Any) -> list[list[int]]:
    return [encoding.ids for encoding in backend.encode_batch(list(PROBES))]


def _check_known(token: str, role: str, directory: Path) -> None:
    """Raise `InputError` for a special token that no vocabulary has: transformers would give it an id of its own."""
    file = directory / "tokenizer.json"
    spellings = {json.dumps(token, ensure_ascii=ascii).encode() for ascii in (True, False)}
    if file.is_file() and not any(spelling in file.read_bytes() for spelling in spellings):
        raise InputError(
            f"{directory / 'tokenizer_config.json'}: '{role}' is {token!r}, which is no token of tokenizer.json"
        )


def _make_spellings_text(backend: Any) -> None:
    """Make a text that spells a special token text: neither the added tokens nor the model recognise it.

    A model without merges, or of whole words, finds the token in its own vocabulary too; there it gets a name that no
    text has. Ids, decoding and the tokens around a text stay.
    """
    backend.encode_special_tokens = True
    model = backend.model
    special = {token.content: id for id, token in backend.get_added_tokens_decoder().items() if token.special}
    found = {token for token, id in special.items() if [piece.id for piece in model.tokenize(token)] == [id]}
    if not found:
        return

    def hide(token: str) -> str:
        return HIDDEN + token if token in found else token

    state = json.loads(model.__getstate__())
    if isinstance(state["vocab"], dict):
        state["vocab"] = {hide(token): id for token, id in state["vocab"].items()}
    else:  # Unigram: the id is the place
        state["vocab"] = [[hide(token), score] for token, score in state["vocab"]]
    if state.get("unk_token"):
        state["unk_token"] = hide(state["unk_token"])
    if "merges" in state:
        state["merges"] = [pair for pair in state["merges"] if not {"".join(pair), *pair} & found]
    model.__setstate__(json.dumps(state).encode())
    backend.model = model


def _content(token: Any) -> str | None:
    """Return a token as tokenizer_config.json names it, by itself or with properties; None if that is no text."""
    found = token.get("content") if isinstance(token, dict) else token
    return found if isinstance(found, str) else None
