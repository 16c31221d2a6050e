"""Ensembles by their number of members: what one more member brings."""

import pandas as pd

from resiliency.analysis.means import SHARES, difference, summary, weights_of_both
from resiliency.base.names import INDEPENDENT, accuracy_of
from resiliency.metrics.classification import images_of

COLUMNS = ["rule", "measure", "size", "ensembles", "possible", "mean", "low", "high", "lower_quartile"]
COLUMNS += ["upper_quartile", "change", "change_low", "change_high", "members", "confidence"]


def size_table(ensembles: pd.DataFrame, members: pd.DataFrame, confidence: float) -> pd.DataFrame:
    """A row per combination rule, in the order of the ensembles, measure and number of members.

    Ensembles are those of independent members; size 1 is these members alone. Measures are clean_accuracy,
    corrupted_accuracy, corrupted_error and accuracy on further test sets, those that the study has.

    Args:
        ensembles: ensembles.parquet.
        members: members.csv.
        confidence: of the intervals, which leave out one member at a time (see `resiliency.statistics.jackknife`).

    Returns:
        `COLUMNS`, as docs/tables.md describes them. Intervals are NaN where leaving out some member leaves nothing.
    """
    ensembles = ensembles[ensembles["origin"] == INDEPENDENT]
    measures = [*SHARES, *(accuracy_of(name) for name in images_of(ensembles))]
    measures = [name for name in dict.fromkeys(measures) if name in ensembles]
    parts = []
    for rule, of_rule in ensembles.groupby("rule", sort=False):
        pool = pd.concat([_alone(members, of_rule), of_rule], ignore_index=True)
        sizes = {size: rows for size, rows in pool.groupby("size") if len(rows)}
        smaller = None
        for size, rows in sizes.items():
            part = summary(rows, measures, str, confidence)
            if smaller is not None:
                changes = difference(rows, smaller, weights_of_both(rows, smaller, str), measures, confidence)
                part[["change", "change_low", "change_high"]] = changes
            parts.append(part.assign(rule=rule, size=size, possible=int(rows["possible"].iloc[0])))
            smaller = rows
    table = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()
    table = table.reindex(columns=COLUMNS).assign(confidence=confidence).dropna(subset=["mean"])
    rules = list(ensembles["rule"].unique())
    return table.sort_values(
        ["rule", "measure", "size"],
        key=lambda column: column.map((rules + measures).index) if column.name != "size" else column,
        kind="stable",
        ignore_index=True,
    )


def _alone(members: pd.DataFrame, ensembles: pd.DataFrame) -> pd.DataFrame:
    """The members that take part in ensembles, as ensembles of one."""
    taking_part = {name for names in ensembles["members"] for name in names.split("+")}
    alone = members[members["member"].isin(taking_part)].drop(columns="members", errors="ignore")
    alone = alone.rename(columns={"member": "members"}).assign(size=1, weight=1.0, possible=len(taking_part))
    if "corrupted_error" in alone:
        alone["corrupted_accuracy"] = 1 - alone["corrupted_error"]
    return alone.reindex(columns=[column for column in ensembles if column in alone])
