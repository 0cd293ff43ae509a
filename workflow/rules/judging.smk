"""Verdicts: what judges say of responses. Every answer of a judge is kept in a journal before it is used."""

from polytune.config.judges import judges
from polytune.study.answer_jobs import (
    judge_markers,
    judged_responses,
    judging_options,
    prompts_reports,
    reaching_options,
    verdicts_of,
)

for number, verdicts in enumerate(PLAN.answers.judge_batches, start=1):

    rule:
        name:
            "judge" if number == 1 else f"judge_{number}"
        input:
            specs=[PLAN.spec(one.about) for one in verdicts],
            responses=judged_responses(PLAN, verdicts),
            model=judge_markers(PLAN, verdicts[0].judge),
            prompts=prompts_reports(PLAN, [one.run for one in verdicts]),
        output:
            verdicts_of(PLAN, verdicts),
        log:
            f"logs/judge/{verdicts[0].judge}/{verdicts[0].protocol}/{number}.log",
        # a paid judge is asked where there is a network: on a cluster's login node
        localrule: judges()[verdicts[0].judge].backend == "server"
        conda:
            "../envs/polytune.yaml"
        resources:
            mem_mb=3000,
            runtime=1440,
            # how the judge is reached and how much may be spent change no verdict
            limit=reaching_options(verdicts[0].judge, CONFIG["judging"]["max_spend"]),
        params:
            verdicts=judging_options(PLAN, verdicts),
            prompts=f"{PATHS.results}/prompts",
            journal=PATHS.journal(verdicts[0].judge),
        shell:
            "polytune judge {params.verdicts:q} --prompts {params.prompts} --journal {params.journal} "
            "{resources.limit} > {log} 2>&1"
