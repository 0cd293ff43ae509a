"""`polytune judge`: what one judge says of the responses of runs, by one protocol."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from polytune.columns import write_rows
from polytune.errors import InputError
from polytune.files import digest, write_json
from polytune.judging.asking import Asking, Request
from polytune.judging.backends import open_backend
from polytune.judging.journal import Journal
from polytune.judging.questions import Question, read_answers, repeated_items, write_questions
from polytune.judging.spec import Judged, Spec, read_reached, read_spec
from polytune.judging.spend import used
from polytune.judging.verdicts import COLUMNS, count_outcomes, read_verdict
from polytune.prompts.prompt import read_prompts
from polytune.provenance import provenance


@dataclass(frozen=True)
class Task:
    """A spec with the folders of what it is about."""

    spec: Spec
    responses: Path
    against: Path | None
    output: Path

    def result(self, judged: Judged) -> Path:
        """Return the file of the verdicts on one file of responses."""
        opponent = self.spec.opponent
        return self.output / f"{judged.responses}{f'/against/{opponent}' if opponent else ''}.parquet"

    def questions(self, judged: Judged, prompts: Path) -> list[Question]:
        """Return what is asked about one file of responses."""
        file = self.responses / f"{judged.responses}.parquet"
        answers = read_answers(file, judged.languages)
        others = read_answers(self.against / file.name, judged.languages) if self.against else None
        files = {code: prompts / judged.prompts / f"{code}.parquet" for code in judged.languages}
        asked = {code: {prompt.item: prompt for prompt in read_prompts(path)} for code, path in files.items()}
        repeated = repeated_items((item for _, item, _ in answers), judged.prompts, self.spec.repeat_share)
        return write_questions(self.spec.protocol, asked, answers, others, repeated, str(file))


def read_tasks(
    specs: Sequence[Path],
    responses: Sequence[Path],
    against: Sequence[Path],
    outputs: Sequence[Path],
    reached: dict[str, Any] | None = None,
) -> list[Task]:
    """Return the tasks of options that are given once per spec; they must have one judge."""
    for option, values in (("--responses", responses), ("--output", outputs), ("--against", against or specs)):
        if len(values) != len(specs):
            raise InputError(f"{option}: is given {len(values)} times for {len(specs)} specs; give it once for each")
    opponents = list(against) or [None] * len(specs)
    places = zip(specs, responses, opponents, outputs, strict=True)
    tasks = [Task(read_spec(path, reached), *folders) for path, *folders in places]
    for path, task in zip(specs, tasks, strict=True):
        if (task.spec.opponent is None) != (task.against is None):
            needs = (
                "has no opponent; leave --against out" if task.against else "has an opponent; name it: --against DIR"
            )
            raise InputError(f"{path}: {needs}")
        if task.spec.judge != tasks[0].spec.judge:
            raise InputError(f"{path}: judge: is another than in {specs[0]}; one call asks one judge")
    return tasks


def deliver(task: Task, judged: Judged, requests: Sequence[Request], journal: Journal) -> None:
    """Write the verdicts on one file of responses, then their marker."""
    result = task.result(judged)
    rows = [read_verdict(request, journal) for request in requests]
    write_rows(rows, COLUMNS, result)
    content = [[row["key"], row["status"], str(row["value"]), row["text"]] for row in rows]
    marker = {"spec": {**task.spec.content, "judged": [asdict(judged)]}, "digest": digest(content), "rows": len(rows)}
    marker |= count_outcomes(rows) | {"used": asdict(used(rows))}
    write_json(result.with_suffix(".json"), marker | {"provenance": provenance("openai", "transformers", "torch")})


def command(
    spec: Annotated[list[Path], typer.Option(help="JSON file that says what is judged, by whom and how.")],
    responses: Annotated[list[Path], typer.Option(help="Folder of the run's responses, once per spec.")],
    output: Annotated[list[Path], typer.Option(help="Folder for {responses}.parquet and .json, once per spec.")],
    prompts: Annotated[Path, typer.Option(help="Folder of all prompt sets.")],
    journal: Annotated[Path, typer.Option(help="Folder of the judge's journal of requests.")],
    against: Annotated[list[Path] | None, typer.Option(help="Folder of the opponent's responses, per spec.")] = None,
    world: Annotated[Path | None, typer.Option(help="Folder of the world, for its own judge.")] = None,
    model: Annotated[Path | None, typer.Option(help="Model directory, for a judge in this process.")] = None,
    reached: Annotated[
        list[str] | None, typer.Option(help="KEY=VALUE of how the judge is reached or what it costs, once per key.")
    ] = None,
    concurrency: Annotated[int | None, typer.Option(min=1, help="Requests at a time, instead of the judge's.")] = None,
    max_spend: Annotated[float | None, typer.Option(min=0, help="Price of the whole journal at which to stop.")] = None,
) -> None:
    """Judge responses: every request is journalled before its answer is used, so that nothing is asked twice.

    A kill, an error or --max-spend loses nothing: the same call goes on. What came to no verdict is a row with reason.
    """
    tasks = read_tasks(spec, responses, against or [], output, read_reached(reached or []))
    judge = tasks[0].spec.judge
    backend = open_backend(judge, world, model)
    kept = Journal(journal, durable=any(judge.price_per_million_tokens.values()))
    wanted = [
        (task, judged, [Request.write(question, backend.identity) for question in task.questions(judged, prompts)])
        for task in tasks
        for judged in task.spec.judged
    ]
    asking = Asking(judge, backend, kept, max_spend)
    try:
        asking.run([request for _, _, requests in wanted for request in requests], concurrency or judge.concurrency)
        for task, judged, requests in wanted:
            deliver(task, judged, requests, kept)
    finally:
        kept.close()
    print(f"judge '{judge.name}': {asking.sent} requests sent; all of its journal has cost {kept.spent:.4g}")
