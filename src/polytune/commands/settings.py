"""Specs in words: every setting by its key, and what of them differs between two specs about the same thing."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from polytune.errors import InputError
from polytune.files import read_json
from polytune.study.specs import result_of

if TYPE_CHECKING:
    from polytune.study.plan import Plan

NAMING = ("name", "run", "responses", "language", "evaluation")
"""Keys that name an entry of a list, so that it keeps its name where it stands elsewhere."""
SHOWN_ITEMS = 12
"""Entries of a list that are written out; of a longer one the first and their number."""
FEW_ENTRIES, LONGEST = 40, 110
NOTHING = object()


def flatten(content: Any, key: str = "") -> dict[str, Any]:
    """Return every value of a spec by its dotted key; a list of words or numbers is one value."""
    if isinstance(content, Mapping) and content:
        pairs = [(str(name), value) for name, value in content.items()]
    elif isinstance(content, list | tuple) and content and all(isinstance(entry, Mapping) for entry in content):
        pairs = list(_named(content))
    else:
        return {key: list(content) if isinstance(content, tuple) else content}
    found: dict[str, Any] = {}
    for name, value in pairs:
        found |= flatten(value, f"{key}.{name}" if key else name)
    return found


def _named(entries: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, Any]]:
    """Yield the entries of a list with what names each: a key whose values differ, else their numbers."""
    for key in NAMING:
        names = [entry.get(key) for entry in entries]
        if all(isinstance(name, str) for name in names) and len(set(names)) == len(names):
            for name, entry in zip(names, entries, strict=True):
                rest = {other: value for other, value in entry.items() if other != key}
                yield f"[{name}]", rest or name
            return
    for number, entry in enumerate(entries, start=1):
        yield f"[{number}]", entry


def settings_in_words(spec: Mapping[str, Any]) -> list[str]:
    """Return a line for every setting, long lists of entries (the names of all languages) last."""
    parts = sorted((flatten(value, name) for name, value in spec.items()), key=lambda part: len(part) > FEW_ENTRIES)
    return [f"{key}: {_cut(value_word(value))}" for part in parts for key, value in part.items()]


def _cut(word: str) -> str:
    return word if len(word) <= LONGEST else f"{word[:LONGEST]}..."


def value_word(value: Any) -> str:
    """Return a value as a person writes it in a configuration."""
    if isinstance(value, list):
        words = [value_word(item) for item in value[:SHOWN_ITEMS]]
        more = f", ... ({len(value)} in all)" if len(value) > SHOWN_ITEMS else ""
        return f"[{', '.join(words)}{more}]"
    if isinstance(value, str):
        return value or "(empty)"
    return "none" if value is None else json.dumps(value, ensure_ascii=False)


def differences(then: Any, now: Any) -> list[str]:
    """Return what differs between two specs, a line for each key, in the order of the keys now."""
    old, new = flatten(then), flatten(now)
    lines = []
    for key in [*new, *(key for key in old if key not in new)]:
        before, after = old.get(key, NOTHING), new.get(key, NOTHING)
        if before != after:
            lines.append(_difference(key, before, after))
    return lines


def _difference(key: str, before: Any, after: Any) -> str:
    if before is NOTHING:
        return f"{key}: not there then, {value_word(after)} now"
    if after is NOTHING:
        return f"{key}: {value_word(before)} then, not there now"
    if isinstance(before, list) and isinstance(after, list):
        added = [item for item in after if item not in before]
        gone = [item for item in before if item not in after]
        if added or gone:
            words = [f"{value_word(added)} added"] * bool(added) + [f"{value_word(gone)} gone"] * bool(gone)
            return f"{key}: {', '.join(words)}"
    return f"{key}: {value_word(before)} then, {value_word(after)} now"


def about_of(plan: Plan, spec: str) -> str | None:
    """Return what the spec in a file is about, None for a path that is no spec."""
    folder = f"{plan.paths.results}/specs/"
    return str(Path(spec).parent)[len(folder) :] if spec.startswith(folder) else None


def settings_then(plan: Plan, about: str) -> dict[str, Any] | None:
    """Return what a result was made with: its spec before this one, else what it says of itself; None if nothing does.

    A new spec is written by a job, which removes the one before; until then both can be compared.
    """
    wanted = Path(plan.spec(about))
    older = [file for file in wanted.parent.glob("*.json") if file.name != wanted.name]
    if older:
        return read_json(max(older, key=lambda file: file.stat().st_mtime))
    if wanted.is_file():
        return plan.specs[about]
    result = Path(result_of(plan, about))
    if result.suffix != ".json" or not result.is_file():
        return None
    try:
        said = read_json(result)
    except InputError:  # broken; its own job will say so
        return None
    return said.get("spec") if isinstance(said, dict) and isinstance(said.get("spec"), dict) else None
