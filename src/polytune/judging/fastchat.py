"""Judgments and answers in FastChat's layouts, as our responses and verdicts: `polytune import-judgments`.

`model_judgment/*.jsonl`: a row for each verdict, alone (`model`, `judgment`, `score`) or of a pair in both orders
(`model_1`, `model_2`, `g1_judgment`, `g1_winner`, `g2_...`; in the second game the second model sits first).
`model_answer/{model}.jsonl`: `question_id`, `model_id`, `choices[0].turns`. A question_id is a number, perhaps with the
language (`81_DE`, MT-Bench-X). Verdicts are read again from what the judge said, by our rules.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from polytune.columns import write_rows
from polytune.config.paths import Paths
from polytune.errors import InputError, nearest, shown
from polytune.files import digest, sha256_file, write_json
from polytune.generation.artefact import COLUMNS as RESPONSES
from polytune.judging.protocols import PROTOCOLS
from polytune.judging.verdicts import COLUMNS as VERDICTS
from polytune.judging.verdicts import OK
from polytune.languages.codes import check_languages
from polytune.readers.records import read_records

NUMBERED = re.compile(r"(\d{1,9})(?:_([A-Za-z]{2,3}))?")
TURNS = (1, 2)
FAILED = "$ERROR$"
"""What FastChat writes where the judge's server gave no answer."""
ALONE, PAIRED = "rating-10", "side-by-side"
"""The protocols that FastChat's modes `single` and `pairwise` are."""
NO_SCORE = -1
"""The score where FastChat found no verdict."""
UNKNOWN = -1
"""Tokens of an answer that nobody counted."""


@dataclass(frozen=True)
class Imported:
    """One verdict of a file: on `model`, beside `opponent` if it is not empty (the one whose name sorts first)."""

    judge: str
    model: str
    opponent: str
    row: dict[str, Any]
    time: float

    @property
    def key(self) -> tuple:
        """Return what it is a verdict on."""
        return (
            self.judge,
            self.model,
            self.opponent,
            *(self.row[name] for name in ("language", "item", "turn", "order")),
        )


class Names:
    """What models and judges are called in paths, the same in all files of one import."""

    def __init__(self) -> None:
        self._owners: dict[tuple[str, str], str] = {}

    def of(self, field: str, name: str, where: str) -> str:
        """Return a name as a part of a path; raises `InputError` for one of which nothing is left, or another's."""
        found = re.sub(r"[^\w.-]+", "-", name).strip("-.")
        if not found:
            raise InputError(f"{where}: field '{field}' is {shown(name)}: a name needs a letter or a digit")
        owner = self._owners.setdefault(("judge" if field == "judge" else "model", found), name)
        if owner != name:
            raise InputError(
                f"{where}: field '{field}' is {shown(name)}; it and {shown(owner)} would both be '{found}' among the "
                "results, rename one of the two"
            )
        return found


def read_judgments(path: Path, language: str | None, names: Names) -> Iterator[Imported]:
    """Yield the verdicts of a file; raises `InputError` naming file, row and field."""
    for number, record in read_records(path):
        where = f"{path}: row {number}"
        place = _place(record, language, where)
        turn = _field(record, "turn", int, where)
        if turn not in TURNS:
            raise InputError(f"{where}: field 'turn' is {turn}, expected {' or '.join(map(str, TURNS))}")
        judge = _field(record, "judge", list, where)
        if not judge or not isinstance(judge[0], str):
            raise InputError(f"{where}: field 'judge' is {shown(judge)}, expected the judge's name and its prompt's")
        about = {**place, "turn": turn, "repeat": 0, "attempts": 1, "prompt_tokens": 0, "completion_tokens": 0,
                 "price": 0.0, "key": ""}  # fmt: skip
        time = record.get("tstamp", 0.0)
        if isinstance(time, bool) or not isinstance(time, int | float):
            raise InputError(f"{where}: field 'tstamp' is {shown(time)}, expected a number")
        judge = names.of("judge", judge[0], where)
        if "model" in record:
            model = names.of("model", _field(record, "model", str, where), where)
            verdict = _rating(record.get("judgment"), record.get("score"), where)
            yield Imported(judge, model, "", {**about, "order": "", **verdict}, time)
            continue
        models = [names.of(name, _field(record, name, str, where), where) for name in ("model_1", "model_2")]
        first, second = sorted(models)
        if first == second:
            raise InputError(f"{where}: field 'model_2' is {shown(record['model_2'])}, as is 'model_1': no comparison")
        for game, seated in (("g1", models[0]), ("g2", models[1])):
            order = "first" if seated == first else "second"
            winner = _field(record, f"{game}_winner", str, where)
            verdict = _preference(record.get(f"{game}_judgment"), winner, models.index(seated), where, game)
            if order == "second" and verdict["status"] == OK:
                verdict["value"] = 1.0 - verdict["value"]
            yield Imported(judge, first, second, {**about, "order": order, **verdict}, time)


