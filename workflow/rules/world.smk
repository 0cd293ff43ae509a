"""The generated world: languages, texts, instructions, benchmarks, tokenizer."""


rule build_world:
    output:
        f"{RESULTS}/world/seed{{seed}}/world.json",
    log:
        "logs/build_world/seed{seed}.log",
    benchmark:
        "benchmarks/results/build_world/seed{seed}.tsv"
    conda:
        "../envs/polytune.readers.yaml"
    resources:
        mem_mb=2000,
        runtime=15,
    params:
        size=CONFIG["world"]["size"],
        directory=subpath(output[0], parent=True),
    shell:
        "polytune build-world --seed {wildcards.seed} --size {params.size} --output {params.directory} > {log} 2>&1"
