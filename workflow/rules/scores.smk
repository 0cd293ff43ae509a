"""Scores: the tidy tables that every figure and table reads."""

from polytune.study.answer_jobs import prompts_reports


rule collect_scores:
    input:
        spec=lambda wildcards: PLAN.spec(f"scores/{wildcards.study}/{wildcards.scale}"),
        evaluations=lambda wildcards: PLAN.evaluation_files(wildcards.study),
        answers=lambda wildcards: PLAN.answers.files(wildcards.study),
        prompts=lambda wildcards: prompts_reports(
            PLAN, PLAN.studies[wildcards.study].answers
        ),
        imports=lambda wildcards: [
            PATHS.import_marker(wildcards.study, name)
            for name in PLAN.studies[wildcards.study].imports
        ],
    output:
        scores=PATHS.scores("{study}", "{scale}"),
        runs=PATHS.runs_table("{study}", "{scale}"),
        single=PATHS.items("{study}", "{scale}"),
        checks=PATHS.checks("{study}", "{scale}"),
        confusion=PATHS.confusion("{study}", "{scale}"),
    log:
        "logs/collect_scores/{study}/{scale}.log",
    conda:
        "../envs/polytune.yaml"
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        results=lambda wildcards: PATHS.results,
        folder=subpath(output[0], parent=True),
    shell:
        "polytune collect-scores --spec {input.spec} --results {params.results} --output {params.folder} > {log} 2>&1"
