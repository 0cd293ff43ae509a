"""Targets in the plural: each study, and each kind of result over all studies."""

for study_name in PLAN.studies:

    rule:
        name:
            study_name
        input:
            PLAN.targets([study_name]),


rule mixtures:
    input:
        [PATHS.mixture(name) for name in PLAN.recipes],


# all that is known before the first training: `polytune plan` then counts the answers that each will cut
rule rows:
    input:
        [PATHS.mixture(name) for name in PLAN.recipes],
        [index for run in PLAN.tuned.values() for index in PLAN.token_indexes(run)],


rule models:
    input:
        [PATHS.model_marker(run) for run in PLAN.tuned],


rule evaluations:
    input:
        [file for study in PLAN.studies for file in PLAN.evaluation_files(study)],


rule scores:
    input:
        [PATHS.scores(name, study.scale) for name, study in PLAN.studies.items()],


rule figures:
    input:
        [file for study in PLAN.studies for file in PLAN.figure_files(study)],


rule tables:
    input:
        [file for study in PLAN.studies for file in PLAN.table_files(study)],
