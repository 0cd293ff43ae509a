"""Evaluation: one job per run and benchmark; the first job of a run computes all benchmarks that the run owes."""


rule evaluate:
    input:
        model=lambda wildcards: LOCATIONS.model(LOCATIONS.run(wildcards)).marker,
        data=lambda wildcards: LOCATIONS.benchmark(wildcards.benchmark)[1].marker,
    output:
        result=f"{RESULTS}/runs/{{base}}/{{method}}/{{mixture}}/seed{{seed}}/evaluations/{{benchmark}}.json",
        samples=f"{RESULTS}/runs/{{base}}/{{method}}/{{mixture}}/seed{{seed}}/evaluations/{{benchmark}}.samples.parquet",
    log:
        "logs/evaluate/{base}/{method}/{mixture}/seed{seed}/{benchmark}.log",
    benchmark:
        "benchmarks/results/evaluate/{base}/{method}/{mixture}/seed{seed}/{benchmark}.tsv"
    conda:
        "../envs/polytune.readers.yaml"
    resources:
        mem_mb=3000,
        runtime=60,
        # the jobs of one run share one computation: one at a time where a profile limits this resource
        evaluations=1,
        # how the hardware is used changes no result: resources, unlike parameters, make nothing stale
        batch_tokens=CONFIG["evaluation"]["batch_tokens"],
        device=CONFIG["evaluation"]["device"],
        together=lambda wildcards: LOCATIONS.benchmarks_together(
            LOCATIONS.run(wildcards), wildcards.benchmark
        ),
    params:
        model=lambda wildcards: LOCATIONS.model(LOCATIONS.run(wildcards)).path,
        adapter_base=lambda wildcards: LOCATIONS.adapter_base(LOCATIONS.run(wildcards)),
        benchmark=lambda wildcards: LOCATIONS.benchmark(wildcards.benchmark)[0],
        data=lambda wildcards: LOCATIONS.benchmark(wildcards.benchmark)[1].path,
        cache=f"{WORK}/evaluations",
    shell:
        "polytune evaluate --model {params.model:q} {params.adapter_base} --benchmark {params.benchmark} "
        "--together {resources.together} --data {params.data:q} --cache {params.cache} "
        "--batch-tokens {resources.batch_tokens} --device {resources.device} "
        "--output {output.result} --samples {output.samples} > {log} 2>&1"
