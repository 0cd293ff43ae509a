"""`polytune split-source`: rows to tune on and rows to ask, so that nothing of a question was seen in training.

Rows that have a paragraph in common, in any language, stay together: a model that was tuned on one question about a
paragraph has read the paragraph.
"""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from polytune.data.rows import FIELDS, Row, read_rows
from polytune.errors import InputError, counted, nearest
from polytune.files import sha256_text, write_json, write_text
from polytune.own.source import find_source, read_first
from polytune.own.squad import is_squad, read_squad

PARTS = ("train", "test")


def group_ids(rows: Mapping[str, list[Row]], field: str) -> list[list[str]]:
    """Return the ids in groups: two rows with the same text in `field`, in any language, are in one.

    Groups and their ids are in the order of the first language. Raises `InputError` for an empty text.
    """
    leader: dict[str, str] = {}

    def find(identifier: str) -> str:
        while leader[identifier] != identifier:
            leader[identifier] = leader[leader[identifier]]
            identifier = leader[identifier]
        return identifier

    for language, of_language in rows.items():
        first: dict[str, str] = {}
        for row in of_language:
            text = getattr(row, field).strip()
            if not text:
                raise InputError(f"language '{language}', id '{row.id}': '{field}' is empty; it is what rows share")
            leader.setdefault(row.id, row.id)
            leader[find(row.id)] = find(first.setdefault(text, row.id))
    groups: dict[str, list[str]] = defaultdict(list)
    for row in next(iter(rows.values())):
        groups[find(row.id)].append(row.id)
    return list(groups.values())


def read_any(file: Path) -> list[Row]:
    """Return the rows of a file of instructions, or of SQuAD's layout; those without an output are left out."""
    first = read_first(file)
    if is_squad(first):
        return read_squad(file)
    return read_rows(file, "bactrian-x" if "id" in first else "alpaca", largest_dropped_share=1)[0]


def choose_test(groups: list[list[str]], share: float, seed: int) -> list[str]:
    """Return the ids to ask: whole groups in a fixed pseudo-random order until they have `share` of the ids.

    The ids are in such an order, too, so that the first of them are a sample over many groups.
    """
    ordered = sorted(groups, key=lambda group: _order(min(group), seed))
    wanted, chosen = share * sum(map(len, groups)), []
    for group in ordered:
        if len(chosen) >= wanted:
            break
        chosen += group
    return sorted(chosen, key=lambda identifier: _order(identifier, seed))


def _order(identifier: str, seed: int) -> bytes:
    return hashlib.sha256(f"{seed}/{identifier}".encode()).digest()


def command(
    path: Annotated[
        str, typer.Argument(help="Directory of the files of all languages, or their pattern with {language}.")
    ],
    output: Annotated[Path, typer.Option(help="Folder for train/{language}.jsonl and test/{language}.jsonl.")],
    by: Annotated[str, typer.Option(help="What rows of one part share: instruction, input or output.")] = "input",
    share: Annotated[float, typer.Option(min=0, max=1, help="Share of the rows to ask.")] = 0.25,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the choice.")] = 1,
) -> None:
    """Split a parallel source into rows to tune on and rows to ask: no paragraph of the one is in the other."""
    if by not in FIELDS:
        raise InputError(f"--by: '{by}' is no field of a row{nearest(by, FIELDS)}; there are: {', '.join(FIELDS)}")
    _, _, files = find_source(path)
    rows = {code: read_any(file) for code, file in files.items()}
    common = set.intersection(*({row.id for row in of_language} for of_language in rows.values()))
    left = {code: len(of_language) - len(common) for code, of_language in rows.items()}
    kept = {code: [row for row in of_language if row.id in common] for code, of_language in rows.items()}
    if not common:
        raise InputError(f"{path}: no id is in every language: {', '.join(rows)}")
    groups = group_ids(kept, by)
    test = choose_test(groups, share, seed)
    asked = set(test)
    if not asked or len(asked) == len(common):
        raise InputError(f"--share: {share:g} of {len(groups)} groups leaves a part empty; choose another share")
    train = [identifier for group in groups for identifier in group if identifier not in asked]
    digests: dict[str, Any] = {}
    for part, identifiers in zip(PARTS, (train, test), strict=True):
        for code, of_language in kept.items():
            by_id = {row.id: row for row in of_language}
            text = "".join(_line(by_id[identifier]) for identifier in identifiers)
            write_text(output / part / f"{code}.jsonl", text)
            digests[f"{part}/{code}"] = sha256_text(text)
    report = {"by": by, "share": share, "seed": seed, "languages": list(kept), "groups": len(groups)}
    report |= {"rows": {"train": len(train), "test": len(test)}, "not_in_every_language": left, "sha256": digests}
    write_json(output / "split.json", report)
    print(f"{output}: {len(groups)} groups of rows with the same {by}; in each of "
          f"{counted(len(kept), 'language')} {len(train)} "
          f"rows to tune on (train), {len(test)} to ask (test)")  # fmt: skip


def _line(row: Row) -> str:
    values = {"id": row.id, "instruction": row.instruction, "input": row.input, "output": row.output}
    return json.dumps(values, ensure_ascii=False) + "\n"
