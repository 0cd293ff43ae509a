"""What directories of the user's own tell when planning, so that no job is the first to find it wanting."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from polytune.data.templates import CHAT
from polytune.errors import InputError, nearest
from polytune.mixtures.families import Recipe
from polytune.models.architectures import known_architecture
from polytune.readers.counts import count_rows, is_counted
from polytune.readers.json import read_json

if TYPE_CHECKING:
    from polytune.study.expand import Run, Study
    from polytune.study.outside import Outside
    from polytune.study.plan import Plan


def check_own_files(plan: Plan) -> None:
    """Raise `InputError` for a mixture, a template or adapters that the user's files or a world's model lack."""
    for study in plan.studies.values():
        check_rows(study, plan.outside)
    chatty = {run.tokens.name: path for path, run in plan.tuned.items() if run.tokens.template == CHAT}
    for tokens, path in chatty.items():
        check_chat(Path(plan.tokenizer(tokens).path), f"run '{path}': template")
    adapters = {(run.base.name, *names): run for run in plan.tuned.values() if (names := _target_modules(run))}
    for run in adapters.values():
        check_adapters(run, Path(plan.outside.base(run.base).path) / "config.json")


def check_rows(study: Study, outside: Outside) -> None:
    """Raise `InputError` for a mixture that asks for more rows than the given files of its source have.

    Counted are files whose rows are known within a moment. Languages that are chosen later are not looked at.
    """
    for key, recipes in study.families.items():
        for recipe in recipes:
            if not recipe.selection:
                _check_recipe(recipe, study, outside, f"{study.file}: mixtures.{key}")


def _check_recipe(recipe: Recipe, study: Study, outside: Outside, where: str) -> None:
    ((kind, amount),) = recipe.amount.items()
    files = {code: outside.given_source(study.sources[recipe.source], code) for code in recipe.languages}
    rows = {code: _count(Path(file)) for code, file in files.items() if file}
    known = {code: count for code, count in rows.items() if count is not None}
    if kind == "rows" and amount != "all":
        for code, count in known.items():
            if count < amount:
                raise InputError(f"{where}.rows: {amount:,} rows are asked for, {files[code]} has {count:,}")
    if kind == "share":
        for code, count in known.items():
            if round(amount * count) == 0:
                raise InputError(f"{where}.share: {amount:g} of {count:,} rows of {files[code]} is not one row")
    if kind == "total_rows" and len(known) == recipe.size and sum(known.values()) < amount:
        has = ", ".join(f"{code} {count:,}" for code, count in known.items())
        raise InputError(f"{where}.total_rows: {amount:,} rows are asked for, '{recipe.source}' has {has}")


def _count(file: Path) -> int | None:
    """Return the rows of a file, None where they are not counted within a moment."""
    if not file.is_file() or not is_counted(file):
        return None
    counted = count_rows(file)
    return counted[0] if counted else None


def check_chat(directory: Path, where: str) -> None:
    """Raise `InputError` that begins with `where` for a tokenizer without the chat template that it is to be used with.

    A directory that is not there yet is not looked at, and whether rows can follow the template is left to the job.
    """
    if not directory.is_dir() or (directory / "chat_template.jinja").is_file():
        return
    settings = directory / "tokenizer_config.json"
    told = read_json(settings) if settings.is_file() else None
    if not isinstance(told, dict) or not told.get("chat_template"):
        raise InputError(
            f"{where}: '{CHAT}': {directory}: the tokenizer has no chat template; name a template of "
            "config/templates.yaml"
        )


def _target_modules(run: Run) -> list[str]:
    return run.spec["hyperparameters"].get("lora", {}).get("target_modules", [])


def check_adapters(run: Run, file: Path) -> None:
    """Raise `InputError` if a run names a layer for its adapters that its base does not have.

    `file` is the base's config.json; where there is none yet, and the base is no world's, the training will tell.
    """
    config = run.base.model or (read_json(file) if file.is_file() else {})
    known = known_architecture(config) if isinstance(config, dict) else None
    for name in _target_modules(run) if known else ():
        if name not in known.linear:
            raise InputError(
                f"run '{run.path}': hyperparameters.lora.target_modules: '{run.base.listed}' ({config['model_type']}) "
                f"has no layer '{name}'{nearest(name, known.linear)}; it has: {', '.join(known.linear)}"
            )
