"""The rows of deployment.csv that the report, the comparison of contenders and the export take."""

import pandas as pd

from resiliency.base.names import CLEAN
from resiliency.metrics.accuracy import accuracies

EFFECTIVE = "clean_effective_images"  # column of a deployment.csv whose images are in units
LATENCY = "latency_ms"  # column of a deployment.csv by whose latency the cheapest model is recommended


def clean_accuracy(row: dict | pd.Series) -> dict[str, float]:
    """The clean accuracy of a row of deployment.csv with the ends of its interval (Wilson's), under their names."""
    return accuracies(CLEAN, row["clean_accuracy"], row.get(EFFECTIVE, row["images"]), row["confidence"])


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


def recommended_row(rows: pd.DataFrame, deployment: pd.DataFrame) -> pd.Series:
    """The cheapest row that is not significantly worse than the best of these eligible `rows` of `deployment`."""
    best = best_row(rows)
    if "instead" not in rows:
        return best
    found = eligible(deployment).loc[lambda table: table["number"] == best["instead"]]
    return found.iloc[0] if len(found) else best
