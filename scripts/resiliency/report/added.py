"""What the report says of members that were added to a published study; `overview.txt.j2` has the sentences."""

from collections.abc import Collection

import pandas as pd

from resiliency.base.names import CLEAN
from resiliency.report.overview import said


def added_sentences(added: pd.DataFrame, partners: pd.DataFrame) -> list[str]:
    """Rank, images on which it alone is right or wrong, and gain to its best partners, for each added member.

    Args:
        added: added_members.csv.
        partners: partners.csv.
    """
    sentences = []
    for member, rows in added.groupby("member", sort=False):
        places = [
            {"rank": row.rank, "low": row.rank_low, "high": row.rank_high, "images": row.condition, "error": row.error}
            for row in rows.itertuples()
        ]
        clean = rows[rows["condition"] == CLEAN].iloc[0]
        alone = {side: int(clean[f"alone_{side}"]) for side in ("right", "wrong")}
        ranked = said("added", member=member, count=int(rows["of"].iloc[0]), places=places, alone=alone)
        best = partners[(partners["member"] == member) & (partners["rank"] == 1)]
        sentences.append(f"{ranked} {said('partners', rows=best.to_dict('records'))}")
    return sentences


def scored_sentences(members: pd.DataFrame, robustness: pd.DataFrame | None, added: Collection[str]) -> list[str]:
    """Ranks and effective robustness of each added member of which only accuracies are known.

    Args:
        members: members.csv.
        robustness: effective_robustness.csv, if there is one.
        added: the added members.
    """
    clean = members.set_index("member")
    columns = {"clean_accuracy": "accuracy", "clean_accuracy_low": "low", "clean_accuracy_high": "high"}
    sets = {CLEAN: clean[list(columns)].rename(columns=columns)}
    if robustness is not None:
        sets |= dict(iter(robustness.set_index("member").groupby("test_set", sort=False)))
    known = {name: rows.dropna(subset=["accuracy"]) for name, rows in sets.items()}
    of_members = [(member, {name: rows for name, rows in known.items() if member in rows.index}) for member in added]
    return [_scored(member, of_member) for member, of_member in of_members if of_member]


def _scored(member: str, sets: dict[str, pd.DataFrame]) -> str:
    places, beyond = [], []
    for name, rows in sets.items():
        row = rows.loc[member]
        rank = int((rows["accuracy"] > row["accuracy"]).sum()) + 1
        errors = {"error": 1 - row["accuracy"], "low": 1 - row["high"], "high": 1 - row["low"]}
        places.append({"name": name, "rank": rank, "count": len(rows)} | errors)
        if name != CLEAN and pd.notna(row["effective_robustness"]):
            ends = {end: row[end] - row["predicted_accuracy"] for end in ("low", "high")}
            beyond.append({"name": name, "value": row["effective_robustness"]} | ends)
    return said("scored", member=member, places=places, beyond=beyond)
