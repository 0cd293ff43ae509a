"""Training: the worlds' bases, and runs = base x method x mixture x seed."""

from polytune.costs.memory import training_mem_mb


rule pretrain_base:
    input:
        spec=lambda wildcards: PLAN.spec(f"bases/{wildcards.base}"),
        mixture=lambda wildcards: PATHS.mixture(
            PLAN.pretraining[wildcards.base].mixture
        ),
        tokens=lambda wildcards: PLAN.token_indexes(PLAN.pretraining[wildcards.base]),
        world=lambda wildcards: PATHS.world_marker(
            PLAN.bases[wildcards.base].world.name
        ),
    output:
        PATHS.base_marker("{base}"),
    log:
        "logs/pretrain_base/{base}.log",
    benchmark:
        "benchmarks/pretrain_base/{base}.tsv"
    # the first heavy job and the one everything waits for
    priority: 100
    conda:
        "../envs/polytune.yaml"
    resources:
        mem_mb=lambda wildcards: training_mem_mb(
            PLAN.pretraining[wildcards.base],
            CONFIG["training"],
            CONFIG["evaluation"]["device"],
        ),
        runtime=30,
        micro_batch_tokens=CONFIG["training"]["micro_batch_tokens"],
    params:
        tokenizer=lambda wildcards: f"{PATHS.world(PLAN.bases[wildcards.base].world.name)}/tokenizer",
        tokens=lambda wildcards: PATHS.tokens(
            PLAN.pretraining[wildcards.base].tokens.name
        ),
        model=subpath(output[0], parent=True),
        work=f"{PATHS.work}/bases/{{base}}",
    shell:
        "exec polytune launch --work {params.work} -- pretrain-base "
        "--spec {input.spec} --mixture {input.mixture} --tokens {params.tokens} --tokenizer {params.tokenizer} "
        "--micro-batch-tokens {resources.micro_batch_tokens} "
        "--work {params.work} --output {params.model} > {log} 2>&1"


rule train_full:
    input:
        spec=lambda wildcards: PLAN.spec(f"runs/{wildcards.run}"),
        mixture=lambda wildcards: PATHS.mixture(PLAN.runs[wildcards.run].mixture),
        tokens=lambda wildcards: PLAN.token_indexes(PLAN.runs[wildcards.run]),
        base=lambda wildcards: PLAN.outside.base(PLAN.runs[wildcards.run].base).marker,
    output:
        PATHS.model_marker("{run}"),
    log:
        "logs/train_full/{run}.log",
    benchmark:
        "benchmarks/train_full/{run}.tsv"
    wildcard_constraints:
        run="[a-z0-9.-]+/full(-[a-z0-9]+)?/[a-z0-9-]+/seed[0-9]+",
    conda:
        "../envs/polytune.yaml"
    resources:
        mem_mb=lambda wildcards: training_mem_mb(
            PLAN.runs[wildcards.run],
            CONFIG["training"],
            CONFIG["evaluation"]["device"],
        ),
        runtime=120,
        nodes=lambda wildcards: PLAN.runs[wildcards.run].nodes,
        devices_per_node=lambda wildcards: PLAN.runs[wildcards.run].devices_per_node,
        step_options="",
        # how the hardware is used changes no result: resources, unlike parameters, make nothing stale
        micro_batch_tokens=CONFIG["training"]["micro_batch_tokens"],
        zero_stage=CONFIG["training"]["zero_stage"],
        checkpoint_minutes=CONFIG["training"]["checkpoint_minutes"],
        # how much may be cut before it is an error changes no row
        largest_cut_share=str(CONFIG["data"]["largest_cut_share"]),
        # what the card says of the base
        hub_id=lambda wildcards: PLAN.runs[wildcards.run].base.row.hub_id,
        licence=lambda wildcards: PLAN.runs[wildcards.run].base.row.licence,
    params:
        base=lambda wildcards: PLAN.outside.base(PLAN.runs[wildcards.run].base).path,
        tokens=lambda wildcards: PATHS.tokens(PLAN.runs[wildcards.run].tokens.name),
        model=subpath(output[0], parent=True),
        work=f"{PATHS.work}/runs/{{run}}",
    shell:
        "exec polytune launch --nodes {resources.nodes} --devices-per-node {resources.devices_per_node} "
        "--step-options={resources.step_options:q} --work {params.work} -- "
        "train --spec {input.spec} --mixture {input.mixture} --tokens {params.tokens} --base {params.base:q} "
        "--micro-batch-tokens {resources.micro_batch_tokens} --zero-stage {resources.zero_stage} "
        "--checkpoint-minutes {resources.checkpoint_minutes} --largest-cut-share {resources.largest_cut_share} "
        "--hub-id={resources.hub_id:q} --licence={resources.licence:q} "
        "--work {params.work} --output {params.model} > {log} 2>&1"


use rule train_full as train_lora with:
    log:
        "logs/train_lora/{run}.log",
    benchmark:
        "benchmarks/train_lora/{run}.tsv"
    wildcard_constraints:
        run="[a-z0-9.-]+/lora(-[a-z0-9]+)?/[a-z0-9-]+/seed[0-9]+",
