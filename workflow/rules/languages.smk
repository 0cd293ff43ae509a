"""URIEL vectors, vectors of bases, similarities of languages, selections of languages."""

from polytune.costs.memory import evaluation_mem_mb


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


rule build_language_vectors:
    # what a base holds of languages: its mean hidden states on parallel rows
    input:
        spec=lambda wildcards: PLAN.spec(f"vectors/{wildcards.vectors}"),
        base=lambda wildcards: PLAN.outside.base(
            PLAN.bases[PLAN.chosen.vectors[wildcards.vectors].base]
        ).marker,
        reports=lambda wildcards: PLAN.chosen.reports(wildcards.vectors),
    output:
        PATHS.language_vectors("{vectors}"),
    log:
        "logs/build_language_vectors/{vectors}.log",
    benchmark:
        "benchmarks/build_language_vectors/{vectors}.tsv"
    conda:
        "../envs/polytune.yaml"
    resources:
        mem_mb=lambda wildcards: evaluation_mem_mb(
            PLAN.bases[PLAN.chosen.vectors[wildcards.vectors].base],
            CONFIG["evaluation"]["device"],
        ),
        runtime=60,
        device=CONFIG["evaluation"]["device"],
    params:
        model=lambda wildcards: PLAN.outside.base(
            PLAN.bases[PLAN.chosen.vectors[wildcards.vectors].base]
        ).path,
        data=lambda wildcards: f"{PATHS.results}/data/{PLAN.chosen.vectors[wildcards.vectors].source}",
    shell:
        "polytune build-language-vectors --spec {input.spec} --model {params.model:q} --data {params.data} "
        "--device {resources.device} --output {output} > {log} 2>&1"


rule build_model_similarity:
    input:
        spec=lambda wildcards: PLAN.spec("languages/similarity"),
        own=PATHS.language_vectors("{vectors}"),
    output:
        PATHS.model_similarity("{vectors}"),
    log:
        "logs/build_model_similarity/{vectors}.log",
    conda:
        "../envs/polytune.yaml"
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        words="config/languages/basic-words.tsv",
    shell:
        "polytune build-similarity --words {params.words} --own-vectors {input.own} --output {output} > {log} 2>&1"


rule select_languages:
    input:
        spec=lambda wildcards: PLAN.spec(f"selections/{wildcards.selection}"),
        vectors=PATHS.vectors,
        own=lambda wildcards: PLAN.chosen.own_vectors(wildcards.selection),
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
        options=lambda wildcards: PLAN.chosen.options(wildcards.selection),
    shell:
        "polytune select-languages --vectors {input.vectors} {params.options:q} --output {output} > {log} 2>&1"
