"""What is to be fetched for a row of the tables in `config/`: repository, revision and files.

The plan asks here which folder a thing lies in and what its job fetches; `polytune prefetch` asks for people.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, get_args

from polytune.config.benchmarks import benchmarks
from polytune.config.identifiers import identifiers
from polytune.config.judges import find_judge
from polytune.config.prompts import prompt_sets
from polytune.config.tables import bases, find_row, sources
from polytune.errors import InputError

Kind = Literal["base", "tokenizer", "source", "benchmark", "prompts", "identifier", "judge"]
KINDS: tuple[Kind, ...] = get_args(Kind)
FOLDERS = dict(
    zip(KINDS, ("models", "tokenizers", "sources", "benchmarks", "prompts", "identifiers", "judges"), strict=True)
)
"""The first argument of `Paths.fetched` for each kind."""

NEWEST = "newest"
"""In place of a revision that the table does not pin (`-`): what the hub has today; the commit is recorded."""

TOKENIZER = ("tokenizer*", "*_tokens*.json", "vocab.*", "merges.txt", "spiece.model", "sentencepiece.*")
WELCOME: dict[Kind, tuple[str, ...]] = {
    "base": ("*.safetensors.index.json", "generation_config.json", "*.jinja", "README.md", "LICENSE*", *TOKENIZER),
    "tokenizer": TOKENIZER,
    "source": ("README.md", "LICENSE*"),
    "prompts": ("README.md", "LICENSE*"),
    "identifier": ("README.md", "LICENSE*"),
    "judge": ("*.safetensors.index.json", "generation_config.json", "*.jinja", "README.md", "LICENSE*", *TOKENIZER),
    "benchmark": (),  # a data set's own README.md names files that the hub's converted parquet branch does not have
}
"""Patterns of files that are taken if they are there: no code, no pickles."""


@dataclass(frozen=True)
class Wanted:
    """What to fetch: each pattern in `needed` must fit a file. `where` is the row that asks for it, for messages."""

    repository: str
    revision: str
    needed: tuple[str, ...]
    licence: str
    where: str

    def options(self) -> list[str]:
        """Return the options of `polytune prefetch` that say all of it, so that the command reads no table."""
        files = [part for pattern in self.needed for part in ("--file", pattern)]
        licence = ("--licence", self.licence) if self.licence else ()
        return ["--repository", self.repository, "--revision", self.revision, *files, *licence]


def find_wanted(kind: Kind, name: str) -> Wanted:
    """Return what a base, tokenizer or source of the tables, or a benchmark by its hub id, needs.

    Raises `InputError` for what is not in the tables, cannot be fetched, or whose revision pins nothing.
    """
    return FINDERS[kind](name)


def _base(name: str) -> Wanted:
    row = find_row(bases(), name, "prefetch", "config/bases.tsv")
    where = f"config/bases.tsv: base '{name}'"
    revision = _revision(row.revision, row.location, where, "locations.bases")
    if row.trusts_remote_code:
        raise InputError(f"{where}: its code would have to run; {row.notes}")
    return Wanted(row.location, revision, ("*.safetensors", "config.json"), row.licence, where)


def _tokenizer(name: str) -> Wanted:
    """The first base that has the tokenizer provides it."""
    rows = [row for row in bases().values() if row.tokenizer == name]
    if not rows:
        known = ", ".join(sorted({row.tokenizer for row in bases().values()}))
        raise InputError(f"prefetch: no base in config/bases.tsv has the tokenizer '{name}'; there are: {known}")
    row = rows[0]
    where = f"config/bases.tsv: base '{row.base}', for its tokenizer '{name}'"
    revision = _revision(row.revision, row.location, where, "locations.bases")
    return Wanted(row.location, revision, ("tokenizer*", "config.json"), row.licence, where)


def _source(name: str) -> Wanted:
    """The file of each of its languages."""
    row = find_row(sources(), name, "prefetch", "config/sources.tsv")
    where = f"config/sources.tsv: source '{name}'"
    revision = _revision(row.revision, row.location, where, "locations.sources")
    files = tuple(row.file.replace("{language}", language) for language in row.languages)
    return Wanted(row.location, revision, files, row.licence, where)


def _prompts(name: str) -> Wanted:
    """The file of each of its languages."""
    row = find_row(prompt_sets(), name, "prefetch", "config/prompts.tsv")
    where = f"config/prompts.tsv: prompt set '{name}'"
    revision = _revision(row.revision, row.location, where, "locations.prompts")
    files = tuple(dict.fromkeys(row.file_of(language) for language in row.languages))
    return Wanted(row.location, revision, files, row.licence, where)


def _identifier(name: str) -> Wanted:
    """Its model file."""
    row = find_row(identifiers(), name, "prefetch", "config/identifiers.tsv")
    where = f"config/identifiers.tsv: identifier '{name}'"
    if row.file is None:
        raise InputError(f"{where} has no file: it needs none")
    revision = _revision(row.revision, row.location, where, "locations.identifiers")
    return Wanted(row.location, revision, (row.file,), row.licence, where)


def _benchmark(hub_id: str) -> Wanted:
    """The evaluated split of every part, for all benchmarks of the table with this hub id."""
    table = benchmarks().values()
    rows = [row for row in table if row.hub_id == hub_id]
    if not rows:
        known = ", ".join(dict.fromkeys(row.hub_id for row in table))
        raise InputError(
            f"prefetch: no benchmark in config/benchmarks.tsv has the hub id '{hub_id}'; there are: {known}"
        )
    where = f"config/benchmarks.tsv: benchmark '{rows[0].benchmark}'"
    revision = _revision(rows[0].revision, hub_id, where, "locations.benchmarks")
    if other := next((row for row in rows if row.revision != rows[0].revision), None):
        raise InputError(
            f"{where}: revision '{rows[0].revision}', but '{other.revision}' of benchmark '{other.benchmark}' "
            f"with the same hub id {hub_id}; one data set is fetched at one revision"
        )
    return Wanted(hub_id, revision, tuple(dict.fromkeys(f"*/{row.split}/*.parquet" for row in rows)), "", where)


def _revision(revision: str | None, location: str | None, where: str, key: str) -> str:
    """Return the revision to fetch, `NEWEST` for none; raises `InputError` where nothing can be fetched."""
    if location is None:
        raise InputError(f"{where} cannot be fetched: its location is '-'; name its directory in {key}")
    if location.startswith("world:"):
        raise InputError(f"{where} is generated, not fetched")
    if location.startswith(("/", ".", "~")):
        raise InputError(f"{where} is the directory {location}; name it in {key} instead of fetching it")
    if revision == "main":
        raise InputError(
            f"{where}: revision '{revision}' pins nothing; put a commit there, from "
            f"https://huggingface.co/{location}/commits, or '-' to take the newest"
        )
    return revision or NEWEST


def _judge(name: str) -> Wanted:
    """The weights of a judge that runs in the job's own process."""
    judge = find_judge(name, "prefetch")
    where = f"config/judges.yaml: {name}"
    if judge.backend != "transformers":
        raise InputError(f"{where}: its backend is '{judge.backend}': nothing is fetched for it")
    revision = _revision(judge.revision, judge.model, where, "locations.judges")
    return Wanted(judge.model, revision, ("*.safetensors", "config.json"), "", where)


FINDERS: dict[Kind, Callable[[str], Wanted]] = {
    "base": _base,
    "tokenizer": _tokenizer,
    "source": _source,
    "benchmark": _benchmark,
    "prompts": _prompts,
    "identifier": _identifier,
    "judge": _judge,
}
