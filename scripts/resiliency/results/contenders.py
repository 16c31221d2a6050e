"""What a page says of the recommended model and what it has to beat: errors on held-out corruptions, and abstention."""

import pandas as pd

from resiliency.analysis.assessment import REFERENCE
from resiliency.analysis.contenders import ROLES
from resiliency.base.names import HELD_OUT_IMAGES


def held_out_errors(table: pd.DataFrame | None) -> dict[str, dict]:
    """Role -> its row under the corruptions by which nothing was selected; empty without such."""
    if table is None:
        return {}
    rows = table[table["corruption"] == HELD_OUT_IMAGES]
    return {row["role"].capitalize(): row for row in rows.to_dict("records")}


def abstentions(selective: pd.DataFrame | None, contenders: list[dict]) -> list[dict]:
    """The rows of selective_prediction.csv of each of the contenders, by the maximum probability, with their roles.

    Args:
        selective: the table; None of a study without it.
        contenders: rows with `role` and `members`, the recommended one first.
    """
    if selective is None:
        return []
    rows = selective[selective["score"] == REFERENCE]
    found, seen = [], set()
    for contender in sorted(contenders, key=lambda row: ROLES.index(row["role"].lower())):
        if contender["members"] not in seen:
            own = rows[rows["members"] == contender["members"]]
            found += own.assign(role=contender["role"]).to_dict("records")
            seen.add(contender["members"])
    return found
