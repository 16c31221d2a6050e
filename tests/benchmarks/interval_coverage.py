"""Simulates studies whose truth is known: how often intervals hold it, and how often verdicts are false, or reached.

Run by hand: python tests/benchmarks/interval_coverage.py [--simulations 600] [--resamples 200] [--only intervals]
[--rows FILE] [--write]. Each row simulates studies anew, all of their members, designs, families or seeds included,
and calls the functions of the pipeline. --only runs one of the two parts; --rows keeps the rows in a file and takes
from there what does not run; --write makes docs/coverage.md, of both. The last line is JSON: `worst_false_verdict` (of
the rules), `worst_coverage` (of the intervals), `power` by observation and size.
"""

import argparse
import json
from pathlib import Path

import numpy as np
from coverage_page import page, summary
from simulated_intervals import CASES, coverage
from simulated_verdicts import SITUATIONS, rates

from resiliency.streams import derived_seed

PAGE = Path(__file__).parents[2] / "docs/coverage.md"


def stream(*names: str | int) -> np.random.Generator:
    return np.random.default_rng(derived_seed(0, "coverage", *names))


def simulated(part: str, simulations: int, resamples: int) -> list[dict]:
    """The rows of a part; intervals and power need fewer simulations than rates of false verdicts."""
    fewer, rows = max(simulations // 3, 1), []
    for case in CASES if part == "intervals" else SITUATIONS:
        if part == "intervals":
            row = coverage(case, fewer, resamples)
        else:
            row = rates(case, fewer if min(case.truths) > 0 else simulations, fewer, stream)
        rows.append(row)
        print(json.dumps(row), flush=True)
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--simulations", type=int, default=400)
    parser.add_argument("--resamples", type=int, default=200)
    parser.add_argument("--only", choices=("intervals", "verdicts"))
    parser.add_argument("--rows", type=Path)
    parser.add_argument("--write", action="store_true")
    arguments = parser.parse_args()
    kept = json.loads(arguments.rows.read_text()) if arguments.rows and arguments.rows.exists() else {}
    parts = [arguments.only] if arguments.only else [p for p in ("intervals", "verdicts") if p not in kept]
    kept |= {part: simulated(part, arguments.simulations, arguments.resamples) for part in parts}
    if arguments.rows:
        arguments.rows.write_text(json.dumps(kept))
    if arguments.write:
        PAGE.write_text(page(kept["intervals"], kept["verdicts"]))
    print(json.dumps(summary(kept.get("intervals", []), kept.get("verdicts", []))))


if __name__ == "__main__":
    main()
