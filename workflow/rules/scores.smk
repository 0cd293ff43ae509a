"""Analysis: the tidy table of scores that every figure and table reads."""


rule list_runs:
    # not a shell command: the list of a large study is longer than a command line may be
    output:
        f"{RESULTS}/scores/{{study}}.runs.json",
    log:
        "logs/list_runs/{study}.log",
    params:
        runs=lambda wildcards: json.dumps(
            PLAN.score_manifest(wildcards.study, RESULTS), indent=1
        ),
    run:
        Path(output[0]).write_text(params.runs, encoding="utf-8")


rule collect_scores:
    input:
        evaluations=lambda wildcards: LOCATIONS.evaluations(wildcards.study),
        runs=f"{RESULTS}/scores/{{study}}.runs.json",
    output:
        f"{RESULTS}/scores/{{study}}.parquet",
    log:
        "logs/collect_scores/{study}.log",
    conda:
        "../envs/polytune.readers.yaml"
    resources:
        mem_mb=2000,
        runtime=10,
    shell:
        "polytune collect-scores --runs {input.runs} --output {output} > {log} 2>&1"
