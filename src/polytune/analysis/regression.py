"""A straight line through points, and how sure it is. Formulas: docs/statistics.md, "Regression"."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from polytune.analysis.intervals import LEVEL, t_quantile


@dataclass(frozen=True)
class Regression:
    """The least-squares line y = level + slope x, and what its band needs."""

    level: float
    slope: float
    error: float
    """Standard deviation of the residuals, with n - 2 degrees of freedom."""
    centre: float
    spread: float
    """Sum of the squared distances of x from its mean."""
    count: int

    def line(self, x: np.ndarray) -> np.ndarray:
        """Return the line at `x`."""
        return self.level + self.slope * x

    def half_width(self, x: np.ndarray, level: float = LEVEL) -> np.ndarray:
        """Return half of the confidence band of the line at `x`: t(n - 2) s sqrt(1 / n + (x - mean)^2 / Sxx)."""
        return (
            t_quantile(self.count - 2, level)
            * self.error
            * np.sqrt(1 / self.count + (x - self.centre) ** 2 / self.spread)
        )


def fit_line(x: np.ndarray, y: np.ndarray) -> Regression | None:
    """Return the regression of y on x; None for fewer than three points or an x that does not vary."""
    count, centre = len(x), float(np.mean(x)) if len(x) else math.nan
    spread = float(((x - centre) ** 2).sum())
    if count < 3 or spread <= 1e-12 * max(centre**2, 1e-300):
        return None
    slope = float(((x - centre) * (y - y.mean())).sum() / spread)
    level = float(y.mean() - slope * centre)
    error = math.sqrt(float(((y - level - slope * x) ** 2).sum()) / (count - 2))
    return Regression(level, slope, error, centre, spread, count)
