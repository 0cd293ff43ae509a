"""The generated world: languages, texts, instructions, benchmarks, tokenizer."""


rule build_world:
    output:
        f"{RESULTS}/world/seed{{seed}}/world.json",
    params:
        size=CONFIG["world"]["size"],
        directory=subpath(output[0], parent=True),
    log:
        "logs/build_world/seed{seed}.log",
    conda:
        "../envs/polytune.yaml"
    resources:
        mem_mb=2000,
        runtime=15,
    benchmark:
        "benchmarks/results/build_world/seed{seed}.tsv"
    shell:
        "polytune build-world --seed {wildcards.seed} --size {params.size} --output {params.directory} > {log} 2>&1"
