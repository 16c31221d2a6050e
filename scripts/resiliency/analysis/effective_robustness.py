"""Effective robustness: accuracy under a shift beyond what accuracy without it predicts (Taori et al. 2020)."""

from typing import NamedTuple

import numpy as np
from scipy.special import expit, logit

LEAST = 1e-4  # accuracies are kept this far from 0 and 1, whose logits are infinite


class Line(NamedTuple):
    """A line on the logit scale: logit(shifted accuracy) = intercept + slope * logit(accuracy).

    Attributes:
        slope, intercept: float; NaN where fewer than two reference members differ in accuracy.
        r_squared: share of the variance of logit(shifted accuracy) that the line explains.
        members: number of reference members that it is fitted to.
    """

    slope: float
    intercept: float
    r_squared: float
    members: int

    def predicted(self, accuracy: np.ndarray) -> np.ndarray:
        """beta(accuracy), the shifted accuracy that the line predicts, float64 in 0..1."""
        return expit(self.intercept + self.slope * _logit(accuracy))


def fitted(accuracy: np.ndarray, shifted: np.ndarray) -> Line:
    """The line of least squares over reference members, as Taori et al. fit it.

    Args:
        accuracy, shifted: float n in 0..1, accuracy of each reference member without and with the shift; members that
            lack one do not count.
    """
    known = np.isfinite(accuracy) & np.isfinite(shifted)
    x, y = _logit(accuracy[known]), _logit(shifted[known])
    if len(x) < 2 or np.ptp(x) < 1e-9:
        return Line(np.nan, np.nan, np.nan, len(x))
    slope, intercept = np.polyfit(x, y, 1)
    spread = np.square(y - y.mean()).sum()
    left = np.square(y - intercept - slope * x).sum()
    return Line(float(slope), float(intercept), float(1 - left / spread) if spread else np.nan, len(x))


def effective_robustness(accuracy: np.ndarray, shifted: np.ndarray, line: Line) -> np.ndarray:
    """shifted - beta(accuracy); float64 n in -1..1, positive above the line."""
    return shifted - line.predicted(accuracy)


def _logit(accuracy: np.ndarray) -> np.ndarray:
    return logit(np.clip(accuracy, LEAST, 1 - LEAST))
