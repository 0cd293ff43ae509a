"""What the runs of a study are asked: prompt sets, who says which language an answer is in, and who judges it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from polytune.config.identifiers import Identifier, identifiers
from polytune.config.judges import judges
from polytune.config.prompts import WITHOUT_REFERENCES, PromptSet, prompt_sets
from polytune.config.tables import find_row
from polytune.errors import InputError, nearest
from polytune.judging.protocols import PROTOCOLS
from polytune.languages.codes import check_languages, say_meant
from polytune.study.outside import World
from polytune.world.settings import settings_of_size

SAMPLING = ("items", "max_new_tokens", "temperature", "top_p", "seed")
"""Keys of `evaluation.prompts` that decide the text of an answer."""


@dataclass(frozen=True)
class UsedPrompts:
    """A prompt set: a row of `config/prompts.tsv`, as it is or of one world."""

    name: str
    row: PromptSet
    world: World | None = None

    @property
    def listed(self) -> str:
        """Return its name in the table."""
        return self.row.prompts


@dataclass(frozen=True)
class Responses:
    """What a run is asked to answer: prompts in some languages, how its answers are drawn and identified."""

    name: str
    prompts: UsedPrompts
    languages: tuple[str, ...]
    sampling: dict
    identifier: Identifier | None = None
    loss: bool = False
    """Whether the loss on the reference answers is measured, too."""
    template: str = ""
    template_digest: str = ""
    """The template that the run is asked with."""
    # of the study that asks, and no part of what is asked
    mixtures: tuple[str, ...] | None = field(default=None, compare=False)
    """Keys of the study's mixtures whose runs are asked; None: all."""

    @property
    def origin(self) -> str:
        """Return where the questions come from, as of benchmarks."""
        if self.prompts.world:
            return "world"
        return "hub" if self.prompts.row.location else "directory"  # which the user names

    @property
    def items(self) -> int:
        """Return how many questions of each language are asked."""
        return self.sampling["items"] or self.prompts.row.questions


@dataclass(frozen=True)
class Judged:
    """How responses are judged: a protocol, a judge, and against whom where the protocol sets two side by side."""

    key: str
    responses: str
    protocol: str
    judge: str
    against: str = ""
    mixtures: tuple[str, ...] | None = None
    """Keys of the study's mixtures whose runs are judged; None: all."""
    own: bool = False
    """Whether, of the runs of a family, each language's opponent is the one tuned on this language alone."""


def expand_responses(section: dict, world: World | None, families: Collection[str], file: str) -> dict[str, Responses]:
    """Return what the section `evaluation.prompts` of a study asks, by its keys; `families` are those of `mixtures`."""
    found = {}
    for name, options in section.get("prompts", {}).items():
        where = f"{file}: evaluation.prompts.{name}"
        prompts = find_prompts(options.get("prompts", name), world, f"{where}.prompts")
        wanted = options.get("languages") or prompts.row.languages
        languages = tuple(entry.language for entry in check_languages(wanted, f"{where}.languages"))
        offered = prompts_languages(prompts)
        if strange := [code for code in languages if code not in offered]:
            raise InputError(
                f"{where}.languages: '{prompts.listed}' has no prompts in '{strange[0]}'"
                f"{say_meant(strange[0])}; it has: {', '.join(offered)}"
            )
        items = options["items"]
        if items is not None and items > prompts.row.questions:
            raise InputError(f"{where}.items: {items} are asked for, '{prompts.listed}' has {prompts.row.questions}")
        identifier = None
        if wanted := options.get("identifier"):
            identifier = find_row(identifiers(), wanted, f"{where}.identifier", "config/identifiers.tsv")
            if identifier.backend == "world" and world is None:
                raise InputError(f"{where}.identifier: '{wanted}' knows the generated world's languages only")
        chosen = _chosen(options, families, where)
        sampling = {key: options[key] for key in SAMPLING}
        if options["loss"] and prompts.row.layout in WITHOUT_REFERENCES:
            raise InputError(f"{where}.loss: the questions of '{prompts.listed}' have no reference answers")
        found[name] = Responses(name, prompts, languages, sampling, identifier, options["loss"], mixtures=chosen)
    return found


