"""Mixtures: manifests of a few kilobytes that say which rows of which source in which languages."""


rule build_mixture:
    input:
        reports=lambda wildcards: mixture_files(wildcards.mixture, f"{RESULTS}/data/{{source}}/{{language}}.report.json"),
        rows=lambda wildcards: mixture_files(wildcards.mixture, f"{RESULTS}/data/{{source}}/{{language}}.parquet"),
        selection=lambda wildcards: mixture_selection(wildcards.mixture),
    output:
        f"{RESULTS}/mixtures/{{mixture}}.json",
    params:
        recipe=lambda wildcards: json.dumps(PLAN.recipe_content(wildcards.mixture)),
        data=f"{RESULTS}/data",
        selections=f"{RESULTS}/languages/selections",
    log:
        "logs/build_mixture/{mixture}.log",
    conda:
        "../envs/polytune.yaml"
    resources:
        mem_mb=2000,
        runtime=10,
    shell:
        "polytune build-mixture --recipe {params.recipe:q} --data {params.data} --selections {params.selections} "
        "--output {output} > {log} 2>&1"


def mixture_files(mixture, pattern):
    """Return the file of every source and language in a mixture, replay included."""
    return [pattern.format(source=source, language=code) for source, code in PLAN.mixture_languages(mixture)]


def mixture_selection(mixture):
    """Return the file that names the languages of a mixture chosen by k-means, or nothing."""
    selection = PLAN.recipes[mixture].selection
    return f"{RESULTS}/languages/selections/{selection}.json" if selection else []
