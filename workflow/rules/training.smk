"""Training: the world's bases, and runs = base x method x mixture x seed."""


rule write_spec:
    output:
        f"{RESULTS}/runs/{{base}}/{{method}}/{{mixture}}/seed{{seed}}/spec.json",
    log:
        "logs/write_spec/{base}/{method}/{mixture}/seed{seed}.log",
    conda:
        "../envs/polytune.readers.yaml"
    params:
        spec=lambda wildcards: json.dumps(LOCATIONS.run(wildcards).spec, indent=2),
    shell:
        "printf '%s\\n' {params.spec:q} > {output} 2> {log}"


rule train_full:
    input:
        spec=f"{RESULTS}/runs/{{base}}/{{method}}/{{mixture}}/seed{{seed}}/spec.json",
        mixture=f"{RESULTS}/mixtures/{{mixture}}.json",
        tokens=lambda wildcards: LOCATIONS.tokens(LOCATIONS.run(wildcards)),
        base=lambda wildcards: LOCATIONS.base(wildcards.base).marker,
    output:
        f"{RESULTS}/runs/{{base}}/{{method}}/{{mixture}}/seed{{seed}}/model/manifest.json",
    log:
        "logs/train_full/{base}/{method}/{mixture}/seed{seed}.log",
    benchmark:
        "benchmarks/results/train_full/{base}/{method}/{mixture}/seed{seed}.tsv"
    wildcard_constraints:
        method="full(-[a-z0-9]+)?",
    conda:
        "../envs/polytune.readers.yaml"
    resources:
        mem_mb=3000,
        runtime=120,
        nodes=lambda wildcards: LOCATIONS.run(wildcards).nodes,
        devices_per_node=lambda wildcards: LOCATIONS.run(wildcards).devices_per_node,
        step_options="",
        # how the hardware is used changes no result: resources, unlike parameters, make nothing stale
        micro_batch_tokens=CONFIG["training"]["micro_batch_tokens"],
        zero_stage=CONFIG["training"]["zero_stage"],
        checkpoint_minutes=CONFIG["training"]["checkpoint_minutes"],
    params:
        base=lambda wildcards: LOCATIONS.base(wildcards.base).path,
        tokens=lambda wildcards: f"{RESULTS}/tokens/{LOCATIONS.run(wildcards).tokens}",
        model=subpath(output[0], parent=True),
        work=f"{WORK}/runs/{{base}}/{{method}}/{{mixture}}/seed{{seed}}",
    shell:
        "exec polytune launch --nodes {resources.nodes} --devices-per-node {resources.devices_per_node} "
        "--step-options={resources.step_options:q} --work {params.work} -- "
        "train --spec {input.spec} --mixture {input.mixture} --tokens {params.tokens} --base {params.base:q} "
        "--micro-batch-tokens {resources.micro_batch_tokens} --zero-stage {resources.zero_stage} "
        "--checkpoint-minutes {resources.checkpoint_minutes} "
        "--work {params.work} --output {params.model} > {log} 2>&1"


use rule train_full as train_lora with:
    log:
        "logs/train_lora/{base}/{method}/{mixture}/seed{seed}.log",
    benchmark:
        "benchmarks/results/train_lora/{base}/{method}/{mixture}/seed{seed}.tsv"
    wildcard_constraints:
        method="lora(-[a-z0-9]+)?",


rule write_pretraining_spec:
    output:
        f"{RESULTS}/bases/{{base}}.spec.json",
    log:
        "logs/write_pretraining_spec/{base}.log",
    conda:
        "../envs/polytune.readers.yaml"
    params:
        spec=lambda wildcards: json.dumps(
            PLAN.pretraining[wildcards.base].spec, indent=2
        ),
    shell:
        "printf '%s\\n' {params.spec:q} > {output} 2> {log}"


rule pretrain_base:
    input:
        spec=f"{RESULTS}/bases/{{base}}.spec.json",
        mixture=lambda wildcards: f"{RESULTS}/mixtures/{PLAN.pretraining[wildcards.base].mixture}.json",
        tokens=lambda wildcards: LOCATIONS.tokens(PLAN.pretraining[wildcards.base]),
        world=f"{WORLD}/world.json",
    output:
        f"{RESULTS}/bases/{{base}}/manifest.json",
    log:
        "logs/pretrain_base/{base}.log",
    benchmark:
        "benchmarks/results/pretrain_base/{base}.tsv"
    # the first heavy job and the one everything waits for
    priority: 100
    conda:
        "../envs/polytune.readers.yaml"
    resources:
        mem_mb=3000,
        runtime=30,
        micro_batch_tokens=CONFIG["training"]["micro_batch_tokens"],
    params:
        config=lambda wildcards: LOCATIONS.base_config(wildcards.base),
        tokenizer=f"{WORLD}/tokenizer",
        tokens=lambda wildcards: f"{RESULTS}/tokens/{PLAN.pretraining[wildcards.base].tokens}",
        model=subpath(output[0], parent=True),
        work=f"{WORK}/bases/{{base}}",
    shell:
        "exec polytune launch --work {params.work} -- pretrain-base "
        "--spec {input.spec} --mixture {input.mixture} --tokens {params.tokens} "
        "--config {params.config} --tokenizer {params.tokenizer} "
        "--micro-batch-tokens {resources.micro_batch_tokens} "
        "--work {params.work} --output {params.model} > {log} 2>&1"
