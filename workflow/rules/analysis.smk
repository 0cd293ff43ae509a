"""Analysis: the tidy table of scores that every figure and table reads."""


rule collect_scores:
    input:
        lambda wildcards: study_evaluations(PLAN.studies[wildcards.study]),
    output:
        f"{RESULTS}/scores/{{study}}.parquet",
    params:
        runs=lambda wildcards: json.dumps(PLAN.score_manifest(wildcards.study, RESULTS)),
    log:
        "logs/collect_scores/{study}.log",
    conda:
        "../envs/polytune.yaml"
    resources:
        mem_mb=2000,
        runtime=10,
    shell:
        "polytune collect-scores --runs {params.runs:q} --output {output} > {log} 2>&1"


def study_evaluations(study):
    """Return the evaluation files of a study."""
    return [
        f"{RESULTS}/runs/{run.path}/evaluations/{benchmark}.json"
        for run in study.runs
        for benchmark in PLAN.benchmarks[run.path]
        if benchmark in study.benchmarks
    ]
