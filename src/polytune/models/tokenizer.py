"""A tokenizer without transformers, whose import takes a quarter of a small evaluation, where its files say all."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from polytune.files import read_json

CLASSES = ("PreTrainedTokenizerFast", "TokenizersBackend")
"""Classes of transformers that do what tokenizer.json says and nothing else."""

SPECIAL = ("bos_token", "eos_token", "pad_token", "unk_token")
SETTINGS = {"tokenizer_class", "backend", "model_max_length", "clean_up_tokenization_spaces", "is_local", *SPECIAL}
"""What tokenizer_config.json may say without changing what a text is encoded to."""

OTHER_FILES = ("special_tokens_map.json", "added_tokens.json")


class PlainTokenizer:
    """What evaluation asks of a tokenizer of transformers, answered by the library that does the work there too."""

    def __init__(self, tokenizer: Any, settings: dict[str, Any]) -> None:
        tokenizer.no_truncation()
        tokenizer.no_padding()
        self._tokenizer = tokenizer
        self.model_max_length = settings.get("model_max_length")
        self.bos_token_id, self.eos_token_id = (_special_id(tokenizer, settings.get(name)) for name in SPECIAL[:2])

    def __call__(self, texts: list[str], add_special_tokens: bool) -> dict[str, list[list[int]]]:
        """Return the token ids of texts under `input_ids`."""
        encodings = self._tokenizer.encode_batch_fast(texts, add_special_tokens=add_special_tokens)
        return {"input_ids": [encoding.ids for encoding in encodings]}

    def decode(self, token: int) -> str:
        """Return the text of one token, special or not."""
        return self._tokenizer.decode([token], skip_special_tokens=False)


def load_plain_tokenizer(directory: Path) -> PlainTokenizer | None:
    """Return the tokenizer of a directory, None if transformers may do more than its tokenizer.json says."""
    from tokenizers import Tokenizer

    files = [directory / name for name in ("tokenizer.json", "tokenizer_config.json")]
    if not all(file.is_file() for file in files) or any((directory / name).exists() for name in OTHER_FILES):
        return None
    settings = read_json(files[1])
    if settings.get("tokenizer_class") not in CLASSES or not settings.keys() <= SETTINGS:
        return None
    tokenizer = Tokenizer.from_file(str(files[0]))
    named = {_content(settings[name]) for name in SPECIAL if settings.get(name)}
    # transformers adds special tokens that the tokenizer itself does not treat as such
    treated = {token.content for token in tokenizer.get_added_tokens_decoder().values() if token.special}
    return PlainTokenizer(tokenizer, settings) if settings.get("eos_token") and named <= treated else None


def _content(token: str | dict[str, Any]) -> str:
    return token["content"] if isinstance(token, dict) else token


def _special_id(tokenizer: Any, token: str | dict[str, Any] | None) -> int | None:
    return None if token is None else tokenizer.token_to_id(_content(token))
