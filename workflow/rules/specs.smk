"""Specs: every setting that decides a result, in a small file that is named by its content."""

from polytune.study.specs import given_models, spec_text


rule write_spec:
    # the specs before it go, so that a setting that is changed back makes its results again
    output:
        PATHS.spec("{about}", "{digest}"),
    log:
        "logs/write_spec/{about}/{digest}.log",
    wildcard_constraints:
        about="(?!scores/).+",
    conda:
        "../envs/polytune.yaml"
    params:
        content=lambda wildcards: spec_text(
            wildcards.about, PLAN.specs[wildcards.about]
        ),
        folder=subpath(output[0], parent=True),
    shell:
        "(rm -f {params.folder}/*.json && printf '%s\\n' {params.content:q} > {output}) 2> {log}"


rule write_spec_of_scores:
    # not a shell command: the runs of a large study are longer than a command line may be
    output:
        PATHS.spec("scores/{study}/{scale}", "{digest}"),
    log:
        "logs/write_spec_of_scores/{study}/{scale}/{digest}.log",
    run:
        PLAN.write_spec(f"scores/{wildcards.study}/{wildcards.scale}", output[0])


rule digest_given:
    # stands for what a directory of the user's holds: other content in the same place is another thing
    input:
        spec=lambda wildcards: PLAN.spec(f"given/{wildcards.kind}/{wildcards.name}"),
    output:
        PATHS.given("{kind}", "{name}"),
    log:
        "logs/digest_given/{kind}/{name}.log",
    conda:
        "../envs/polytune.yaml"
    resources:
        mem_mb=1000,
        runtime=60,
    params:
        folder=lambda wildcards: given_models(PLAN)[wildcards.kind, wildcards.name],
    shell:
        "polytune digest-given --spec {input.spec} --folder {params.folder:q} --output {output} > {log} 2>&1"
