"""Simulates studies whose truth is known: how often intervals hold it, and how often verdicts are
false, or reached.

Run by hand: python tests/benchmarks/interval_coverage.py [--simulations 400] [--resamples 200]
[--only intervals] [--rows FILE] [--write]. Each row simulates studies anew, all of their members,
designs, families or seeds included, and calls the functions of the pipeline. --only runs one of the
parts. Rows are kept in a file as they come; those that are there are not simulated again, so that
another FILE than coverage_rows.json, which has all, simulates anew. --write makes
published/experiments/coverage.md, of all parts. Truths and widths in coverage_rows.json are
rounded. Rows where some part is 0 have five times as many simulations, those of the four kinds with
few units fifteen times.
"""

from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path

import numpy as np
from scipy.stats import binomtest
from shared import EXPERIMENTS, beside, options, resumed, table_row
from simulated_intervals import CASES, CONFIDENCE, coverage, sure
from simulated_kinds import FEW, UNITS
from simulated_verdicts import SITUATIONS, rates
from swaps import FAMILIES, IMAGES, OUTCOMES, covered

from resiliency.analysis.verdicts import SUPPORTED
from resiliency.base.streams import derived_seed
from resiliency.statistics.intervals import holm

PAGE = EXPERIMENTS / "coverage.md"
ROWS, TEMPLATE = (beside(__file__, name) for name in ("coverage_rows.json", "coverage.md.template"))
KEYS = {
    "verdicts": ("observation", "situation", "size"),
    "intervals": ("statistic", "situation", "units"),
}
KEYS["swaps"] = ("families",)
MOST_FALSE, LEAST_COVERAGE, MOST_COVERAGE = 0.06, 0.93, 0.97
NOMINAL = 0.05  # rate at which noise may support
# Times as many simulations as asked for have rows where only noise can support.
WITHOUT_EFFECT = 5.0
NOISY = {(case.observation, case.name, case.size) for case in SITUATIONS if case.without_effect}
POWER = {"support": "supported", "contradict": "contradicted"}


