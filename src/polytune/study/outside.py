"""Outside things: bases, sources and benchmark data, where each lies, and by which small file it is known.

A thing is generated with a world, given by the user as a local directory, or fetched once. What comes from a world
carries the world's name (`world-bloom-w1`), so that several worlds stand side by side.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from polytune import ROOT
from polytune.config import tables
from polytune.config.benchmarks import Benchmark
from polytune.config.identifiers import Identifier
from polytune.config.judges import Judge
from polytune.config.paths import Paths
from polytune.config.schema import check
from polytune.errors import InputError, nearest
from polytune.fetch.wanted import FOLDERS, Kind, find_wanted
from polytune.languages.codes import check_languages
from polytune.models.architectures import is_encoder_decoder
from polytune.readers.yaml import read_yaml
from polytune.study.locations import check_locations
from polytune.world.settings import settings_of_size, world_name

if TYPE_CHECKING:
    from polytune.study.answers import UsedPrompts

WORLD_TABLE = "config/world.yaml"


@dataclass(frozen=True)
class World:
    """A generated world that the configuration uses."""

    seed: int
    size: str

    @property
    def name(self) -> str:
        """Return its name, the ending of everything that comes from it."""
        return world_name(self.size, self.seed)

    def named(self, thing: str) -> str:
        """Return the name of a thing that comes from this world."""
        return f"{thing}-{self.name}"


@dataclass(frozen=True)
class Source:
    """An instruction source: a row of `config/sources.tsv`, as it is or of one world."""

    name: str
    row: tables.Source
    languages: tuple[str, ...]
    world: World | None = None
    rows: int | None = None
    """Rows of each language, where that is known before they are read."""

    @property
    def listed(self) -> str:
        """Return its name in the table."""
        return self.row.source


@dataclass(frozen=True)
class UsedBase:
    """A base model: a row of `config/bases.tsv`, or an entry of `config/world.yaml` in one world."""

    name: str
    listed: str
    """Its name in the table."""
    row: tables.Base
    world: World | None = None
    model: dict | None = None
    """The transformers configuration that a world's base is pre-trained from."""
    pretraining: dict | None = None
    texts: Source | None = None
    """What a world's base is pre-trained on."""


@dataclass(frozen=True)
class Place:
    """A directory (or file) that programs read and the marker that the workflow depends on."""

    path: str
    marker: str


@cache
def world_bases() -> dict[str, dict]:
    """Return the checked entries of `config/world.yaml`."""
    bases = check(read_yaml(ROOT / WORLD_TABLE), "world", WORLD_TABLE)["bases"]
    for name, entry in bases.items():
        where = f"{WORLD_TABLE}: bases.{name}.pretraining"
        entry["pretraining"] = check(entry["pretraining"], "study#hyperparameters", where)
    return bases


def find_base(name: str, world: World | None, where: str) -> UsedBase:
    """Return a base by its name in a study file; raises `InputError` for an unknown one, or a world's without world."""
    if name in world_bases():
        if world is None:
            raise InputError(f"{where}: '{name}' belongs to the generated world; use it in `world.bases` of a study")
        entry = world_bases()[name]
        texts = find_source(entry["texts"], world, f"{WORLD_TABLE}: bases.{name}.texts")
        wanted = tuple(entry.get("languages") or texts.languages)
        whole = find_source(entry["texts"], replace(world, size="default"), name).languages
        if strange := [code for code in wanted if code not in whole]:
            raise InputError(
                f"{WORLD_TABLE}: bases.{name}.languages: '{entry['texts']}' has no texts in '{strange[0]}'; "
                f"it has {', '.join(whole)}"
            )
        languages = tuple(code for code in wanted if code in texts.languages)  # a small world has few of them
        architecture = "encoder-decoder" if is_encoder_decoder(entry["model"]["model_type"]) else "decoder"
        row = tables.Base(
            base=world.named(name),
            architecture=architecture,
            location="world",
            tokenizer=world.named("world"),
            licence="apache-2.0",
            parameters=entry.get("parameters"),
            pretraining_languages=languages,
        )
        return UsedBase(world.named(name), name, row, world, entry["model"], entry["pretraining"], texts)
    if name not in tables.bases():
        known = [*tables.bases(), *world_bases()]
        raise InputError(
            f"{where}: '{name}' is neither in config/bases.tsv nor in {WORLD_TABLE}{nearest(name, known)}; "
            f"there are: {', '.join(known)}"
        )
    row = tables.bases()[name]
    seen = {key: tuple(_codes(getattr(row, key), name)) for key in ("pretraining_languages", "counted_as_seen")}
    return UsedBase(name, name, replace(row, **seen))


