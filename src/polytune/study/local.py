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
    """Raise `InputError` for a mixture that asks for more rows than its source has.

    Known are a made source's rows, and those of a given file that are counted within a moment; not those of a file
    whose language is chosen later.
    """
    for key, recipes in study.families.items():
        for recipe in recipes:
            source = study.sources[recipe.source]
            if source.rows is not None:  # as many in each language, whichever are chosen
                named = {code: f"'{source.name}'" for code in recipe.languages[: recipe.size]}
                _check_amount(recipe, dict.fromkeys(named, source.rows), named, f"{study.file}: mixtures.{key}")
            elif not recipe.selection:
                files = {code: outside.given_source(source, code) for code in recipe.languages}
                counts = {code: _count(Path(file)) for code, file in files.items() if file}
                rows = {code: count for code, count in counts.items() if count is not None}
                _check_amount(recipe, rows, files, f"{study.file}: mixtures.{key}")


def _check_amount(recipe: Recipe, rows: dict[str, int], named: dict[str, str], where: str) -> None:
    """Raise `InputError` for an amount that so many rows of each language, of the file `named`, cannot give."""
    ((kind, amount),) = recipe.amount.items()
    for code, count in rows.items():
        if kind == "rows" and amount != "all" and count < amount:
            raise InputError(f"{where}.rows: {amount:,} rows are asked for, {named[code]} has {count:,}")
        if kind == "share" and round(amount * count) == 0:
            raise InputError(f"{where}.share: {amount:g} of {count:,} rows of {named[code]} is not one row")
    if kind == "total_rows" and len(rows) == recipe.size and sum(rows.values()) < amount:
        has = ", ".join(f"{code} {count:,}" for code, count in rows.items())
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