def jobs(part: str, simulations: int, resamples: int) -> dict[tuple, partial]:
    """What a row has under `KEYS` -> what makes it; intervals need fewer simulations than rates of
    false verdicts."""
    if part == "intervals":
        of_cases = {(case.statistic, case.situation, case.units): case for case in CASES}
        number = max(simulations // 3, 1)
        return {
            key: partial(coverage, case, number * case.times, resamples)
            for key, case in of_cases.items()
        }
    if part == "swaps":
        numbers = max(simulations // 2, 1), max(3 * simulations // 20, 1)
        return {(families,): partial(covered, families, *numbers) for families in FAMILIES}
    cases = {(case.observation, case.name, case.size): case for case in SITUATIONS}
    cases |= {key: cases[key]._replace(share=WITHOUT_EFFECT) for key in NOISY}
    return {
        key: partial(
            rates, case, simulations, np.random.default_rng(derived_seed(0, "coverage", *key))
        )
        for key, case in cases.items()
    }


def without_effect(verdicts: list[dict]) -> tuple[float, float]:
    """Largest rate of `supported` where some part is 0, and the least p-value that it is above
    `NOMINAL`, by Holm."""
    rows = [
        (row["verdicts"][SUPPORTED], row["simulations"]) for row in verdicts if _key(row) in NOISY
    ]
    p_values = [binomtest(count, of, NOMINAL, "greater").pvalue for count, of in rows]
    return max(count / of for count, of in rows), float(holm(np.array(p_values)).min())


def _key(row: dict) -> tuple:
    return tuple(row[key] for key in KEYS["verdicts"])


def page(intervals: list[dict], verdicts: list[dict], swaps: list[dict]) -> str:
    """The whole page, as Markdown: a row per observation and study, and per statistic, and the rows
    that fall short."""
    few, intervals = (
        [row for row in intervals if (row["situation"] == FEW) == of] for of in (True, False)
    )
    verdicts = sorted(verdicts, key=lambda row: row["observation"])
    worst = max(verdicts, key=lambda row: _rate(row)[0])
    surest = max(verdicts, key=lambda row: _rate(row)[1][0])
    return TEMPLATE.read_text(encoding="utf-8").format(
        worst=_rate(worst)[0],
        where=_named(worst),
        low=_rate(surest)[1][0],
        above=_exceptions([row for row in verdicts if _beyond(row)]),
        limit=MOST_FALSE,
        noise=_noise(verdicts),
        verdicts="".join(_verdict_row(rows) for rows in _groups(verdicts, "observation", "size")),
        confidence=CONFIDENCE,
        rows=len(intervals),
        lowest=min(_coverage(row)[0] for row in intervals),
        intervals="".join(_interval_row(rows) for rows in _groups(intervals, "statistic")),
        short=_shortfalls(too_low(intervals)),
        kinds="".join(_kind_row(rows) for rows in _groups(few, "statistic")),
        units=table_row([f"{of} units" for of in UNITS])[2:-1],
        images=IMAGES,
        far="; ".join(
            f"{row['statistic']}, {row['units']} ({_coverage(row)[0]:.1%})" for row in _below(few)
        )
        or "none",
        swaps="".join(map(_swap_row, swaps)),
        lacking=_listed_swaps(swaps, lambda of: _held(of) < LEAST_COVERAGE, _held),
        long=_listed_swaps(swaps, lambda of: _held(of) > MOST_COVERAGE, _held),
        wide=_listed_swaps(swaps, lambda of: _in_range(of) > MOST_COVERAGE, _in_range),
    )


def _groups(rows: list[dict], *keys: str) -> list[list[dict]]:
    """The rows that have the same values under `keys`."""
    groups: dict[tuple, list[dict]] = {}
    for row in rows:
        groups.setdefault(tuple(row[key] for key in keys), []).append(row)
    return list(groups.values())


def _named(row: dict) -> str:
    return f"observation {row['observation']}, {row['size']}, {row['situation']}"


def _share(row: dict, verdict: str) -> float:
    return round(row["verdicts"].get(verdict, 0) / row["simulations"], 3)


def _rate(row: dict) -> tuple[float, tuple[float, float]]:
    """How often any false verdict is reached, and its interval."""
    return row["false"] / row["simulations"], sure(row["false"], row["simulations"])


def _beyond(row: dict) -> bool:
    """Whether false verdicts are more than allowed, beyond chance."""
    return _rate(row)[1][0] > MOST_FALSE


def _exceptions(above: list[dict]) -> str:
    if not above:
        return f"No rate is above {MOST_FALSE:.0%} beyond chance."
    return f"Above {MOST_FALSE:.0%} beyond chance: {'; '.join(map(_named, above))}."


def _noise(verdicts: list[dict]) -> str:
    """How often noise is supported at most."""
    rate, p = without_effect(verdicts)
    rows = sum(_key(row) in NOISY for row in verdicts)
    beyond = "in some row significantly more" if p < NOMINAL else "in no row significantly more"
    return (
        f"In {rows} situations some part has no effect, so that only noise can support the "
        "statement. The largest rate "
        f"of *supported* there is {rate:.1%}, {beyond} than {NOMINAL:.0%} (least p-value {p:.2g}, "
        "Holm's correction)."
    )


def _verdict_row(rows: list[dict]) -> str:
    """An observation in studies of one size: the largest rates of error, and the range of power
    over situations."""
    worst = max(rows, key=lambda row: _rate(row)[0])
    rate, (low, high) = _rate(worst)
    noisy = [_share(row, SUPPORTED) for row in rows if _key(row) in NOISY]
    cells = [
        worst["observation"],
        worst["size"],
        len(rows),
        f"{sum(row['simulations'] for row in rows):,}",
    ]
    cells += [f"{rate:.1%} [{low:.1%}, {high:.1%}]", f"{max(noisy):.1%}" if noisy else ""]
    for asks, verdict in POWER.items():
        cells.append(_range(_share(row, verdict) for row in rows if row["asks"] == asks))
    return table_row(cells)


def _kind_row(rows: list[dict]) -> str:
    """A kind of interval and a share: the coverage for each number of units."""
    return table_row([rows[0]["statistic"], *(f"{_coverage(row)[0]:.1%}" for row in rows)])


def _below(few: list[dict]) -> list[dict]:
    return [row for row in few if _coverage(row)[0] < LEAST_COVERAGE]


def _held(of: dict) -> float:
    """Share of the intervals of a ratio that hold the truth."""
    return 1 - (of["below"] + of["above"]) / of["studies"]


def _in_range(of: dict) -> float:
    """Share of the ratios without an effect that lie in the control's range."""
    return of["inside"] / of["controlled"]


def _listed_swaps(
    rows: list[dict], which: Callable[[dict], bool], share: Callable[[dict], float]
) -> str:
    """Outcome, number of families and share of each cell of the table that `which` picks."""
    cells = [(name, row) for name in OUTCOMES for row in rows if which(row[name])]
    said = [
        f"{name.replace('_', ' ')}, {row['families']} families ({share(row[name]):.1%})"
        for name, row in cells
    ]
    return "; ".join(said) or "none"


def _swap_row(row: dict) -> str:
    """Families: coverage of the ratio, intervals below and above the truth, ratios without an
    effect in the range."""
    cells = [row["families"]]
    for outcome in OUTCOMES:
        of = row[outcome]
        cells += [f"{_held(of):.1%} of {of['studies']}", f"{of['below']}, {of['above']}"]
        cells.append(f"{_in_range(of):.0%} of {of['controlled']}")
    return table_row(cells)


def _range(shares: Iterable[float]) -> str:
    ends = sorted({f"{share:.0%}" for share in shares}, key=lambda share: int(share[:-1]))
    return " to ".join(dict.fromkeys([*ends[:1], *ends[-1:]]))


def _coverage(row: dict, method: str = "adopted") -> tuple[float, tuple[float, float]]:
    """The share of intervals that hold the truth, and its interval."""
    hits, simulations = row[f"{method}_hits"], row["simulations"]
    return hits / simulations, sure(hits, simulations)


def _interval_row(rows: list[dict]) -> str:
    """A statistic: the lowest coverage of each method over its situations."""
    cells = [rows[0]["statistic"], len(rows), f"{sum(row['simulations'] for row in rows):,}"]
    for methods in (("adopted",), ("bootstrap",), ("naive", "designs")):
        known = [
            _coverage(row, method)[0]
            for row in rows
            for method in methods
            if f"{method}_hits" in row
        ]
        cells.append(f"{min(known):.1%}" if known else "")
    if all("adopted_above" in row for row in rows):
        above, hits, of = (
            sum(row[key] for row in rows)
            for key in ("adopted_above", "adopted_hits", "simulations")
        )
        cells.append(f"{of - hits - above}, {above}")
    return table_row([*cells, ""][:7])


def too_low(intervals: list[dict]) -> list[dict]:
    """The rows whose adopted intervals hold the truth less often than they should, beyond
    chance."""
    return [row for row in intervals if _coverage(row)[1][1] < CONFIDENCE]


def _shortfalls(short: list[dict]) -> str:
    """The rows that fall short, with the interval of their coverage and the median width of
    theirs."""
    if not short:
        return "Coverage is below its nominal value beyond chance in none of them.\n"
    head = ["Statistic", "Situation", "Units", "Truth", "Coverage", "Width"]
    rows = [
        table_row(head),
        table_row(["---"] * 3 + ["---:", "---", "---:"]),
        *map(_short_row, short),
    ]
    return (
        f"Coverage is below its nominal value, beyond chance, in {len(short)} of "
        f"them:\n\n{''.join(rows)}"
    )


def _short_row(row: dict) -> str:
    truth = f"{round(row['truth'], 2) + 0.0:.2f}".replace("-", "−")
    coverage, (low, high) = _coverage(row)
    cells = [
        *(row[key] for key in KEYS["intervals"]),
        truth,
        f"{coverage:.1%} [{low:.1%}, {high:.1%}]",
    ]
    return table_row([*cells, f"{row['adopted_width']:.3g}"])


def main() -> None:
    parser = options(__doc__, "write", simulations=400, resamples=200)
    parser.add_argument("--only", choices=[*KEYS])
    parser.add_argument("--rows", type=Path, default=ROWS)
    arguments = parser.parse_args()
    rows = {}
    for part, keys in KEYS.items():
        wanted = (
            jobs(part, arguments.simulations, arguments.resamples)
            if arguments.only in (None, part)
            else {}
        )
        rows[part] = resumed(arguments.rows, wanted, keys, part)
    if arguments.write:
        PAGE.write_text(page(rows["intervals"], rows["verdicts"], rows["swaps"]))


if __name__ == "__main__":
    main()
