"""What the report says of members that were added to a published study."""

from collections.abc import Collection

import pandas as pd

from resiliency.base.names import CLEAN
from resiliency.report.words import (
    change,
    difference_interval,
    interval,
    label,
    listed,
    number,
    percent,
    plural,
    points,
    with_interval,
)

EFFECTIVE = "Its effective robustness in percentage points (accuracy minus what clean accuracy predicts) is"


def added_sentences(added: pd.DataFrame, partners: pd.DataFrame) -> list[str]:
    """For each added member its rank, the images on which it stands alone, and its best partners.

    Args:
        added: added_members.csv.
        partners: partners.csv.
    """
    sentences = []
    for member, rows in added.groupby("member", sort=False):
        parts = [_ranked(member, rows), _alone(rows), _partners(partners[partners["member"] == member])]
        sentences.append(" ".join(filter(None, parts)))
    return sentences


def _ranked(member: str, rows: pd.DataFrame) -> str:
    """Its rank on clean and corrupted images, and on further test sets."""
    places = []
    for row in rows.itertuples():
        ends = interval(row.rank_low, row.rank_high, lambda rank: number(rank, 0))
        places.append(f"{row.rank} {ends} on {label(row.condition)} images (error {percent(row.error)})")
    return f"{member} ranks, among {plural(int(rows['of'].iloc[0]), 'member')}, {', '.join(places)}."


def _alone(rows: pd.DataFrame) -> str:
    clean = rows[rows["condition"] == CLEAN].iloc[0]
    return (
        f"It is the only one right on {plural(int(clean['alone_right']), 'clean image')} and the only one wrong on "
        f"{int(clean['alone_wrong']):,}."
    )


def _partners(rows: pd.DataFrame) -> str:
    """The best ensemble of each size."""
    best = rows[rows["rank"] == 1]
    if best.empty:
        return "The study forms no ensemble with it: see “What was left out”."
    head = "Its best ensembles, by accuracy on clean images that were not used to choose the partners:"
    return " ".join([head, *map(_ensemble, best.itertuples())])


def _ensemble(row: tuple) -> str:
    """What an added member gains in an ensemble, and whether the others would be better without it."""
    ends = difference_interval(row.gain_low, row.gain_high)
    differs = change(row.gain, "more than", "less than", "as much as")
    with_whom = row.partners.replace("+", " and ")
    together = f"With {with_whom} it reaches {percent(row.clean_accuracy)}, {differs} by itself {ends}."
    difference = change(row.added, "more", "less", "no difference")
    between = f"{difference} with it {difference_interval(row.added_low, row.added_high)}"
    without = percent(row.accuracy_without)
    if row.added_high < 0:
        better = f"The ensemble is better without {row.member}: {without} against {percent(row.clean_accuracy)}"
        return f"{together} {better}, {between}."
    significant = "" if row.added_low > 0 else ", which does not differ significantly"
    return f"{together} Without it the others reach {without}{significant}: {between}."


def scored_sentences(members: pd.DataFrame, robustness: pd.DataFrame | None, added: Collection[str]) -> list[str]:
    """For each added member that is known by its accuracies alone its ranks, and its effective robustness.

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
        error = with_interval(1 - row["accuracy"], 1 - row["high"], 1 - row["low"])
        places.append(f"{rank:,} of {len(rows):,} on {label(name)} images (error {error})")
        if name != CLEAN and pd.notna(row["effective_robustness"]):
            low, high = (row[end] - row["predicted_accuracy"] for end in ("low", "high"))
            effective = f"{points(row['effective_robustness'])} {difference_interval(low, high)}"
            beyond.append(f"{effective} on {label(name)} images")
    ranked = f"{member} ranks {listed(places)}."
    return f"{ranked} {EFFECTIVE} {listed(beyond)}." if beyond else ranked
