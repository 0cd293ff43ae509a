"""Results of a study that were measured elsewhere: its key `imports`, and what the workflow asks of each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from polytune.config import tables
from polytune.config.benchmarks import SHOWN, find_benchmark
from polytune.errors import InputError
from polytune.files import digest, sha256_file
from polytune.imports.files import list_files
from polytune.imports.mapping import ImportedRun, read_mapping
from polytune.imports.tasks import Wanted
from polytune.imports.tidy import read_runs
from polytune.languages.codes import find_code, say_meant
from polytune.scores.runs import COLUMNS, SCORE_COLUMNS
from polytune.scores.spec import IMPORTED
from polytune.study.evaluations import name_of


@dataclass(frozen=True)
class Import:
    """One entry of `imports`: files of one format, what is taken of them, and the runs that they are of."""

    name: str
    kind: str
    files: tuple[str, ...]
    mapping: str
    allow: tuple[str, ...]
    wanted: tuple[Wanted, ...]
    runs: tuple[ImportedRun, ...]

    @property
    def options(self) -> list[str]:
        """Return how it is asked for on the command line, but for the spec."""
        return [self.kind, *self.files, *(["--mapping", self.mapping] if self.mapping else [])]

    @property
    def spec(self) -> dict[str, Any]:
        """Return what decides its scores; its files are known by names, sizes and times, the mapping by its content."""
        looks = [[file.name, *_look(file.path)] for file in list_files(map(Path, self.files))]
        return {
            "format": self.kind,
            "allow": list(self.allow),
            "evaluations": [_entry(one) for one in self.wanted],
            "files": digest(looks),
            "mapping": sha256_file(self.mapping) if self.mapping else "",
        }


def _look(path: Path) -> tuple[int, int]:
    state = path.stat()
    return state.st_size, state.st_mtime_ns


def _entry(wanted: Wanted) -> dict[str, Any]:
    row = {key: value for key, value in asdict(wanted.benchmark).items() if key not in SHOWN}
    return {"name": wanted.name, "benchmark": row, "languages": list(wanted.languages)}


def find_imports(content: dict, file: str) -> dict[str, Import]:
    """Return the imports of a checked study file, their mappings read.

    Raises `InputError` for files that are not there, a wrong mapping, an unknown base and a run of two imports.
    """
    found: dict[str, Import] = {}
    of_runs: dict[str, str] = {}
    wanted = tuple(_wanted(content["evaluation"], f"{file}: evaluation.benchmarks")) if content["imports"] else ()
    for name, entry in content["imports"].items():
        where, kind, mapping = f"{file}: imports.{name}", entry["format"], entry["mapping"]
        files = [entry["files"]] if isinstance(entry["files"], str) else entry["files"]
        if (kind == "csv") == bool(mapping):
            raise InputError(
                f"{where}.mapping: a csv says itself which run a score is of; leave the mapping out"
                if mapping
                else f"{where}.mapping: '{kind}' needs a CSV that says which run each file is of"
            )
        try:
            list_files(map(Path, files))
            runs = [row.run for row in read_mapping(mapping)] if mapping else read_runs(map(Path, files))
        except InputError as error:
            raise InputError(f"{where}: {error}") from None
        runs = list({run.path: run for run in runs}.values())
        for run in runs:
            _check_run(run, where)
            if of_runs.setdefault(run.path, name) != name:
                raise InputError(f"{where}: the run '{run.path}' is in imports.{of_runs[run.path]} too")
        found[name] = Import(name, kind, tuple(files), mapping, tuple(entry["allow"]), wanted, tuple(runs))
    return found


def _wanted(section: dict, where: str) -> Iterator[Wanted]:
    """Yield the benchmarks of the section `evaluation`, whatever their origin and sample of items."""
    benchmarks = section.get("benchmarks", [])
    entries = {key: {} for key in benchmarks} if isinstance(benchmarks, list) else benchmarks
    names = set()
    for key, options in entries.items():
        benchmark, languages = find_benchmark(options.get("benchmark", key), where), options.get("languages")
        codes = tuple(map(find_code, languages)) if isinstance(languages, list) else ()
        known = Wanted("", benchmark).expected
        if strange := [code for code in codes if code not in known]:
            hint = f"{say_meant(strange[0])}; it has: {', '.join(known)}"
            raise InputError(f"{where}.{key}.languages: {benchmark.benchmark} has no '{strange[0]}'{hint}")
        name = name_of(benchmark.benchmark, codes)
        if name not in names:
            yield Wanted(name, benchmark, codes)
        names.add(name)


def _check_run(run: ImportedRun, where: str) -> None:
    tables.find_row(tables.bases(), run.base, f"{where}: base", "config/bases.tsv")
    for name in run.more:
        if name in (*COLUMNS, *SCORE_COLUMNS):
            raise InputError(
                f"{where}: the column '{name}' of the mapping has the name of one that scores and runs have; rename it"
            )


def imported_evaluations(imports: dict[str, Import]) -> Iterator[dict[str, Any]]:
    """Yield the imported evaluations as scores, figures and tables know them."""
    for wanted in {one.name: one for entry in imports.values() for one in entry.wanted}.values():
        row = wanted.benchmark
        shown = {"benchmark": row.benchmark, "title": row.title, "chance": row.chance}
        yield {"name": wanted.name, "origin": IMPORTED, "parallel": row.parallel, "benchmark": shown}


def imported_runs(imports: dict[str, Import]) -> Iterator[dict[str, Any]]:
    """Yield the imported runs as `polytune collect-scores` is given them; their family is the selection."""
    for entry in imports.values():
        for run in entry.runs:
            coordinates = {"selection": run.selection, "size": run.size, **run.more}
            yield {
                "run": run.path,
                "base": run.base,
                "parameters": tables.bases()[run.base].parameters,
                "method": run.method if run.languages else "base",
                "variant": run.variant,
                "mixture": run.mixture,
                "seed": run.seed,
                "world": "",
                "languages": list(run.languages),
                "order": None,
                "seen_languages": sorted(map(find_code, tables.bases()[run.base].seen_languages)),
                "family": run.selection,
                "coordinates": {key: None if value == "" else value for key, value in coordinates.items()},
                "imported": entry.name,
            }
