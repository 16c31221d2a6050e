"""Simulates studies whose truth is known: how often intervals hold it, and how often verdicts are false, or reached.

Run by hand: python tests/benchmarks/interval_coverage.py [--simulations 600] [--resamples 200] [--only intervals]
[--rows FILE] [--write]. Each row simulates studies anew, all of their members, designs, families or seeds included,
and calls the functions of the pipeline. --only runs one of the two parts. Rows are kept in a file as they come; those
that are there are not simulated again, so that another FILE than coverage_rows.json, which has all, simulates anew.
--write makes docs/results/coverage.md, of both parts. Truths and widths in coverage_rows.json are rounded. The last
line is JSON: `worst_any_false` (largest rate of any false verdict), `worst_any_false_low` (largest lower end of a 95 %
interval of that), `worst_coverage` (of the intervals), `power` and `power_contradict` by observation, size and
situation.
"""

import argparse
import json
from pathlib import Path

import numpy as np
from coverage_page import page, summary
from simulated_intervals import CASES, Case, coverage
from simulated_verdicts import SITUATIONS, Situation, rates

from resiliency.streams import derived_seed

PAGE = Path(__file__).parents[2] / "docs/results/coverage.md"
ROWS = Path(__file__).parent / "coverage_rows.json"


def stream(*names: str | int) -> np.random.Generator:
    return np.random.default_rng(derived_seed(0, "coverage", *names))


def simulated(part: str, case: Case | Situation, simulations: int, resamples: int) -> dict:
    """The row of a case; intervals need fewer simulations than rates of false verdicts."""
    if part == "intervals":
        return coverage(case, max(simulations // 3, 1), resamples)
    return rates(case, simulations, stream(case.observation, case.name, case.size))


def as_text(kept: dict[str, list[dict]]) -> str:
    """Both parts as JSON, a row a line."""
    parts = (f'"{part}": [\n' + ",\n".join(json.dumps(row) for row in rows) + "\n]" for part, rows in kept.items())
    return "{" + ",\n".join(parts) + "}\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--simulations", type=int, default=400)
    parser.add_argument("--resamples", type=int, default=200)
    parser.add_argument("--only", choices=("intervals", "verdicts"))
    parser.add_argument("--rows", type=Path, default=ROWS)
    parser.add_argument("--write", action="store_true")
    arguments = parser.parse_args()
    file, kept = arguments.rows, {"intervals": [], "verdicts": []}
    kept |= json.loads(file.read_text()) if file.exists() else {}
    for part, cases in {"verdicts": SITUATIONS, "intervals": CASES}.items():
        for case in cases[len(kept[part]) :] if arguments.only in (None, part) else []:
            row = simulated(part, case, arguments.simulations, arguments.resamples)
            kept[part].append(row)
            print(json.dumps(row), flush=True)
            file.write_text(as_text(kept))
    if arguments.write:
        PAGE.write_text(page(kept["intervals"], kept["verdicts"]))
    print(json.dumps(summary(kept["intervals"], kept["verdicts"])))


if __name__ == "__main__":
    main()
