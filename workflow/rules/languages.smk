"""URIEL vectors, similarities of languages, selections of languages."""


rule build_vectors:
    input:
        "config/languages.tsv",
    output:
        f"{RESULTS}/languages/vectors.parquet",
    log:
        "logs/build_vectors.log",
    conda:
        "../envs/polytune.readers.yaml"
    resources:
        mem_mb=1000,
        runtime=10,
    shell:
        "polytune build-vectors --output {output} > {log} 2>&1"


rule build_similarity:
    input:
        table="config/languages.tsv",
        words="config/languages/basic-words.tsv",
    output:
        f"{RESULTS}/languages/similarity.parquet",
    log:
        "logs/build_similarity.log",
    conda:
        "../envs/polytune.readers.yaml"
    resources:
        mem_mb=1000,
        runtime=10,
    shell:
        "polytune build-similarity --words {input.words} --output {output} > {log} 2>&1"


rule select_languages:
    input:
        f"{RESULTS}/languages/vectors.parquet",
    output:
        f"{RESULTS}/languages/selections/{{features}}-k{{k}}-seed{{seed}}.json",
    log:
        "logs/select_languages/{features}-k{k}-seed{seed}.log",
    conda:
        "../envs/polytune.readers.yaml"
    resources:
        mem_mb=1000,
        runtime=10,
    shell:
        "polytune select-languages --vectors {input} --features {wildcards.features} --k {wildcards.k} "
        "--seed {wildcards.seed} --output {output} > {log} 2>&1"
