"""Effective robustness: accuracy under a shift beyond what accuracy without it predicts (Taori et al. 2020)."""

from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.special import expit, logit

from resiliency.base.names import CLEAN_ON, CORRUPTED, JOINT, accuracy_of

COLUMNS = ["member", "family", "recipe", "is_reference", "test_set", "clean_accuracy", "accuracy", "low", "high"]
COLUMNS += ["predicted_accuracy", "effective_robustness", "slope", "intercept", "r_squared", "reference_members"]
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


def fitted_line(accuracy: np.ndarray, shifted: np.ndarray) -> Line:
    """The line of least squares over reference members, as Taori et al. fit it.

    Args:
        accuracy, shifted: float n in 0..1, accuracy of each reference member without and with the shift; members that
            lack one do not count.
    """
    finite = np.isfinite(accuracy) & np.isfinite(shifted)
    x, y = _logit(accuracy[finite]), _logit(shifted[finite])
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


def shifted_sets(members: pd.DataFrame) -> list[str]:
    """Names of the images of members.csv that are shifted: corrupted ones, and further test sets."""
    names = [name.removesuffix("_accuracy") for name in members if name.endswith("_accuracy")]
    further = [name for name in names if name not in ("clean", "validation") and not name.startswith(CLEAN_ON)]
    return ([CORRUPTED] if members["corrupted_error"].notna().any() else []) + further


def member_table(members: pd.DataFrame, reference: str | None) -> pd.DataFrame:
    """A row per shifted set and member that is not trained jointly, with its effective robustness.

    Clean accuracy is that on the classes that the shifted set has, where members.csv tells it.

    Args:
        members: members.csv.
        reference: recipe of the members that lines are fitted to; None for all.

    Returns:
        Columns `COLUMNS`; accuracies and their intervals in 0..1.
    """
    chosen = members[members["origin"] != JOINT]
    is_reference = chosen["recipe"] == reference if reference else pd.Series(True, chosen.index)
    parts = []
    for name in shifted_sets(members):
        clean = chosen.get(f"{CLEAN_ON}{name}_accuracy", chosen["clean_accuracy"])
        ends = [chosen.get(f"{name}_accuracy_{end}") for end in ("low", "high")]
        if name == CORRUPTED:
            ends = [1 - chosen[f"corrupted_error_{end}"].astype(float) for end in ("high", "low")]
        accuracy = 1 - chosen["corrupted_error"] if name == CORRUPTED else chosen[accuracy_of(name)]
        line = fitted_line(clean[is_reference].to_numpy(float), accuracy[is_reference].to_numpy(float))
        part = chosen[["member", "family", "recipe"]].assign(
            is_reference=is_reference,
            test_set=name,
            clean_accuracy=clean,
            accuracy=accuracy,
            low=ends[0],
            high=ends[1],
            predicted_accuracy=line.predicted(clean.to_numpy(float)),
            effective_robustness=effective_robustness(clean.to_numpy(float), accuracy.to_numpy(float), line),
            slope=line.slope,
            intercept=line.intercept,
            r_squared=line.r_squared,
            reference_members=line.members,
        )
        parts.append(part[COLUMNS].dropna(subset=["accuracy"]))
    return pd.concat(parts, ignore_index=True)


def ensemble_table(ensembles: pd.DataFrame, members: pd.DataFrame, of_members: pd.DataFrame) -> pd.DataFrame:
    """Effective robustness of ensembles, by the lines of members.

    Args:
        ensembles: rows of ensembles.parquet.
        members: members.csv.
        of_members: from `member_table`.

    Returns:
        Columns rule, size, members, and <shifted set>_effective_robustness: NaN where the line is on the clean images
        of some classes, and the accuracies of ensembles on these are not known.
    """
    table = ensembles[["rule", "size", "members"]].copy()
    for name, rows in of_members.groupby("test_set", sort=False):
        line = Line(*rows[["slope", "intercept", "r_squared", "reference_members"]].iloc[0])
        of_classes = f"{CLEAN_ON}{name}_accuracy"
        clean = ensembles.reindex(columns=[of_classes if of_classes in members else "clean_accuracy"]).iloc[:, 0]
        accuracy = ensembles[accuracy_of(name)].to_numpy(float)
        table[f"{name}_effective_robustness"] = effective_robustness(clean.to_numpy(float), accuracy, line)
    return table
