"""Simulates choices of a model whose truth is known: how much worse the recommended one is, and what is said wrongly.

Run by hand: python tests/benchmarks/deployment_rates.py [--simulations 200] [--resamples 500] [--write]. Rows are kept
in deployment_rows.json as they come; those that are there are not simulated again. --write makes
docs/results/deployment_rates.md.
"""

from functools import partial

from shared import RESULTS, beside, options, resumed, table_row
from simulated_choices import CASES, choices

PAGE = RESULTS / "deployment_rates.md"
ROWS, TEMPLATE = (beside(__file__, name) for name in ("deployment_rows.json", "deployment_rates.md.template"))
IMAGES = (100, 300, 1000)


def page(rows: list[dict]) -> str:
    """The whole page, as Markdown."""
    return TEMPLATE.read_text(encoding="utf-8") + "".join(
        map(_line, sorted(rows, key=lambda row: (row["situation"], row["images"])))
    )


def _line(row: dict) -> str:
    regrets = [f"{100 * row[name]:.1f} [{100 * row[f'{name}_most']:.1f}]" for name in ("recommended", "most_accurate")]
    shares = [f"{row[name] / row['simulations']:.1%}" for name in ("lost", "beyond", "covered")]
    cells = [row["situation"], row["images"], *regrets, f"{row['cheaper']:.2f}", *shares, row["simulations"]]
    return table_row(cells)


def main() -> None:
    arguments = options(__doc__, "write", simulations=200, resamples=500).parse_args()
    jobs = {
        (case.situation, images): partial(choices, case, images, arguments.simulations, arguments.resamples)
        for case in CASES
        for images in IMAGES
    }
    rows = resumed(ROWS, jobs, ("situation", "images"))
    if arguments.write:
        PAGE.write_text(page(rows), encoding="utf-8")


if __name__ == "__main__":
    main()
