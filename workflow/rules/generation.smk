"""Responses: what the runs answer to prompts. A job answers for several runs of one base; what is finished is kept."""

from polytune.costs.memory import evaluation_mem_mb
from polytune.study.answer_jobs import (
    donor_responses,
    generation_options,
    null_options,
    prompts_reports,
    responses_of,
)

for number, batch in enumerate(PLAN.answers.batches, start=1):

    rule:
        name:
            "generate" if number == 1 else f"generate_{number}"
        input:
            specs=[PLAN.spec(f"responses/{run}") for run in batch.runs],
            models=[PLAN.model(run).marker for run in batch.runs],
            prompts=prompts_reports(PLAN, batch.runs),
        output:
            responses_of(PLAN, batch),
        log:
            f"logs/generate/{batch.runs[0]}.log",
        benchmark:
            f"benchmarks/generate/{batch.runs[0]}.tsv"
        conda:
            "../envs/polytune.yaml"
        resources:
            mem_mb=evaluation_mem_mb(
                PLAN.runs[batch.runs[0]].base, CONFIG["generation"]["device"]
            ),
            runtime=240,
            # how the hardware is used changes no result: resources, unlike parameters, make nothing stale
            batch_tokens=CONFIG["generation"]["batch_tokens"],
            device=CONFIG["generation"]["device"],
            server=CONFIG["generation"]["server"],
        params:
            runs=generation_options(PLAN, batch),
            prompts=f"{PATHS.results}/prompts",
            cache=f"{PATHS.work}/responses",
        shell:
            "polytune generate {params.runs:q} --prompts {params.prompts} --cache {params.cache} "
            "--batch-tokens {resources.batch_tokens} --device {resources.device} --server-command {resources.server:q} "
            "> {log} 2>&1"


for number, batch in enumerate(PLAN.answers.null_batches, start=1):

    rule:
        name:
            "answer_null" if number == 1 else f"answer_null_{number}"
        input:
            specs=[PLAN.spec(f"responses/{run}") for run in batch.runs],
            prompts=prompts_reports(PLAN, batch.runs),
            donor=donor_responses(PLAN, batch),
        output:
            responses_of(PLAN, batch),
        log:
            f"logs/answer_null/{batch.runs[0]}.log",
        conda:
            "../envs/polytune.yaml"
        resources:
            mem_mb=1000,
            runtime=10,
        params:
            runs=null_options(PLAN, batch),
            prompts=f"{PATHS.results}/prompts",
        shell:
            "polytune answer-null {params.runs:q} --prompts {params.prompts} > {log} 2>&1"


rule evaluate_loss:
    input:
        spec=lambda wildcards: PLAN.spec(
            f"losses/{wildcards.run}/{wildcards.responses}"
        ),
        model=lambda wildcards: PLAN.model(wildcards.run).marker,
        prompts=lambda wildcards: prompts_reports(PLAN, [wildcards.run]),
    output:
        marker=PATHS.loss("{run}", "{responses}"),
        rows=PATHS.loss("{run}", "{responses}").removesuffix("json") + "parquet",
    log:
        "logs/evaluate_loss/{run}/{responses}.log",
    benchmark:
        "benchmarks/evaluate_loss/{run}/{responses}.tsv"
    conda:
        "../envs/polytune.yaml"
    resources:
        mem_mb=lambda wildcards: evaluation_mem_mb(
            PLAN.runs[wildcards.run].base, CONFIG["evaluation"]["device"]
        ),
        runtime=60,
        batch_tokens=CONFIG["evaluation"]["batch_tokens"],
        device=CONFIG["evaluation"]["device"],
    params:
        model=lambda wildcards: PLAN.model(wildcards.run).path,
        base=lambda wildcards: PLAN.adapter_base(wildcards.run),
        prompts=f"{PATHS.results}/prompts",
    shell:
        "polytune evaluate-loss --spec {input.spec} --model {params.model:q} {params.base:q} "
        "--prompts {params.prompts} --output {output.marker} --batch-tokens {resources.batch_tokens} "
        "--device {resources.device} > {log} 2>&1"
