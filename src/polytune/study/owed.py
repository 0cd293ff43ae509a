"""What a plan owes of free answers: responses of each run, whose language is identified, and verdicts on them.

Jobs are batches: one process answers (identifies, judges) for several runs, since starting it costs more than a tiny
model's answers. What is finished is kept by key, so a batch makes only what is missing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, get_args

from polytune.config.identifiers import identifiers
from polytune.config.judges import BORROWS, NullKind
from polytune.errors import InputError
from polytune.judging.protocols import PROTOCOLS
from polytune.study.answers import Judged, Responses, UsedPrompts
from polytune.study.opponents import opponents

if TYPE_CHECKING:
    from polytune.study.expand import Run, Study
    from polytune.study.plan import Plan


@dataclass(frozen=True)
class NullRun:
    """Null answers of one kind, judged as if a run had given them: the donor, whose opponents it meets."""

    path: str
    study: str
    kind: str
    donor: str

    @property
    def lender(self) -> str | None:
        """Return the run whose answers it borrows, None for a kind that borrows none."""
        return self.donor if self.kind == BORROWS else None


@dataclass(frozen=True)
class Verdicts:
    """What one judge says by one protocol of one run's responses, or of two runs' side by side."""

    judge: str
    protocol: str
    run: str
    opponent: str
    languages: dict[str, tuple[str, ...]]
    """Languages that are judged, by the name of the responses."""

    @property
    def about(self) -> str:
        """Return what the spec is about."""
        place = f"verdicts/{self.judge}/{self.protocol}/{self.run}"
        return f"{place}/against/{self.opponent}" if self.opponent else place


@dataclass(frozen=True)
class Batch:
    """What one job makes: of `runs`, all that is in `owed`."""

    runs: tuple[str, ...]
    owed: tuple[str, ...]
    """Names of responses."""


class Owed:
    """What is owed of free answers, over all studies of a plan."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan

    @cached_property
    def nulls(self) -> dict[str, NullRun]:
        """Return the null runs of every study that judges, by path: one of each kind in each world."""
        found = {}
        for study in self.plan.studies.values():
            if not study.judged:
                continue
            donors: dict[str, str] = {}
            for path, run in study.runs.items():
                if run.spec is not None:
                    donors.setdefault(run.base.world.name if run.base.world else "", path)
            for world, donor in donors.items():
                base = f"null-{study.name}-{world}".rstrip("-")
                for kind in get_args(NullKind):
                    path = f"{base}/null/{kind}/seed0"
                    found[path] = NullRun(path, study.name, kind, donor)
        return found

    @cached_property
    def responses(self) -> dict[str, dict[str, Responses]]:
        """Return what each run answers, by run and name; another thing under the same name is an error."""
        merged: dict[str, dict[str, Responses]] = {}
        for study in self.plan.studies.values():
            for path, answers in study.answers.items():
                mine = merged.setdefault(path, {})
                for name, one in answers.items():
                    if mine.setdefault(name, one) != one:
                        raise InputError(
                            f"{study.file}: evaluation.prompts.{name}: an earlier study asks '{path}' something else "
                            "under this name; give one of the two another key"
                        )
        merged = {path: answers for path, answers in merged.items() if answers}
        for null in self.nulls.values():
            study = self.plan.studies[null.study]
            judged = {one.responses for one in study.judged.values()}
            if answers := {name: one for name, one in study.answers.get(null.donor, {}).items() if name in judged}:
                merged[null.path] = answers
        return merged

    def world_of(self, run: str) -> str:
        """Return the world of a run, or of the donor of null answers; empty for real ones."""
        world = self.plan.runs[self.nulls[run].donor if run in self.nulls else run].base.world
        return world.name if world else ""

    @cached_property
    def prompts(self) -> dict[str, UsedPrompts]:
        """Return all prompt sets by name."""
        return {one.prompts.name: one.prompts for answers in self.responses.values() for one in answers.values()}

    @cached_property
    def losses(self) -> dict[tuple[str, str], Responses]:
        """Return whose loss on reference answers is measured, by run and name of the responses; no null run has one."""
        owed = ((run, name, one) for run in self.plan.runs for name, one in self.responses.get(run, {}).items())
        return {(run, name): one for run, name, one in owed if one.loss}

    @cached_property
    def batches(self) -> list[Batch]:
        """Return the jobs that generate: runs of one base that answer the same."""
        return self._batches(self.plan.runs, self.plan.config["generation"]["runs_per_job"])

    @cached_property
    def null_batches(self) -> list[Batch]:
        """Return the jobs that write null answers, one for each null run."""
        return self._batches(self.nulls, 1)

    def identified(self, identifier: str) -> list[Batch]:
        """Return the jobs that identify languages by one identifier."""
        return self._batches(self.responses, self.plan.config["judging"]["runs_per_job"], identifier)

    @cached_property
    def identifiers(self) -> list[str]:
        """Return the identifiers in use."""
        used = [one.identifier for answers in self.responses.values() for one in answers.values() if one.identifier]
        return sorted({identifier.identifier for identifier in used})

    def _batches(self, runs: Iterable[str], size: int, identifier: str = "") -> list[Batch]:
        groups: dict[tuple, list[str]] = {}
        for path in runs:
            owed = tuple(
                name
                for name, one in self.responses.get(path, {}).items()
                if not identifier or (one.identifier and one.identifier.identifier == identifier)
            )
            if owed:
                together = self.world_of(path) if identifier else path.split("/")[0]
                groups.setdefault((together, owed), []).append(path)
        return [
            Batch(tuple(group[start : start + size]), owed)
            for (_, owed), group in groups.items()
            for start in range(0, len(group), size)
        ]

    @cached_property
    def verdicts(self) -> dict[str, Verdicts]:
        """Return everything that is judged, by what its spec is about. Two runs side by side are judged once."""
        found: dict[str, Verdicts] = {}
        for study in self.plan.studies.values():
            for judged in study.judged.values():
                for path, languages, opponent in self._pairs(study, judged):
                    one = Verdicts(judged.judge, judged.protocol, path, opponent, {})
                    known = found.setdefault(one.about, one)
                    before = known.languages.get(judged.responses, ())
                    known.languages[judged.responses] = tuple(dict.fromkeys([*before, *languages]))
        return found

    def _pairs(self, study: Study, judged: Judged) -> Iterator[tuple[str, tuple[str, ...], str]]:
        """Yield (run, languages, opponent), the run being the one whose path sorts first where there are two."""
        if PROTOCOLS[judged.protocol].scale is not None:
            for path in self.judged_runs(study, judged):
                yield path, self.responses[path][judged.responses].languages, ""
        for path, opponent, languages in self.meetings(study, judged):
            first, second = sorted((path, opponent))
            yield first, languages, second

    def meetings(self, study: Study, judged: Judged) -> Iterator[tuple[str, str, tuple[str, ...]]]:
        """Yield (run, opponent, languages) of every run whose answers are set beside another's."""
        if PROTOCOLS[judged.protocol].scale is None:
            for path, run in self.judged_runs(study, judged).items():
                asked = self.responses[path][judged.responses].languages
                for opponent, languages in opponents(study, run, judged.against, asked, judged.own).items():
                    if opponent != path and judged.responses in self.responses.get(opponent, {}):
                        yield path, opponent, languages

    def judged_runs(self, study: Study, judged: Judged) -> dict[str, Run]:
        """Return the runs whose responses are judged, with null runs as in `_runs`."""
        return {
            path: run
            for path, run in self._runs(study).items()
            if judged.responses in self.responses.get(path, {}) and study.is_of(run, judged.mixtures)
        }

    def asked(self, study: Study, responses: str) -> list[str]:
        """Return the runs of a study that answer these responses, null runs included."""
        return [path for path in self._runs(study) if responses in self.responses.get(path, {})]

    def _runs(self, study: Study) -> dict[str, Run]:
        """Return the runs of a study, and its null runs with the run that each stands for."""
        nulls = {path: study.runs[null.donor] for path, null in self.nulls.items() if null.study == study.name}
        return {**study.runs, **nulls}

    @cached_property
    def judge_batches(self) -> list[list[Verdicts]]:
        """Return the jobs that judge: verdicts of one judge, protocol and set of responses."""
        groups: dict[tuple, list[Verdicts]] = {}
        for one in self.verdicts.values():
            groups.setdefault((one.judge, one.protocol, self.world_of(one.run)), []).append(one)
        size = self.plan.config["judging"]["runs_per_job"]
        return [group[start : start + size] for group in groups.values() for start in range(0, len(group), size)]

    # --- files ---

    def files(self, study: str) -> list[str]:
        """Return the markers of all responses, identifications and verdicts of a study, null answers' included."""
        chosen = self.plan.studies[study]
        runs = self._runs(chosen)
        names = {name for answers in chosen.answers.values() for name in answers}
        return [file for run in runs for file in self._files_of(run, names)] + self.verdict_files(study)

    def _files_of(self, run: str, names: set[str]) -> list[str]:
        found = []
        for name, one in self.responses.get(run, {}).items():
            if name in names:
                found.append(self.plan.paths.responses(run, name))
                if one.identifier:
                    found.append(self.plan.paths.identified(run, one.identifier.identifier, name))
                if (run, name) in self.losses:
                    found.append(self.plan.paths.loss(run, name))
        return found

    def verdict_files(self, study: str) -> list[str]:
        """Return the markers of the verdicts of a study."""
        return [
            self.plan.paths.verdicts(one.run, one.judge, one.protocol, name, one.opponent)
            for judged in self.plan.studies[study].judged.values()
            for one in self.of_judged(study, judged)
            for name in one.languages
            if name == judged.responses
        ]

    def of_judged(self, study: str, judged: Judged) -> list[Verdicts]:
        """Return the verdicts that one entry of a study's `judged` asks for."""
        asked = self._pairs(self.plan.studies[study], judged)
        abouts = dict.fromkeys(Verdicts(judged.judge, judged.protocol, run, other, {}).about for run, _, other in asked)
        return [self.verdicts[about] for about in abouts]

    def result_of(self, about: str) -> str:
        """Return a file of the result that a spec is about."""
        stage, _, rest = about.partition("/")
        if stage == "prompts":
            return self.plan.paths.prompts_report(*rest.split("/"))
        if stage == "responses":
            return self.plan.paths.responses(rest, next(iter(self.responses[rest])))
        if stage == "losses":
            run, _, name = rest.rpartition("/")
            return self.plan.paths.loss(run, name)
        if stage == "identified":
            identifier, _, run = rest.partition("/")
            (batch,) = (batch for batch in self.identified(identifier) if run in batch.runs)
            return self.plan.paths.identified(run, identifier, batch.owed[0])
        one = self.verdicts[about]
        return self.plan.paths.verdicts(one.run, one.judge, one.protocol, next(iter(one.languages)), one.opponent)

    def fetched(self) -> list[str]:
        """Return the markers of what free answers need from outside."""
        places = [
            self.plan.outside.prompts(prompts, language)
            for prompts in self.prompts.values()
            for language in self.languages(prompts.name)
        ]
        places += [self.plan.outside.identifier(identifiers()[name]) for name in self.identifiers]
        return [place.marker for place in places if place]

    def languages(self, prompts: str) -> list[str]:
        """Return the languages in which a prompt set is asked."""
        asked = (one for answers in self.responses.values() for one in answers.values() if one.prompts.name == prompts)
        return sorted({language for one in asked for language in one.languages})
