"""What helps, by the published studies: ensembles, different designs, diversity."""

import numpy as np
import pandas as pd

from resiliency.base.names import CLEAN, CORRUPTED
from resiliency.diversity.settings import LABEL_FREE
from resiliency.report import words
from resiliency.report.charts import exchange_rates
from resiliency.report.charts.exchange_rates import DESIGNS_MIXED, fewer, significance
from resiliency.report.charts.origins import advantage
from resiliency.report.rows import compared_with

Studies = dict[str, dict[str, pd.DataFrame]]


def leading(studies: Studies) -> list[str]:
    """For each study that chooses a model, its error on corrupted images, and how much lower it is than others'."""
    return [
        f"{study}: {_led(rows, tables['deployment'])}."
        for study, tables in studies.items()
        if "contenders" in tables and len(rows := tables["contenders"][tables["contenders"]["corruption"] == CORRUPTED])
    ]


def _led(rows: pd.DataFrame, deployment: pd.DataFrame) -> str:
    """The error of the first contender, and how much lower it is than that of the best member and the baseline."""
    first, macs = rows.iloc[0], deployment.drop_duplicates("members").set_index("members")["macs"]

    def cost(members: str) -> str:
        return "" if pd.isna(macs[members]) else f", {words.quantity(macs[members])} MACs"

    compared = rows[rows["role"].isin(["best member", "baseline"]) & (rows["members"] != first["members"])]
    others = [
        compared_with(row, f"the {row['role']} ({words.percent(row['error'])}{cost(row['members'])})")
        for row in compared.dropna(subset=["difference"]).to_dict("records")
    ]
    error = words.with_interval(first["error"], first["low"], first["high"])
    model = f"the {first['role']} ({words.plural(first['size'], 'member')}{cost(first['members'])})"
    return f"{model} has an error of {error}{f', {words.listed(others)}' if others else ''}"


def mixing_designs(studies: Studies) -> str:
    """How pairs of two designs compare with the better design's own pair; "" if no study tells."""
    clauses = []
    for study, tables in studies.items():
        for row in tables.get("exchange_rates", pd.DataFrame(columns=["exchange"])).to_dict("records"):
            if row["exchange"] == DESIGNS_MIXED and row["images"] == CORRUPTED:
                clauses.append(f"{fewer(row)} errors in {study}{significance(row)}")
    if not clauses:
        return ""
    against = "A pair of two designs, compared with the better design's own pair on corrupted images"
    return f"{against}, makes {words.listed(clauses)}."


def bought(studies: Studies) -> list[str]:
    """For each study that compares them, what buys robustness."""
    rates = {study: tables["exchange_rates"] for study, tables in studies.items() if "exchange_rates" in tables}
    return [f"{study}: {said}" for study, of in rates.items() if (said := exchange_rates.finding(of))]


def against_average(studies: Studies) -> list[str]:
    """For each study that can tell, how ensembles of several designs or families compare with the average of one."""
    found = {study: advantage(tables["origins"]) for study, tables in studies.items() if "origins" in tables}
    return [f"{study}: {said[0].lower()}{said[1:]}." for study, said in found.items() if said]


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
        sentences += ["Diversity alone is a poor guide to accuracy. Compare accuracies on held-out images first."]
        sentences += [_counted(row, "below", "above") for row in raw]
    if partial and all(row["positive"] > row["negative"] for row in partial):
        sentences.append("Among ensembles of equally accurate members, the more diverse are usually the more accurate.")
        sentences += [_counted(row, "above", "below") for row in partial]
    return " ".join(sentences)


def _counted(row: dict, first: str, second: str) -> str:
    """Such as "On clean images, 7 of 15 intervals of these correlations lie below 0 and none above it."."""
    counts = {"above": row["positive"], "below": row["negative"]}
    which = "correlations of diversity with accuracy" if row["kind"] == "raw" else "these partial correlations"
    return (
        f"On {row['images']} images, {counts[first]} of {sum(counts.values()) + row['open']} intervals of {which} lie "
        f"{first} 0 and {counts[second] or 'none'} {second} it."
    )
