"""The manifest of a mixture: which rows of which source in which languages, in a few kilobytes.

A selection of rows is a seed and a count, never a list: the rows of a language are ordered by a 64-bit mix of row key
and seed, and the first `count` are taken. So the first 100 rows of 1,000 are the 100-row sample (nested), and the
same ids are taken in every language that has them (parallel).
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from polytune.errors import InputError
from polytune.files import digest, read_json, write_json


def mix_keys(keys: np.ndarray, seed: int) -> np.ndarray:
    """Return a 64-bit pseudo-random value for each row key: splitmix64 (Steele et al. 2014) of key xor mixed seed.

    `keys` is uint64 of any shape; the result has the same shape. Two seeds give independent orders.
    """

    def splitmix64(values: np.ndarray) -> np.ndarray:
        values = values + np.uint64(0x9E3779B97F4A7C15)
        values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return values ^ (values >> np.uint64(31))

    with np.errstate(over="ignore"):
        seed_value = splitmix64(np.asarray([seed], np.uint64))
        return splitmix64(np.asarray(keys, np.uint64) ^ seed_value)


@dataclass(frozen=True)
class Take:
    """Which rows of a language: `count` rows after `skip` rows in the order of `seed`, without the keys `without`.

    With a `step` they are every `step`-th row, so that several languages can take turns.
    """

    seed: int
    count: int
    skip: int = 0
    without: tuple[int, ...] = ()
    step: int = 1


@dataclass(frozen=True)
class Part:
    """The rows of one language of one source in a mixture; `take` is `"all"` or a `Take`."""

    source: str
    language: str
    take: str | Take
    rows: int
    data_digest: str
    role: str = "instruction"

    def plain(self) -> dict[str, Any]:
        """Return the part as plain values; a step of 1 is not among them, since older manifests do not have it."""
        values = asdict(self)
        if self.take != "all" and self.take.step == 1:
            del values["take"]["step"]
        return values


@dataclass(frozen=True)
class Mixture:
    """A mixture as its manifest describes it."""

    mixture: str
    sampling: str
    """Which rows of each language: `parallel`, `disjoint` or `merged` (`families.Recipe`)."""
    source: str
    languages: tuple[str, ...]
    parts: tuple[Part, ...]
    notes: tuple[str, ...] = ()
    """What a reader of its results must know: languages that ended without rows, rows that are not parallel."""
    incomplete: tuple[int, ...] = ()
    """Keys of rows that no language has in the mixture, replay aside: an answer of theirs would be cut in one."""

    @property
    def rows(self) -> int:
        """Return the number of rows of all parts, replay included."""
        return sum(part.rows for part in self.parts)

    @property
    def digest(self) -> str:
        """Return the SHA-256 of what the mixture holds; its name does not count."""
        return digest([*(part.plain() for part in self.parts), *([self.incomplete] if self.incomplete else [])])

    @staticmethod
    def read(path: Path | str) -> Mixture:
        """Read a manifest; raises `InputError` if it was edited by hand (its digest does not fit)."""
        content = read_json(path)
        parts = tuple(
            Part(**{**part, "take": part["take"] if part["take"] == "all" else _read_take(part["take"])})
            for part in content["parts"]
        )
        named = (content["mixture"], content["sampling"], content["source"])
        incomplete = tuple(content.get("incomplete", ()))
        mixture = Mixture(*named, tuple(content["languages"]), parts, tuple(content["notes"]), incomplete)
        if mixture.digest != content["digest"]:
            raise InputError(f"{path}: the digest does not fit the parts; delete the file so that it is built again")
        return mixture

    def write(self, path: Path | str) -> None:
        """Write the manifest as JSON, atomically."""
        parts = [part.plain() for part in self.parts]
        content = {**asdict(self), "parts": parts, "rows": self.rows, "digest": self.digest}
        if not self.incomplete:
            del content["incomplete"]
        write_json(path, content)

    def select(self, part: Part, keys: np.ndarray) -> np.ndarray:
        """Return the indices, ascending, of the rows of `part` among the rows whose uint64 keys are `keys`.

        Raises `InputError` if there are fewer rows than the manifest says: then data and mixture do not fit.
        """
        keys, chosen = np.asarray(keys), np.arange(len(keys))
        if part.role == "instruction":
            chosen = chosen[is_complete(keys, self.incomplete)]
        if part.take != "all":
            chosen = chosen[select_rows(keys[chosen], part.take)]
        if len(chosen) != part.rows:
            raise InputError(
                f"mixture '{self.mixture}': {part.source}/{part.language} has {len(chosen)} rows to take, the manifest "
                f"says {part.rows}; the data changed after the mixture was built"
            )
        return chosen


def is_complete(keys: np.ndarray, incomplete: Collection[int]) -> np.ndarray:
    """Return which of the uint64 `keys` are not among the `incomplete` ones; bool of the same shape."""
    return ~np.isin(keys, np.array(tuple(incomplete), np.uint64))


def _read_take(take: dict) -> Take:
    return Take(**{**take, "without": tuple(take.get("without", ()))})


def select_rows(keys: np.ndarray, take: Take) -> np.ndarray:
    """Return the indices, ascending, of the rows that `take` selects; shape (count,) or fewer if rows run out."""
    values = mix_keys(keys, take.seed)
    order = np.lexsort((keys, values))  # ties (never seen with 64 bits) are decided by the key
    if take.without:
        order = order[~np.isin(keys[order], np.asarray(take.without, np.uint64))]
    return np.sort(order[take.skip :: take.step][: take.count])
