"""Pearson's correlations of diversity with accuracy, and what they are of."""

from collections.abc import Sequence

import pandas as pd

from resiliency.names import CLEAN, CORRUPTED
from resiliency.report.ensemble_pools import under_main_rule
from resiliency.report.words import METRICS, label, plural

CONDITIONS = (CLEAN, CORRUPTED)
NO_CORRELATIONS = "no correlations: too few ensembles in this study"


def pearson(table: pd.DataFrame, conditions: Sequence[str] = CONDITIONS) -> pd.DataFrame:
    """Pearson's correlations that are known, under the main rule, on these images."""
    rows = table[(table["measure"] == "pearson") & table["condition"].isin(conditions)].dropna(subset=["correlation"])
    return under_main_rule(rows)


def basis(rows: pd.DataFrame) -> str:
    """What the correlations are of."""
    counts = f"{_most(rows, 'ensembles')}{_sampled(rows)} at a size, of {_most(rows, 'members')}"
    return f"{counts}, combined by {label(rows['rule'].iloc[0])}"


def signs(rows: pd.DataFrame) -> dict[str, tuple[int, float]]:
    """Metric -> 1 or -1 if its intervals lie on that side of zero at every size, else 0; and its mean correlation."""
    found = {}
    for metric in (metric for metric in METRICS if metric in set(rows["metric"])):
        of_metric = rows[rows["metric"] == metric]
        sign = int((of_metric["low"] > 0).all()) - int((of_metric["high"] < 0).all())
        found[metric] = sign, of_metric["correlation"].mean()
    return found


def _sampled(rows: pd.DataFrame) -> str:
    """How large the samples are drawn from; nothing where all ensembles are there."""
    most = rows.groupby("size")[["ensembles", "possible"]].max()
    return f" (samples of up to {most['possible'].max():,})" if (most["ensembles"] < most["possible"]).any() else ""


def _most(rows: pd.DataFrame, column: str) -> str:
    """The count in `column` of what it names, or that it is at most so."""
    most = plural(int(rows[column].max()), column.removesuffix("s"))
    return most if rows[column].nunique() == 1 else f"Up to {most}"
