"""What the runs of a study are evaluated on: benchmarks, where their data comes from, in which languages."""

from __future__ import annotations

from polytune.config.benchmarks import Evaluation, find_benchmark
from polytune.errors import InputError
from polytune.languages.codes import check_languages
from polytune.study.outside import Outside, World


def expand_evaluations(
    section: dict, world: World | None, config: dict, outside: Outside, file: str
) -> list[Evaluation]:
    """Return the evaluations that the section `evaluation` of a study names; `{origin}/{name}` is unique."""
    where = f"{file}: evaluation.benchmarks"
    wanted = section["benchmarks"]
    if isinstance(wanted, list):
        wanted = {name: {} for name in wanted}
    found: dict[str, Evaluation] = {}
    for key, options in wanted.items():
        benchmark = find_benchmark(options.get("benchmark", key), where)
        languages = options.get("languages")
        if isinstance(languages, list):
            check_languages(languages, f"{where}.{key}.languages")
        origins = options.get("data") or _default_origin(config)
        for origin in [origins] if isinstance(origins, str) else origins:
            place = outside.benchmark_data(origin, benchmark, world, where)
            chosen = tuple(languages) if isinstance(languages, list) else languages
            one = Evaluation(name_of(benchmark.benchmark, languages), benchmark, origin, place.path, chosen)
            if f"{one.origin}/{one.name}" in found:
                raise InputError(f"{where}.{key}: {one.name} on data '{origin}' is listed twice")
            found[f"{one.origin}/{one.name}"] = one
    return list(found.values())


def name_of(benchmark: str, languages: list[str] | str | None) -> str:
    """Return the name of an evaluation: the benchmark's, with its languages where they are not the table's."""
    if languages is None:
        return benchmark
    return f"{benchmark}-all" if languages == "all" else "-".join([benchmark, *languages])


def _default_origin(config: dict) -> str:
    if config["scale"] == "world":
        return "world"
    return "directory" if config["locations"]["benchmarks"] else "hub"