def _chosen(options: dict, families: Collection[str], where: str) -> tuple[str, ...] | None:
    """Return the keys of the study's mixtures that an entry names, None for all."""
    for name in (wanted := options.get("mixtures")) or ():
        if name not in families:
            raise InputError(
                f"{where}.mixtures: no family '{name}'{nearest(name, families)}; there are: {', '.join(families)}"
            )
    return None if wanted is None else tuple(wanted)


def find_prompts(name: str, world: World | None, where: str) -> UsedPrompts:
    """Return a prompt set by its name in a study file; raises `InputError` for an unknown one."""
    row = find_row(prompt_sets(), name, where, "config/prompts.tsv")
    if row.location is None or not row.location.startswith("world:"):
        return UsedPrompts(name, row)
    if world is None:
        raise InputError(f"{where}: '{name}' belongs to the generated world; name it in `world.evaluation` of a study")
    return UsedPrompts(world.named(name), row, world)


def prompts_languages(prompts: UsedPrompts) -> tuple[str, ...]:
    """Return the languages that a prompt set has."""
    if prompts.world is None:
        return prompts.row.languages
    return tuple(settings_of_size(prompts.world.size, prompts.world.seed).languages)


def expand_judged(
    section: dict, responses: Mapping[str, Responses], families: Collection[str], file: str
) -> dict[str, Judged]:
    """Return what the section `evaluation.judged` of a study has judged, by its keys."""
    found = {}
    for key, options in section.get("judged", {}).items():
        where = f"{file}: evaluation.judged.{key}"
        one = Judged(key, **{**options, "mixtures": _chosen(options, families, where)})
        for option, value, known in (
            ("responses", one.responses, list(responses)),
            ("protocol", one.protocol, list(PROTOCOLS)),
            ("judge", one.judge, list(judges())),
        ):
            if value not in known:
                raise InputError(
                    f"{where}.{option}: no '{value}'{nearest(value, known)}; there are: {', '.join(known)}"
                )
        _check_judge(one, responses[one.responses], where)
        pairwise = PROTOCOLS[one.protocol].scale is None
        opponents = [*OPPONENTS, *families]
        if pairwise and one.against not in opponents:
            raise InputError(
                f"{where}.against: '{one.against}' is not allowed{nearest(one.against, opponents)}; protocol "
                f"'{one.protocol}' sets two answers side by side, against one of: {', '.join(opponents)}"
            )
        if one.own and one.against not in families:
            raise InputError(f"{where}.own: '{one.against or 'nobody'}' is no key of mixtures; leave the key out")
        if one.against and not pairwise:
            raise InputError(f"{where}.against: protocol '{one.protocol}' rates each answer alone; leave the key out")
        found[key] = one
    return found


def _check_judge(one: Judged, responses: Responses, where: str) -> None:
    """Raise `InputError` for a judge and a protocol that do not fit, and for a comparison with nothing."""
    computed, compares = PROTOCOLS[one.protocol].computed, judges()[one.judge].backend == "reference"
    if computed != compares:
        fitting = [name for name, judge in judges().items() if (judge.backend == "reference") == computed]
        raise InputError(
            f"{where}.judge: '{one.judge}' has no verdict by protocol '{one.protocol}'; those who have: "
            f"{', '.join(fitting)}"
        )
    if computed and responses.prompts.row.layout in WITHOUT_REFERENCES:
        raise InputError(
            f"{where}.protocol: '{one.protocol}' compares with reference answers, and the questions of "
            f"'{responses.prompts.listed}' have none"
        )


OPPONENTS = ("base", "monolingual")
"""The untuned base; of each language asked, the run that was tuned on this language alone."""
