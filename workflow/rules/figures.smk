"""Figures and tables of the studies."""


rule draw_figure:
    input:
        f"{RESULTS}/scores/{{study}}.parquet",
    output:
        multiext(
            f"{RESULTS}/studies/{{study}}/figures/{{figure}}", ".pdf", ".svg", ".csv"
        ),
        report(
            f"{RESULTS}/studies/{{study}}/figures/{{figure}}.png",
            caption="../report/figure.rst",
            category="{study}",
            subcategory="Figures",
            labels={"figure": "{figure}"},
        ),
    log:
        "logs/draw_figure/{study}/{figure}.log",
    conda:
        "../envs/polytune.readers.yaml"
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        spec=lambda wildcards: json.dumps(
            PLAN.studies[wildcards.study].figures[wildcards.figure]
        ),
        world=(
            f"--world-seed {CONFIG['world']['seed']}"
            if CONFIG["scale"] == "world"
            else ""
        ),
        stem=lambda wildcards: f"{RESULTS}/studies/{wildcards.study}/figures/{wildcards.figure}",
    shell:
        "polytune draw-figure --study {wildcards.study} --figure {wildcards.figure} --spec {params.spec:q} "
        "--scores {input} {params.world} --output-stem {params.stem} > {log} 2>&1"


rule build_table:
    input:
        scores=f"{RESULTS}/scores/{{study}}.parquet",
        similarity=f"{RESULTS}/languages/similarity.parquet",
    output:
        multiext(f"{RESULTS}/studies/{{study}}/tables/{{table}}", ".csv", ".tex"),
        report(
            f"{RESULTS}/studies/{{study}}/tables/{{table}}.md",
            caption="../report/table.rst",
            category="{study}",
            subcategory="Tables",
            labels={"table": "{table}"},
        ),
    log:
        "logs/build_table/{study}/{table}.log",
    conda:
        "../envs/polytune.readers.yaml"
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        spec=lambda wildcards: json.dumps(
            PLAN.studies[wildcards.study].tables[wildcards.table]
        ),
        analysis=lambda wildcards: json.dumps(PLAN.table_settings(wildcards.study)),
        world=CONFIG["scale"] == "world",
        stem=lambda wildcards: f"{RESULTS}/studies/{wildcards.study}/tables/{wildcards.table}",
    shell:
        "polytune build-table --study {wildcards.study} --table {wildcards.table} --spec {params.spec:q} "
        "--analysis {params.analysis:q} --scores {input.scores} --similarity {input.similarity} "
        "--output-stem {params.stem} > {log} 2>&1"
