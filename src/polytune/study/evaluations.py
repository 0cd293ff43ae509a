"""What the runs of a study are evaluated on: benchmarks, where their data comes from, in which languages."""

from __future__ import annotations

from pathlib import Path

from polytune.config.benchmarks import Benchmark, Evaluation, find_benchmark
from polytune.errors import InputError
from polytune.evaluation.tasks import find_language, list_tasks
from polytune.languages.codes import from_task_code
from polytune.languages.codes import languages as language_table
from polytune.study.outside import Outside, World


def expand_evaluations(
    section: dict, world: World | None, config: dict, outside: Outside, file: str
) -> list[Evaluation]:
    """Return the evaluations that the section `evaluation` of a study names; `{origin}/{name}` is unique."""
    where = f"{file}: evaluation.benchmarks"
    wanted = section.get("benchmarks", [])
    if isinstance(wanted, list):
        wanted = {name: {} for name in wanted}
    found: dict[str, Evaluation] = {}
    for key, options in wanted.items():
        benchmark = find_benchmark(options.get("benchmark", key), where)
        languages, items = options.get("languages"), options.get("items")
        origins = options.get("data") or _default_origin(config)
        for origin in [origins] if isinstance(origins, str) else origins:
            place = outside.benchmark_data(origin, benchmark, world, where)
            chosen = languages
            if isinstance(languages, list):
                chosen = _find_languages(languages, benchmark, origin, place.path, f"{where}.{key}")
            name = name_of(benchmark.benchmark, chosen, items)
            one = Evaluation(name, benchmark, origin, place.path, chosen, items)
            if f"{one.origin}/{one.name}" in found:
                raise InputError(f"{where}.{key}: {one.name} on data '{origin}' is listed twice")
            found[f"{one.origin}/{one.name}"] = one
    return list(found.values())


def _find_languages(codes: list[str], benchmark: Benchmark, origin: str, directory: str, where: str) -> tuple[str, ...]:
    """Return our codes of the languages that a study names by any code; raises `InputError` for what is not there."""
    offered = [from_task_code(code, benchmark.code_scheme) for code in benchmark.languages]
    try:
        if origin == "directory":
            offered = list(
                list_tasks(benchmark, Path(directory), codes)
            )  # those of the directory's own task files, too
        elif origin == "world":  # which brings its own
            offered = list(language_table())
        found = [find_language(benchmark, code, offered) for code in codes]
    except InputError as error:
        raise InputError(f"{where}.{error}") from None
    if twice := [language for language in found if found.count(language) > 1]:
        raise InputError(f"{where}.languages: language '{twice[0]}' is listed twice")
    return tuple(found)


def name_of(benchmark: str, languages: tuple[str, ...] | str | None, items: int | None = None) -> str:
    """Return the name of an evaluation: the benchmark's, with languages and items where they are not all it has."""
    chosen = [languages] if isinstance(languages, str) else languages or ()
    return "-".join([benchmark, *chosen, *([f"{items}-items"] if items else [])])


def _default_origin(config: dict) -> str:
    if config["scale"] == "world":
        return "world"
    return "directory" if config["locations"]["benchmarks"] else "hub"
