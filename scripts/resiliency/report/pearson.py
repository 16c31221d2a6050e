"""Selections of correlations between diversity and accuracy."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from resiliency.base.names import CLEAN, CORRUPTED
from resiliency.diversity.settings import MAIN
from resiliency.report.rows import under_main_rule
from resiliency.report.words import METRICS, label, plural

CONDITIONS = (CLEAN, CORRUPTED)
SAME = ["rule", "size", "condition", "metric"]
NO_CORRELATIONS = "no correlations: too few ensembles in this study"


def known(table: pd.DataFrame, measure: str = "pearson", conditions: Sequence[str] = CONDITIONS) -> pd.DataFrame:
    """The rows with a known correlation, under the main rule and for the given images.

    Args:
        measure: pearson; or partial, given the mean accuracy of the members.
    """
    rows = table[(table["measure"] == measure) & table["condition"].isin(conditions)].dropna(subset=["correlation"])
    return under_main_rule(rows)


def significant(rows: pd.DataFrame) -> pd.Series:
    """Whether correlations differ from 0, by p-values that Holm's method corrects for all metrics of a study."""
    return rows["p_holm"] < 1 - rows["confidence"]


def main_correlations(table: pd.DataFrame, conditions: Sequence[str], size: int | None = None) -> pd.DataFrame:
    """Pearson's and partial correlations of the main metrics in ensembles of `size` members (default: the largest).

    Columns `partial`, `partial_low` and `partial_high` stand beside those of Pearson's r.
    """
    rows = known(table, conditions=conditions)
    rows = rows[rows["metric"].isin(MAIN)]
    rows = rows[rows["size"] == (rows["size"].max() if size is None else size)]
    given = known(table, "partial", conditions)[[*SAME, "correlation", "low", "high"]]
    columns = {"correlation": "partial", "low": "partial_low", "high": "partial_high"}
    return rows.merge(given.rename(columns=columns), on=SAME, how="left")


def basis(rows: pd.DataFrame) -> str:
    """Number of ensembles and members behind the correlations, in words."""
    counts = f"{_largest_count(rows, 'ensembles')}{_sample_size(rows)} at a size, of {_largest_count(rows, 'members')}"
    return f"{counts}, combined by {label(rows['rule'].iloc[0])}"


def signs(rows: pd.DataFrame) -> dict[str, tuple[int, float]]:
    """Metric -> 1 or -1 if its correlations are `significant` with that sign at every size, else 0; and their mean."""
    found, sign = {}, np.sign(rows["correlation"]) * significant(rows)
    for metric in (metric for metric in METRICS if metric in set(rows["metric"])):
        of_metric = rows["metric"] == metric
        all_signs = set(sign[of_metric])
        found[metric] = int(all_signs.pop()) if len(all_signs) == 1 else 0, rows.loc[of_metric, "correlation"].mean()
    return found


def _sample_size(rows: pd.DataFrame) -> str:
    """The size of the population that ensembles were sampled from; empty if none was left out."""
    most = rows.groupby("size")[["ensembles", "possible"]].max()
    return f" (samples of up to {most['possible'].max():,})" if (most["ensembles"] < most["possible"]).any() else ""


def _largest_count(rows: pd.DataFrame, column: str) -> str:
    """The count in `column` in words, with "Up to" if it varies."""
    most = plural(int(rows[column].max()), column.removesuffix("s"))
    return most if rows[column].nunique() == 1 else f"Up to {most}"
