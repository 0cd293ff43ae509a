"""Whatever is asked for, results that are there are compared with the plan (`polytune.study.specs`)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from polytune.errors import nearest
from polytune.study.plan import Plan


def compare_with_plan(workflow: Any, plan: Plan, refuse: type[Exception]) -> None:
    """Ask for the specs that results on disk disagree with, beside the targets of the command line.

    A target that is one word and neither a rule nor a file is refused with an exception of the type `refuse`, which
    Snakemake shows in one line. Snakemake has no public place for either; `tests/workflow/test_staleness.py` notices if
    this one goes.
    """
    prepare = workflow._prepare_dag

    def prepared(*arguments: Any, **options: Any) -> Any:
        settings = workflow.dag_settings
        if workflow.is_main_process and settings.targets:
            for target in settings.targets:
                if "/" not in target and not workflow.is_rule(target) and not Path(target).exists():
                    hint = nearest(target, [*plan.studies, *(rule.name for rule in workflow.rules)])
                    raise refuse(
                        f"no target '{target}'{hint}; configured studies: {', '.join(plan.studies)}; others: "
                        "snakemake --list-target-rules"
                    )
            settings.targets = {*settings.targets, *plan.disagreements}
        return prepare(*arguments, **options)

    workflow._prepare_dag = prepared
