"""The list of a study's evaluations that `polytune collect-scores` reads: one JSON file, written by the workflow.

    {"study": "lucky52", "scale": "world",
     "parallel": ["xcopa", "xstorycloze"],
     "counted_as_untuned": {"xwinograd": ["ja"]},
     "runs": [
       {"run": "world-bloom/base/none/seed0", "base": "world-bloom", "method": "base", "mixture": "none", "seed": 0,
        "languages": [], "evaluations": {"xcopa": ".../evaluations/xcopa.json"}},
       {"run": "world-bloom/full/world-incremental-02-all/seed1", "base": "world-bloom", "method": "full",
        "mixture": "world-incremental-02-all", "seed": 1, "languages": ["en", "zh"], "evaluations": {...}}]}

`languages` is the mixture's order. `parallel` (optional) names the benchmarks whose items are translations of each
other, doc_id by doc_id. `counted_as_untuned` (optional) names languages that the paper counts as never tuned although
its mixtures hold them; it moves them to another exposure group and changes nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path

from polytune.errors import InputError, nearest
from polytune.files import read_json

SCALES = ("world", "full")
UNTUNED = "base"
"""The method of a base model as it was downloaded or pre-trained."""


@dataclass(frozen=True)
class EvaluatedRun:
    """One run and the files of its evaluations, by benchmark."""

    run: str
    base: str
    method: str
    mixture: str
    seed: int
    languages: tuple[str, ...]
    evaluations: dict[str, Path]


@dataclass(frozen=True)
class StudyRuns:
    """The evaluated runs of one study."""

    study: str
    scale: str
    runs: tuple[EvaluatedRun, ...]
    parallel: frozenset[str]
    counted_as_untuned: dict[str, frozenset[str]]

    @staticmethod
    def read(path: Path | str) -> StudyRuns:
        """Read the list; raises `InputError` naming the file, the run and the key that is wrong."""
        content = read_json(path)
        _check_keys(path, "the file", content, {"study", "scale", "runs"}, {"parallel", "counted_as_untuned"})
        if content["scale"] not in SCALES:
            raise InputError(f"{path}: scale is '{content['scale']}', expected {' or '.join(SCALES)}")
        needed = {field.name for field in fields(EvaluatedRun)}
        runs = []
        for number, run in enumerate(content["runs"], start=1):
            _check_keys(path, f"run {number} ({run.get('run', 'without a name')})", run, needed, set())
            if len(set(run["languages"])) < len(run["languages"]):
                raise InputError(f"{path}: run {run['run']}: a language stands twice in {run['languages']}")
            if (run["method"] == UNTUNED) != (not run["languages"]):
                raise InputError(
                    f"{path}: run {run['run']}: method '{run['method']}' with languages {run['languages']}: "
                    f"the method '{UNTUNED}' has none, every other method has some"
                )
            evaluations = {benchmark: Path(file) for benchmark, file in run["evaluations"].items()}
            runs.append(EvaluatedRun(**{**run, "languages": tuple(run["languages"]), "evaluations": evaluations}))
        names = [run.run for run in runs]
        if len(set(names)) < len(names):
            raise InputError(f"{path}: run {max(names, key=names.count)} is listed twice")
        if not runs:
            raise InputError(f"{path}: key 'runs' is empty")
        return StudyRuns(
            study=content["study"],
            scale=content["scale"],
            runs=tuple(runs),
            parallel=frozenset(content.get("parallel", ())),
            counted_as_untuned={key: frozenset(value) for key, value in content.get("counted_as_untuned", {}).items()},
        )

    def tuned_languages(self, base: str) -> frozenset[str]:
        """Return the languages of all mixtures that `base` is tuned on in this study."""
        return frozenset(language for run in self.runs if run.base == base for language in run.languages)


def _check_keys(path: Path | str, where: str, content: dict, needed: set[str], optional: set[str]) -> None:
    """Refuse missing and unknown keys."""
    for key in sorted(needed - set(content)):
        raise InputError(f"{path}: {where}: key '{key}' is missing")
    for key in sorted(set(content) - needed - optional):
        raise InputError(f"{path}: {where}: unknown key '{key}'{nearest(key, needed | optional)}")
