"""Read one language of a prompt set into parquet, with a report."""

from __future__ import annotations

from dataclasses import astuple
from pathlib import Path
from typing import Annotated

import typer

from polytune.files import digest, write_json
from polytune.languages import codes
from polytune.prompts.layouts import read_prompt_file
from polytune.prompts.prompt import write_prompts


def command(
    layout: Annotated[str, typer.Option(help="Layout of the file: lines, alpaca-farm, fastchat or instructions.")],
    language: Annotated[str, typer.Option(help="Language of the file, by any name.")],
    input: Annotated[Path, typer.Option(help="File of this language in the set's own layout.")],
    output: Annotated[Path, typer.Option(help="Parquet file to write.")],
    report: Annotated[Path, typer.Option(help="Report to write: rows, turns, references, digest.")],
) -> None:
    """Read one language of a prompt set into parquet, with a report."""
    language = codes.find_code(language)
    prompts = read_prompt_file(input, layout, language)
    write_prompts(prompts, output)
    counts = {
        "rows": len(prompts),
        "turns": sum(len(prompt.turns) for prompt in prompts),
        "with_reference": sum(bool(prompt.references) for prompt in prompts),
    }
    content = digest([astuple(prompt) for prompt in prompts])
    write_json(report, {"file": input.name, "layout": layout, "language": language, **counts, "digest": content})
    print(f"{len(prompts)} prompts")
