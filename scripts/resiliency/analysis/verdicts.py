"""From statistics with intervals to a verdict, by a rule that is fixed before the data are seen."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from resiliency.analysis import bootstrap

SUPPORTED, CONTRADICTED, UNDECIDED = "supported", "contradicted", "undecided"


def percentiles(values: np.ndarray, confidence: float) -> tuple[float, float]:
    """The interval of a statistic from its bootstrap, `values` with the actual value first."""
    return bootstrap.interval(values[1:], confidence)


@dataclass(frozen=True)
class Part:
    """One statistic of an observation.

    Attributes:
        name: what is compared.
        values: float 1 + replicates, the actual value first.
        interval: (values, confidence) -> the ends of the interval.
        difference: the difference of means behind an effect size, where the statistic is one.
    """

    name: str
    values: np.ndarray
    interval: Callable[[np.ndarray, float], tuple[float, float]] = percentiles
    difference: float = np.nan


@dataclass(frozen=True)
class Observation:
    """One of the paper's observations and what bears on it.

    Attributes:
        number: 1 to 4.
        statement: the paper's.
        statistic: what each part measures.
        sign: 1 if a positive statistic supports the statement, -1 if a negative one does.
        parts: all must support the statement; none where the study cannot say anything.
        lacking: what the study lacks for a verdict; empty if nothing.
        resampled: the units that the interval takes for a sample of all that could have been.
        members, ensembles, images: behind the statistics.
        sampled: whether the ensembles are a sample of those that are possible.
    """

    number: int
    statement: str
    statistic: str
    sign: int
    parts: list[Part]
    lacking: str
    resampled: str
    members: int
    ensembles: int
    images: int
    sampled: bool = False


def observation_rows(observation: Observation, confidence: float) -> list[dict]:
    """The rows of observations.csv for one observation, a row per part.

    Intervals hold together at `confidence`: each part's is at 1 - (1 - confidence) / parts (Bonferroni).
    """
    parts = observation.parts or [Part("", np.full(1, np.nan))]
    together = 1 - (1 - confidence) / len(parts)
    rows = [_row(observation, part, together) for part in parts]
    verdict = _combined([row["part_verdict"] for row in rows])
    return [row | {"verdict": verdict} for row in rows]


def _row(observation: Observation, part: Part, confidence: float) -> dict:
    low, high = part.interval(part.values, confidence) if len(part.values) > 1 else (np.nan, np.nan)
    side = "above" if observation.sign > 0 else "below"
    return {
        "observation": observation.number,
        "statement": observation.statement,
        "verdict": "",
        "part": part.name,
        "statistic": observation.statistic,
        "estimate": part.values[0],
        "low": low,
        "high": high,
        "confidence": confidence,
        "difference_of_means": part.difference,
        "rule": f"supported if the intervals of all parts lie {side} 0, contradicted if one lies on the other side, "
        "else undecided",
        "lacking": observation.lacking,
        "part_verdict": UNDECIDED if observation.lacking else _verdict(low * observation.sign, high * observation.sign),
        "resampled": observation.resampled,
        "members": observation.members,
        "ensembles": observation.ensembles,
        "sampled": observation.sampled,
        "images": observation.images,
    }


def _verdict(one_end: float, other_end: float) -> str:
    if min(one_end, other_end) > 0:
        return SUPPORTED
    return CONTRADICTED if max(one_end, other_end) < 0 else UNDECIDED


def _combined(verdicts: list[str]) -> str:
    if all(verdict == SUPPORTED for verdict in verdicts):
        return SUPPORTED
    return CONTRADICTED if CONTRADICTED in verdicts else UNDECIDED


def observation_table(observations: list[Observation], confidence: float) -> pd.DataFrame:
    """The table observations.csv."""
    return pd.DataFrame([row for observation in observations for row in observation_rows(observation, confidence)])
