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
        ("scores", "runs", "context", "items"),
        "{measure} against {against}, a panel for each of {benchmarks}",
    ),
}
