"""Shares of mutants that the tests of a commit notice.

`shares.py FOLDER` prints them by package from what measure.py left in the folder, with Wilson's
intervals. `--before` adds what the tests of an earlier commit noticed, as far as it was measured,
`--write` makes the page. What no test reaches has survived; what is gone from the library leaves
both sides.
"""

import argparse
import json
from pathlib import Path

import pandas as pd
from mutants import REPOSITORY, Mutant, read_sample
from scipy.stats import binomtest

PAGE = REPOSITORY / "published/experiments/mutants.md"
OUTCOMES, SAMPLE = (Path(__file__).with_name(name) for name in ("outcomes.csv", "sample.json"))
MEASURED = ("killed", "survived", "unreached")
TEXT = """# Mutants that the tests notice

A mutant is a small fault, such as `<` in place of `<=`. It is killed if a unit test fails with it. Mutants were drawn
once, and the {placed} whose statement the library still has were tried on 1 December 2026. Tests of whole studies and
of GPUs, which do not count here, notice others.

{table}

{before}`python tests/benchmarks/mutation/shares.py build/after --before build/before --write` makes this page of what
`measure.py` found; `tests/benchmarks/mutation/outcomes.csv` has the outcome of each mutant.
"""  # noqa: E501
BEFORE = """The tests before they were halved killed {lost} of the {others} that survive now, and {gained} that are
killed now survived them. They killed {most:.0%} at most: what is killed now was mostly not tried on them, and counts
as killed.

"""  # noqa: E501


def read_rows(path: Path) -> list[dict]:
    return (
        [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        if path.exists()
        else []
    )


def outcomes_of(before: list[dict], after: list[dict]) -> pd.DataFrame:
    """The outcome of each mutant that is not gone, and that of the earlier commit, if known."""
    earlier = {row["number"]: row["outcome"] for row in before}
    rows = pd.DataFrame(after)[["number", "package", "outcome"]]
    rows = rows[rows["outcome"].isin(MEASURED)].sort_values("number", ignore_index=True)
    return rows.assign(before=rows["number"].map(earlier))


def table(outcomes: pd.DataFrame) -> str:
    """Counts and shares by package, in Markdown, from `outcomes_of`."""
    head = [
        "| Package | Mutants | Killed | Survived | Reached by no test | Share killed [95%] |",
        "|---|---:|---:|---:|---:|---|",
    ]
    packages = [*outcomes.groupby("package"), ("all", outcomes)]
    return "\n".join([*head, *(_row(name, rows["outcome"].tolist()) for name, rows in packages)])


def _row(name: str, outcomes: list[str]) -> str:
    counts = [outcomes.count(outcome) for outcome in MEASURED]
    low, high = binomtest(counts[0], len(outcomes)).proportion_ci(method="wilson")
    share = f"{counts[0] / len(outcomes):.0%} [{low:.0%}, {high:.0%}]"
    return f"| {' | '.join(map(str, [name, len(outcomes), *counts, share]))} |"


def page(outcomes: pd.DataFrame) -> str:
    """The page of `outcomes_of`, in Markdown."""
    known = outcomes.dropna(subset=["before"])
    now, then = known["outcome"] == "killed", known["before"] == "killed"
    lost, gained = (then & ~now).sum(), (now & ~then).sum()
    most = ((outcomes["outcome"] == "killed").sum() + lost - gained) / len(outcomes)
    others = int((known["outcome"] != "killed").sum())
    before = BEFORE.format(lost=lost, others=others, gained=gained, most=most) if len(known) else ""
    return TEXT.format(placed=len(outcomes), table=table(outcomes), before=before)


def print_survivors(outcomes: pd.DataFrame, sample: list[Mutant]) -> None:
    others = outcomes[outcomes["outcome"] != "killed"].set_index("number")
    for mutant in sample:
        if mutant.number in others.index:
            outcome, before = others.loc[mutant.number, ["outcome", "before"]]
            print(
                f"{mutant.number} {mutant.package} {mutant.module}.{mutant.function}: {outcome}, "
                f"before: {before}"
            )
            print(f"  - {mutant.before}\n  + {mutant.after}")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--before", type=Path, metavar="FOLDER", help="that of an earlier commit")
    parser.add_argument("--survivors", action="store_true", help="print what no test noticed")
    parser.add_argument(
        "--write", action="store_true", help=f"write {PAGE.name} and {OUTCOMES.name}"
    )
    given = parser.parse_args()
    before = read_rows(given.before / "rows.jsonl") if given.before else []
    outcomes, sample = (
        outcomes_of(before, read_rows(given.folder / "rows.jsonl")),
        read_sample(SAMPLE),
    )
    if given.write:
        outcomes.to_csv(OUTCOMES, index=False)
        PAGE.write_text(page(outcomes), encoding="utf-8")
    elif given.survivors:
        print_survivors(outcomes, sample)
    else:
        print(table(outcomes))


if __name__ == "__main__":
    main()
