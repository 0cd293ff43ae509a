"""Figures and tables of the studies."""

FIGURE_FORMATS = ("pdf", "svg", "png", "csv")
TABLE_FORMATS = ("csv", "md", "tex")


rule draw_figure:
    input:
        scores=f"{RESULTS}/scores/{{study}}.parquet",
        similarity=f"{RESULTS}/languages/similarity.parquet",
    output:
        multiext(f"{RESULTS}/studies/{{study}}/figures/{{figure}}", ".pdf", ".svg", ".csv"),
        report(
            f"{RESULTS}/studies/{{study}}/figures/{{figure}}.png",
            caption="../report/figure.rst",
            category="{study}",
            subcategory="Figures",
            labels={"figure": "{figure}"},
        ),
    params:
        spec=lambda wildcards: json.dumps(PLAN.studies[wildcards.study].figures[wildcards.figure]),
        stem=lambda wildcards: f"{RESULTS}/studies/{wildcards.study}/figures/{wildcards.figure}",
    log:
        "logs/draw_figure/{study}/{figure}.log",
    conda:
        "../envs/polytune.yaml"
    resources:
        mem_mb=2000,
        runtime=10,
    shell:
        "polytune draw-figure --study {wildcards.study} --figure {wildcards.figure} --spec {params.spec:q} "
        "--scores {input.scores} --similarity {input.similarity} --output-stem {params.stem} > {log} 2>&1"
