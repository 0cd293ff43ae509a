"""What the rule files share: the checked configuration, the plan of the studies, and where outside things lie."""

import json
from pathlib import Path

from snakemake.exceptions import WorkflowError

from polytune.errors import InputError
from polytune.study.locations import Locations
from polytune.config.settings import load_config
from polytune.study.plan import load_plan

try:
    CONFIG = load_config(config, "configuration")
    PLAN = load_plan(CONFIG)
    LOCATIONS = Locations(CONFIG, PLAN)
    TOKENIZATIONS = PLAN.tokenizations
except InputError as error:
    raise WorkflowError(str(error)) from None

RESULTS = CONFIG["storage"]["results"]
WORK = CONFIG["storage"]["work"]
RESOURCES = CONFIG["storage"]["resources"]
WORLD = f"{RESULTS}/world/seed{CONFIG['world']['seed']}"


wildcard_constraints:
    base="[a-z0-9.-]+",
    benchmark="[a-z0-9-]+",
    figure="[a-z0-9-]+",
    language="[a-z]{2}",
    method="full(-[a-z0-9]+)?|lora(-[a-z0-9]+)?|base",
    mixture="[a-z0-9-]+",
    seed="[0-9]+",
    source="[a-z0-9-]+",
    study="[a-z0-9-]+",
    table="[a-z0-9-]+",
    tokenizer="[a-z0-9.-]+",
