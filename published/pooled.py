"""What buys robustness in all published studies: their exchange rates side by side, pooled in log
odds, and a chart."""

from typing import NamedTuple

import altair as alt
import numpy as np
import pandas as pd
from scipy.stats import t

from published.bought import latest_rates
from published.what_helps import Studies
from resiliency.base.names import CORRUPTED
from resiliency.report import words
from resiliency.report.charts.ensembles import NAMES, amount_of, frame_of
from resiliency.report.settings import OKABE_ITO
from resiliency.report.style import (
    GREY,
    SHAPES,
    finish,
    intervals,
    line_at,
    measure,
    names,
    told_apart,
    tooltips,
)

FEWEST = 3  # studies for an interval of their mean
TITLE = "What buys robustness?"
FARTHEST = 1.5  # times the largest estimate, beyond which intervals are cut


class Mean(NamedTuple):
    """The mean of a row over studies, with the ends of its interval."""

    value: float
    low: float
    high: float


def mean_of(estimates: np.ndarray, confidence: float) -> Mean:
    """The mean over k studies with Student's interval of k - 1 degrees of freedom; no ends with
    fewer than `FEWEST`.

    Studies weigh alike. However unequal the errors of their own are, the interval is at 92 %
    confidence and above too long rather than too short (Bakirov and Székely 2005; Ibragimov and
    Müller 2010).

    Args:
        estimates: float k.
        confidence: of the interval, in 0..1.
    """
    count, value = len(estimates), float(np.mean(estimates))
    if count < FEWEST:
        return Mean(value, np.nan, np.nan)
    half = float(
        t.ppf((1 + confidence) / 2, count - 1) * np.std(estimates, ddof=1) / np.sqrt(count)
    )
    return Mean(value, value - half, value + half)


def rates_of(studies: Studies) -> pd.DataFrame:
    """The latest exchange rates of all studies that have an estimate, with the column `study`."""
    known = [
        latest_rates(tables).dropna(subset="points").assign(study=study)
        for study, tables in studies.items()
        if "exchange_rates" in tables
    ]
    return (
        pd.concat(known, ignore_index=True) if known else pd.DataFrame(columns=["study", "images"])
    )


def pooled_odds(rates: pd.DataFrame, exchange: str) -> Mean | None:
    """The factor by which an exchange changes the odds of an error, mean of log odds over studies
    of corruptions.

    None with fewer than `FEWEST` studies, and of standard deviations and ranges, which a mean says
    nothing of.

    Args:
        rates: as from `rates_of`.
    """
    rows = rates[(rates["images"] == CORRUPTED) & (rates["exchange"] == exchange)]
    if len(rows) < FEWEST or rows["spread"].iloc[0]:
        return None
    mean = mean_of(-rows["log_odds"].to_numpy(float), float(rows["confidence"].iloc[0]))
    return Mean(*np.exp(mean))


def bought(rates: pd.DataFrame) -> list[dict]:
    """Each exchange that some study has on corrupted images, in the order of `NAMES`, in words.

    Returns:
        For each, `exchange`, `name`, study -> `cells`, such as "2.2 [−0.1, 4.6]", and the pooled
        `odds`; "" for none.
    """
    rows = []
    for exchange in NAMES:
        own = rates[rates["exchange"] == exchange]
        if (own["images"] == CORRUPTED).any():
            cells = {
                of["study"]: amount_of(of["points"], of["points_low"], of["points_high"])
                for of in own.to_dict("records")
            }
            odds = pooled_odds(rates, exchange)
            said = (
                words.with_interval(*odds, form=lambda value: words.number(value, 2))
                if odds
                else ""
            )
            rows.append(
                {"exchange": exchange, "name": NAMES[exchange], "cells": cells, "odds": said}
            )
    return rows


def median_errors(rates: pd.DataFrame) -> dict[str, str]:
    """Study -> the median error of its designs, from which points are counted, in per cent."""
    return {
        study: words.percent(float(of["median_error"].median()), 1)
        for study, of in rates.groupby("study")
    }


def chart(rates: pd.DataFrame) -> alt.TopLevelMixin:
    """A row for each exchange, with a point and an interval per study of corrupted images."""
    corrupted = rates[rates["images"] == CORRUPTED]
    shown = corrupted[["study", "exchange", "points", "points_low", "points_high"]]
    shown = shown.assign(name=shown["exchange"].map(NAMES).map(words.capital))
    frame = frame_of(shown, FARTHEST)
    shown = shown.assign(
        left=shown["points_low"].clip(*frame), right=shown["points_high"].clip(*frame)
    )
    studies = [*corrupted["study"].unique()]
    key = told_apart("study", studies, OKABE_ITO, shapes=SHAPES, legend={})
    panel = intervals(
        shown.assign(order=shown["study"].map(studies.index)),
        measure(
            alt.X,
            "points",
            "Fewer errors on corrupted images, in percentage points",
            ".3~g",
            domain=frame,
        ),
        names("name", [words.capital(NAMES[exchange]) for exchange in NAMES], labelLimit=360),
        ("left", "right"),
        key,
        tooltips("name", "study", points=".2f", points_low=".2f", points_high=".2f"),
        offset="order",
        under=[line_at(0, GREY)],
        width=560,
        height=alt.Step(11, **{"for": "offset"}),
    )
    level = words.percent(float(rates["confidence"].iloc[0]), 0)
    subtitle = [
        f"What each lowers the error by, with {level} intervals over the families, designs or "
        "seeds of a study",
        "SD: standard deviation, without what noise adds. Intervals far longer than others are cut "
        "at the frame.",
    ]
    return finish(panel, TITLE, subtitle)
