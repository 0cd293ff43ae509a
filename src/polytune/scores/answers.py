"""What is measured of free answers before anybody judges them: length, and the language they are in.

Layouts (docs/architecture.md): responses `language item turn text tokens stop`, identifications `language item turn
answered language_pass line_pass word_pass`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from polytune.config.paths import Paths
from polytune.errors import InputError
from polytune.files import sha256_file
from polytune.prompts.prompt import read_prompts
from polytune.readers.parquet import read_table
from polytune.scores.spec import AnswersSpec

if TYPE_CHECKING:
    import pandas as pd

KEYS = ["language", "item", "turn"]
"""What one answer is."""
RESPONSES = (*KEYS, "text", "tokens", "stop")
IDENTIFIED = (*KEYS, "answered", "language_pass", "line_pass", "word_pass")
PASSES = IDENTIFIED[-3:]
LANGUAGE = "language"
"""The protocol of measures that an identifier gives, who then stands in the column `judge`."""
UNDECIDED = ""
"""What `answered` is where the identifier cannot tell: numbers, code, nothing."""


@dataclass(frozen=True)
class Answers:
    """The answers of one run to one prompt set, a row each, in the order of `KEYS`.

    `rows` are `KEYS` and the measures `answer_tokens`, `answer_characters`, `truncated`; `identified` are `KEYS`,
    `answered` and the passes of the same answers, None where nobody identified them. Digests are of the files.
    """

    rows: pd.DataFrame
    identified: pd.DataFrame | None
    digest: str
    identified_digest: str = ""

    @property
    def lengths(self) -> pd.Series:
        """Return the characters of each answer, by `KEYS`: unlike tokens they mean the same for every model."""
        return self.rows.set_index(KEYS)["answer_characters"]

    @property
    def kept(self) -> pd.Series:
        """Return what a rating is multiplied by, by `KEYS`: the language pass, 1 where the identifier cannot tell."""
        return self.identified.set_index(KEYS)["language_pass"].fillna(1.0)


def read_answers(paths: Paths, run: str, spec: AnswersSpec) -> Answers:
    """Read what a run answered and in which languages.

    Raises `InputError` for a missing or broken file, for languages that are not those asked, and for identifications
    of other answers.
    """
    path = parquet_of(paths.responses(run, spec.name))
    table = read_layout(path, RESPONSES)
    if set(table["language"]) != set(spec.languages):
        raise InputError(
            f"{path}: holds answers in {' '.join(sorted(set(table['language'])))}, asked were "
            f"{' '.join(sorted(spec.languages))}; generate again"
        )
    rows = table[KEYS].copy()
    rows["answer_tokens"] = table["tokens"].where(table["tokens"] >= 0).astype(float)  # imported ones are not counted
    rows["answer_characters"] = table["text"].str.len().astype(float)
    rows["truncated"] = (table["stop"] != "end").astype(float)
    if not spec.identifier:
        return Answers(rows, None, sha256_file(path))
    beside = parquet_of(paths.identified(run, spec.identifier, spec.name))
    identified = read_layout(beside, IDENTIFIED)
    check_same_answers(beside, identified, path, rows)
    return Answers(rows, identified, sha256_file(path), sha256_file(beside))


def read_categories(paths: Paths, spec: AnswersSpec, world: str) -> dict[tuple[str, int], str]:
    """Return the category of each question by language and item; nothing where the spec names no prompts.

    Of each language its own file counts: that categories are called the same in all of them is up to the set.
    """
    name = spec.files.get(world)
    if name is None:
        return {}
    by_language = {language: read_prompts(paths.prompts(name, language)) for language in spec.languages}
    return {(language, one.item): one.category for language, prompts in by_language.items() for one in prompts}


def parquet_of(marker: str) -> Path:
    """Return the parquet file beside a marker."""
    return Path(marker).with_suffix(".parquet")


def read_layout(path: Path, columns: tuple[str, ...], keys: tuple[str, ...] = tuple(KEYS)) -> pd.DataFrame:
    """Return some columns of a parquet file, ordered by `keys`; raises `InputError` if these stand there twice."""
    table = read_table(path, list(columns)).to_pandas()
    twice = table.duplicated(list(keys))
    if twice.any():
        first = table.loc[twice, list(keys)].iloc[0]
        raise InputError(f"{path}: {', '.join(f'{key} {value}' for key, value in first.items())} stands there twice")
    return table.sort_values(list(keys), kind="stable", ignore_index=True)


def check_same_answers(path: Path, rows: pd.DataFrame, of: Path, answers: pd.DataFrame) -> None:
    """Refuse a file that is not about the answers of another one; both have the columns `KEYS`."""
    here, there = (set(table[KEYS].itertuples(index=False, name=None)) for table in (rows, answers))
    if here != there:
        language, item, turn = min(here ^ there)
        lacks = path if (language, item, turn) in there else of
        raise InputError(f"{lacks}: no row of language '{language}', item {item}, turn {turn}, as in the other of "
                         f"{path} and {of}; make {path} again")  # fmt: skip
