"""`polytune new-study NAME --like STUDY`: a study file that says what differs from another study."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from polytune import ROOT
from polytune.config.paths import Paths
from polytune.config.settings import load_config, load_study
from polytune.errors import InputError, nearest
from polytune.files import write_text
from polytune.readers.text import read_text
from polytune.study.check import check_study
from polytune.study.expand import expand_study
from polytune.study.local import check_rows
from polytune.study.outside import Outside

STUDIES = Path("config/studies")
NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
OWN_KEYS = ("extends", "study", "title", "paper")
"""Keys that the new file says itself; of the others it shows what the other study has."""


def known_studies() -> list[str]:
    """Return the names of the studies of this checkout."""
    return sorted(file.stem for file in (ROOT / STUDIES).glob("*.yaml"))


def check_name(name: str) -> None:
    """Raise `InputError` for what cannot be the name of a new study: it is a target of the workflow and a folder."""
    if not NAME.fullmatch(name):
        proposed = "-".join(re.findall("[a-z0-9]+", name.lower()))
        hint = f"; did you mean '{proposed}'?" if proposed else ""
        raise InputError(
            f"NAME: '{name}' is no name of a study{hint}; allowed: small letters, digits and single dashes"
        )
    rules = {rule for file in (ROOT / "workflow/rules").glob("*.smk") for rule in _rules(file)} | {"all"}
    if name.replace("-", "_") in rules:
        raise InputError(f"NAME: '{name}' is the name of a rule of the workflow; take another one")
    if name in known_studies():
        raise InputError(
            f"NAME: there is a study '{name}' already ({STUDIES / name}.yaml); take another name, or edit it"
        )


def _rules(file: Path) -> list[str]:
    return re.findall(r"^(?:use )?rule (\w+)", file.read_text(encoding="utf-8"), re.MULTILINE)


def study_text(name: str, like: str, title: str) -> str:
    """Return the text of a study that extends `like`: its name and title, then the other's sections as comments."""
    lines = [
        f"# A study like {like}: whatever is not said here is as in {STUDIES / like}.yaml.",
        "# Every key, its unit and its default: docs/configuration.md. An unknown key is an error.",
        f"extends: {like}",
        f"study: {name}",
        f"title: {json.dumps(title, ensure_ascii=False)}",
        "",
        "# Below is what the other study says. Take the # away from what you change, with the keys above it.",
        "# `runs`, `evaluation`, `analysis`, `figures` and `tables` replace the other study's whole section; of the",
        "# rest only the keys that stand here are changed. `world` is what differs at scale world.",
        "",
        *(f"# {line}".rstrip() for line in _sections(read_text(ROOT / STUDIES / f"{like}.yaml"))),
    ]
    return "\n".join(lines) + "\n"


def _sections(text: str) -> Iterator[str]:
    """Yield the lines of a study file without its head: comments before the first key and keys of its own."""
    begun = skipped = False
    for line in text.splitlines():
        key = re.match(r"([a-z]+):", line)
        if key:
            begun, skipped = True, key[1] in OWN_KEYS
        if begun and not skipped:
            yield line


def fault_of(file: Path) -> str | None:
    """Return what planning says is wrong with a study file on the generated world, None if nothing is."""
    config = load_config({"studies": [str(file)], "scale": "world"})
    outside = Outside(config, Paths(**config["storage"]))
    try:
        study = expand_study(load_study(str(file)), config, outside)
        check_study(study)
        check_rows(study, outside)
    except InputError as error:
        return str(error)
    return None


def command(
    name: Annotated[str, typer.Argument(help="Name of the new study: small letters, digits and dashes.")],
    like: Annotated[str, typer.Option(help="The study that it differs from.")],
    title: Annotated[
        str, typer.Option(help="One line for people. Default: the other study's, and that it differs.")
    ] = "",
) -> None:
    """Write a study file that extends another study and shows, as comments, all that can be changed."""
    if like not in (known := known_studies()):
        raise InputError(f"--like: no study '{like}'{nearest(like, known)}; there are: {', '.join(known)}")
    check_name(name)
    title = title or f"{load_study(like)['title']} (a study like {like})"
    file = ROOT / STUDIES / f"{name}.yaml"
    write_text(file, study_text(name, like, title))
    fault = fault_of(file)
    if fault and fault.replace(file.stem, like) != fault_of(file.with_name(f"{like}.yaml")):
        file.unlink()  # what the other study lacks too is given in the configuration
        raise InputError(fault)
    print(f"{STUDIES / name}.yaml: extends {like}; edit what differs, then")
    print(f'  snakemake -n {name} --config "studies=[{name}]"    # what would run')
    print(f'  snakemake --profile profiles/local {name} --config "studies=[{name}]"')
    if fault:
        print(f"As with {like}, something has to be given first: {fault}")
