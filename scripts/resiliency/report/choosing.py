"""How members should be chosen: the first line, made from choosing.csv, and the table below it."""

import pandas as pd

from resiliency.analysis.choosing import (
    ACCURATE,
    DISTINCT,
    GREEDY,
    KINDS,
    NOT_TESTED,
    OUTCOMES,
    RANDOM,
    UNDECIDED,
    WORSE,
    WORTH,
)
from resiliency.report import words
from resiliency.report.templates import said

RULES = {
    ACCURATE: "the most accurate",
    GREEDY: "greedily by error of the ensemble",
    DISTINCT: "the same, of distinct families",
    **{choice: f"by diversity of {kind}s" for choice, kind in KINDS.items()},
    RANDOM: "at random",
}
ORDER = ("attribution_diversity", "prediction_diversity", "activation_diversity")  # attributions first: the question


def choosing(table: pd.DataFrame) -> dict:
    """The answer, the numbers of members and, per rule, its cells in words.

    Args:
        table: choosing.csv.
    """
    of_rules = {choice: rows.to_dict("records") for choice, rows in table.groupby("choice", sort=False)}
    groups: dict[str, dict] = {}
    missing: dict[str, list[str]] = {}
    for choice in ORDER:
        rows = [row for row in of_rules[choice] if row["verdict"] != NOT_TESTED]
        if not rows:
            missing.setdefault(of_rules[choice][0]["missing"], []).append(f"{KINDS[choice]}s")
            continue
        verdict = next((of for of in (WORTH, WORSE) if of in {row["verdict"] for row in rows}), UNDECIDED)
        of_verdict = [row for row in rows if row["verdict"] == verdict]
        groups.setdefault(verdict, {"verdict": verdict, "kinds": [], "rows": of_verdict})["kinds"].append(
            f"{KINDS[choice]}s"
        )
    first = table.iloc[0].to_dict()
    said_of = {"groups": list(groups.values()), "missing": [(kinds, reason) for reason, kinds in missing.items()]}
    return {
        "answer": said("overview.txt.j2", "choosing", about=first, **said_of),
        "sizes": table["size"].unique().tolist(),
        "rows": [(RULES[of], [_cell(row, name) for name in OUTCOMES for row in rows]) for of, rows in of_rules.items()],
        "rule": words.label(first["rule"]),
        "images": int(first["images"]),
    }


def _cell(row: dict, name: str) -> str:
    """An outcome, its difference from greedy choice in percentage points, and the interval of this."""
    if pd.isna(row[name]):
        return words.NOTHING
    ends = row[f"{name}_difference_low"], row[f"{name}_difference_high"]
    sign = "+" if row[f"{name}_difference"] > 0 else ""
    difference = f" ({sign}{words.difference(row[f'{name}_difference'], *ends)} {words.difference_interval(*ends)}"
    return words.percent(row[name]) + (f"{difference.rstrip()})" if row["choice"] != GREEDY else "")
