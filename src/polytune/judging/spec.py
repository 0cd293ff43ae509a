"""What a judge is asked to judge: the spec of `polytune judge`.

{"run": "world-bloom-w1/full/world-w1-en-400-rows/seed1", "opponent": null,
 "judge": {"name": "exact", "backend": "world"}, "protocol": "rating-3", "protocol_text_digest": "...",
 "judged": [{"responses": "questions", "prompts": "world-questions-w1", "languages": ["en", "fr"]}],
 "repeat_share": 0.05}

Where responses, prompts and the world lie is no part of it; how the judge is reached and what it costs need not be
(`read_reached`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from polytune.config.judges import REACHING, Judge
from polytune.config.tables import Name, build_row
from polytune.errors import InputError, nearest, shown
from polytune.files import read_json
from polytune.judging.protocols import Protocol, find_protocol

KEYS = ("run", "opponent", "judge", "protocol", "protocol_text_digest", "judged", "repeat_share")


@dataclass(frozen=True)
class Judged:
    """One file of responses."""

    responses: Name
    prompts: Name
    """The prompt set that they answer."""
    languages: tuple[str, ...]
    """Those that are judged."""


@dataclass(frozen=True)
class Spec:
    """What one judge is to say, by one protocol, of one run or of two."""

    content: dict[str, Any]
    run: str
    opponent: str | None
    judge: Judge
    protocol: Protocol
    judged: tuple[Judged, ...]
    repeat_share: float
    """Of the items that are judged twice."""


def read_reached(words: Sequence[str]) -> dict[str, Any]:
    """Return how a judge is reached and what it costs, from words such as `retries=5`.

    A key within a key has a dot: `price_per_million_tokens.prompt=2.5`. Raises `InputError` for another key.
    """
    found: dict[str, Any] = {}
    for word in words:
        key, sign, text = word.partition("=")
        outer, _, inner = key.partition(".")
        if not sign or outer not in REACHING:
            listed = ", ".join(REACHING)
            raise InputError(f"--reached: {shown(word)} is no KEY=VALUE{nearest(outer, REACHING)}; keys: {listed}")
        value = text if outer.endswith("_variable") else _number(text)
        if inner:
            found.setdefault(outer, {})[inner] = value
        else:
            found[outer] = value
    return found


def _number(text: str) -> float | str:
    """Return a number; other text as it is, of which checking the judge's keys says what it must be."""
    try:
        return float(text)
    except ValueError:
        return text


def read_spec(path: Path, reached: dict[str, Any] | None = None) -> Spec:
    """Return a spec, `reached` (`read_reached`) over what it says itself; raises `InputError` naming file and key."""
    content = read_json(path)
    entries = read_entries(content, "judged", path)
    for key in content:
        if key not in KEYS:
            raise InputError(f"{path}: unknown key '{key}'{nearest(key, KEYS)}; there are: {', '.join(KEYS)}")
    for key in KEYS:
        if key not in content:
            raise InputError(f"{path}: the key '{key}' is missing")
    protocol = find_protocol(content["protocol"], f"{path}: protocol")
    opponent, share = content["opponent"], content["repeat_share"]
    if content["protocol_text_digest"] != protocol.text_digest():
        raise InputError(f"{path}: protocol_text_digest: the words of '{protocol.name}' have changed; plan again")
    if (protocol.scale is None) != (opponent is not None):
        needs = "compares two runs; name one" if protocol.scale is None else "rates; write null"
        raise InputError(f"{path}: opponent: is {shown(opponent)}, and '{protocol.name}' {needs}")
    if isinstance(share, bool) or not isinstance(share, int | float) or not 0 <= share <= 1:
        raise InputError(f"{path}: repeat_share: is {shown(share)}; it must be a number from 0 to 1")
    judge = content["judge"] if not isinstance(content["judge"], dict) else content["judge"] | (reached or {})
    judge = Judge.from_json(judge, f"{path}: judge")
    judged = tuple(build_row(Judged, entry, str(path)) for entry in entries)
    return Spec(content, content["run"], opponent, judge, protocol, judged, share)


def read_entries(content: Any, key: str, path: Path) -> list[dict[str, Any]]:
    """Return the list of mappings under one key of a spec; raises `InputError` for anything else."""
    entries = content.get(key) if isinstance(content, dict) else None
    if not isinstance(entries, list) or not entries or not all(isinstance(entry, dict) for entry in entries):
        raise InputError(f"{path}: must be a mapping whose '{key}' is a list of mappings that is not empty")
    return entries
