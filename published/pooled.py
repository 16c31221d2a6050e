"""What buys robustness in all published studies: their exchange rates side by side, the range and the mean, a chart."""

from collections.abc import Iterator
from typing import NamedTuple

import altair as alt
import numpy as np
import pandas as pd
from scipy.stats import t

from published.what_helps import Studies
from resiliency.base.names import CORRUPTED
from resiliency.report import words
from resiliency.report.charts.exchange_rates import NAMES, amount_of, frame_of
from resiliency.report.panels import intervals, line_at, measure, names, told_apart
from resiliency.report.settings import OKABE_ITO
from resiliency.report.style import GREY, INK, SHAPES, cycled, finish, tooltips

FEWEST = 3  # studies for an interval of their mean
MEAN = "mean of the studies"
TITLE = "What buys robustness?"
FARTHEST = 1.5  # times the largest estimate, beyond which intervals are cut


class Mean(NamedTuple):
    """The mean of a row over studies, with the ends of its interval."""

    value: float
    low: float
    high: float


def mean_of(estimates: np.ndarray, confidence: float) -> Mean:
    """The mean over k studies with Student's interval of k - 1 degrees of freedom; no ends with fewer than `FEWEST`.

    Studies weigh alike. However unequal the errors of their own are, the interval is at 92 % confidence and above too
    long rather than too short (Bakirov and Székely 2005; Ibragimov and Müller 2010).

    Args:
        estimates: float k.
        confidence: of the interval, in 0..1.
    """
    count, value = len(estimates), float(np.mean(estimates))
    if count < FEWEST:
        return Mean(value, np.nan, np.nan)
    half = float(t.ppf((1 + confidence) / 2, count - 1) * np.std(estimates, ddof=1) / np.sqrt(count))
    return Mean(value, value - half, value + half)


def rates_of(studies: Studies) -> pd.DataFrame:
    """The rows of exchange_rates.csv that have an estimate, of all studies, with the column `study`."""
    known = [
        tables["exchange_rates"].dropna(subset="points").assign(study=study)
        for study, tables in studies.items()
        if "exchange_rates" in tables
    ]
    return pd.concat(known, ignore_index=True) if known else pd.DataFrame(columns=["study", "images"])


def pooled(rates: pd.DataFrame) -> Iterator[dict]:
    """Each exchange that some study has on corrupted images, in the order of `NAMES`.

    Args:
        rates: as from `rates_of`.

    Yields:
        `exchange`, its `name`, the number of `studies`, `least` and `most` of their estimates, and their `mean`.
    """
    corrupted = rates[rates["images"] == CORRUPTED]
    for exchange in NAMES:
        rows = corrupted[corrupted["exchange"] == exchange]
        if len(rows):
            mean = mean_of(rows["points"].to_numpy(float), float(rows["confidence"].iloc[0]))
            if rows["spread"].iloc[0]:  # a standard deviation or a range
                mean = mean._replace(low=np.maximum(mean.low, 0))
            row = {"exchange": exchange, "name": NAMES[exchange], "studies": len(rows), "mean": mean}
            yield row | {"least": rows["points"].min(), "most": rows["points"].max()}


def bought(rates: pd.DataFrame) -> list[dict]:
    """The rows of `pooled` in words: study -> `cells`, such as "2.2 [−0.1, 4.6]", their `range` and `mean`."""
    rows = []
    for row in pooled(rates):
        own = rates[rates["exchange"] == row["exchange"]].to_dict("records")
        cells = {
            of["study"]: " ".join(amount_of(of["points"], of["points_low"], of["points_high"]).values()).rstrip()
            for of in own
        }
        several = f"{words.one_digit(row['least'])} to {words.one_digit(row['most'])}" if row["studies"] > 1 else ""
        mean = words.with_interval(*row["mean"], words.one_digit) if row["studies"] >= FEWEST else ""
        rows.append({"exchange": row["exchange"], "name": row["name"], "cells": cells, "range": several, "mean": mean})
    return rows


def chart(rates: pd.DataFrame) -> alt.TopLevelMixin:
    """A row for each exchange, with a point and an interval per study of corrupted images, and their mean."""
    corrupted = rates[rates["images"] == CORRUPTED]
    shown = corrupted[["study", "exchange", "points", "points_low", "points_high"]]
    means = [row for row in pooled(rates) if row["studies"] >= FEWEST]
    ends = ("points", "points_low", "points_high")
    added = [{"study": MEAN, "exchange": row["exchange"], **dict(zip(ends, row["mean"], strict=True))} for row in means]
    shown = pd.concat([shown, pd.DataFrame(added, columns=shown.columns)] if added else [shown], ignore_index=True)
    shown = shown.assign(name=shown["exchange"].map(NAMES).map(words.capital))
    frame = frame_of(shown, FARTHEST)
    shown = shown.assign(left=shown["points_low"].clip(*frame), right=shown["points_high"].clip(*frame))
    studies = [*corrupted["study"].unique(), *([MEAN] if added else [])]
    hues = [INK if study == MEAN else hue for study, hue in zip(studies, cycled(OKABE_ITO, len(studies)), strict=True)]
    key = told_apart("study", studies, hues, shapes=cycled(SHAPES, len(studies)), legend={"orient": "bottom"})
    panel = intervals(
        shown.assign(order=shown["study"].map(studies.index)),
        measure(alt.X, "points", "Fewer errors on corrupted images, in percentage points", ".3~g", domain=frame),
        names("name", [words.capital(NAMES[exchange]) for exchange in NAMES], labelLimit=360),
        ("left", "right"),
        key,
        tooltips("name", "study", points=".2f", points_low=".2f", points_high=".2f"),
        offset="order",
        under=[line_at(alt.X, 0, GREY)],
        choose=True,
        width=560,
        height=alt.Step(11, **{"for": "offset"}),
    )
    level = words.percent(float(rates["confidence"].iloc[0]), 0)
    subtitle = [
        f"What each lowers the error by, with {level} intervals over the families, designs or seeds of a study",
        "SD: standard deviation, without what noise adds. Intervals far longer than others are cut at the frame.",
    ]
    subtitle += ["Black: the mean over studies, if three or more have the row, with an interval over studies."] * bool(
        added
    )
    return finish(panel, TITLE, subtitle)