def _rating(said: Any, score: Any, where: str) -> dict[str, Any]:
    """Return the verdict on one answer, from what was said, or from the score alone where that was not kept."""
    if not isinstance(said, str) and (not isinstance(score, int | float) or isinstance(score, bool)):
        raise InputError(f"{where}: neither a text 'judgment' nor a number 'score'")
    verdict = _verdict(said if isinstance(said, str) else f"[[{score:g}]]", ALONE)
    if score == NO_SCORE and verdict["status"] == OK:
        verdict |= {"status": "unparsable", "reason": "score -1", "value": math.nan}
    return verdict


def _preference(said: Any, winner: str, seated: int, where: str, game: str) -> dict[str, Any]:
    """Return the verdict of one game, as what the first seat gets; `seated` is the number of the model in it."""
    won = {f"model_{seated + 1}": "A", f"model_{2 - seated}": "B", "tie": "C", "error": ""}
    if winner not in won:
        choices = f"{nearest(winner, won)}; allowed: {', '.join(won)}"
        raise InputError(f"{where}: field '{game}_winner' is {shown(winner)}{choices}")
    return _verdict(said if isinstance(said, str) else f"[[{won[winner]}]]", PAIRED)


def _verdict(said: str, protocol: str) -> dict[str, Any]:
    """Return status, reason, value and text of what a judge said."""
    if FAILED in said:
        return {"status": "failed", "reason": FAILED, "value": math.nan, "text": said}
    verdict = PROTOCOLS[protocol].read(said)
    if verdict.value is None:
        return {"status": "unparsable", "reason": verdict.reason, "value": math.nan, "text": said}
    return {"status": OK, "reason": "", "value": verdict.value, "text": said}


def keep_one(found: Sequence[Imported]) -> tuple[list[Imported], Counter]:
    """Return one verdict of each thing, and how many others were left out, by why.

    A file that several runs of FastChat have appended to holds the same verdict twice, or a later attempt after a
    failed one: a verdict with a value is kept before one without, then the latest.
    """
    kept: dict[tuple, Imported] = {}
    left: Counter = Counter()
    for one in found:
        known = kept.setdefault(one.key, one)
        if known is one:
            continue
        same = (known.row["text"], known.row["status"]) == (one.row["text"], one.row["status"])
        left["the same verdict again" if same else "another verdict on the same answer"] += 1
        kept[one.key] = max(known, one, key=lambda each: (each.row["status"] == OK, each.time))
    return list(kept.values()), left


def read_responses(path: Path, language: str | None, names: Names) -> dict[str, dict[tuple, str]]:
    """Return the answers of a file by model and (language, item, turn); the last one of a question counts."""
    found: dict[str, dict[tuple, str]] = {}
    for number, record in read_records(path):
        where = f"{path}: row {number}"
        place = _place(record, language, where)
        choices = _field(record, "choices", list, where)
        turns = choices[0].get("turns") if choices and isinstance(choices[0], dict) else None
        if not isinstance(turns, list) or not all(isinstance(text, str) for text in turns):
            raise InputError(f"{where}: field 'choices' must hold an object whose 'turns' are texts")
        answers = found.setdefault(names.of("model_id", _field(record, "model_id", str, where), where), {})
        answers |= {(place["language"], place["item"], turn): text for turn, text in enumerate(turns, start=1)}
    return found


