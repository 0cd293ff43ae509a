"""A target for each study: all its figures and tables."""

for study_name in PLAN.studies:

    rule:
        name:
            study_name
        input:
            LOCATIONS.study_targets(study_name),
