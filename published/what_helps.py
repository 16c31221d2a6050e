"""What helps, by the published studies: ensembles and diversity."""

import numpy as np
import pandas as pd

from resiliency.base.names import CLEAN, CORRUPTED
from resiliency.diversity.settings import LABEL_FREE
from resiliency.report.rows import difference_words

Studies = dict[str, dict[str, pd.DataFrame]]


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


def gain(contenders: pd.DataFrame) -> str:
    """How much lower the error of the recommended ensemble is than that of the best member; "" if not significantly.

    Args:
        contenders: contenders.csv.
    """
    rows = contenders[contenders["corruption"] == CORRUPTED]
    lower = rows[(rows["role"] == "best member") & (rows["difference_high"] < 0)].to_dict("records")
    return "{} {}{}".format(*difference_words(lower[0])) if lower and rows["size"].iloc[0] > 1 else ""


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
    if partial:
        more, less, unknown = (sum(row[name] for row in partial) for name in ("positive", "negative", "open"))
        sentences.append(
            f"Among ensembles of equally accurate members, the more diverse are more accurate by {more or 'none'} of "
            f"{more + less + unknown} correlations, less accurate by {less or 'none'}."
        )
    return " ".join(sentences)
