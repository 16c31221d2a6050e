"""Shares of mutants that the tests of a commit notice.

`shares.py FOLDER` prints them by package from what measure.py left in the folder, with Wilson's intervals, and
`shares.py FOLDER FOLDER` compares two commits. What no test reaches has survived; what is gone from the library leaves
both sides.
"""

import argparse
import json
from collections import Counter
from pathlib import Path

from mutants import Mutant, read_sample
from scipy.stats import binomtest


def read_rows(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []


def line(name: str, rows: list[dict]) -> str:
    """Counts of outcomes, and the share killed of those not gone with its Wilson interval."""
    counts = Counter(row["outcome"] for row in rows)
    numbers = [len(rows), *(counts[outcome] for outcome in ("gone", "unreached", "survived", "killed"))]
    low, high = binomtest(counts["killed"], max(len(rows) - counts["gone"], 1)).proportion_ci(method="wilson")
    share = f"{counts['killed'] / max(len(rows) - counts['gone'], 1):.0%} [{low:.0%}, {high:.0%}]"
    return f"{name:12}" + "".join(f"{number:10}" for number in numbers) + f"  {share}"


def report(rows: list[dict]) -> None:
    columns = ("drawn", "gone", "unreached", "survived", "killed")
    print(" " * 12 + "".join(f"{column:>10}" for column in columns) + "  killed of those not gone, 95%")
    for package in sorted({row["package"] for row in rows}):
        print(line(package, [row for row in rows if row["package"] == package]))
    print(line("all", rows))


def compare(before: list[dict], after: list[dict]) -> None:
    """Two reports on the mutants that both have, and those that only one kills, with an exact test of McNemar."""
    first, second = ({row["number"]: row for row in rows if row["outcome"] != "gone"} for rows in (before, after))
    both = sorted(first.keys() & second.keys())
    report([first[number] for number in both])
    report([second[number] for number in both])
    killed = [{number for number in both if rows[number]["outcome"] == "killed"} for rows in (first, second)]
    lost, won = sorted(killed[0] - killed[1]), sorted(killed[1] - killed[0])
    p = binomtest(len(lost), len(lost) + len(won)).pvalue if lost or won else 1.0
    print(f"only in one: {len(first.keys() ^ second.keys())}\nkilled only before: {lost}\nkilled only after: {won}")
    print(f"p = {p:.3g}")


def print_survivors(rows: list[dict], sample: list[Mutant]) -> None:
    outcomes = {row["number"]: row["outcome"] for row in rows}
    for mutant in sample:
        if outcomes.get(mutant.number) in ("survived", "unreached"):
            print(f"{mutant.number} {mutant.package} {mutant.module}.{mutant.function}: {outcomes[mutant.number]}")
            print(f"  - {mutant.before}\n  + {mutant.after}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="+", type=Path, help="one, or one before and one after")
    parser.add_argument("--survivors", action="store_true", help="print what no test noticed")
    given = parser.parse_args()
    rows = [read_rows(folder / "rows.jsonl") for folder in given.folders]
    if given.survivors:
        print_survivors(rows[-1], read_sample(given.folders[-1] / "sample.json"))
    elif len(rows) == 1:
        report(*rows)
    else:
        compare(*rows)


if __name__ == "__main__":
    main()
