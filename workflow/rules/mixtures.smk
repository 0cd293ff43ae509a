"""Mixtures: manifests of a few kilobytes that say which rows of which source in which languages."""


rule build_mixture:
    input:
        spec=lambda wildcards: PLAN.spec(f"mixtures/{wildcards.mixture}"),
        # a report stands for its rows: it holds their digest, and is small enough to be compared by content
        reports=lambda wildcards: PLAN.reports(wildcards.mixture),
        selection=lambda wildcards: PLAN.selection(wildcards.mixture),
        # of a mixture of complete rows: they say which answers are cut
        stores=lambda wildcards: [
            PATHS.token_index(*store)
            for store in PLAN.recipes[wildcards.mixture].needed_stores
        ],
    output:
        PATHS.mixture("{mixture}"),
    log:
        "logs/build_mixture/{mixture}.log",
    conda:
        "../envs/polytune.yaml"
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        data=f"{PATHS.results}/data",
        tokens=PATHS.tokens(""),
        chosen=lambda wildcards, input: [
            f"--selection={path}" for path in input.selection
        ],
        # who will read it: says what they cut and decides no row. Snakemake does not compare what is made of an output
        readings=lambda wildcards, output: [
            f"--read={one.option}"
            for one in PLAN.readings
            if one.mixture == wildcards.mixture
        ],
    shell:
        "polytune build-mixture --spec {input.spec} --data {params.data} --tokens {params.tokens} {params.chosen} "
        "--output {output} {params.readings} > {log} 2>&1"
