"""What helps, by the published studies: exchange rates, ensembles, diversity."""

import numpy as np
import pandas as pd

from resiliency.base.names import CLEAN, CORRUPTED
from resiliency.diversity.settings import LABEL_FREE
from resiliency.report import words
from resiliency.report.charts.exchange_rates import NAMES
from resiliency.report.rows import difference_words

Studies = dict[str, dict[str, pd.DataFrame]]


def bought(studies: Studies) -> dict[str, dict[str, str]]:
    """Exchange, in words -> study -> what it buys in percentage points with its interval, such as "2.2 [−0.1, 4.6]"."""
    cells: dict[str, dict[str, str]] = {}
    for study, tables in studies.items():
        rates = tables.get("exchange_rates", pd.DataFrame(columns=["points"])).dropna(subset="points")
        for row in rates.to_dict("records"):
            ends = words.interval(row["points_low"], row["points_high"], _points)
            cells.setdefault(row["exchange"], {})[study] = f"{_points(row['points'])} {ends}".rstrip()
    return {name: cells[exchange] for exchange, name in NAMES.items() if exchange in cells}


def _points(value: float) -> str:
    return words.number(value, 1)


def leading(studies: Studies) -> list[dict]:
    """For each study that chooses a model: its row of contenders.csv, and role -> how much lower its error is."""
    found = []
    for study, tables in studies.items():
        rows = tables.get("contenders", pd.DataFrame(columns=["corruption"]))
        if len(rows := rows[rows["corruption"] == CORRUPTED]):
            compared = rows[rows["members"] != rows["members"].iloc[0]].dropna(subset="difference")
            others = {row["role"]: "{} {}{}".format(*difference_words(row)) for row in compared.to_dict("records")}
            found.append(rows.iloc[0].to_dict() | {"study": study, "others": others})
    return found


def counts(rows: list[dict]) -> list[dict]:
    """How many correlations are significant in which direction, by images, raw and partial; none that use labels."""
    counted = []
    for condition in (CLEAN, CORRUPTED):
        of = [own for row in rows if row["condition"] == condition for own in row["of"].values() if label_free(own)]
        for kind, (low, high) in {"raw": ("low", "high"), "partial": ("partial_low", "partial_high")}.items():
            ends = np.array([(own[low], own[high]) for own in of]).reshape(-1, 2)
            known = ends[np.isfinite(ends).all(axis=1)]
            positive, negative = int((known[:, 0] > 0).sum()), int((known[:, 1] < 0).sum())
            row = {"images": condition, "kind": kind, "positive": positive, "negative": negative}
            counted += [row | {"open": len(known) - positive - negative}] if len(known) else []
    return counted


def label_free(correlation: dict) -> bool:
    return correlation["kind"] != "prediction" or correlation["metric"] in LABEL_FREE


def advice(counted: list[dict]) -> str:
    """What the counts mean for the choice of an ensemble; "" where they do not say so on any images."""
    raw, partial = ([row for row in counted if row["kind"] == kind] for kind in ("raw", "partial"))
    sentences = []
    if raw and all(row["negative"] > row["positive"] for row in raw):
        sentences.append("No: diversity alone is a poor guide to accuracy; compare accuracies on other images first.")
    if partial and all(row["positive"] > row["negative"] for row in partial):
        sentences.append("Among ensembles of equally accurate members, the more diverse are usually the more accurate.")
    return " ".join(sentences)
