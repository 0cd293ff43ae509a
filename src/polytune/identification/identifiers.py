"""The identifiers behind one interface: models of real languages, and the exact one of a generated world."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import nan
from pathlib import Path
from typing import Protocol

from polytune.config.identifiers import Identifier
from polytune.errors import InputError, short
from polytune.identification.text import (
    FEWEST_LETTERS,
    FOREIGN_WORD,
    count_letters,
    is_in_script,
    lines_of,
    prose_of,
    words_of,
)
from polytune.languages import codes
from polytune.readers.text import first_bytes
from polytune.world.reading import SENTENCE, Reader
from polytune.world.world import World

FASTTEXT = (793712314).to_bytes(4, "little")
"""The first bytes of every fastText model."""

LABEL = "__label__"

Predict = Callable[[str], tuple[str, float]]
"""The label of a text of one line, and its probability."""


@dataclass(frozen=True)
class Identification:
    """What an identifier says of one answer (docs/identification.md, "What is measured")."""

    answered: str
    """Our code of the language, empty if it is none of ours."""
    probability: float
    """As the identifier gives it; NaN where it was not asked."""
    language_pass: float
    """1 if the answer is in the language that was asked for, else 0."""
    line_pass: float
    """1 if every line of it is, else 0; NaN if no line is long enough."""
    word_pass: float
    """1 if no word is of another language, else 0; NaN unless every line is in the language that was asked for."""
    note: str
    """The rule that decided, empty for the identifier's own word."""


class AnswerIdentifier(Protocol):
    """Says in which language answers are."""

    def identify(self, text: str, asked: str) -> Identification:
        """Return what is measured of an answer to a question in the language `asked`."""
        ...


class ModelIdentifier:
    """Applies the rules for real text to the labels of a model.

    Line and word pass rates are those of arXiv 2406.20052 per answer, where every line has to be right, and a word of
    another language is a word of lower-case Latin letters in a language of another script.
    """

    def __init__(self, predict: Predict, codes: Mapping[str, str]) -> None:
        self.predict, self.codes = predict, codes

    def identify(self, text: str, asked: str) -> Identification:
        """Return what is measured of an answer to a question in the language `asked`."""
        if not text.strip():
            return Identification("", nan, 0.0, nan, nan, "empty")
        prose = prose_of(text)
        words, script = words_of(prose), codes.language(asked).script
        if not words:
            return Identification("", nan, 1.0, nan, nan, "no words")
        if count_letters(words) < FEWEST_LETTERS:
            right = is_in_script(words, script)
            return Identification(asked if right else "", nan, float(right), nan, nan, "short: by script")
        label, probability = self.predict(words)
        answered = self.codes.get(label, "")
        lines = lines_of(prose)
        answers = (answered if line == words else self.codes.get(self.predict(line)[0]) for line in lines)
        line_pass = float(all(answer == asked for answer in answers)) if lines else nan
        word_pass = nan
        if script != "Latn" and line_pass == 1:
            word_pass = float(FOREIGN_WORD.search(prose) is None)
        note = "" if answered else f"other: {short(label)}"
        return Identification(answered, probability, float(answered == asked), line_pass, word_pass, note)


class WorldIdentifier:
    """The exact identifier of a generated world, by the words and the word order of its languages.

    A line is a sentence here, since answers have one line; a word of another language is one that the language that
    was asked for does not have.
    """

    def __init__(self, reader: Reader) -> None:
        self.reader = reader

    def identify(self, text: str, asked: str) -> Identification:
        """Return what is measured of an answer to a question in the language `asked`."""
        if not text.strip():
            return Identification("", nan, 0.0, nan, nan, "empty")
        found = self.reader.identify(text, asked)
        sentences = [match[1] for match in SENTENCE.finditer(text) if self.reader.says_something(match[1])]
        lines = [self.reader.identify(sentence, asked).language for sentence in sentences]
        line_pass = float(all(line == asked for line in lines)) if lines else nan
        word_pass = float(self.reader.has_words(text, asked)) if line_pass == 1 else nan
        probability = 1 / found.candidates if found.candidates else nan
        right = float(found.language == asked)
        return Identification(found.language, probability, right, line_pass, word_pass, found.rule)


def open_identifier(
    row: Identifier, codes: Mapping[str, str], model: Path | None = None, world: Path | None = None
) -> AnswerIdentifier:
    """Return the identifier of a row of the table; `codes` are ours by its labels.

    Raises `InputError` if it needs a model file or the folder of a world that is not given, or that is none.
    """
    if row.backend == "world":
        if world is None:
            raise InputError(f"identifier '{row.identifier}' needs the folder of its world: --world DIR")
        return WorldIdentifier(Reader(World.read(world)))
    if row.backend == "py3langid":
        return ModelIdentifier(_py3langid(), codes)
    if model is None:
        raise InputError(f"identifier '{row.identifier}' needs its model file ({row.file}): --model FILE")
    return ModelIdentifier(_fasttext(model), codes)


def _fasttext(file: Path) -> Predict:
    """Return the prediction of a fastText model; raises `InputError` for a file that is none."""
    if first_bytes(file, len(FASTTEXT)) != FASTTEXT:
        raise InputError(f"{file}: is no fastText model")
    import fasttext

    try:
        model = fasttext.load_model(str(file))
    except (ValueError, RuntimeError, MemoryError) as error:
        raise InputError(f"{file}: not a readable fastText model, it is corrupt or cut: {error}") from None

    def predict(text: str) -> tuple[str, float]:
        labels, probabilities = model.predict(text.replace("\n", " "))
        return (labels[0].removeprefix(LABEL), float(probabilities[0])) if labels else ("", nan)

    return predict


def _py3langid() -> Predict:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)

    def predict(text: str) -> tuple[str, float]:
        label, probability = identifier.classify(text)
        return label, float(probability)

    return predict
