"""Evaluation: one job per run and benchmark; the first job of a run computes all benchmarks that the run owes."""


def model_place(wildcards):
    """Return where the model of a run lies: the tuned model, or the base itself."""
    if wildcards.method == "base":
        return LOCATIONS.base(wildcards.base)
    folder = f"{RESULTS}/runs/{run_of(wildcards).path}/model"
    return Place(folder, f"{folder}/manifest.json")


def owed_together(wildcards):
    """Return the benchmarks of this run that share this one's data folder, comma-separated."""
    root = LOCATIONS.benchmark(wildcards.benchmark)[1].path
    owed = PLAN.benchmarks[run_of(wildcards).path]
    return ",".join(LOCATIONS.benchmark(name)[0] for name in owed if LOCATIONS.benchmark(name)[1].path == root)


rule evaluate:
    input:
        model=lambda wildcards: model_place(wildcards).marker,
        data=lambda wildcards: LOCATIONS.benchmark(wildcards.benchmark)[1].marker,
    output:
        result=f"{RESULTS}/runs/{{base}}/{{method}}/{{mixture}}/seed{{seed}}/evaluations/{{benchmark}}.json",
        samples=f"{RESULTS}/runs/{{base}}/{{method}}/{{mixture}}/seed{{seed}}/evaluations/{{benchmark}}.samples.parquet",
    params:
        model=lambda wildcards: model_place(wildcards).path,
        base=lambda wildcards: LOCATIONS.base(wildcards.base).path,
        benchmark=lambda wildcards: LOCATIONS.benchmark(wildcards.benchmark)[0],
        data=lambda wildcards: LOCATIONS.benchmark(wildcards.benchmark)[1].path,
        cache=f"{WORK}/evaluations",
    log:
        "logs/evaluate/{base}/{method}/{mixture}/seed{seed}/{benchmark}.log",
    benchmark:
        "benchmarks/results/evaluate/{base}/{method}/{mixture}/seed{seed}/{benchmark}.tsv"
    conda:
        "../envs/polytune.yaml"
    resources:
        mem_mb=3000,
        runtime=60,
        # the jobs of one run share one computation: one at a time where a profile limits this resource
        evaluations=1,
        together=lambda wildcards: owed_together(wildcards),
    shell:
        "polytune evaluate --model {params.model:q} --base {params.base:q} --benchmark {params.benchmark} "
        "--together {resources.together} --data {params.data:q} --cache {params.cache} "
        f"--batch-tokens {CONFIG['evaluation']['batch_tokens']} --device {CONFIG['evaluation']['device']} "
        "--output {output.result} --samples {output.samples} > {log} 2>&1"
