"""The rows of deployment.csv that the report, the comparison of contenders and the export take."""

import pandas as pd

from resiliency.base.names import CLEAN
from resiliency.metrics.classification import accuracies

EFFECTIVE = "clean_effective_images"  # column of a deployment.csv whose images are in units
LATENCY = "latency_ms"  # column of a deployment.csv by whose latency the cheapest model is recommended


def clean_accuracy(row: dict | pd.Series) -> dict[str, float]:
    """The clean accuracy of a row of deployment.csv with the ends of its interval (Wilson's), under their names."""
    return accuracies(CLEAN, row["clean_accuracy"], row.get(EFFECTIVE, row["images"]), row["confidence"])


def priced(rows: pd.DataFrame, cost: str | None = None) -> str:
    """The column of what `rows` cost: `cost`, or if no cost is known, size.

    Args:
        cost: macs, or latency_ms, which it is where it was measured unless given.
    """
    cost = cost or (LATENCY if LATENCY in rows else "macs")
    return cost if rows[cost].notna().any() else "size"


def known_rows(deployment: pd.DataFrame) -> pd.DataFrame:
    """The rows whose errors are known both on the images of the choice and on those that judge."""
    return deployment.dropna(subset=["selection_error", "corrupted_error"])


def eligible(deployment: pd.DataFrame) -> pd.DataFrame:
    """The rows that may be best: known ones whose members are all fit, or all known ones of a table without `fit`."""
    rows = known_rows(deployment)
    return rows[rows["fit"].astype(bool)] if "fit" in rows else rows


def best_member(deployment: pd.DataFrame) -> pd.Series | None:
    """The best row of a single member; None if none is eligible."""
    alone = eligible(deployment).loc[lambda rows: rows["size"] == 1]
    return best_row(alone) if len(alone) else None


def best_row(rows: pd.DataFrame) -> pd.Series:
    """The eligible row with the least selection_error; errors that judge are not known when one chooses."""
    return rows.loc[rows["selection_error"].idxmin()]


def recommended_row(rows: pd.DataFrame) -> pd.Series:
    """The row to deploy in place of the best of these eligible `rows` of deployment.csv.

    The best itself, where that one is not among them: with a limit of MACs in a study that compares latencies.
    """
    best = best_row(rows)
    found = rows[rows["number"] == best["instead"]] if "instead" in rows else rows.iloc[:0]
    return found.iloc[0] if len(found) else best
