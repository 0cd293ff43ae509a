"""Whatever is asked for, results that are there are compared with the plan (`polytune.study.specs`)."""

from __future__ import annotations

from typing import Any

from polytune.study.plan import Plan


def compare_with_plan(workflow: Any, plan: Plan) -> None:
    """Ask for the specs that results on disk disagree with, beside the targets of the command line.

    Snakemake has no public place to add to those; `tests/workflow/test_staleness.py` notices if this one goes.
    """
    prepare = workflow._prepare_dag

    def prepared(*arguments: Any, **options: Any) -> Any:
        settings = workflow.dag_settings
        if workflow.is_main_process and settings.targets:
            settings.targets = {*settings.targets, *plan.disagreements}
        return prepare(*arguments, **options)

    workflow._prepare_dag = prepared
