"""Observations of every verdict, as rows of observations.csv, and what the first screen says of
them."""

import numpy as np
import pandas as pd

from resiliency.analysis.observations.architecture import CLEAN_ERROR
from resiliency.report.verdicts import by_observation

NOTHING = dict.fromkeys(("reading", "metrics", "shifts", "least"), np.nan)
NOTHING |= dict.fromkeys(("accuracy_low", "accuracy_high", "accuracy_supported"), np.nan)
NOTHING |= dict.fromkeys(("placebo", "placebo_low", "placebo_high", "placebo_supported"), np.nan)
NOTHING |= dict.fromkeys(("opposite_bound", "image_share"), np.nan)


def part(verdict: str, low: float, high: float, name: str = "part") -> dict:
    row = {
        "part": name,
        "part_verdict": verdict,
        "estimate": (low + high) / 2,
        "low": low,
        "high": high,
    }
    return row | {"confidence": 0.9} | NOTHING


def parts_of(*verdicts: str) -> list[dict]:
    return [part(verdict, 0.1, 0.2, f"part {index}") for index, verdict in enumerate(verdicts)]


def intervals(verdicts: list[str], *ends: tuple[float, float]) -> list[dict]:
    return [
        part(verdict, *of, f"part {index}")
        for index, (verdict, of) in enumerate(zip(verdicts, ends, strict=True))
    ]


def observation_of(
    parts: list[dict],
    verdict: str,
    missing: object = np.nan,
    **others: object,
) -> dict:
    """What the first screen says of an observation with these parts."""
    table = pd.DataFrame(parts).assign(
        statement="S.", verdict=verdict, **{"observation": 2, "margin": 0.2} | others
    )
    (observation,) = by_observation(table.assign(missing_requirements=missing))
    return observation


SMALL, NOISE, OPEN = "no practical difference", "no better than noise", "undecided"
CLEAN, CORRUPTED = "clean images", "corrupted images"
RANGE = {"side": "above", "placebo": "random numbers", "placebo_low": -0.3, "placebo_high": 0.25}
NOISY = [part(NOISE, 0.1, 0.3, CLEAN) | RANGE, part("supported", 0.2, 0.4, CORRUPTED) | RANGE]
NOISY += [part(NOISE, -0.1, 0.4, f"{CLEAN}, against noise") | RANGE | {"reading": "against noise"}]
(SUPPORTED,) = parts_of("supported")
EARNED = {"accuracy_supported": 0.954, "accuracy_low": 0.08, "accuracy_high": 0.14}
OF_CLEAN_ERROR = part("", 0.1, 0.5, "family against size, clean error") | {
    "reading": CLEAN_ERROR,
}
AT_EQUAL_ACCURACY = [
    part("", -0.3, 0.1, "architecture family - clean accuracy, corrupted error"),
    part(
        "",
        0.1,
        0.3,
        "architecture family - clean accuracy, excess of corrupted error over clean error",
    ),
]
FREE = {"metrics": "label-free"}
CASES = {  # rows, the verdict and what else the table says
    "three parts": (parts_of(*["supported"] * 3), "supported", {}),
    "by construction": (parts_of("supported"), "supported", {"observation": "4"}),
    "a small difference": (
        intervals(["supported"] * 2, (0.1, 0.2), (0.1, 0.4)),
        "supported",
        {"margin": 0.25},
    ),
    "in part": (parts_of("supported", SMALL), "supported in part", FREE),
    "one against, one open": (parts_of("contradicted", OPEN), "contradicted", {}),
    "significant, but small": (parts_of(SMALL), SMALL, {}),
    "small": (intervals([SMALL] * 2, (-0.1, 0.1), (-0.05, 0.1)), SMALL, {}),
    "noise": (NOISY, NOISE, {}),
    "around 0": (intervals([OPEN], (-1, 1)), OPEN, {}),
    "one around 0, one against": (intervals([OPEN] * 2, (-1, 1), (-2, -1)), OPEN, {}),
    "one small, one around 0": (intervals([SMALL, OPEN], (-0.1, 0.1), (-1, 1)), OPEN, {}),
    "one unknown": (intervals([OPEN] * 2, (np.nan, np.nan), (-1, 1)), OPEN, {}),
    "two against, one for": (parts_of(OPEN, OPEN, "supported"), OPEN, {}),
    "one for, one small": (intervals(["supported", SMALL], (0.1, 1), (-0.1, 0.1)), OPEN, {}),
    "not tested": (
        parts_of("not tested"),
        "not tested",
        {"missing": "needs 8 families; there are 2"},
    ),
    "earned by accuracy": (
        [SUPPORTED | EARNED, OF_CLEAN_ERROR, *AT_EQUAL_ACCURACY],
        "supported",
        {},
    ),
    "not earned by accuracy": (
        [SUPPORTED | {"accuracy_supported": 0.016}, OF_CLEAN_ERROR],
        "supported",
        {},
    ),
    "natural shifts": (parts_of("supported"), "supported", {"shifts": "imagenet_a+imagenetv2"}),
}
