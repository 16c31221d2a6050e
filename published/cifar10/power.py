"""Simulates studies of the layout of studies/cifar10_lengths.yaml, and how often observation 1b
reaches each verdict.

    PYTHONPATH=scripts:tests/benchmarks python published/cifar10/power.py

Families have two sizes at three training lengths with two seeds. The corrupted error is 50 %; else
as in published/traffic_signs/power.py.
"""

from collections import Counter

import numpy as np
import simulated_spread
from scipy.special import logit
from simulated_spread import NOISE, Layout, verdicts

from resiliency.base.faults import parser

LAYOUT = Layout(11, 2, 3, 2)
ERROR, STUDIES = 0.5, 200
HALVED = 0.25  # logits of the error that the mean length of training takes
CASES = [(1.0, "normal"), (2.0, "normal"), (3.0, "normal"), (4.0, "normal"), (4.0, "t3")]


def main() -> None:
    parser(__doc__).parse_args()
    simulated_spread.CENTRE = logit(ERROR) + HALVED
    median = np.median(
        simulated_spread.drawn(
            np.random.default_rng(0), LAYOUT, 0.1, NOISE, "normal", studies=50
        ).error
    )
    print(f"median error {median:.1%}")
    for spread, kind in CASES:
        whole, _ = verdicts(np.random.default_rng(0), STUDIES, LAYOUT, spread, NOISE, kind)
        shares = ", ".join(
            f"{name} {count / STUDIES:.1%}" for name, count in Counter(whole.tolist()).most_common()
        )
        print(f"spread {spread:g} ({kind}): {shares}", flush=True)


if __name__ == "__main__":
    main()
