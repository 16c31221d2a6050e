"""Simulates studies whose truth is known: how often intervals hold it, and how often verdicts are false, or reached.

Run by hand: python tests/benchmarks/interval_coverage.py [--simulations 400] [--resamples 200] [--only intervals]
[--rows FILE] [--write]. Each row simulates studies anew, all of their members, designs, families or seeds included,
and calls the functions of the pipeline. --only runs one of the two parts. Rows are kept in a file as they come; those
that are there are not simulated again, so that another FILE than coverage_rows.json, which has all, simulates anew.
--write makes docs/results/coverage.md, of both parts. Truths and widths in coverage_rows.json are rounded. The last
line is JSON: `worst_any_false` (largest rate of any false verdict), `worst_any_false_low` (largest lower end of a 95 %
interval of that), `worst_coverage` (of the intervals), `power` and `power_contradict` by observation, size and
situation.
"""

import json
from functools import partial
from pathlib import Path

import numpy as np
from coverage_page import page, summary
from shared import RESULTS, beside, options, resumed
from simulated_intervals import CASES, coverage
from simulated_verdicts import SITUATIONS, rates

from resiliency.base.streams import derived_seed

PAGE, ROWS = RESULTS / "coverage.md", beside(__file__, "coverage_rows.json")
KEYS = {"verdicts": ("observation", "situation", "size"), "intervals": ("statistic", "situation", "units")}


def jobs(part: str, simulations: int, resamples: int) -> dict[tuple, partial]:
    """What a row has under `KEYS` -> what makes it; intervals need fewer simulations than rates of false verdicts."""
    if part == "intervals":
        of_cases = {(case.statistic, case.situation, case.units): case for case in CASES}
        return {key: partial(coverage, case, max(simulations // 3, 1), resamples) for key, case in of_cases.items()}
    cases = {(case.observation, case.name, case.size): case for case in SITUATIONS}
    return {
        key: partial(rates, case, simulations, np.random.default_rng(derived_seed(0, "coverage", *key)))
        for key, case in cases.items()
    }


def main() -> None:
    parser = options(__doc__, "write", simulations=400, resamples=200)
    parser.add_argument("--only", choices=("intervals", "verdicts"))
    parser.add_argument("--rows", type=Path, default=ROWS)
    arguments = parser.parse_args()
    rows = {}
    for part, keys in KEYS.items():
        wanted = jobs(part, arguments.simulations, arguments.resamples) if arguments.only in (None, part) else {}
        rows[part] = resumed(arguments.rows, wanted, keys, part)
    if arguments.write:
        PAGE.write_text(page(rows["intervals"], rows["verdicts"]))
    print(json.dumps(summary(rows["intervals"], rows["verdicts"])))


if __name__ == "__main__":
    main()
