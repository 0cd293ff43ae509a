"""Read one language of an instruction source into parquet, with a report of what was dropped."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from polytune.data.columns import write_rows
from polytune.data.rows import read_rows
from polytune.files import digest, write_json


def command(
    file: Annotated[Path, typer.Option(help="File of this language in the source's own layout.")],
    kind: Annotated[str, typer.Option(help="Layout of the source: bactrian-x or alpaca.")],
    output: Annotated[Path, typer.Option(help="Parquet file to write.")],
    report: Annotated[Path, typer.Option(help="Report to write: rows read, kept and dropped, digest.")],
    largest_dropped_share: Annotated[float, typer.Option(help="Largest share of rows that may be dropped.")] = 0.01,
) -> None:
    """Read one language of an instruction source into parquet, with a report of what was dropped."""
    rows, counts = read_rows(file, kind, largest_dropped_share)
    for reason, count in counts.dropped.items():
        first = counts.first_dropped[reason]
        print(f"{file}: dropped {count} of {counts.read} rows: {reason} (first in row {first})", file=sys.stderr)
    write_rows(rows, output)
    content = digest([[row.id, row.instruction, row.input, row.output] for row in rows])
    write_json(report, {**asdict(counts), "rows": counts.kept, "digest": content})
    print(f"{counts.kept} rows of {counts.read} kept")
