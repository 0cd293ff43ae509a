"""What `polytune collect-scores` is asked for: one JSON file, written by the workflow.

    {"study": "lucky52", "scale": "world",
     "counted_as_untuned": {"xwinograd": ["ja"]},
     "evaluations": [{"name": "xcopa", "origin": "world", "parallel": true, "benchmark": {"benchmark": "xcopa", ...}}],
     "answers": [{"name": "questions", "prompts": "world-questions", "files": {"w1": "world-questions-w1"},
                  "origin": "world", "parallel": true, "languages": ["en", "fr"], "identifier": "exact",
                  "judged": [{"judge": "exact", "protocol": "rating-3"},
                             {"judge": "exact", "protocol": "side-by-side", "against": "base",
                              "opponents": {"{run}": {"{opponent}": ["en", "fr"]}}}]}],
     "runs": [
       {"run": "world-bloom-w1/base/none/seed0", "base": "world-bloom-w1", "method": "base", "mixture": "none",
        "seed": 0, "world": "w1", "languages": [], "seen_languages": ["en", ...]},
       {"run": "world-bloom-w1/full/world-w1-incremental-02-all/seed1", "base": "world-bloom-w1", "method": "full",
        "mixture": "world-w1-incremental-02-all", "seed": 1, "world": "w1", "family": "incremental",
        "coordinates": {"size": 2}, "languages": ["en", "zh"], "order": ["en", "zh", ...], "seen_languages": [...]}]}

`languages` may be null: the mixture's manifest says what was trained. `order` (optional) is the order in which the
study's family adds them. A run that belongs to two families of the study stands here twice, once with each family and
its coordinates. `parallel` says that the items are translations of each other, doc_id by doc_id. `counted_as_untuned`
names languages, by benchmark, that the paper counts as never tuned although its mixtures hold them; it moves them to
another exposure group and changes nothing else. `parameters` of a run is the size of its base.

`answers` (optional) are prompt sets that every run has answered (or those of the list `runs`, as of ratings), by the
name of the responses; with `loss` their loss on the reference answers was measured, too. `opponents` says whom a
run's answers were set beside, in which languages; a run that is left out was not judged so. `files` (optional) names
the prompts of each world (`""`: of none) below `prompts/`: items get the categories of their questions from there. The
null responders are runs, too, of the method `null`.

`imported` names the import that a run comes from, empty for our own; its evaluations are those of origin `imported`.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import MISSING, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from polytune.errors import InputError, nearest
from polytune.files import read_json

SCALES = ("world", "full")
UNTUNED = "base"
"""The method of a base model as it was downloaded or pre-trained."""
NULL = "null"
"""The method of a responder that is no model: a judge's verdict on its answers tells of the judge."""
IMPORTED = "imported"
"""The origin of evaluations that were run elsewhere."""


@dataclass(frozen=True)
class RunSpec:
    """One run of the study, in one of its families."""

    run: str
    base: str
    method: str
    mixture: str
    seed: int
    seen_languages: tuple[str, ...]
    languages: tuple[str, ...] | None = None
    order: tuple[str, ...] | None = None
    variant: str = ""
    world: str = ""
    family: str = ""
    imported: str = ""
    coordinates: dict[str, Any] = field(default_factory=dict)
    parameters: int | None = None

    @property
    def untuned(self) -> bool:
        """Return whether nothing was trained: the base model itself, or no model."""
        return self.method in (UNTUNED, NULL)


@dataclass(frozen=True)
class EvaluationSpec:
    """One evaluation of the study: a benchmark's row, where its data comes from, whether its items are parallel."""

    name: str
    origin: str
    benchmark: dict[str, Any]
    parallel: bool = False


@dataclass(frozen=True)
class JudgedSpec:
    """How answers were judged: by whom, by which protocol and, side by side, against whom."""

    judge: str
    protocol: str
    against: str = ""
    """What the opponents are, in a word: `base`, `monolingual`, a family; empty where each answer is rated alone."""
    opponents: dict[str, dict[str, list[str]]] = field(default_factory=dict)
    """Of each run its opponents, and the languages in which the answers of the two stand side by side."""
    runs: tuple[str, ...] | None = None
    """The runs whose answers were rated alone; None: all."""


