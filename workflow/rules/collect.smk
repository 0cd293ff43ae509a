"""Targets: everything, one study, its figures or tables."""


def study_targets(study):
    """Return the figures and tables of a study."""
    folder = f"{RESULTS}/studies/{study.name}"
    figures = [f"{folder}/figures/{name}.{ending}" for name in study.figures for ending in FIGURE_FORMATS]
    return figures + [f"{folder}/tables/{name}.{ending}" for name in study.tables for ending in TABLE_FORMATS]


rule all:
    default_target: True
    input:
        [target for study in PLAN.studies.values() for target in study_targets(study)],


for study in PLAN.studies.values():

    rule:
        name:
            study.name
        input:
            study_targets(study),
