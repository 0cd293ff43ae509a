"""Instruction sources: read once per language, tokenised once per language and tokenizer."""


rule read_source:
    input:
        lambda wildcards: LOCATIONS.source(wildcards.source, wildcards.language).marker,
    output:
        rows=f"{RESULTS}/data/{{source}}/{{language}}.parquet",
        report=f"{RESULTS}/data/{{source}}/{{language}}.report.json",
    log:
        "logs/read_source/{source}/{language}.log",
    conda:
        "../envs/polytune.readers.yaml"
    resources:
        mem_mb=2000,
        runtime=20,
    params:
        file=lambda wildcards: LOCATIONS.source(
            wildcards.source, wildcards.language
        ).path,
        kind=lambda wildcards: LOCATIONS.source_kind(wildcards.source),
        largest_dropped_share=CONFIG["data"]["largest_dropped_share"],
    shell:
        "polytune read-source --file {params.file:q} --kind {params.kind} --output {output.rows} "
        "--report {output.report} --largest-dropped-share {params.largest_dropped_share} > {log} 2>&1"


rule tokenize_source:
    input:
        report=f"{RESULTS}/data/{{source}}/{{language}}.report.json",
        tokenizer=lambda wildcards: LOCATIONS.tokenizer(
            TOKENIZATIONS[wildcards.tokenizer].tokenizer
        ).marker,
    output:
        f"{RESULTS}/tokens/{{tokenizer}}/{{source}}/{{language}}/index.json",
    log:
        "logs/tokenize_source/{tokenizer}/{source}/{language}.log",
    conda:
        "../envs/polytune.readers.yaml"
    resources:
        mem_mb=2000,
        runtime=30,
    params:
        rows=f"{RESULTS}/data/{{source}}/{{language}}.parquet",
        directory=subpath(output[0], parent=True),
        tokenizer=lambda wildcards: LOCATIONS.tokenizer(
            TOKENIZATIONS[wildcards.tokenizer].tokenizer
        ).path,
        template=lambda wildcards: TOKENIZATIONS[wildcards.tokenizer].template,
        template_digest=lambda wildcards: TOKENIZATIONS[
            wildcards.tokenizer
        ].template_digest,
        shape=lambda wildcards: (
            "--encoder-decoder"
            if TOKENIZATIONS[wildcards.tokenizer].encoder_decoder
            else ""
        ),
    shell:
        "polytune tokenize-source --data {params.rows} --report {input.report} --tokenizer {params.tokenizer:q} "
        "--template {params.template} --templates config/templates.yaml {params.shape} "
        "--output {params.directory} > {log} 2>&1"
