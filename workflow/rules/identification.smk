"""Identification: which language each answer is in, and whether it is the one that was asked in."""

from polytune.study.answer_jobs import (
    identification_options,
    identified_of,
    identifier_markers,
    responses_of,
)

for identifier in PLAN.answers.identifiers:
    for number, batch in enumerate(PLAN.answers.identified(identifier), start=1):

        rule:
            name:
                f"identify_{identifier}_{number}"
            input:
                specs=[
                    PLAN.spec(f"identified/{identifier}/{run}") for run in batch.runs
                ],
                responses=responses_of(PLAN, batch),
                needed=identifier_markers(PLAN, identifier, batch),
            output:
                identified_of(PLAN, identifier, batch),
            log:
                f"logs/identify/{identifier}/{number}.log",
            conda:
                "../envs/polytune.yaml"
            resources:
                mem_mb=3000,
                runtime=60,
            params:
                options=identification_options(PLAN, identifier, batch),
            shell:
                "polytune identify {params.options:q} > {log} 2>&1"
