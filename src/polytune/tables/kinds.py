"""Kinds of tables (key `build` of a study's tables). Their functions' parameters are their options."""

from __future__ import annotations

from polytune.config.kinds import Kind

PLAIN = ("scores", "runs", "context")
TABLES = {
    "accuracy": Kind(
        "polytune.tables.values:build_models",
        PLAIN,
        "{measure} and its standard error, a row for each language and mean, a column for each model",
    ),
    "values": Kind(
        "polytune.tables.values:build_values",
        (*PLAIN, "items"),
        "{measure} against {against}, a column for each {columns}",
    ),
    "comparison": Kind(
        "polytune.tables.comparison:build_comparison",
        (*PLAIN, "items"),
        "{measure} against that of {reference}: differences with 95 % intervals, tests over {test_over} and their "
        "false-discovery rate",
    ),
    "run_means": Kind(
        "polytune.tables.run_means:build_run_means",
        (*PLAIN, "items"),
        "Mean {measure} over runs with its 95 % margin, a row for each base and {against}, marked where it differs "
        "from {reference}",
    ),
    "variance_components": Kind(
        "polytune.tables.variance_components:build_variance_components",
        (*PLAIN, "items"),
        "How far {measure} may be off, where that comes from (items, seeds, mixture draws, judges), and what more of "
        "each would bring",
    ),
    "ranks": Kind(
        "polytune.tables.ranks:build_ranks",
        (*PLAIN, "items"),
        "Models ranked by {measure}, with intervals of the ranks and groups of models that cannot be told apart",
    ),
    "measure_separation": Kind(
        "polytune.tables.ranks:build_measure_separation",
        (*PLAIN, "items"),
        "How far each measure separates the models, and how many seeds that takes",
    ),
    "win_rates": Kind(
        "polytune.tables.win_rates:build_win_rates",
        (*PLAIN, "items"),
        "Wins over the opponent, raw and as they would be between answers of one length in the right language",
    ),
    "selection_effect": Kind(
        "polytune.tables.selection_effect:build_selection_effect",
        PLAIN,
        "What each choice of languages adds to {measure} over that of {reference}, over language sets, seeds and "
        "languages",
    ),
    "group_means": Kind(
        "polytune.tables.groups:build_group_means",
        PLAIN,
        "Mean {measure} of languages that the base has seen or not, tuned or not, and its spread over worlds and seeds",
    ),
    "transfer": Kind(
        "polytune.tables.transfer:build_transfer",
        (*PLAIN, "similarity"),
        "What languages neither seen by the base nor tuned gain in {measure}, with and without a tuned relative",
    ),
    "similarity_correlation": Kind(
        "polytune.tables.correlation:build_correlations",
        (*PLAIN, "similarity", "published_folder"),
        "Correlation, over the models of growing mixtures, of each language's {measure} in {benchmark} with the number "
        "of languages and with the summed similarity of the mixture to it",
    ),
    "correlation_details": Kind(
        "polytune.tables.correlation:build_details",
        (*PLAIN, "similarity"),
        "Every correlation of {measure} in {benchmark} with two 95 % intervals (models independent; neighbours "
        "dependent), permutation p-values, the false-discovery rate over the table, and what is left of it without the "
        "language itself",
    ),
    "outlier_checkpoints": Kind(
        "polytune.tables.outliers:build_outliers",
        PLAIN,
        "How far the {measure} of each checkpoint lies from its neighbours, in many languages at once",
    ),
    "judge_checks": Kind(
        "polytune.tables.judges:build_judge_checks",
        (*PLAIN, "items", "checks", "responders"),
        "What the verdicts say of each judge: whether seats, length and repetition decide, coverage, null responders, "
        "spend",
    ),
    "judged_totals": Kind(
        "polytune.tables.answers:build_totals",
        (*PLAIN, "items"),
        "{measure} of every model in {benchmark}, by language, with intervals and coverage",
    ),
    "human_agreement": Kind(
        "polytune.tables.agreement:build_agreement",
        (*PLAIN, "items", "published_folder"),
        "How far people agree with the judge of {benchmark}: on systems, and on which of two answers is better",
    ),
    "language_confusion": Kind(
        "polytune.tables.answers:build_confusion",
        (*PLAIN, "confusion"),
        "Language of the question against language of the answer in {benchmark}, a row for each {panels} and language",
    ),
    "languages": Kind(
        "polytune.tables.languages:build_languages",
        PLAIN,
        "The languages of {benchmark}: family, branch, script, and which bases have seen them",
    ),
    "exposure_groups": Kind(
        "polytune.tables.groups:build_exposure",
        PLAIN,
        "Which languages the base and the tuned models have seen",
    ),
    "language_overlap": Kind(
        "polytune.tables.overlap:build_overlap",
        PLAIN,
        "Which languages bases, the mixtures of each {against} and benchmarks have in common",
    ),
    "cut_answers": Kind(
        "polytune.tables.cut:build_cut",
        PLAIN,
        "How many answers of each language the trainings have cut at their maximum length",
    ),
}
