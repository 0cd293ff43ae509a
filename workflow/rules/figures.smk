"""Figures and tables of the studies."""


rule draw_figure:
    input:
        spec=lambda wildcards: PLAN.spec(
            f"figures/{wildcards.study}/{wildcards.scale}/{wildcards.figure}"
        ),
        scores=PATHS.scores("{study}", "{scale}"),
        runs=PATHS.runs_table("{study}", "{scale}"),
        single=PATHS.items("{study}", "{scale}"),
        checks=PATHS.checks("{study}", "{scale}"),
        confusion=PATHS.confusion("{study}", "{scale}"),
        more=lambda wildcards: list(
            PLAN.kind_files(wildcards.study, "figures", wildcards.figure).values()
        ),
    output:
        multiext(PATHS.figure("{study}", "{scale}", "{figure}"), ".pdf", ".svg", ".csv"),
        report(
            PATHS.figure("{study}", "{scale}", "{figure}") + ".png",
            caption="../report/figure.rst",
            category="{study}",
            subcategory="Figures",
            labels={"figure": "{figure}"},
        ),
    log:
        "logs/draw_figure/{study}/{scale}/{figure}.log",
    conda:
        "../envs/polytune.yaml"
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        caption=lambda wildcards: PLAN.caption(
            wildcards.study, "figures", wildcards.figure
        ),
        options=lambda wildcards: [
            f"{option}={file}"
            for option, file in PLAN.kind_files(
                wildcards.study, "figures", wildcards.figure
            ).items()
        ],
        folder=subpath(input.scores, parent=True),
        stem=PATHS.figure("{study}", "{scale}", "{figure}"),
    shell:
        "polytune draw-figure --spec {input.spec} --scores {params.folder} {params.options} "
        "--output-stem {params.stem} > {log} 2>&1"


rule build_table:
    input:
        spec=lambda wildcards: PLAN.spec(
            f"tables/{wildcards.study}/{wildcards.scale}/{wildcards.table}"
        ),
        scores=PATHS.scores("{study}", "{scale}"),
        runs=PATHS.runs_table("{study}", "{scale}"),
        single=PATHS.items("{study}", "{scale}"),
        checks=PATHS.checks("{study}", "{scale}"),
        confusion=PATHS.confusion("{study}", "{scale}"),
        more=lambda wildcards: list(
            PLAN.kind_files(wildcards.study, "tables", wildcards.table).values()
        ),
    output:
        multiext(PATHS.table("{study}", "{scale}", "{table}"), ".csv", ".tex"),
        report(
            PATHS.table("{study}", "{scale}", "{table}") + ".md",
            caption="../report/table.rst",
            category="{study}",
            subcategory="Tables",
            labels={"table": "{table}"},
        ),
    log:
        "logs/build_table/{study}/{scale}/{table}.log",
    conda:
        "../envs/polytune.yaml"
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        caption=lambda wildcards: PLAN.caption(
            wildcards.study, "tables", wildcards.table
        ),
        options=lambda wildcards: [
            f"{option}={file}"
            for option, file in PLAN.kind_files(
                wildcards.study, "tables", wildcards.table
            ).items()
        ],
        folder=subpath(input.scores, parent=True),
        stem=PATHS.table("{study}", "{scale}", "{table}"),
    shell:
        "polytune build-table --spec {input.spec} --scores {params.folder} {params.options} "
        "--published config/published --output-stem {params.stem} > {log} 2>&1"
