"""The one table of language codes (`config/languages.tsv`) and every translation between them.

Everywhere in Polytune a language is its Bactrian-X code, of two letters (or three, `ceb`). Whoever gives one may call
it by any name of the table (`known_code`). The codes of other people's files are columns of it, too, and this module
is the only place that translates them. It imports nothing heavy: the Snakefile imports it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path
from typing import Annotated

from polytune import ROOT
from polytune.config.tables import read_rows
from polytune.errors import InputError, nearest, nearest_owner, plain_name, short
from polytune.languages.scripts import letters_of

TABLE_VARIABLE = "POLYTUNE_LANGUAGES"
"""Environment variable that names another table."""

SCHEMES = ("iso639_3", "xwinograd", "flores")
"""The columns of the table that are foreign codes."""


@dataclass(frozen=True, slots=True)
class Language:
    """One row of the table."""

    language: Annotated[str, "[a-z]{2,3}"]
    """Bactrian-X's code (two letters; three where ISO 639-1 has none): the name of the language everywhere else."""
    name: str
    """English name."""
    iso639_3: Annotated[str, "[a-z]{3}"]
    """The code under which lang2vec 1.1.2 has the language's URIEL vectors: a macro-language's for ar, az, fa, ..."""
    xwinograd: Annotated[str, "[a-z]{2,3}"] | None
    """Code in XWinograd's file and task names (`jp` for Japanese), None if XWinograd lacks the language."""
    flores: Annotated[str, "[a-z]{3}_[A-Z][a-z]{3}"]
    """FLORES-200 code with script, which is also OpenLID's label."""
    family: str
    """Top-level family; an isolate is a family of its own."""
    branch: str
    """Subfamily, as a reader of the papers knows it."""
    script: Annotated[str, "[A-Z][a-z]{3}"]
    """ISO 15924 code of the script that the data sets are written in."""
    bactrian_x: bool
    """Whether Bactrian-X has the language, that is, whether it can be tuned on."""

    @property
    def names(self) -> tuple[str, ...]:
        """Return what others call it: its English name and its foreign codes, FLORES' also without the script."""
        foreign = (getattr(self, scheme) for scheme in SCHEMES)
        return (self.name, *filter(None, foreign), self.flores.partition("_")[0])


COLUMNS = tuple(field.name for field in fields(Language))


def table_path() -> Path:
    """Return the path of the table: the variable `POLYTUNE_LANGUAGES`, else the checkout's `config/languages.tsv`.

    Polytune is installed from its checkout (`pip install -e .`), so the checkout is where this file lies.
    """
    if TABLE_VARIABLE in os.environ:
        return Path(os.environ[TABLE_VARIABLE])
    return ROOT / "config" / "languages.tsv"


def languages(path: Path | str | None = None) -> dict[str, Language]:
    """Return every language of the table at `path` (default: `table_path()`) by code, in the table's order.

    The first 52 rows are Bactrian-X's languages in the order of Lucky 52 (arXiv 2404.04850).

    Raises `InputError` if the table is missing, has other columns, a cell that cannot be, or a code that stands twice.
    """
    return dict(_read(Path(path) if path is not None else table_path()))


def known_code(name: str, path: Path | str | None = None) -> str | None:
    """Return the code of a language by whatever it is called, None for what no language is called.

    Our code, ISO 639-3, FLORES' code with or without its script, XWinograd's, the English name: `de`, `deu`,
    `deu_Latn`, `German`. Capitals do not count, `-` and `_` stand for spaces. Raises `InputError` for a name of two
    languages.
    """
    path = Path(path) if path is not None else table_path()
    if name in _read(path):
        return name
    owners = _owners(path).get(plain_name(name), ())
    if len(owners) > 1:
        said = " and ".join(f"'{owner.language}' ({owner.name})" for owner in owners)
        raise InputError(f"{path}: '{name}' is a name of {said}; write one of the two codes")
    return owners[0].language if owners else None


def language(name: str, path: Path | str | None = None) -> Language:
    """Return a language by whatever it is called (`known_code`); an unknown one is an `InputError` with the nearest."""
    path = Path(path) if path is not None else table_path()
    table = _read(path)
    code = known_code(name, path)
    if code is None:
        raise _unknown(name, path)
    return table[code]


def _unknown(name: str, path: Path) -> InputError:
    """Return the error for what is no code of ours, with the language that is called so, or nearly so."""
    return InputError(f"{path}: no language '{short(name)}'{_nearest(name, path)}; known: {' '.join(_read(path))}")


def _nearest(name: str, path: Path) -> str:
    table = _read(path)
    names = {word: entry.language for entry in table.values() for word in (entry.language, *entry.names)}
    meant = nearest_owner(name, names)
    return f"; did you mean '{meant}' ({table[meant].name})?" if meant else ""


