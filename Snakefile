"""Polytune: studies of multilingual instruction tuning. The stages, in pipeline order."""

from snakemake.utils import min_version

min_version("9.18")


configfile: "config/config.yaml"


report: "workflow/report/workflow.rst"


include: "workflow/rules/common.smk"
include: "workflow/rules/specs.smk"
include: "workflow/rules/languages.smk"
include: "workflow/rules/world.smk"
include: "workflow/rules/fetch.smk"
include: "workflow/rules/data.smk"
include: "workflow/rules/mixtures.smk"
include: "workflow/rules/training.smk"
include: "workflow/rules/evaluation.smk"
include: "workflow/rules/prompts.smk"
include: "workflow/rules/generation.smk"
include: "workflow/rules/identification.smk"
include: "workflow/rules/judging.smk"
include: "workflow/rules/imports.smk"
include: "workflow/rules/scores.smk"
include: "workflow/rules/figures.smk"
include: "workflow/rules/explorer.smk"
include: "workflow/rules/targets.smk"
include: "workflow/rules/report.smk"
include: "workflow/rules/cluster.smk"


rule all:
    input:
        PLAN.targets(PLAN.studies),
