"""What the rule files share: the checked configuration, the plan of the studies, and where everything lies."""

import gc
import re
from pathlib import Path

from snakemake.exceptions import WorkflowError

from polytune.config.settings import load_config, merge_config
from polytune.errors import InputError
from polytune.study.compare import compare_with_plan
from polytune.study.plan import Plan

# what is planned lives to the end: looking through it for garbage again and again takes 5 % of a dry run
gc.set_threshold(100_000, 50, 100)

try:
    CONFIG = load_config(
        merge_config(
            ["config/config.yaml", *workflow.config_settings.configfiles],
            workflow.config_settings.config_args,
        )
    )
    PLAN = Plan(CONFIG, begun=not workflow.is_main_process)
except InputError as error:
    raise WorkflowError(str(error)) from None

PATHS = PLAN.paths
compare_with_plan(workflow, PLAN, WorkflowError)
# what a profile gives to `evaluate_run` (set-resources) is for `evaluate_run_2` and so on, too; before the first rule
GIVEN = workflow.resource_settings.overwrite_resources
for name, count in PLAN.numbered_rules.items():
    if name in GIVEN:
        GIVEN.update(
            {f"{name}_{number}": GIVEN[name] for number in range(2, count + 1)}
        )
config["scale"] = CONFIG["scale"]  # for the report's first page


wildcard_constraints:
    about=".+",
    base="[a-z0-9.-]+",
    digest="[0-9a-f]{12}",
    figure="[a-z0-9-]+",
    imported="[a-z0-9-]+",
    language="[a-z]{2,3}",
    prompts="[a-z0-9-]+",
    responses="[a-z0-9-]+",
    mixture="[a-z0-9-]+",
    run="[a-z0-9.-]+/[a-z0-9-]+/[a-z0-9-]+/seed[0-9]+",
    scale="world|full",
    selection="[a-z0-9-]+",
    source="[a-z0-9-]+",
    study="[a-z0-9-]+",
    table="[a-z0-9-]+",
    tokens="[a-z0-9.-]+",
    vectors="[a-z0-9.-]+",
    world="[a-z0-9-]+",
