"""Whatever is asked for, results that are there are compared with the plan (`polytune.study.specs`)."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Any

from polytune.errors import InputError, nearest
from polytune.study.plan import Plan


def compare_with_plan(workflow: Any, plan: Plan, refuse: type[Exception]) -> None:
    """Ask for the specs that results on disk disagree with, beside the targets of the command line.

    Targets that nothing makes are refused with an exception of the type `refuse`, which Snakemake shows without a
    traceback. It has no public place to do either; `tests/workflow/test_staleness.py` notices if this one goes.
    """
    prepare = workflow._prepare_dag

    def prepared(*arguments: Any, **options: Any) -> Any:
        settings = workflow.dag_settings
        if workflow.is_main_process and settings.targets:
            try:
                check_targets(plan, settings.targets, {rule.name for rule in workflow.rules})
            except InputError as wrong:
                raise refuse(str(wrong)) from None
            settings.targets = {*settings.targets, *plan.disagreements}
        return prepare(*arguments, **options)

    workflow._prepare_dag = prepared


def check_targets(plan: Plan, targets: Iterable[str], rules: Collection[str]) -> None:
    """Raise `InputError` for a word that is neither a rule nor a file, and for a result of a run, a mixture or a base
    that the configured studies do not have.
    """
    known = {"run": {*plan.runs, *plan.answers.nulls}, "mixture": {*plan.recipes}, "base": {*plan.bases}}
    configured = ", ".join(plan.studies)
    for target in targets:
        if "/" not in target and target not in rules and not Path(target).exists():
            raise InputError(
                f"no target '{target}'{nearest(target, [*plan.studies, *rules])}; configured studies: {configured}; "
                "others: snakemake --list-target-rules"
            )
        what, _, rest = os.path.relpath(os.path.normpath(target), plan.paths.results).partition("s/")
        name = "/".join(rest.split("/")[:4]) if what == "run" else rest.split("/")[0].removesuffix(".json")
        if what in known and name not in known[what]:
            raise InputError(
                f"{target}: no configured study has the {what} '{name}' (studies: {configured}); name the one that has "
                "it, --config 'studies=[STUDY]', or give its configuration with --configfile"
            )
