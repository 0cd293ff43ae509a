"""Read results that were measured elsewhere into one table of scores: `polytune import`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from polytune.config.benchmarks import Benchmark, benchmarks
from polytune.errors import InputError
from polytune.files import atomic_path, digest, read_json, write_json
from polytune.imports.check import Checked, Problem, check_rows, refuse
from polytune.imports.eee import read_record
from polytune.imports.files import FoundFile, list_files, match_files
from polytune.imports.logs import read_log
from polytune.imports.mapping import read_mapping
from polytune.imports.printed import ResultFile
from polytune.imports.results import read_results
from polytune.imports.rows import Row, build_table
from polytune.imports.samples import OfItems, Samples, build_samples, partial_items, read_samples
from polytune.imports.tasks import Tasks, Wanted
from polytune.imports.tidy import read_tidy
from polytune.progress import track

Format = Literal["lm-eval", "csv", "eee"]


def read_harness(path: Path) -> ResultFile | None:
    """Return what lm-evaluation-harness wrote into a file: results, items, or the tables at the end of a log."""
    name = path.name.removesuffix(".gz")
    if name.endswith(".jsonl"):
        return read_samples(path)
    return read_results(path) if name.endswith(".json") else read_log(path)


READERS: dict[Format, Callable[[Path], ResultFile | None]] = {"lm-eval": read_harness, "eee": read_record}


def import_results(
    kind: Format,
    paths: Sequence[Path],
    mapping: Path | None,
    wanted: Sequence[Wanted],
    allow: Sequence[Problem] = (),
    whole: bool = False,
) -> tuple[Checked, dict[OfItems, Samples], dict[str, Any]]:
    """Return the imported rows, the items where there are some, and a report of what was read and left out.

    `whole` says that every run must have every task of what is wanted. Raises `InputError` in one line for files that
    cannot be read, rows that do not belong together and runs that lack something (`imports.check`).
    """
    tasks = Tasks(wanted)
    if kind == "csv":
        rows, ignored, digests = [], {}, {}
        for file in list(paths):
            found, unknown = read_tidy(file, list(wanted))
            rows += found
            tasks.unknown |= {name: tasks.unknown.get(name, 0) + count for name, count in unknown.items()}
            digests[file.name] = found[0].digest.partition(":")[0] if found else ""
        items: dict[OfItems, Samples] = {}
    else:
        if mapping is None:
            raise InputError(f"--mapping: '{kind}' needs a CSV that says which run each file is of")
        rows, items, ignored, digests = _read_files(READERS[kind], list_files(paths), mapping, tasks, allow)
    if not rows:
        asked = ", ".join(one.name for one in wanted)
        seen = f"; there are: {', '.join(sorted(tasks.unknown)[:8])}" if tasks.unknown else ""
        raise InputError(f"{paths[0]}: no result of {asked}{seen}")
    checked = check_rows(rows, allow, whole)
    partial = [(Problem.MISSING, text) for text in partial_items(items, checked.languages)]
    refuse(partial, allow)
    if partial:
        checked.dropped["evaluations with items of some languages only"] = len(partial)
    report = {
        "format": kind,
        "scores": len(checked.rows),
        "runs": len({row.run.path for row in checked.rows}),
        "files": digests,
        "left_out": {**ignored, **checked.dropped},
        "tasks_not_imported": dict(sorted(tasks.unknown.items())),
    }
    return checked, items, report


def _read_files(
    read: Callable[[Path], ResultFile | None],
    files: Sequence[FoundFile],
    mapping: Path,
    tasks: Tasks,
    allow: Sequence[Problem],
) -> tuple[list[Row], dict[OfItems, Samples], dict[str, int], dict[str, str]]:
    """Return rows, items, how many files were left out and why, and the digests of the others by name."""
    runs = match_files(files, read_mapping(mapping), str(mapping))
    rows: list[Row] = []
    items, ignored, digests, problems = {}, {}, {}, []
    for file in track(files, "read results", unit="file"):
        run, content = runs.get(file), read(file.path)
        if content is None or run is None:
            if content is not None:
                problems.append((Problem.UNMAPPED, f"{file.path}: holds results, but no row of {mapping} names it"))
            elif run is not None and file.path.suffix not in (".json", ".jsonl"):
                raise InputError(f"{file.path}: no table of results; is the log cut before its end?")
            why = "files without results" if content is None else "files without a row of the mapping"
            ignored[why] = ignored.get(why, 0) + 1
            continue
        digests[file.name] = content.digest
        if content.limit:
            problems.append((Problem.LIMIT, f"{file.path}: evaluated with limit: {content.limit}, not on all items"))
        placed = [(tasks.find(printed.task), printed) for printed in content.printed]
        mine = [
            Row(run, *found, printed, file.name, content.digest, content.harness)
            for found, printed in placed
            if found and (found[1] or not found[0].languages)  # a printed group is of all its languages
        ]
        rows += mine
        if isinstance(content, Samples) and mine:
            items[mine[0].key[:3]] = content
    refuse(problems, allow)
    return rows, items, ignored, digests


def command(
    kind: Annotated[Format, typer.Argument(metavar="FORMAT", help="lm-eval, csv or eee (Every Eval Ever).")],
    paths: Annotated[list[Path], typer.Argument(metavar="PATH...", help="Files of results, or directories of them.")],
    output: Annotated[Path, typer.Option(help="Table to write (parquet); items and a report are written beside it.")],
    mapping: Annotated[Path | None, typer.Option(help="CSV: log, base, selection, size, seed, languages.")] = None,
    allow: Annotated[list[Problem], typer.Option(help="A problem to take all the same; may be repeated.")] = [],  # noqa: B006
    spec: Annotated[
        Path | None, typer.Option(help="Benchmarks and what is allowed, as the workflow writes it.")
    ] = None,
) -> None:
    """Import results that were measured elsewhere, every number with file, line and digest.

    FORMAT says what wrote them: lm-eval (result files, samples and logs of lm-evaluation-harness), csv, eee.
    """
    import pyarrow.parquet as pq

    if spec is None:
        wanted = [Wanted(name, row) for name, row in benchmarks().items()]
    else:
        content = read_json(spec)
        wanted, allow = read_wanted(content["evaluations"], str(spec)), content["allow"]
    checked, items, report = import_results(kind, paths, mapping, wanted, allow, whole=spec is not None)
    table = build_table(checked)
    with atomic_path(output) as temporary:
        table.to_parquet(temporary, index=False)
    with atomic_path(output.with_suffix(".samples.parquet")) as temporary:
        pq.write_table(build_samples(items), temporary, compression="zstd")
    write_json(output.with_suffix(".report.json"), {**report, "digest": digest(table.to_json(orient="split"))})
    left_out = [f"{count} {what}" for what, count in report["left_out"].items()]
    if unknown := report["tasks_not_imported"]:
        left_out.append(
            f"{sum(unknown.values())} numbers of {len(unknown)} other tasks ({', '.join(list(unknown)[:5])})"
        )
    print(f"{output}: {report['scores']} scores of {report['runs']} runs" + "".join(f"; {one}" for one in left_out))


def read_wanted(entries: list[dict[str, Any]], place: str) -> list[Wanted]:
    """Return what the spec of an import asks for: names, rows of the table of benchmarks, languages."""
    return [
        Wanted(entry["name"], Benchmark.from_json(entry["benchmark"], place), tuple(entry["languages"]))
        for entry in entries
    ]
