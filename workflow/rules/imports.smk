"""Imports: results that were measured elsewhere, read into a table with file and line of every number."""


rule import_results:
    input:
        # names, sizes and times of the files, and the mapping's content, are in the spec
        lambda wildcards: PLAN.spec(f"imports/{wildcards.study}/{wildcards.imported}"),
    output:
        table=PATHS.imported("{study}", "{imported}"),
        samples=PATHS.imported("{study}", "{imported}").replace(
            ".parquet", ".samples.parquet"
        ),
        report=PATHS.import_marker("{study}", "{imported}"),
    log:
        "logs/import_results/{study}/{imported}.log",
    conda:
        "../envs/polytune.yaml"
    resources:
        mem_mb=4000,
        runtime=30,
    params:
        options=lambda wildcards: PLAN.studies[wildcards.study]
        .imports[wildcards.imported]
        .options,
    shell:
        "polytune import {params.options:q} --spec {input} --output {output.table} > {log} 2>&1"
