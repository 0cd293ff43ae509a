"""Evaluation: one job per run computes everything that the run owes; what is finished is kept by digest.

Each distinct set of owed evaluations is a rule, so that every result is an output by its name: one that is deleted, or
a benchmark that is added, makes the job run again, and the job computes only what it does not have.
"""

from polytune.costs.memory import evaluation_mem_mb

for number, (owed, runs) in enumerate(PLAN.owed_sets, start=1):

    rule:
        name:
            "evaluate_run" if number == 1 else f"evaluate_run_{number}"
        input:
            spec=lambda wildcards: PLAN.spec(f"evaluations/{wildcards.run}"),
            model=lambda wildcards: PLAN.model(wildcards.run).marker,
            data=lambda wildcards: PLAN.data_markers(wildcards.run),
        output:
            [PATHS.evaluation("{run}", one.origin, one.name) for one in owed],
            [PATHS.samples("{run}", one.origin, one.name) for one in owed],
        log:
            "logs/evaluate_run/{run}.log",
        benchmark:
            "benchmarks/evaluate_run/{run}.tsv"
        wildcard_constraints:
            run="|".join(map(re.escape, runs)),
        conda:
            "../envs/polytune.yaml"
        resources:
            mem_mb=lambda wildcards: evaluation_mem_mb(
                PLAN.runs[wildcards.run].base, CONFIG["evaluation"]["device"]
            ),
            runtime=60,
            # how the hardware is used changes no result: resources, unlike parameters, make nothing stale
            batch_tokens=CONFIG["evaluation"]["batch_tokens"],
            device=CONFIG["evaluation"]["device"],
        params:
            model=lambda wildcards: PLAN.model(wildcards.run).path,
            base=lambda wildcards: PLAN.adapter_base(wildcards.run),
            data=lambda wildcards: PLAN.data_options(wildcards.run),
            folder=f"{PATHS.run('{run}')}/evaluations",
            cache=f"{PATHS.work}/evaluations",
        shell:
            "polytune evaluate-run --spec {input.spec} --model {params.model:q} {params.base:q} {params.data:q} "
            "--output {params.folder} --cache {params.cache} --batch-tokens {resources.batch_tokens} "
            "--device {resources.device} > {log} 2>&1"
