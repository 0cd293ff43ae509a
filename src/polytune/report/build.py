"""`polytune build-report`: one page of what was run, what it showed and what is missing."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from polytune import ROOT
from polytune.config.given import Files, Given, Values
from polytune.errors import InputError
from polytune.files import write_text


def command(
    output: Annotated[
        Path | None, typer.Option(help="Page to write; default report/report.html below the results.")
    ] = None,
    results: Annotated[Path | None, typer.Option(help="Folder of results; default that of the configuration.")] = None,
    configfile: Files = None,
    config: Values = None,
    published: Annotated[Path, typer.Option(help="Folder of published values.")] = ROOT / "config" / "published",
) -> None:
    """Write the report of the configured studies and of all studies whose results are there, finished or not."""
    from polytune.report.page import render
    from polytune.report.studies import find_studies

    values = Given.of(configfile, config).merge()
    if results is not None:
        if not results.is_dir():
            raise InputError(f"--results: {results}: no such directory; run a study first, e.g. make run")
        values.setdefault("storage", {})["results"] = str(results)
    studies = find_studies(values)
    path = output or Path(studies[0].paths.results) / "report" / "report.html"
    write_text(path, render(studies, published))
    missing = sum(len(one.missing) for one in studies)
    shown = sum(len(one.exhibits) for one in studies) - missing
    faults = {(one.name, each.section, each.name): each.faults for one in studies for each in one.exhibits}
    faults = {about: dict.fromkeys(said) for about, said in faults.items() if said}
    without = f", {len(faults)} that could not be put in words:" if faults else ""
    print(f"{path}: {len(studies)} studies, {shown} figures and tables, {missing} not there yet{without}")
    for about, said in faults.items():
        print(f"  {'/'.join(about)}: {'; '.join(said)}")
