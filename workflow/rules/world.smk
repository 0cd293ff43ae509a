"""The generated world: languages, texts, instructions, benchmarks, tokenizer."""


rule build_world:
    output:
        PATHS.world_marker("{world}"),
    log:
        "logs/build_world/{world}.log",
    benchmark:
        "benchmarks/build_world/{world}.tsv"
    conda:
        "../envs/polytune.yaml"
    resources:
        mem_mb=2000,
        runtime=15,
    params:
        seed=lambda wildcards: PLAN.worlds[wildcards.world].seed,
        size=lambda wildcards: PLAN.worlds[wildcards.world].size,
        directory=subpath(output[0], parent=True),
    shell:
        "polytune build-world --seed {params.seed} --size {params.size} --output {params.directory} > {log} 2>&1"
