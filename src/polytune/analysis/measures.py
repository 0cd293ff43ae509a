"""What can be measured, and how it is written: the one list that figures, tables and captions read.

Formulas: docs/statistics.md, "Measures". A measure of a result that is not listed here (another metric of the harness)
is shown as it is.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from polytune.judging.protocols import PROTOCOLS


@dataclass(frozen=True)
class MeasureInfo:
    """One measure: its label, its unit, and what its values mean."""

    label: str
    unit: str = ""
    percent: bool = False
    """Whether it is a share that is shown in percent."""
    higher_is_better: bool = True
    has_chance: bool = False
    """Whether guessing among the choices reaches the benchmark's `chance`."""
    is_share: bool = False
    """Whether it counts right items."""
    is_rate: bool = False
    """Whether it is a mean of values between 0 and 1, of which some are neither."""
    digits: int = 2
    """Decimals in tables."""
    judged: bool = False
    """Whether a judge gives it, so that how many verdicts have a value must be said."""
    prompts: int = 1
    """Of how many prompts the total is shown."""

    @property
    def scale(self) -> float:
        """Return what values are multiplied by before they are shown."""
        return 100.0 if self.percent else float(self.prompts)

    @property
    def unit_in_brackets(self) -> str:
        """Return ` (unit)`, and that lower is better where it is."""
        words = [self.unit] * bool(self.unit) + ["lower is better"] * (not self.higher_is_better)
        return f" ({'; '.join(words)})" if words else ""

    @property
    def axis(self) -> str:
        """Return label and unit for an axis."""
        return self.label + self.unit_in_brackets


MEASURES = {
    "acc": MeasureInfo("accuracy", "%", percent=True, has_chance=True, is_share=True, digits=1),
    "choice_probability": MeasureInfo("probability of the right choice", "%", percent=True, has_chance=True, digits=1),
    "margin": MeasureInfo("margin of the right choice", "nats"),
    "bits_per_byte": MeasureInfo("bits per byte of the right choice", "", higher_is_better=False, digits=3),
    "rating": MeasureInfo("rating", judged=True),
    "rating_in_language": MeasureInfo("rating in the right language", judged=True),
    "rating_lost": MeasureInfo("rating lost to the wrong language", higher_is_better=False, judged=True),
    "exact_match": MeasureInfo("exact match", "%", percent=True, is_share=True, digits=1, judged=True),
    "token_f1": MeasureInfo("F1 of tokens", "%", percent=True, is_rate=True, digits=1, judged=True),
    "answer_loss": MeasureInfo("loss on the right answer", "nats per token", higher_is_better=False, digits=3),
    "win": MeasureInfo("wins, ties counted half", "%", percent=True, is_rate=True, digits=1, judged=True),
    "length_advantage": MeasureInfo("length beyond the opponent's", "characters", digits=1),
    "language_advantage": MeasureInfo("answers in the language beyond the opponent's", "%", percent=True, digits=1),
    "language_pass": MeasureInfo("answers in the language of the question", "%", percent=True, is_share=True, digits=1),
    "line_pass": MeasureInfo("lines in the language of the question", "%", percent=True, is_rate=True, digits=1),
    "word_pass": MeasureInfo("words in the language of the question", "%", percent=True, is_rate=True, digits=1),
    "answer_tokens": MeasureInfo("length of an answer", "tokens", digits=1),
    "answer_characters": MeasureInfo("length of an answer", "characters", digits=1),
    "truncated": MeasureInfo("cut answers", "%", percent=True, higher_is_better=False, is_share=True, digits=1),
}


def measure_bounds(measure: str, protocol: str) -> tuple[float, float] | None:
    """Return the lowest and the highest value of a measure, by the scale of the protocol where a judge rates.

    None where it has none, or where its interval does not come near them.
    """
    info = MEASURES.get(measure)
    if info is not None and (info.is_share or info.is_rate):
        return 0.0, 1.0
    scale = PROTOCOLS[protocol].scale if protocol in PROTOCOLS else None
    if scale is None or measure not in ("rating", "rating_in_language", "rating_lost"):
        return None
    return (float(scale[0]) if measure == "rating" else 0.0), float(scale[1])


def measure_info(measure: str, total_of: int | None = None) -> MeasureInfo:
    """Return how a measure is written, or its total over `total_of` prompts; shares have no total."""
    info = MEASURES.get(measure) or MeasureInfo(measure.replace("_", " "), digits=3)
    if total_of is None or info.percent:
        return info
    return replace(info, unit=f"total of {total_of}", prompts=total_of, digits=1)
