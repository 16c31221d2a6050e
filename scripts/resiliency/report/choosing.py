"""How members should be chosen: the answer, and the table below it, from choosing.csv."""

import pandas as pd

from resiliency.analysis.choosing import GREEDY, KINDS, OUTCOMES, UNDECIDED, WORSE, WORTH
from resiliency.report import words
from resiliency.report.deployment import Answer
from resiliency.report.rows import Row

SAID = {
    WORTH: "is worth choosing by",
    WORSE: "is not worth choosing by",
    UNDECIDED: "is not shown to be worth choosing by",
}
# Attributions are the question.
ORDER = ("attribution_diversity", "prediction_diversity", "activation_diversity")
HEADS = {"error": "Error", "wrong_at_90": "Wrong at 90% availability"}


def choosing(table: pd.DataFrame) -> Answer:
    """What choosing.csv says: whether each kind of diversity is worth choosing by, and the outcomes
    of each rule."""
    of_rules = {
        choice: rows.to_dict("records") for choice, rows in table.groupby("choice", sort=False)
    }
    groups: dict[str, list[str]] = {}
    for choice in ORDER:
        verdicts = [row["verdict"] for row in of_rules[choice]]
        verdict = next(
            (SAID[of] for of in SAID if of in verdicts),
            f"is not tested ({of_rules[choice][0]['missing']})",
        )
        groups.setdefault(verdict, []).append(choice)
    sentences = []
    for said, choices in groups.items():
        sentence = (
            f"Diversity of {words.listed([f'{KINDS[choice]}s' for choice in choices])} {said}"
        )
        rows = [row for row in of_rules[choices[0]] if SAID.get(row["verdict"]) == said]
        if rows:
            by = words.listed([f"{_difference(row, 'error')} with {row['size']}" for row in rows])
            sentence += (
                f": the error of choice by {KINDS[choices[0]]}s minus that of greedy "
                f"choice by error is {by}"
            )
            sentence += " members, in percentage points"
        sentences.append(f"{sentence}.")
    near, members = table["near"].iloc[0], table["members"].iloc[0]
    if near == near:
        which = (
            f"On average {words.number(near, 1)} of {members} members lie within a percentage "
            "point of the best"
        )
        sentences.append(f"{which}, among which diversity may choose.")
    sizes = table["size"].unique()
    head = [
        "Members chosen",
        *(f"{HEADS[name]}, {size} members" for name in OUTCOMES for size in sizes),
    ]
    cells = [
        [words.label(of), *(_cell(row, name) for name in OUTCOMES for row in rows)]
        for of, rows in of_rules.items()
    ]
    return Answer("How should I choose members?", " ".join(sentences), [head, *cells])


def _cell(row: Row, name: str) -> str:
    """An outcome, its difference from greedy choice in percentage points, and the interval of
    this."""
    value = words.percent(row[name])
    return (
        value
        if pd.isna(row[name]) or row["choice"] == GREEDY
        else f"{value} ({_difference(row, name)})"
    )


def _difference(row: Row, name: str) -> str:
    ends = [row[f"{name}_difference{end}"] for end in ("", "_low", "_high")]
    return f"{'+' if ends[0] > 0 else ''}{words.in_points(*ends, unit='')}"
