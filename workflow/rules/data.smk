"""Instruction sources: read once per language, tokenised once per language and tokenizer."""


def source_place(wildcards):
    """Return where the file of this source and language lies."""
    return LOCATIONS.source(wildcards.source, wildcards.language)


rule read_source:
    input:
        lambda wildcards: source_place(wildcards).marker,
    output:
        rows=f"{RESULTS}/data/{{source}}/{{language}}.parquet",
        report=f"{RESULTS}/data/{{source}}/{{language}}.report.json",
    params:
        file=lambda wildcards: source_place(wildcards).path,
        kind=lambda wildcards: LOCATIONS.source_kind(wildcards.source),
        largest_dropped_share=CONFIG["data"]["largest_dropped_share"],
    log:
        "logs/read_source/{source}/{language}.log",
    conda:
        "../envs/polytune.yaml"
    resources:
        mem_mb=2000,
        runtime=20,
    shell:
        "polytune read-source --file {params.file:q} --kind {params.kind} --output {output.rows} "
        "--report {output.report} --largest-dropped-share {params.largest_dropped_share} > {log} 2>&1"


rule tokenize_source:
    input:
        rows=f"{RESULTS}/data/{{source}}/{{language}}.parquet",
        report=f"{RESULTS}/data/{{source}}/{{language}}.report.json",
        tokenizer=lambda wildcards: LOCATIONS.tokenizer(TOKENIZATIONS[wildcards.tokenizer].tokenizer).marker,
    output:
        f"{RESULTS}/tokens/{{tokenizer}}/{{source}}/{{language}}/index.json",
    params:
        directory=subpath(output[0], parent=True),
        tokenizer=lambda wildcards: LOCATIONS.tokenizer(TOKENIZATIONS[wildcards.tokenizer].tokenizer).path,
        template=lambda wildcards: TOKENIZATIONS[wildcards.tokenizer].template,
        template_digest=lambda wildcards: TOKENIZATIONS[wildcards.tokenizer].template_digest,
        shape=lambda wildcards: "--encoder-decoder" if TOKENIZATIONS[wildcards.tokenizer].encoder_decoder else "",
    log:
        "logs/tokenize_source/{tokenizer}/{source}/{language}.log",
    conda:
        "../envs/polytune.yaml"
    resources:
        mem_mb=2000,
        runtime=30,
    shell:
        "polytune tokenize-source --data {input.rows} --report {input.report} --tokenizer {params.tokenizer:q} "
        "--template {params.template} --templates config/templates.yaml {params.shape} "
        "--output {params.directory} > {log} 2>&1"
