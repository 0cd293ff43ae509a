"""Tokenizations: a tokenizer, a template and the shape of the base decide the token ids of a source together."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from polytune import ROOT
from polytune.data.templates import CHAT, Template, read_templates
from polytune.errors import InputError, nearest
from polytune.files import digest
from polytune.study.outside import UsedBase

if TYPE_CHECKING:
    from polytune.study.expand import Run


@dataclass(frozen=True)
class Tokenization:
    """What token stores are made with; `name` is their folder, another template or shape is another folder."""

    tokenizer: str
    template: str
    encoder_decoder: bool
    template_digest: str

    @property
    def name(self) -> str:
        """Return the folder of the token stores: `{tokens}` in every rule."""
        shape = "encoder-decoder" if self.encoder_decoder else "decoder"
        return f"{self.tokenizer}-{self.template}-{shape}-{self.template_digest[:6]}"


@cache
def _templates() -> dict[str, Template]:
    return read_templates(ROOT / "config" / "templates.yaml")


def template_names() -> list[str]:
    """Return the names of all templates, a base's own (`chat`) included."""
    return [*_templates(), CHAT]


def template_digest(name: str) -> str | None:
    """Return the digest of a template's patterns; None for a base's own, which is known by its tokenizer's files."""
    return None if name == CHAT else _templates()[name].digest


def find_tokenization(base: UsedBase, template: str, where: str) -> Tokenization:
    """Return the tokenization of a base and a template; raises `InputError` for an unknown template."""
    shape = base.row.architecture == "encoder-decoder"
    if template == CHAT:
        if shape:
            raise InputError(f"{where}: '{CHAT}' is for decoders; '{base.listed}' is an encoder-decoder")
        return Tokenization(base.row.tokenizer, CHAT, shape, digest(CHAT))
    templates = _templates()
    if template not in templates:
        raise InputError(
            f"{where}: no template '{template}' in config/templates.yaml{nearest(template, templates)}; "
            f"there are: {', '.join(map(str, templates))}, and '{CHAT}', the tokenizer's own"
        )
    return Tokenization(base.row.tokenizer, template, shape, templates[template].digest)


class Reading(NamedTuple):
    """What trainings have in common that read the same rows at the same length: all cut the same answers."""

    mixture: str
    tokens: str
    max_length_tokens: int
    max_source_length_tokens: int | None

    @property
    def option(self) -> str:
        """Return the reading as `polytune build-mixture` takes it; the rule names the mixture."""
        return ":".join(str(word) for word in self[1:] if word is not None)


def read_alike(tuned: dict[str, Run]) -> dict[Reading, list[str]]:
    """Return the paths of the runs that read alike."""
    found: dict[Reading, list[str]] = defaultdict(list)
    for path, run in tuned.items():
        hyper = run.spec["hyperparameters"]
        lengths = hyper["max_length_tokens"], hyper.get("max_source_length_tokens")
        found[Reading(run.mixture, run.tokens.name, *lengths)].append(path)
    return dict(found)