def say_meant(name: str) -> str:
    """Return what a message says behind a language that is not there: ` (German)` behind any name of a language, behind
    others `; did you mean 'ru' (Russian)?`, or nothing where no name is near.
    """
    owners = _owners(table_path()).get(plain_name(name), ())
    return f" ({owners[0].name})" if owners else _nearest(name, table_path())


def find_code(name: str) -> str:
    """Return our code of a language by whatever it is called; raises `InputError` as `language` does."""
    return language(name).language


def split_languages(text: str, where: str = "") -> list[str]:
    """Return our codes of the languages in a line, by any names, with commas, semicolons or spaces between them.

    A name of several words needs commas: `Haitian Creole, German`. Raises `InputError` as `language` does, which begins
    with `where`.
    """
    found = []
    for piece in filter(None, (part.strip() for part in re.split("[,;]", text))):
        try:
            code = known_code(piece)
            found += [code] if code else [find_code(word) for word in piece.split()]
        except InputError as error:
            raise InputError(f"{where}: {error}" if where else str(error)) from None
    return found


def check_languages(codes: Iterable[str], where: str, path: Path | str | None = None) -> list[Language]:
    """Return the languages of `codes`, by any names; an unknown or repeated one is an `InputError`, `where` before it.

    `where` is the file and key that listed them, e.g. `config/studies/lucky52.yaml: mixtures.incremental.order`.
    """
    found: dict[str, Language] = {}
    for code in codes:
        try:
            entry = language(code, path)
        except InputError as error:
            raise InputError(f"{where}: {error}") from None
        if entry.language in found:
            raise InputError(f"{where}: language '{code}' is listed twice")
        found[entry.language] = entry
    return list(found.values())


def to_foreign(code: str, scheme: str) -> str:
    """Return the code of language `code` in `scheme` (one of `SCHEMES`): `to_foreign("ja", "xwinograd")` is `jp`.

    Raises `InputError` if the language is unknown or has no code in that scheme.
    """
    _check_scheme(scheme)
    foreign = getattr(language(code), scheme)
    if not foreign:
        raise InputError(f"{table_path()}: language '{code}' has no {scheme} code")
    return foreign


def from_foreign(foreign: str, scheme: str) -> str:
    """Return the Bactrian-X code of `foreign` in `scheme`: `from_foreign("jp", "xwinograd")` is `ja`.

    Raises `InputError` if no language has that code.
    """
    _check_scheme(scheme)
    codes = {getattr(entry, scheme): entry.language for entry in languages().values() if getattr(entry, scheme)}
    if foreign not in codes:
        hint = nearest(foreign, codes)
        raise InputError(
            f"{table_path()}: no language has the {scheme} code '{foreign}'{hint}; known: {' '.join(codes)}"
        )
    return codes[foreign]


def from_task_code(foreign: str, scheme: str) -> str:
    """Return the Bactrian-X code of a language in lm-evaluation-harness's task names.

    `scheme` is the benchmark's `code_scheme`: the column of the table that has such codes, `language` where they are
    ours. A language without a code in that column keeps its Bactrian-X code (the generated world's own task files).
    Raises `InputError` for an unknown language.
    """
    if scheme != "language":
        _check_scheme(scheme)
    codes = {getattr(entry, scheme): entry.language for entry in languages().values()}
    if foreign in codes and foreign:
        return codes[foreign]
    if foreign not in languages():  # a file's name says what it says: another code there is a mistake
        raise _unknown(foreign, table_path())
    return foreign


def _check_scheme(scheme: str) -> None:
    if scheme not in SCHEMES:
        raise ValueError(f"no scheme '{scheme}' of codes: {', '.join(SCHEMES)}")


@cache
def _owners(path: Path) -> dict[str, tuple[Language, ...]]:
    """Return the languages that are called by a name, our own codes first: no other name stands for one of them."""
    table, found = _read(path), {}
    own = {plain_name(code) for code in table}
    for entry in table.values():
        for word in dict.fromkeys(map(plain_name, (entry.language, *entry.names))):
            if word not in own or word == plain_name(entry.language):
                found[word] = (*found.get(word, ()), entry)
    return found


@cache
def _read(path: Path) -> dict[str, Language]:
    """Read and check the table once per path."""
    if not path.is_file():
        raise InputError(f"{path}: no table of languages (set {TABLE_VARIABLE}, or run from a checkout)")
    table = read_rows(path, Language)
    for entry in table.values():
        if letters_of(entry.script) is None:
            raise InputError(
                f"{path}: language '{entry.language}': script: Unicode has no script '{entry.script}'; the code of ISO "
                "15924 is needed, such as Latn, Cyrl or Ethi"
            )
    for scheme in SCHEMES:
        owners: dict[str, Language] = {}
        for entry in table.values():
            foreign = getattr(entry, scheme)
            if foreign and owners.setdefault(foreign, entry) is not entry:
                raise InputError(
                    f"{path}: language '{entry.language}': {scheme} '{foreign}' is already {owners[foreign].name}'s"
                )
    return table
