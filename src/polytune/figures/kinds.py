"""Kinds of figures (key `draw` of a study's figures). Their functions' parameters are their options."""

from __future__ import annotations

from polytune.config.kinds import Kind

FIGURES = {
    "accuracy_by_languages": Kind(
        "polytune.figures.accuracy:draw_means",
        ("scores", "runs", "context"),
        "Mean {measure} of {benchmarks} against {against}, a line for each benchmark",
    ),
    "language_accuracy": Kind(
        "polytune.figures.accuracy:draw_languages",
        ("scores", "runs", "context"),
        "{measure} of single languages of {benchmark} against {against}",
    ),
    "exposure_panels": Kind(
        "polytune.figures.accuracy:draw_exposure",
        ("scores", "runs", "context"),
        "{measure} of every language seen by {exposure} against {against}, in {benchmarks}",
    ),
    "values": Kind(
        "polytune.figures.values:draw_values",
        ("scores", "runs", "context", "items", "published_folder"),
        "{measure} against {against}, in {benchmarks}, a panel for each {panels}",
    ),
    "language_confusion": Kind(
        "polytune.figures.heatmaps:draw_confusion",
        ("scores", "runs", "context", "confusion"),
        "Language of the question against language of the answer in {benchmark}, a panel for each {panels}",
    ),
    "decomposition": Kind(
        "polytune.figures.decomposition:draw_decomposition",
        ("scores", "runs", "context", "items"),
        "What of the difference from {reference} in {benchmark} is language and what is quality, for each family",
    ),
    "radar": Kind(
        "polytune.figures.radar:draw_radar",
        ("scores", "runs", "context", "items"),
        "{measure} of each category of the questions of {benchmark}, turns {turns}, a polygon for each {by}",
    ),
    "gains": Kind(
        "polytune.figures.gains:draw_gains",
        ("scores", "runs", "context", "items", "published_folder"),
        "Gain in {measure} in {benchmark} over each model of {reference}, in percent, for each {by}",
    ),
    "pairs": Kind(
        "polytune.figures.pairs:draw_pairs",
        ("scores", "runs", "context", "items"),
        "{measure} beside {beside} in {benchmark}, a dot for each model, a panel for each {panels}",
    ),
    "comparison": Kind(
        "polytune.figures.differences:draw_comparison",
        ("scores", "runs", "context", "items"),
        "{measure} beyond that of {reference}, with 95 % intervals over {test_over}",
    ),
    "matrix": Kind(
        "polytune.figures.matrix:draw_matrix",
        ("scores", "runs", "context"),
        "{measure} of models tuned on one language (rows) in {benchmark} by language (columns)",
    ),
    "language_groups": Kind(
        "polytune.figures.language_groups:draw_groups",
        ("scores", "runs", "context", "items"),
        "{measure} in {benchmark} against {against}, a line for each of the {groups} of languages",
    ),
    "pair_means": Kind(
        "polytune.figures.pair_means:draw_pair_means",
        ("scores", "runs", "context", "items"),
        "Mean {measure} in {benchmark} of models tuned on two languages and on each of them, in all other languages",
    ),
    "corpus_share": Kind(
        "polytune.figures.corpus_share:draw_corpus_share",
        ("scores", "runs", "context", "items", "published_folder"),
        "Mean {measure} in {benchmark} over other languages than the one tuned on, against its share of the "
        "pre-training corpus ({shares})",
    ),
    "rating_shares": Kind(
        "polytune.figures.rating_shares:draw_rating_shares",
        ("scores", "runs", "context", "items", "published_folder"),
        "How often models tuned on one language get each rating in it, in {benchmark}",
    ),
    "language_map": Kind(
        "polytune.figures.selections:draw_map",
        ("runs", "context", "vectors"),
        "The languages of each mixture on a map of the world",
    ),
    "language_vectors": Kind(
        "polytune.figures.selections:draw_vectors",
        ("runs", "context", "vectors"),
        "Vectors of languages ({features}) in two dimensions by t-SNE, those of each mixture marked",
    ),
}
