"""How members should be chosen: the first line, made from choosing.csv, and the table below it."""

import pandas as pd

from resiliency.analysis.choosing import GREEDY, KINDS, NOT_TESTED, OUTCOMES, UNDECIDED, WORSE, WORTH
from resiliency.report import words

SAID = {
    WORTH: "is worth choosing by",
    WORSE: "is not worth choosing by",
    UNDECIDED: "is not shown to be worth choosing by",
}
ORDER = ("attribution_diversity", "prediction_diversity", "activation_diversity")  # attributions are the question


def choosing(table: pd.DataFrame) -> dict:
    """The answer, the numbers of members and, per rule, its cells in words.

    Args:
        table: choosing.csv.
    """
    of_rules = {choice: rows.to_dict("records") for choice, rows in table.groupby("choice", sort=False)}
    return {
        "answer": _answer(of_rules, table.iloc[0]),
        "sizes": table["size"].unique().tolist(),
        "rows": [
            (words.label(of), [_cell(row, name) for name in OUTCOMES for row in rows]) for of, rows in of_rules.items()
        ],
        "about": table.iloc[0].to_dict(),
    }


def _answer(of_rules: dict[str, list[dict]], about: pd.Series) -> str:
    """Whether each kind of diversity is worth choosing by; kinds of one verdict together, the first with numbers."""
    groups: dict[str, list[str]] = {}
    missing: dict[str, list[str]] = {}
    for choice in ORDER:
        verdicts = [row["verdict"] for row in of_rules[choice]]
        verdict = next((of for of in SAID if of in verdicts), NOT_TESTED)
        of, key = (missing, of_rules[choice][0]["missing"]) if verdict == NOT_TESTED else (groups, verdict)
        of.setdefault(key, []).append(choice)
    sentences = [f"Diversity of {_kinds(of)} is not tested ({reason})." for reason, of in missing.items()]
    for verdict, choices in groups.items():
        said = f"Diversity of {_kinds(choices)} {SAID[verdict]}"
        if verdict != UNDECIDED or verdict == next(iter(groups)):
            first = f"with {_kinds(choices[:1])} " if len(choices) > 1 else ""
            rows = [row for row in of_rules[choices[0]] if row["verdict"] == verdict]
            differences = words.listed([f"{_difference(row, 'error')} with {row['size']}" for row in rows])
            minus = f"the error {first}minus that of greedy choice by error"
            said += f": {minus} is {differences} members, in percentage points"
        sentences.append(f"{said}.")
    if about["near"] == about["near"]:
        sentences.append(
            f"On average {words.number(about['near'], 1)} of {about['members']} members lie within a percentage point "
            "of the best, among which diversity may choose; an ensemble that needs more takes the most accurate ones."
        )
    return " ".join(sentences)


def _kinds(choices: list[str]) -> str:
    return words.listed([f"{KINDS[choice]}s" for choice in choices])


def _cell(row: dict, name: str) -> str:
    """An outcome, its difference from greedy choice in percentage points, and the interval of this."""
    value = words.percent(row[name])
    return value if pd.isna(row[name]) or row["choice"] == GREEDY else f"{value} ({_difference(row, name)})"


def _difference(row: dict, name: str) -> str:
    ends = [row[f"{name}_difference{end}"] for end in ("", "_low", "_high")]
    return f"{'+' if ends[0] > 0 else ''}{words.in_points(*ends, unit='')}"
