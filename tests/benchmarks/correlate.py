"""Times `correlate` on a sample of the ensembles of very many members, on random scores.

Run by hand: python tests/benchmarks/correlate.py [--members 1000] [--ensembles 100000]
[--corruptions 1] Ensembles of five, of designs with two seeds each, under one rule, with 17 metrics
of predictions. The last line is JSON: `seconds` (CPU time) and `peak_memory_gib`.
"""

import json
from math import comb

import numpy as np
import pandas as pd
from shared import options, peak_memory, timed

from resiliency.analysis.observations.correlation import correlation_table
from resiliency.base.streams import stream
from resiliency.diversity.metrics import ENSEMBLE_METRICS, METRICS
from resiliency.ensembles.pool import chosen_ensembles
from resiliency.ensembles.table import stands_for

SIZE = 5


def tables(
    members: int, count: int, corruptions: int
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """What `correlation_table` takes."""
    random = stream(0, "correlate")
    designs = [f"d{index // 2:03}" for index in range(members)]
    names = np.array([f"{design}-s{index % 2}" for index, design in enumerate(designs)])
    ensembles = chosen_ensembles(designs, SIZE, count, 0)
    skill = random.standard_normal(members)[ensembles].mean(axis=1)
    metrics = [name for name, metric in METRICS.items() if metric.kind == "prediction"] + list(
        ENSEMBLE_METRICS
    )

    def scores(condition: str) -> dict[str, np.ndarray]:
        values = {name: random.standard_normal(count) - skill for name in metrics}
        return {f"{name}_{condition}": v for name, v in values.items()} | {
            f"mean_member_{condition}_accuracy": skill
        }

    table = {
        "members": ["+".join(row) for row in names[ensembles]],
        "weight": stands_for(designs, ensembles),
    }
    table |= {
        "origin": "independent",
        "rule": "mean_probability",
        "size": SIZE,
        "possible": comb(members, SIZE),
    }
    for condition in ("clean", "corrupted"):
        table |= scores(condition) | {
            f"{condition}_accuracy": skill + random.standard_normal(count)
        }
    under_each = {"members": table["members"]}
    for index in range(corruptions):
        table[f"error_c{index}"] = random.standard_normal(count) - skill
        under_each |= scores(f"c{index}")
    pairs = pd.DataFrame(
        [(METRICS[m].kind, m) for m in metrics if m in METRICS], columns=["kind", "metric"]
    )
    return pd.DataFrame(table), pd.DataFrame(under_each), pairs


def main() -> None:
    arguments = options(__doc__, members=1000, ensembles=100_000, corruptions=1).parse_args()
    made = tables(arguments.members, arguments.ensembles, arguments.corruptions)
    correlations, seconds = timed(lambda: correlation_table(*made, 0.95))
    print(
        f"{len(correlations)} correlations of {arguments.ensembles:,} ensembles of "
        f"{arguments.members:,} members"
    )
    print(json.dumps({"seconds": round(seconds, 1), "peak_memory_gib": round(peak_memory(), 2)}))


if __name__ == "__main__":
    main()
