"""Instruction sources: read once per language, tokenised once per language and tokenization."""


rule read_source:
    input:
        # a given file is known by its spec (name, size, time), others by the marker of what they lie in
        lambda wildcards: PLAN.rows_input(wildcards.source, wildcards.language),
    output:
        rows=PATHS.rows("{source}", "{language}"),
        report=PATHS.report("{source}", "{language}"),
    log:
        "logs/read_source/{source}/{language}.log",
    conda:
        "../envs/polytune.yaml"
    resources:
        mem_mb=2000,
        runtime=20,
        # how much may be dropped before it is an error changes no row
        largest_dropped_share=str(CONFIG["data"]["largest_dropped_share"]),
    params:
        file=lambda wildcards: PLAN.source(wildcards.source, wildcards.language).path,
        kind=lambda wildcards: PLAN.sources[wildcards.source].row.kind,
    shell:
        "polytune read-source --file {params.file:q} --kind {params.kind} --output {output.rows} "
        "--report {output.report} --largest-dropped-share {resources.largest_dropped_share} > {log} 2>&1"


rule tokenize_source:
    input:
        report=PATHS.report("{source}", "{language}"),
        tokenizer=lambda wildcards: PLAN.tokenizer(wildcards.tokens).marker,
    output:
        PATHS.token_index("{tokens}", "{source}", "{language}"),
    log:
        "logs/tokenize_source/{tokens}/{source}/{language}.log",
    # before mixtures, where both can begin: whoever builds one then says which answers will be cut
    priority: 1
    conda:
        "../envs/polytune.yaml"
    resources:
        mem_mb=2000,
        runtime=30,
    params:
        rows=PATHS.rows("{source}", "{language}"),
        directory=subpath(output[0], parent=True),
        tokenizer=lambda wildcards: PLAN.tokenizer(wildcards.tokens).path,
        template=lambda wildcards: PLAN.tokenizations[wildcards.tokens].template,
        shape=lambda wildcards: (
            "--encoder-decoder"
            if PLAN.tokenizations[wildcards.tokens].encoder_decoder
            else "--no-encoder-decoder"
        ),
    shell:
        "polytune tokenize-source --data {params.rows} --report {input.report} --tokenizer {params.tokenizer:q} "
        "--template {params.template} --templates config/templates.yaml {params.shape} "
        "--output {params.directory} > {log} 2>&1"
