"""Mixtures: manifests of a few kilobytes that say which rows of which source in which languages."""


rule build_mixture:
    input:
        # a report stands for its rows: it holds their digest, and is small enough to be compared by content
        reports=lambda wildcards: LOCATIONS.mixture_reports(wildcards.mixture),
        selection=lambda wildcards: LOCATIONS.selection(wildcards.mixture),
    output:
        f"{RESULTS}/mixtures/{{mixture}}.json",
    log:
        "logs/build_mixture/{mixture}.log",
    conda:
        "../envs/polytune.readers.yaml"
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        recipe=lambda wildcards: json.dumps(PLAN.recipe_content(wildcards.mixture)),
        data=f"{RESULTS}/data",
        selections=f"{RESULTS}/languages/selections",
    shell:
        "polytune build-mixture --recipe {params.recipe:q} --data {params.data} --selections {params.selections} "
        "--output {output} > {log} 2>&1"
