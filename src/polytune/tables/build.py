"""Build one table of a study: `polytune build-table`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from polytune.config.kinds import call_kind, parse_spec

if TYPE_CHECKING:
    import pandas as pd

    from polytune.tables.rendering import Table

TABLES = {
    "accuracy": ("polytune.tables.accuracy", "build_accuracies"),
    "similarity_correlation": ("polytune.tables.correlation", "build_correlations"),
    "correlation_details": ("polytune.tables.correlation", "build_details"),
    "outlier_checkpoints": ("polytune.tables.correlation", "build_outliers"),
    "exposure_groups": ("polytune.tables.correlation", "build_exposure"),
}
"""Kinds of tables (key `build` of a study's tables): where the function is. Its parameters are the kind's options."""


def build_table(
    scores: pd.DataFrame, similarity: Path, spec: dict[str, Any], analysis: dict[str, Any], where: str
) -> Table:
    """Return the table that `spec` describes: `build` names the kind, the other keys are its options.

    Settings of `analysis` (the study's, the same for all its tables) are used where the kind has such an option.
    """
    given = {"scores": scores, "similarity": similarity}
    return call_kind(TABLES, "build", spec, given, analysis, where)


def command(
    study: Annotated[str, typer.Option(help="Name of the study.")],
    table: Annotated[str, typer.Option(help="Name of the table.")],
    spec: Annotated[str, typer.Option(help="What to build, as JSON: 'build' and its options.")],
    scores: Annotated[Path, typer.Option(help="Table of the study's scores (parquet).")],
    similarity: Annotated[Path, typer.Option(help="Similarities of languages (parquet).")],
    output_stem: Annotated[Path, typer.Option(help="Path of the files to write, without their endings.")],
    analysis: Annotated[str, typer.Option(help="The study's settings of the analysis, as JSON.")] = "{}",
) -> None:
    """Build one table: csv, md and tex."""
    import pandas as pd

    from polytune.tables.rendering import save_table

    where = f"{study}: tables.{table}"
    wanted, settings = parse_spec(spec, f"{where}: --spec"), parse_spec(analysis, f"{where}: --analysis")
    for path in save_table(build_table(pd.read_parquet(scores), similarity, wanted, settings, where), output_stem):
        print(path)
