"""What can be measured, and how it is written: the one list that figures, tables and captions read.

Formulas: docs/statistics.md, "Measures". A measure of a result that is not listed here (another metric of the harness)
is shown as it is.
"""

from __future__ import annotations

from dataclasses import dataclass


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
    """Whether it counts right items, so that a single language has Wilson's interval."""
    digits: int = 2
    """Decimals in tables."""

    @property
    def scale(self) -> float:
        """Return what values are multiplied by before they are shown."""
        return 100.0 if self.percent else 1.0

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
}


def measure_info(measure: str) -> MeasureInfo:
    """Return how a measure is written."""
    return MEASURES.get(measure) or MeasureInfo(measure.replace("_", " "), digits=3)
