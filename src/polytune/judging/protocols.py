"""Protocols: what a judge is shown and how its verdict is read. Their words are text files, one per turn.

`protocols/{protocol}[.turn2][.reference].txt`: the text with `.turn2` is for the second question of a conversation, the
one with `.reference` for questions that have a reference answer, where the protocol has such a text.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from polytune.errors import InputError, nearest
from polytune.files import sha256_text

FOLDER = Path(__file__).parent / "protocols"
PLACEHOLDER = re.compile(r"\{(\w+)\}")
DOUBLE, SINGLE = r"\[\[\s*({})\s*\]\]", r"\[\s*({})\s*\]"
BESIDE = rf"(?<![\w)\]]){SINGLE}"
"""A single bracket that is not right behind a word or a bracket."""
NUMBER, SEAT = r"\d+(?:\.\d+)?", "[ABC]"
SEATS = {"A": 1.0, "B": 0.0, "C": 0.5}
"""What each verdict of a comparison is worth to the answer that sits first."""
COMPARED = {"": "Answer: {answer}\n", ".reference": "Reference: {reference}\nAnswer: {answer}\n"}
"""Texts of the protocols that are computed, after the protocol's name: nobody reads them, but the keys of verdicts hang
on them, and another formula has other verdicts."""


@dataclass(frozen=True)
class Verdict:
    """What a judge decided: a value, or none and why. `value` is a rating, or what the first seat gets."""

    value: float | None
    reason: str = ""


@dataclass(frozen=True)
class Protocol:
    """One way of judging: `scale` are the lowest and highest rating, None if two answers are compared."""

    name: str
    scale: tuple[int, int] | None
    caption: str
    measure: str = "rating"
    """What a rating is called among the measures; another than `rating` is computed from a reference answer."""

    @property
    def computed(self) -> bool:
        """Return whether verdicts follow from the reference answer by a formula: nobody's words are asked for."""
        return self.measure != "rating"

    def text(self, turn: int, has_reference: bool) -> str:
        """Return the words for a turn (from 1), those for a reference if there is one and the protocol uses it."""
        stem = self.name if turn == 1 or self.computed else f"{self.name}.turn{turn}"
        texts = _texts(self.name)
        return texts.get(f"{stem}.reference", texts[stem]) if has_reference else texts[stem]

    def text_digest(self) -> str:
        """Return the digest of all its texts: an edited word is another protocol."""
        return sha256_text("\0".join(f"{name}\0{text}" for name, text in sorted(_texts(self.name).items())))

    def read(self, said: str) -> Verdict:
        """Return the verdict in what a judge said; nothing else is looked at.

        `[[8]]` counts, and so does `[8]`. Two different verdicts are none, however they are written: a judge may repeat
        `[[3]]` from an answer and say `[1]` itself. Beside double brackets a single one that can be no rating is none:
        a number outside the scale (a footnote), or one right behind a word or a bracket (an index, `x[1]`).
        """
        verdict = NUMBER if self.scale else SEAT
        double = re.compile(DOUBLE.format(verdict))
        found, rest = double.findall(said), double.sub(" ", said)
        if found:
            found += [text for text in re.findall(BESIDE.format(verdict), rest) if self._allows(self._worth(text))]
        values = {self._worth(text) for text in found or re.findall(SINGLE.format(verdict), rest)}
        if not values:
            return Verdict(None, "no verdict" if said.strip() else "nothing said")
        if len(values) > 1:
            return Verdict(None, "different verdicts")
        value = values.pop()
        return Verdict(value) if self._allows(value) else Verdict(None, "outside the scale")

    def _worth(self, text: str) -> float:
        return float(text) if self.scale else SEATS[text]

    def _allows(self, value: float) -> bool:
        return self.scale is None or self.scale[0] <= value <= self.scale[1]


PROTOCOLS = {
    protocol.name: protocol
    for protocol in (
        Protocol("rating-3", (1, 3), "one answer alone, 1 to 3 (Chen et al., arXiv 2309.08958)"),
        Protocol("rating-10", (1, 10), "one answer alone, 1 to 10 (MT-Bench, arXiv 2306.05685), with its reference"),
        Protocol("exact-match", (0, 1), "1 for the reference answer, else 0 (SQuAD, arXiv 1606.05250)", "exact_match"),
        Protocol("token-f1", (0, 1), "F1 of answer and reference as bags of tokens (SQuAD)", "token_f1"),
        Protocol("side-by-side", None, "two answers in both orders: win 1, tie 0.5, loss 0 (arXiv 2401.01854)"),
    )
}


def find_protocol(name: str, where: str) -> Protocol:
    """Return a protocol; an unknown one is an `InputError` that begins with `where`."""
    if name not in PROTOCOLS:
        raise InputError(f"{where}: no protocol '{name}'{nearest(name, PROTOCOLS)}; there are: {', '.join(PROTOCOLS)}")
    return PROTOCOLS[name]


def render(text: str, values: Mapping[str, str]) -> str:
    """Return a protocol's text with its placeholders filled, in one pass: what stands in a value is never expanded.

    `{mark}` is a digest of all values: an answer cannot contain the lines that enclose it.
    """
    mark = hashlib.sha256(repr(sorted(values.items())).encode(errors="backslashreplace")).hexdigest()[:8]
    return PLACEHOLDER.sub(lambda match: mark if match[1] == "mark" else values[match[1]], text)


@cache
def _texts(name: str) -> dict[str, str]:
    if PROTOCOLS[name].computed:
        return {name + ending: f"{name}\n{text}" for ending, text in COMPARED.items()}
    return {path.stem: path.read_text(encoding="utf-8") for path in FOLDER.glob(f"{name}.*txt")}
