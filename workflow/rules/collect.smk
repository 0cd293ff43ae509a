"""Targets: everything, one study, its figures or tables."""


rule all:
    input:
        [target for study in PLAN.studies for target in LOCATIONS.study_targets(study)],


for study_name in PLAN.studies:

    rule:
        name:
            study_name
        input:
            LOCATIONS.study_targets(study_name),