@dataclass(frozen=True)
class AnswersSpec:
    """A prompt set that the runs answered: who identified the answers' languages, and who judged them."""

    name: str
    prompts: str
    origin: str
    parallel: bool
    languages: tuple[str, ...]
    identifier: str = ""
    loss: bool = False
    """Whether the loss on the reference answers was measured."""
    judged: tuple[JudgedSpec, ...] = ()
    files: dict[str, str] = field(default_factory=dict)
    """Names of the prompts by world, the empty one for prompts of no world."""
    runs: tuple[str, ...] | None = None
    """The runs that were asked; None: all."""


@dataclass(frozen=True)
class ScoresSpec:
    """What the scores of a study are collected from."""

    study: str
    scale: str
    runs: tuple[RunSpec, ...]
    evaluations: tuple[EvaluationSpec, ...]
    answers: tuple[AnswersSpec, ...]
    counted_as_untuned: dict[str, frozenset[str]]

    @staticmethod
    def read(path: Path | str) -> ScoresSpec:
        """Read the file; raises `InputError` naming the file, the run and the key that is wrong."""
        content = read_json(path)
        optional = {"counted_as_untuned", "answers"}
        _check_keys(path, "the file", content, {"study", "scale", "runs", "evaluations"}, optional)
        if content["scale"] not in SCALES:
            raise InputError(f"{path}: scale is '{content['scale']}', expected {' or '.join(SCALES)}")
        runs = [_read_run(path, number, run) for number, run in enumerate(content["runs"], start=1)]
        evaluations = [_build(path, "evaluations", EvaluationSpec, entry) for entry in content["evaluations"]]
        answers = [_read_answers(path, entry) for entry in content.get("answers", [])]
        for what, names in (
            ("run", [f"{run.run} of family '{run.family}'" for run in runs]),
            ("evaluation", [f"{entry.name} of origin '{entry.origin}'" for entry in (*evaluations, *answers)]),
        ):
            if not names:
                raise InputError(f"{path}: key '{what}s' is empty")
            if len(set(names)) < len(names):
                raise InputError(f"{path}: {what} {max(names, key=names.count)} is listed twice")
        counted = {key: frozenset(value) for key, value in content.get("counted_as_untuned", {}).items()}
        return ScoresSpec(content["study"], content["scale"], tuple(runs), tuple(evaluations), tuple(answers), counted)


def _read_answers(path: Path | str, entry: dict[str, Any]) -> AnswersSpec:
    where = f"answers ({entry.get('name', 'without a name')})"
    answers = _build(path, where, AnswersSpec, entry)
    judged = [_build(path, f"{where}: judged", JudgedSpec, one) for one in answers.judged]
    kinds = [(one.judge, one.protocol, one.against) for one in judged]
    if len(set(kinds)) < len(kinds):
        raise InputError(f"{path}: {where}: {' '.join(max(kinds, key=kinds.count))} is listed twice")
    return replace(answers, judged=tuple(judged))


def _read_run(path: Path | str, number: int, entry: dict[str, Any]) -> RunSpec:
    run = _build(path, f"run {number} ({entry.get('run', 'without a name')})", RunSpec, entry)
    languages = run.languages or ()
    if len(set(languages)) < len(languages):
        raise InputError(f"{path}: run {run.run}: a language stands twice in {list(languages)}")
    if run.untuned if languages else not run.untuned and run.languages is not None:
        raise InputError(
            f"{path}: run {run.run}: method '{run.method}' with languages {list(languages)}: "
            f"the methods '{UNTUNED}' and '{NULL}' have none, every other method has some"
        )
    return run


def _build(path: Path | str, where: str, record: type, entry: dict[str, Any]) -> Any:
    """Return the record of an entry, its lists as tuples."""
    needed = {item.name for item in fields(record) if item.default is MISSING and item.default_factory is MISSING}
    _check_keys(path, where, entry, needed, {item.name for item in fields(record)} - needed)
    return record(**{key: tuple(value) if isinstance(value, list) else value for key, value in entry.items()})


def _check_keys(
    path: Path | str, where: str, content: dict[str, Any], needed: Collection[str], optional: Collection[str]
) -> None:
    """Refuse missing and unknown keys."""
    for key in sorted(set(needed) - set(content)):
        raise InputError(f"{path}: {where}: key '{key}' is missing")
    for key in sorted(set(content) - set(needed) - set(optional)):
        raise InputError(f"{path}: {where}: unknown key '{key}'{nearest(key, {*needed, *optional})}")
