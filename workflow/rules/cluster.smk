"""Clusters: what runs beside Snakemake itself, what is checked before the first submission, and the preflight job."""

from polytune.cluster.guard import check_start
from polytune.cluster.schedule import look_once
from polytune.study.earlier import forget


# a moment of work each: not worth a job of the queue
localrules:
    all,
    write_spec_of_scores,
    write_spec,


# what a failed step said is in its log, which is shown; the command line that failed says nothing more
logger.addFilter(
    lambda record: not str(record.msg).startswith("RuleException:\nCalledProcessError")
)


onstart:
    forget(PLAN)
    look_once(workflow.scheduler)
    if workflow.executor_plugin.name == "slurm":
        try:
            check_start(Path.cwd())
        except InputError as error:
            raise WorkflowError(str(error)) from None


rule preflight:
    # asserts what a training takes for granted: its devices, its ranks, and that they reach each other
    output:
        f"{PATHS.work}/preflight/{{nodes}}x{{devices_per_node}}.json",
    log:
        "logs/preflight/{nodes}x{devices_per_node}.log",
    wildcard_constraints:
        nodes="[0-9]+",
        devices_per_node="[0-9]+",
    conda:
        "../envs/polytune.yaml"
    resources:
        mem_mb=3000,
        runtime=10,
        nodes=lambda wildcards: int(wildcards.nodes),
        devices_per_node=lambda wildcards: int(wildcards.devices_per_node),
        step_options="",
    params:
        device=CONFIG["evaluation"]["device"],
    shell:
        "exec polytune launch --nodes {resources.nodes} --devices-per-node {resources.devices_per_node} "
        "--step-options={resources.step_options:q} -- "
        "preflight --device {params.device} --output {output} > {log} 2>&1"
