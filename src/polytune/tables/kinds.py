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
    "variance_components": Kind(
        "polytune.tables.variance_components:build_variance_components",
        (*PLAIN, "items"),
        "How far {measure} may be off, where that comes from (items, seeds, mixture draws, judges), and what more of "
        "each would bring",
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
    "exposure_groups": Kind(
        "polytune.tables.groups:build_exposure",
        PLAIN,
        "Which languages the base and the tuned models have seen",
    ),
}
