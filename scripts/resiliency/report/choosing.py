"""How members should be chosen: the first line, made from choosing.csv, and the table below it."""

import pandas as pd

from resiliency.analysis.choosing import GREEDY, KINDS, NOT_TESTED, OUTCOMES, UNDECIDED, WORSE, WORTH
from resiliency.report import words
from resiliency.report.templates import said

ORDER = ("attribution_diversity", "prediction_diversity", "activation_diversity")  # attributions are the question


def choosing(table: pd.DataFrame) -> dict:
    """The answer, the numbers of members and, per rule, its cells in words.

    Args:
        table: choosing.csv.
    """
    of_rules = {choice: rows.to_dict("records") for choice, rows in table.groupby("choice", sort=False)}
    groups: dict[str, dict] = {}
    missing: dict[str, list[str]] = {}
    for choice in ORDER:
        rows, kind = of_rules[choice], f"{KINDS[choice]}s"
        verdict = next((of for of in (WORTH, WORSE, UNDECIDED) if of in [row["verdict"] for row in rows]), NOT_TESTED)
        if verdict == NOT_TESTED:
            missing.setdefault(rows[0]["missing"], []).append(kind)
        else:
            shown = [row for row in rows if row["verdict"] == verdict]
            groups.setdefault(verdict, {"verdict": verdict, "kinds": [], "rows": shown})["kinds"].append(kind)
    about, told = table.iloc[0].to_dict(), {"groups": list(groups.values()), "missing": missing}
    return {
        "answer": said("overview.txt.j2", "choosing", about=about, **told),
        "sizes": table["size"].unique().tolist(),
        "rows": [
            (words.label(of), [_cell(row, name) for name in OUTCOMES for row in rows]) for of, rows in of_rules.items()
        ],
        "about": about,
    }


def _cell(row: dict, name: str) -> str:
    """An outcome, its difference from greedy choice in percentage points, and the interval of this."""
    value, low, high = (row[f"{name}_difference{end}"] for end in ("", "_low", "_high"))
    if pd.isna(row[name]) or row["choice"] == GREEDY:
        return words.percent(row[name])
    interval = f"{'+' if value > 0 else ''}{words.difference(value, low, high)} {words.difference_interval(low, high)}"
    return f"{words.percent(row[name])} ({interval.strip()})"
