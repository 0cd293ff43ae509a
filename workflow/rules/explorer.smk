"""The explorer: one HTML file in which the results of all studies can be looked at, without a network."""


rule build_explorer:
    input:
        scores=[PATHS.scores(name, study.scale) for name, study in PLAN.studies.items()],
        runs=[
            PATHS.runs_table(name, study.scale) for name, study in PLAN.studies.items()
        ],
        single=[PATHS.items(name, study.scale) for name, study in PLAN.studies.items()],
        similarity=PATHS.similarity,
    output:
        PATHS.explorer,
    log:
        "logs/build_explorer/explorer.log",
    conda:
        "../envs/polytune.yaml"
    resources:
        mem_mb=4000,
        runtime=10,
    params:
        results=lambda wildcards: PATHS.results,
        studies=[
            f"--study {name}/{study.scale}" for name, study in PLAN.studies.items()
        ],
    shell:
        "polytune build-explorer --results {params.results} {params.studies} --output {output} > {log} 2>&1"
