"""What helps, by the published studies: ensembles and diversity."""

import numpy as np
import pandas as pd

from resiliency.base.names import CLEAN, CORRUPTED
from resiliency.report.rows import difference_said

Studies = dict[str, dict[str, pd.DataFrame]]


def leading(studies: Studies) -> list[dict]:
    """For each study that chooses a model: its row of contenders.csv, and role -> how much lower
    its error is."""
    found = []
    for study, tables in studies.items():
        rows = tables.get("contenders", pd.DataFrame(columns=["corruption"]))
        if len(rows := rows[rows["corruption"] == CORRUPTED]):
            compared = rows[rows["members"] != rows["members"].iloc[0]].dropna(subset="difference")
            others = {row["role"]: difference_said(row) for row in compared.to_dict("records")}
            found.append(rows.iloc[0].to_dict() | {"study": study, "others": others})
    return found


def counts(rows: list[dict]) -> list[dict]:
    """How many correlations are significant in which direction, by images, raw and partial.

    Args:
        rows: those of `published.comparison.free_correlations`.
    """
    counted = []
    for images in (CLEAN, CORRUPTED):
        of = [row for row in rows if row["images"] == images]
        for kind, (low, high) in {
            "raw": ("low", "high"),
            "partial": ("partial_low", "partial_high"),
        }.items():
            ends = np.array([(own[low], own[high]) for own in of]).reshape(-1, 2)
            known = ends[np.isfinite(ends).all(axis=1)]
            positive, negative = int((known[:, 0] > 0).sum()), int((known[:, 1] < 0).sum())
            row = {"images": images, "kind": kind, "positive": positive, "negative": negative}
            counted += [row | {"open": len(known) - positive - negative}] if len(known) else []
    return counted


def totals(counted: list[dict]) -> dict[str, dict[str, int]]:
    """How many of the correlations of each kind, raw and partial, are positive, negative, and there
    at all."""
    found: dict[str, dict[str, int]] = {}
    for row in counted:
        total = found.setdefault(row["kind"], {"positive": 0, "negative": 0, "all": 0})
        for name in ("positive", "negative"):
            total[name] += row[name]
        total["all"] += row["positive"] + row["negative"] + row["open"]
    return found
