"""`polytune answer-null`: answers that say nothing of the question. A judge that does not rank them last is no judge.

{"run": "null-alpaca/null/other-language/seed0", "kind": "other-language", "donor": "bloom-7b1/lora/alpaca-all/seed1",
 "responses": [{"name": "questions", "prompts": "world-questions-w1", "languages": ["en", "fr"], "items": 50}]}

A constant answer wins 86.5 % of AlpacaEval's comparisons (arXiv 2410.07137).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any, get_args

import typer

from polytune.columns import write_rows
from polytune.config.judges import BORROWS, NullKind
from polytune.config.tables import Name, build_row
from polytune.errors import InputError, nearest
from polytune.files import digest, read_json, write_json
from polytune.generation.artefact import COLUMNS
from polytune.judging.questions import Place, read_answers
from polytune.judging.spec import read_entries
from polytune.prompts.prompt import Prompt, read_prompts
from polytune.provenance import provenance

CONSTANT = (
    "Thank you for this interesting question. There is much to say about it, and the answer depends on the details."
)


@dataclass(frozen=True)
class Answered:
    """The answers to one prompt set, under the name that a run's answers to it have."""

    name: Name
    prompts: Name
    languages: tuple[str, ...]
    items: int | None = None
    """The first so many questions of each language; all, if none is said."""


def read_spec(path: Path, donor: Path | None) -> tuple[str, NullKind, list[Answered]]:
    """Return run and kind of a spec and what it answers; raises `InputError` that names file and key."""
    content = read_json(path)
    entries = [build_row(Answered, entry, str(path)) for entry in read_entries(content, "responses", path)]
    kind, kinds = content.get("kind"), get_args(NullKind)
    if kind not in kinds:
        raise InputError(f"{path}: kind: no '{kind}'{nearest(kind, kinds)}; there are: {', '.join(kinds)}")
    if (kind == BORROWS) != (donor is not None):
        raise InputError(f"{path}: kind: '{kind}' {'needs' if donor is None else 'takes no'} --donor")
    for entry in entries:
        if kind == BORROWS and len(entry.languages) < 2:
            raise InputError(f"{path}: responses '{entry.name}': '{kind}' needs two languages or more")
    return content.get("run", ""), kind, entries


def next_language(language: str, languages: tuple[str, ...]) -> str:
    """Return the language whose answers are given to questions in `language`: the next one, in a circle."""
    return languages[(languages.index(language) + 1) % len(languages)]


def say(kind: NullKind, prompt: Prompt, place: Place, borrowed: Mapping[Place, str]) -> str:
    """Return what a null responder says to a prompt; `borrowed` has the donor's answer for each place."""
    said = {"empty": "", "constant": CONSTANT, "copied-prompt": prompt.turns[place[2] - 1]}
    return borrowed[place] if kind == BORROWS else said[kind]


def answer(kind: NullKind, entry: Answered, prompts: Path, donor: Path | None) -> list[dict[str, Any]]:
    """Return the rows of one file of responses, in the layout of `polytune generate`; tokens are counted as words."""
    given = read_answers(donor / f"{entry.name}.parquet", entry.languages) if donor else {}
    rows = []
    for language in entry.languages:
        source = next_language(language, entry.languages)
        borrowed = {(language, *place): text for (code, *place), text in given.items() if code == source}
        for prompt in read_prompts(prompts / entry.prompts / f"{language}.parquet")[: entry.items]:
            for turn in range(1, len(prompt.turns) + 1):
                place = (language, prompt.item, turn)
                if donor and place not in borrowed:
                    where = f"item {prompt.item}, turn {turn} in '{source}'"
                    raise InputError(f"{donor / entry.name}.parquet: no answer to {where}, which '{BORROWS}' borrows")
                text = say(kind, prompt, place, borrowed)
                shown = sum(len(question.split()) for question in prompt.turns[:turn])
                row = {"language": language, "item": prompt.item, "turn": turn, "text": text}
                rows.append(row | {"tokens": len(text.split()), "prompt_tokens": shown, "stop": "end"})
    return rows


def command(
    spec: Annotated[Path, typer.Option(help="JSON file that says which null responder answers what.")],
    prompts: Annotated[Path, typer.Option(help="Folder of all prompt sets.")],
    output: Annotated[Path, typer.Option(help="Folder for {responses}.parquet and .json.")],
    donor: Annotated[Path | None, typer.Option(help="Folder of the responses that 'other-language' borrows.")] = None,
) -> None:
    """Answer without a model: nothing, one sentence, the question itself, or a model's answer in another language."""
    run, kind, entries = read_spec(spec, donor)
    for entry in entries:
        rows = answer(kind, entry, prompts, donor)
        write_rows(rows, COLUMNS, output / f"{entry.name}.parquet")
        marker = {"run": run, "kind": kind, "spec": asdict(entry), "digest": digest(rows), "rows": len(rows)}
        marker |= {"truncated": dict.fromkeys(entry.languages, 0), "tokens": sum(row["tokens"] for row in rows)}
        marker |= {"prompt_tokens": sum(row["prompt_tokens"] for row in rows), "seconds": 0.0}
        write_json(output / f"{entry.name}.json", marker | {"provenance": provenance("pyarrow")})
