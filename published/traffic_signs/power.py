"""Simulates studies of the layout of studies/traffic_signs.yaml, and how often observation 1b
reaches each verdict.

    PYTHONPATH=scripts:tests/benchmarks python published/traffic_signs/power.py

Families have a middle size at four training lengths with two seeds, and a small and a large one at
the third length with one. The corrupted error is 35 %, as errors on held-out tracks after 1,000
steps are (one pilot), in place of the 13 % of `simulated_spread`, whose other numbers stand; noise
of clean accuracy that families share is among them.
"""

from collections import Counter
from functools import cache

import numpy as np
import pandas as pd
import simulated_spread
from scipy.special import logit
from simulated_spread import NOISE, Layout, drawn, table

from resiliency.analysis.observations.architecture import families_differ_at_equal_accuracy
from resiliency.analysis.verdicts import verdict_of
from resiliency.base.faults import parser
from resiliency.statistics.mixed_model import logits

ERROR, IMAGES, STUDIES = 0.35, 6_315, 200
HALVED = 0.3  # logits of the error that the mean length of training takes
CASES = [
    (26, 1.0, "normal"),
    (26, 1.5, "normal"),
    (26, 2.0, "normal"),
    (26, 2.5, "normal"),
    (26, 2.5, "t3"),
]
CASES += [(8, 1.0, "normal"), (8, 2.0, "normal"), (8, 4.0, "normal")]


def members_of(
    random: np.random.Generator, families: int, spread: float, kind: str
) -> pd.DataFrame:
    """The members of one study; the spread is in logits."""
    layout = Layout(families, 3, 4, 2)
    members = table(drawn(random, layout, spread, NOISE, kind), layout)
    size, length = members["architecture"].astype(int) % 3, np.log2(members["training_epochs"])
    return members[(size == 1) | ((length == 2) & (members["seed"] == 0))]


@cache
def median_error() -> float:
    """Of the designs of many studies, at which points are counted."""
    studies = [members_of(np.random.default_rng(seed), 26, 0.1, "normal") for seed in range(50)]
    return float(
        np.median([study.groupby("design")["corrupted_error"].mean().median() for study in studies])
    )


def simulated(families: int, spread: float, kind: str, seed: int) -> str:
    """The verdict of one study whose spread is in percentage points; without placebo, which could
    only withhold it."""
    members = members_of(
        np.random.default_rng([families, seed]),
        families,
        float(logits(spread, median_error())),
        kind,
    )
    return verdict_of(families_differ_at_equal_accuracy(members, IMAGES, draws=0), 0.95)[0]


def main() -> None:
    parser(__doc__).parse_args()
    simulated_spread.CENTRE = logit(ERROR) + HALVED
    print(f"median error {median_error():.1%}")
    for families, spread, kind in CASES:
        verdicts = Counter(simulated(families, spread, kind, seed) for seed in range(STUDIES))
        shares = ", ".join(
            f"{name} {count / STUDIES:.1%}" for name, count in verdicts.most_common()
        )
        print(f"{families} families ({kind}), spread {spread:g}: {shares}", flush=True)


if __name__ == "__main__":
    main()
