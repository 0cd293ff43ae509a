"""URIEL vectors, similarities of languages, selections of languages."""


rule build_vectors:
    input:
        spec=lambda wildcards: PLAN.spec("languages/vectors"),
    output:
        PATHS.vectors,
    log:
        "logs/build_vectors.log",
    conda:
        "../envs/polytune.yaml"
    resources:
        mem_mb=1000,
        runtime=10,
    shell:
        "polytune build-vectors --output {output} > {log} 2>&1"


rule build_similarity:
    input:
        spec=lambda wildcards: PLAN.spec("languages/similarity"),
    output:
        PATHS.similarity,
    log:
        "logs/build_similarity.log",
    conda:
        "../envs/polytune.yaml"
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        words="config/languages/basic-words.tsv",
    shell:
        "polytune build-similarity --words {params.words} --output {output} > {log} 2>&1"


rule select_languages:
    input:
        spec=lambda wildcards: PLAN.spec(f"selections/{wildcards.selection}"),
        vectors=PATHS.vectors,
    output:
        PATHS.selection("{selection}"),
    log:
        "logs/select_languages/{selection}.log",
    conda:
        "../envs/polytune.yaml"
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        options=lambda wildcards: PLAN.selection_options(wildcards.selection),
    shell:
        "polytune select-languages --vectors {input.vectors} {params.options:q} --output {output} > {log} 2>&1"