def _codes(names: Iterable[str], base: str) -> Iterator[str]:
    """Yield our codes of languages of a base, by whatever they are called."""
    for entry in check_languages(names, f"config/bases.tsv: base '{base}'"):
        yield entry.language


def find_source(name: str, world: World | None, where: str) -> Source:
    """Return a source by its name in a study file, with its languages; raises `InputError` for an unknown one."""
    row = tables.find_row(tables.sources(), name, where, "config/sources.tsv")
    entries = check_languages(row.languages, f"config/sources.tsv: source '{name}'")
    source = Source(name, row, tuple(entry.language for entry in entries))
    if row.location is None or not row.location.startswith("world:"):
        return source
    if world is None:
        raise InputError(f"{where}: '{name}' belongs to the generated world; name it in `world.sources` of a study")
    settings = settings_of_size(world.size, world.seed)
    languages, rows = settings.languages, settings.instruction_rows
    if (corpus := row.location.partition(":")[2]) in settings.corpora:
        languages, rows = settings.corpora[corpus], settings.documents_per_base_language
    return replace(source, name=world.named(name), languages=tuple(languages), world=world, rows=rows)


class Outside:
    """Answers where bases, tokenizers, sources and benchmark data of a configuration lie."""

    def __init__(self, config: dict, paths: Paths) -> None:
        self.locations, self.paths = config["locations"], paths
        check_locations(self.locations, [*tables.bases(), *world_bases()])

    def _fetched(self, kind: Kind, name: str) -> str:
        """Return the folder of a fetched thing: its revision is part of it, so another revision is another download."""
        return self.paths.fetched(FOLDERS[kind], name, find_wanted(kind, name).revision)

    @staticmethod
    def _check_file(file: str, kind: str, lacks: str) -> None:
        """Raise `InputError` for a file that is not in the directory that the user named."""
        if not Path(file).is_file():
            raise InputError(f"configuration: locations.{kind}: {lacks}: {file}: no such file")

    # --- bases and tokenizers ---

    def given_base(self, base: UsedBase) -> str:
        """Return the local directory of a base, empty if none is given."""
        return self.locations["bases"].get(base.listed, "")

    def base(self, base: UsedBase) -> Place:
        """Return where the weights of a base lie."""
        if given := self.given_base(base):
            return Place(given, self.paths.given("bases", base.name))
        if base.world:
            return Place(self.paths.base(base.name), self.paths.base_marker(base.name))
        folder = self._fetched("base", base.listed)
        return Place(folder, f"{folder}/manifest.json")

    def tokenizer(self, tokenizer: str, bases: Iterable[UsedBase]) -> Place:
        """Return where a tokenizer lies: with a given base that has it, else with its world, else fetched."""
        having = [base for base in bases if base.row.tokenizer == tokenizer]
        for base in having:
            if self.given_base(base):
                return self.base(base)
        if having[0].world:
            world = having[0].world.name
            return Place(f"{self.paths.world(world)}/tokenizer", self.paths.world_marker(world))
        folder = self._fetched("tokenizer", tokenizer)
        return Place(folder, f"{folder}/manifest.json")

    # --- sources ---

    def given_source(self, source: Source, language: str) -> str:
        """Return the local file of one language of a source, empty if none is given."""
        given = self.locations["sources"].get(source.listed)
        if not given:
            return ""
        pattern = given if "{language}" in given else f"{given}/{source.row.file}"
        return pattern.replace("{language}", language)

    def source(self, source: Source, language: str) -> Place:
        """Return the file of one language of a source."""
        if given := self.given_source(source, language):
            self._check_file(given, "sources", f"source '{source.name}' has no rows in '{language}'")
            return Place(given, given)
        file = source.row.file.replace("{language}", language)
        if source.world:
            folder = f"{self.paths.world(source.world.name)}/{source.row.location.partition(':')[2]}"
            return Place(f"{folder}/{file}", self.paths.world_marker(source.world.name))
        if source.row.location is None:
            raise InputError(
                f"configuration: locations.sources.{source.name}: no directory is given; '{source.name}' cannot be "
                f"fetched, name the directory that holds {source.row.file}"
            )
        folder = self._fetched("source", source.name)
        return Place(f"{folder}/{file}", f"{folder}/manifest.json")

    # --- prompt sets and identifiers of languages ---

    def given_prompts(self, prompts: UsedPrompts, language: str) -> str:
        """Return the local file of one language of a prompt set, empty if none is given."""
        given = self.locations["prompts"].get(prompts.listed)
        return f"{given}/{prompts.row.file_of(language)}" if given else ""

    def prompts(self, prompts: UsedPrompts, language: str) -> Place:
        """Return the file of one language of a prompt set."""
        if given := self.given_prompts(prompts, language):
            self._check_file(given, "prompts", f"prompt set '{prompts.name}' has no prompts in '{language}'")
            return Place(given, given)
        file = prompts.row.file_of(language)
        if prompts.world:
            folder = f"{self.paths.world(prompts.world.name)}/{prompts.row.location.partition(':')[2]}"
            return Place(f"{folder}/{file}", self.paths.world_marker(prompts.world.name))
        folder = self._fetched("prompts", prompts.name)
        return Place(f"{folder}/{file}", f"{folder}/manifest.json")

    def identifier(self, row: Identifier) -> Place | None:
        """Return the model file of an identifier of languages, None for one that needs none."""
        if row.file is None:
            return None
        if given := self.locations["identifiers"].get(row.identifier):
            return Place(given, given)
        folder = self._fetched("identifier", row.identifier)
        return Place(f"{folder}/{row.file}", f"{folder}/manifest.json")

    def given_judge(self, judge: Judge) -> str:
        """Return the local model directory of a judge in the job's own process, empty if none is given."""
        return self.locations["judges"].get(judge.name, "") if judge.backend == "transformers" else ""

    def judge(self, judge: Judge) -> Place | None:
        """Return the model of a judge that runs in the job's own process, None for another."""
        if judge.backend != "transformers":
            return None
        if given := self.given_judge(judge):
            return Place(given, self.paths.given("judges", judge.name))
        folder = self._fetched("judge", judge.name)
        return Place(folder, f"{folder}/manifest.json")

    # --- benchmark data ---

    def benchmark_data(self, origin: str, benchmark: Benchmark, world: World | None, where: str) -> Place:
        """Return the data root of a benchmark and its marker; a given directory has none, its files are looked at."""
        if origin == "world":
            if world is None:
                raise InputError(f"{where}: data 'world' needs scale 'world'")
            return Place(f"{self.paths.world(world.name)}/benchmarks", self.paths.world_marker(world.name))
        if origin == "directory":
            if not self.locations["benchmarks"]:
                raise InputError(
                    f"{where}: benchmark '{benchmark.benchmark}' takes its data from a directory, and none is given; "
                    "name it in the configuration: locations: {benchmarks: DIRECTORY}"
                )
            return Place(self.locations["benchmarks"], "")
        folder = self._fetched("benchmark", benchmark.hub_id)
        return Place(folder.removesuffix(f"/{benchmark.hub_id}"), f"{folder}/manifest.json")