def _place(record: dict[str, Any], language: str | None, where: str) -> dict[str, Any]:
    """Return language and item of a row."""
    match = NUMBERED.fullmatch(str(record.get("question_id", "")))
    if match is None:
        identifier = shown(record.get("question_id"))
        raise InputError(
            f"{where}: field 'question_id' is {identifier}, expected a number, or '81_DE' with the language"
        )
    code = match[2].lower() if match[2] else language
    if code is None:
        raise InputError(f"{where}: question_id {match[0]} says no language; give it with --language")
    (entry,) = check_languages([code], f"{where}: question_id")
    return {"language": entry.language, "item": int(match[1])}


def _field(record: dict[str, Any], name: str, kind: type, where: str) -> Any:
    """Return a field of a type."""
    if name not in record:
        raise InputError(f"{where}: no field '{name}'{nearest(name, record)}; there are: {', '.join(record)}")
    value = record[name]
    if not isinstance(value, kind) or isinstance(value, bool):
        raise InputError(f"{where}: field '{name}' is {shown(value)}, expected {kind.__name__}")
    return value


def write_verdicts(verdicts: Sequence[Imported], paths: Paths, responses: str, sources: dict[str, str]) -> list[str]:
    """Write verdicts by model, judge and opponent, each with its marker; return the markers."""
    groups: dict[str, list[dict[str, Any]]] = {}
    for one in verdicts:
        protocol = PAIRED if one.opponent else ALONE
        marker = paths.verdicts(one.model, one.judge, protocol, responses, one.opponent)
        groups.setdefault(marker, []).append(one.row)
    for marker, rows in groups.items():
        rows.sort(key=lambda row: (row["language"], row["item"], row["turn"], row["order"]))
        _write(marker, rows, VERDICTS, sources, status=dict(sorted(Counter(row["status"] for row in rows).items())))
    return list(groups)


def _write(marker: str, rows: list[dict[str, Any]], kinds: dict, sources: dict[str, str], **more: Any) -> None:
    """Write a table and, last, the marker beside it."""
    write_rows(rows, kinds, Path(marker).with_suffix(".parquet"))
    content = digest([[str(row[name]) for name in kinds] for row in rows])
    write_json(marker, {"imported": sources, "digest": content, "rows": len(rows), **more})


def command(
    judgments: Annotated[list[Path], typer.Option(help="FastChat's model_judgment file (JSON lines); may repeat.")],
    output: Annotated[Path, typer.Option(help="Folder of results: runs/{model}/verdicts and runs/{model}/responses.")],
    responses: Annotated[str, typer.Option(help="Name for the responses that were judged.")] = "mt-bench",
    answers: Annotated[list[Path] | None, typer.Option(help="FastChat's model_answer file; may repeat.")] = None,
    language: Annotated[str | None, typer.Option(help="Language of questions whose id does not say it.")] = None,
) -> None:
    """Read judgments and answers of FastChat (MT-Bench) into the layouts of responses and verdicts.

    A score of -1, $ERROR$ and two different verdicts in one answer are missing; repeated rows are left out and counted.
    `import judgments` is the same command.
    """
    paths, names = Paths(str(output)), Names()
    sources = {path.name: sha256_file(path) for path in (*judgments, *(answers or ()))}
    verdicts, left = keep_one([one for path in judgments for one in read_judgments(path, language, names)])
    by_model: dict[str, dict[tuple, str]] = {}
    for path in answers or ():
        for model, texts in read_responses(path, language, names).items():
            by_model.setdefault(model, {}).update(texts)
    for marker in write_verdicts(verdicts, paths, responses, sources):
        print(marker)
    for model, texts in by_model.items():
        rows = [
            {"language": code, "item": item, "turn": turn, "text": text, "tokens": UNKNOWN, "prompt_tokens": UNKNOWN,
             "stop": "end"}
            for (code, item, turn), text in sorted(texts.items())
        ]  # fmt: skip
        _write(paths.responses(model, responses), rows, RESPONSES, sources)
        print(paths.responses(model, responses))
    missing = sum(one.row["status"] != OK for one in verdicts)
    said = "; ".join(f"{count:,} rows left out: {why}" for why, count in left.items())
    print(f"{len(verdicts):,} verdicts, {missing:,} of them missing" + (f"; {said}" if said else ""))
