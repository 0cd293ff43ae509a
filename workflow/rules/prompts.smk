"""Prompt sets: questions that are answered freely, read once per language."""

from polytune.study.answer_jobs import (
    prompts_input,
)


rule read_prompts:
    input:
        lambda wildcards: prompts_input(PLAN, wildcards.prompts, wildcards.language),
    output:
        prompts=PATHS.prompts("{prompts}", "{language}"),
        report=PATHS.prompts_report("{prompts}", "{language}"),
    log:
        "logs/read_prompts/{prompts}/{language}.log",
    conda:
        "../envs/polytune.yaml"
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        file=lambda wildcards: PLAN.outside.prompts(
            PLAN.answers.prompts[wildcards.prompts], wildcards.language
        ).path,
        layout=lambda wildcards: PLAN.answers.prompts[wildcards.prompts].row.layout,
    shell:
        "polytune read-prompts --input {params.file:q} --layout {params.layout} --language {wildcards.language} "
        "--output {output.prompts} --report {output.report} > {log} 2>&1"
