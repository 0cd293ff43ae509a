"""The template that a model is asked with: the one it was tuned with, a named one, or its tokenizer's own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from polytune.data.chat import read_chat_template
from polytune.data.templates import CHAT, Template, load_template
from polytune.errors import InputError
from polytune.models.directory import ModelDirectory
from polytune.models.tokenizer import read_model_tokenizer


def tuned_template(manifest: dict[str, Any]) -> str | None:
    """Return the template that a model was tuned with, by its manifest.json; None for a base."""
    spec = manifest.get("spec") or {}
    return None if spec.get("model") is not None else (spec.get("hyperparameters") or {}).get("template")


def read_template(
    name: str, templates: Path, model: ModelDirectory | None, tuned_with: str | None, planned: str | None, where: str
) -> Template:
    """Return a template by its name; `model` has a tokenizer's own, `tuned_with` is what the model was tuned with.

    Raises `InputError` for a template that the model was not tuned with, and for one whose digest is not `planned`.
    """
    own = name == CHAT and model is not None
    template = read_chat_template(read_model_tokenizer(model)) if own else load_template(templates, name)
    if planned not in (None, template.digest):
        raise InputError(
            f"{templates}: template '{template.name}' is not what {where} was planned with (digests "
            f"{template.digest[:12]}... and {planned[:12]}...); plan again"
        )
    if tuned_with not in (None, template.name):
        raise InputError(
            f"{where}: template is '{template.name}', the model was tuned with '{tuned_with}'; name that one, or say "
            "template_forced: true"
        )
    return template
