"""Prefetch: the only steps that touch the network; they run beside Snakemake, on a cluster's login node."""


localrules:
    fetch_base,
    fetch_benchmark,
    fetch_source,
    fetch_tokenizer,
    prefetch,


rule fetch_base:
    output:
        f"{RESOURCES}/models/{{base}}/manifest.json",
    log:
        "logs/fetch_base/{base}.log",
    conda:
        "../envs/polytune.readers.yaml"
    params:
        directory=subpath(output[0], parent=True),
    shell:
        "polytune prefetch base {wildcards.base} --output {params.directory} > {log} 2>&1"


rule fetch_tokenizer:
    output:
        f"{RESOURCES}/tokenizers/{{tokenizer}}/manifest.json",
    log:
        "logs/fetch_tokenizer/{tokenizer}.log",
    conda:
        "../envs/polytune.readers.yaml"
    params:
        directory=subpath(output[0], parent=True),
    shell:
        "polytune prefetch tokenizer {wildcards.tokenizer} --output {params.directory} > {log} 2>&1"


rule fetch_source:
    output:
        f"{RESOURCES}/sources/{{source}}/manifest.json",
    log:
        "logs/fetch_source/{source}.log",
    conda:
        "../envs/polytune.readers.yaml"
    params:
        directory=subpath(output[0], parent=True),
    shell:
        "polytune prefetch source {wildcards.source} --output {params.directory} > {log} 2>&1"


rule fetch_benchmark:
    output:
        f"{RESOURCES}/benchmarks/{{owner}}/{{dataset}}/manifest.json",
    log:
        "logs/fetch_benchmark/{owner}/{dataset}.log",
    wildcard_constraints:
        owner="[^/]+",
        dataset="[^/]+",
    conda:
        "../envs/polytune.readers.yaml"
    params:
        directory=subpath(output[0], parent=True),
    shell:
        "polytune prefetch benchmark {wildcards.owner}/{wildcards.dataset} --output {params.directory} > {log} 2>&1"


rule prefetch:
    # everything that the configured studies read from outside
    input:
        LOCATIONS.fetched(),
