"""Kinds of figures (key `draw` of a study's figures). Their functions' parameters are their options."""

from __future__ import annotations

from polytune.config.kinds import Kind

LINES = "Bands and bars: 95 % intervals. Dashed, where there is one: the untuned base model."
CELLS = "Cells: percent of the answers to questions in the language of the row."

FIGURES = {
    "accuracy_by_languages": Kind(
        "polytune.figures.accuracy:draw_means",
        ("scores", "runs", "context"),
        "Mean {measure} of {benchmarks} against {against}, a line for each benchmark",
        marks=LINES,
    ),
    "language_accuracy": Kind(
        "polytune.figures.accuracy:draw_languages",
        ("scores", "runs", "context"),
        "{measure} of single languages of {benchmark} against {against}",
        marks=LINES,
    ),
    "exposure_panels": Kind(
        "polytune.figures.accuracy:draw_exposure",
        ("scores", "runs", "context"),
        "{measure} of every language seen by {exposure} against {against}, in {benchmarks}",
        marks=LINES,
    ),
    "values": Kind(
        "polytune.figures.values:draw_values",
        ("scores", "runs", "context", "items", "published_folder"),
        "{measure} against {against}, in {benchmarks}, a panel for each {panels}",
        marks=LINES,
    ),
    "language_confusion": Kind(
        "polytune.figures.heatmaps:draw_confusion",
        ("scores", "runs", "context", "confusion"),
        "Language of the question against language of the answer in {benchmark}, a panel for each {panels}",
        marks=CELLS,
    ),
    "decomposition": Kind(
        "polytune.figures.decomposition:draw_decomposition",
        ("scores", "runs", "context", "items"),
        "What of the difference from {reference} in {benchmark} is language and what is quality, for each family",
        marks="Bars: the two parts. Dots: the whole difference with its 95 % interval.",
    ),
    "radar": Kind(
        "polytune.figures.radar:draw_radar",
        ("scores", "runs", "context", "items"),
        "{measure} of each category of the questions of {benchmark}, turns {turns}, a polygon for each {by}",
        marks="Bars: 95 % intervals. Dashed, where there is one: the untuned base model.",
    ),
    "gains": Kind(
        "polytune.figures.gains:draw_gains",
        ("scores", "runs", "context", "items", "published_folder"),
        "Gain in {measure} in {benchmark} over each model of {reference}, in percent, for each {by}",
        marks="Dots and bars: gains with their 95 % intervals. Dashed, where there are any: published values.",
    ),
    "pairs": Kind(
        "polytune.figures.pairs:draw_pairs",
        ("scores", "runs", "context", "items"),
        "{measure} beside {beside} in {benchmark}, a dot for each model, a panel for each {panels}",
        marks="Dots and bars: models with their 95 % intervals.",
    ),
    "comparison": Kind(
        "polytune.figures.differences:draw_comparison",
        ("scores", "runs", "context", "items"),
        "{measure} beyond that of {reference}, with 95 % intervals over {test_over}",
        marks="Dots and bars: differences with their 95 % intervals. Dashed: no difference.",
    ),
    "matrix": Kind(
        "polytune.figures.matrix:draw_matrix",
        ("scores", "runs", "context"),
        "{measure} of models tuned on one language (rows) in {benchmark} by language (columns)",
        marks="Cells: values, the darker the higher.",
    ),
    "language_groups": Kind(
        "polytune.figures.language_groups:draw_groups",
        ("scores", "runs", "context", "items"),
        "{measure} in {benchmark} against {against}, a line for each of the {groups} of languages",
        marks=f"{LINES} Dots: single languages.",
    ),
    "pair_means": Kind(
        "polytune.figures.pair_means:draw_pair_means",
        ("scores", "runs", "context", "items"),
        "Mean {measure} in {benchmark} of models tuned on two languages and on each of them, in all other languages",
        marks="Thin bars: 95 % intervals.",
    ),
    "corpus_share": Kind(
        "polytune.figures.corpus_share:draw_corpus_share",
        ("scores", "runs", "context", "items", "published_folder"),
        "Mean {measure} in {benchmark} over other languages than the one tuned on, against its share of the "
        "pre-training corpus ({shares})",
        marks="Dots and bars: languages with their 95 % intervals. Line and band, where r is defined: least "
        "squares with its 95 % band.",
    ),
    "rating_shares": Kind(
        "polytune.figures.rating_shares:draw_rating_shares",
        ("scores", "runs", "context", "items", "published_folder"),
        "How often models tuned on one language get each rating in it, in {benchmark}",
        marks="Stacked bars: percent of the answers with each rating.",
    ),
    "language_map": Kind(
        "polytune.figures.selections:draw_map",
        ("runs", "context", "vectors"),
        "The languages of each mixture on a map of the world",
        marks="Coloured dots: the languages of the mixture. Grey dots: all others.",
    ),
    "language_vectors": Kind(
        "polytune.figures.selections:draw_vectors",
        ("runs", "context", "vectors"),
        "Vectors of languages ({features}) in two dimensions by t-SNE, those of each mixture marked",
        marks="Coloured dots: the languages of the mixture. Grey dots: all others.",
    ),
}
