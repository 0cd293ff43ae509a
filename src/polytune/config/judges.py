"""Judges (`config/judges.yaml`): how each is reached, and what its answers depend on."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from polytune import ROOT
from polytune.config.schema import check
from polytune.errors import InputError, nearest
from polytune.readers.yaml import read_mapping

NEEDED = {"server": ("model", "url_variable"), "transformers": ("model", "revision"), "world": (), "reference": ()}
"""Keys that a back end cannot do without."""

REACHED = ("url_variable", "key_variable", "requests_per_minute", "timeout_seconds", "retries")
"""Keys of what is reached through a network."""

FOREIGN = {
    "server": ("options",),
    "transformers": (*REACHED, "options"),
    "world": (*REACHED, "model", "revision", "sampling", "concurrency"),
    "reference": (*REACHED, "model", "revision", "sampling", "concurrency", "options"),
}
"""Keys that mean nothing to a back end: refused, not ignored."""

VARIABLE = re.compile("[A-Z_][A-Z0-9_]*")

DECIDING = ("backend", "model", "revision", "sampling", "options")
"""Keys that an answer depends on; the others say how the judge is reached, what it costs and how often it is asked."""

REACHING = (*REACHED, "concurrency", "price_per_million_tokens")
"""Keys that change no verdict: how the judge is reached, how much at a time, what it costs. They decide no spec."""


NullKind = Literal["empty", "constant", "copied-prompt", "other-language"]
"""Answers that no model gave, which a judge must rank last: nothing; one friendly sentence; the question itself; a
model's answer in the next of the languages."""

BORROWS: NullKind = "other-language"


@dataclass(frozen=True)
class Judge:
    """One entry of the file, with the defaults of the schema `judges` filled in."""

    name: str
    backend: str
    sampling: dict[str, Any]
    options: dict[str, float]
    price_per_million_tokens: dict[str, float]
    concurrency: int
    timeout_seconds: float
    retries: int
    asked_again: int
    model: str | None = None
    revision: str | None = None
    url_variable: str | None = None
    key_variable: str | None = None
    requests_per_minute: float | None = None

    def identity(self) -> dict[str, Any]:
        """Return what its answers depend on: a part of the key of every request."""
        return {key: value for key, value in self.to_json().items() if key in DECIDING}

    def price(self, prompt_tokens: float, completion_tokens: float) -> float:
        """Return what tokens cost, in the currency of the entry."""
        price = self.price_per_million_tokens
        return (prompt_tokens * price["prompt"] + completion_tokens * price["completion"]) / 1e6

    def to_json(self) -> dict[str, Any]:
        """Return the entry with its name (`from_json`)."""
        given = {key: value for key, value in asdict(self).items() if key not in FOREIGN[self.backend]}
        return {key: value for key, value in given.items() if value is not None}

    def to_spec(self) -> dict[str, Any]:
        """Return what decides its verdicts, with its name, as it stands in specs.

        Prices are 0 there, whatever they are, and not left out: judges without any keep the specs that they had.
        """
        decided = {key: value for key, value in self.to_json().items() if key not in REACHING}
        return decided | {"price_per_million_tokens": {"prompt": 0, "completion": 0}}

    def reaching(self) -> dict[str, Any]:
        """Return what no spec says, as `polytune judge --reached` takes it: `price_per_million_tokens.prompt`, ..."""
        found = {key: value for key, value in self.to_json().items() if key in REACHING}
        price = found.pop("price_per_million_tokens")
        return found | {f"price_per_million_tokens.{part}": value for part, value in price.items() if value}

    @classmethod
    def from_json(cls, values: Any, where: str) -> Judge:
        """Return the judge of an entry with its name; raises `InputError` that begins with `where`."""
        values = check(values, "judges#named", where)
        name = values.pop("name")
        return cls.from_entry(name, values, where)

    @classmethod
    def from_entry(cls, name: str, entry: Any, where: str) -> Judge:
        """Return the judge of an entry; raises `InputError` for a key that its back end lacks or has no use for."""
        for key in ("url_variable", "key_variable"):
            if isinstance(entry, dict) and not VARIABLE.fullmatch(str(entry.get(key, "A"))):
                raise InputError(f"{where}: {key}: must be the name of a variable of the environment, not its value")
        filled = _plain(check(entry, "judges#judge", where))
        backend = filled["backend"]
        for key in NEEDED[backend]:
            if key not in entry:
                raise InputError(f"{where}: the key '{key}' is missing; a judge with backend '{backend}' needs it")
        for key in FOREIGN[backend]:
            if key in entry:
                raise InputError(f"{where}: {key}: means nothing to a judge with backend '{backend}'; remove it")
        return cls(name, **filled)


def _plain(value: Any) -> Any:
    """Return the value with `0.0` as 0, so that one number is one key."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return int(value) if isinstance(value, float) and value.is_integer() else value


def judges(path: Path | None = None) -> dict[str, Judge]:
    """Return every judge of a file (default: the checkout's) by name."""
    path = path or ROOT / "config" / "judges.yaml"
    entries = read_mapping(path)
    found = {name: Judge.from_entry(name, entry, f"{path}: {name}") for name, entry in entries.items()}
    check(entries, "judges", str(path))
    return found


def find_judge(name: str, where: str) -> Judge:
    """Return one judge of the checkout's file; an unknown one is an `InputError` that begins with `where`."""
    known = judges()
    if name not in known:
        raise InputError(f"{where}: no judge '{name}'{nearest(name, known)}; there are: {', '.join(known)}")
    return known[name]
