"""What finished runs say about themselves: manifests of trainings, headers of evaluations, markers of answers."""

from __future__ import annotations

from collections.abc import Iterator
from glob import glob

from polytune.config.paths import ANY_RUN, Paths
from polytune.files import read_json


def trainings(paths: Paths) -> Iterator[tuple[str, str, dict]]:
    """Yield (folder, rule, manifest) of every finished training below a results folder."""
    for file in sorted(glob(paths.base_marker("*"))):
        yield paths.base(file.split("/")[-2]), "pretrain_base", read_json(file)
    for file in sorted(glob(paths.model_marker(ANY_RUN))):
        manifest = read_json(file)
        yield paths.run(_run(paths, file)), f"train_{manifest['method']}", manifest


def evaluations(paths: Paths) -> Iterator[tuple[str, str, str, dict]]:
    """Yield (run, origin, name, header) of every finished evaluation below a results folder."""
    for file in sorted(glob(paths.evaluation(ANY_RUN, "*", "*"))):
        origin, name = file.split("/")[-2:]
        yield _run(paths, file), origin, name.removesuffix(".json"), read_json(file)["polytune"]


def responses(paths: Paths) -> Iterator[tuple[str, dict]]:
    """Yield (file, marker) of every finished response of a model below a results folder; null answers have no model."""
    for file in sorted(glob(paths.responses(ANY_RUN, "*"))):
        marker = read_json(file)
        if "backend" in marker["spec"]:
            yield file, marker


def losses(paths: Paths) -> Iterator[tuple[str, dict]]:
    """Yield (file, marker) of every finished loss on reference answers below a results folder."""
    for file in sorted(glob(paths.loss(ANY_RUN, "*"))):
        yield file, read_json(file)


def verdicts(paths: Paths) -> Iterator[tuple[str, str, list[dict]]]:
    """Yield (marker, judge, what each request took) of every file of verdicts below a results folder.

    Two files may hold one request: equal answers of two runs are judged once.
    """
    from polytune.readers.parquet import read_table

    columns = ["key", "attempts", "prompt_tokens", "completion_tokens", "price"]
    alone = paths.verdicts(ANY_RUN, "*", "*", "*")
    for pattern in (alone, paths.verdicts(ANY_RUN, "*", "*", "*", ANY_RUN)):
        for file in sorted(glob(pattern)):
            yield (
                file,
                file.removeprefix(paths.run(_run(paths, file))).split("/")[2],
                read_table(file.removesuffix(".json") + ".parquet", columns).to_pylist(),
            )


def _run(paths: Paths, file: str) -> str:
    """Return the run that a file lies with."""
    return "/".join(file.removeprefix(paths.run("")).split("/")[: ANY_RUN.count("/") + 1])
