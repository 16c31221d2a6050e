"""What the report says of the ceiling of the pool, and of how certain the ranks of members are."""

import pandas as pd

from resiliency.base.names import CLEAN, CORRUPTED
from resiliency.report.words import interval, label, number, percent, plural


def ceiling_sentence(ceiling: pd.DataFrame) -> str:
    """The share of images that all members misclassify, and how much of the way to the ceiling an ensemble comes.

    On corrupted images if there are any, else on clean ones; empty if there is but one member.

    Args:
        ceiling: ceiling.csv.
    """
    rows = ceiling[(ceiling["size"] == ceiling["members"]) & (ceiling["members"] > 1)]
    images = CORRUPTED if (rows["condition"] == CORRUPTED).any() else CLEAN
    rows = rows[rows["condition"] == images]
    if rows.empty:
        return ""
    row = rows.iloc[0]
    ends = interval(row["all_wrong_low"], row["all_wrong_high"], percent)
    who = "Both members" if row["members"] == 2 else f"All {row['members']:,} members"
    first = (
        f"{who} misclassify the same {percent(row['all_wrong'])} {ends} of {label(images)} images: "
        f"no vote among them can be right on more than {percent(1 - row['all_wrong'])}."
    )
    if pd.isna(row["reached"]):
        return first
    ends = interval(row["reached_low"], row["reached_high"], lambda share: percent(share, 0))
    accuracy = f"{percent(row['best_member_accuracy'])} to {percent(row['best_ensemble_accuracy'])}"
    way = f"{percent(row['reached'], 0)} {ends} of the way to this ceiling"
    if row["reached_low"] > 0:
        return f"{first} The best ensemble of these members improves on the best of them, from {accuracy}: {way}."
    if row["reached_high"] < 0:
        return f"{first} The best ensemble of these members is worse than the best of them, from {accuracy}: {way}."
    return f"{first} The best ensemble of these members does not differ significantly from the best of them: {way}."


def ranks_sentence(ranks: pd.DataFrame) -> str:
    """How many neighbours in rank differ, and how many images would tell the first two apart; as above."""
    images = CORRUPTED if (ranks["condition"] == CORRUPTED).any() else CLEAN
    rows = ranks[ranks["condition"] == images]
    neighbours = rows["next_difference"].notna()
    if not neighbours.any():
        return ""
    differ = int((rows.loc[neighbours, "next_low"] > 0).sum())
    of = plural(int(neighbours.sum()), "pair")
    text = (
        f"Among members ranked by error on {label(images)} images, {differ} of {of} of neighbours differ significantly"
    )
    first = rows.iloc[0]
    if first["next_low"] > 0:
        return f"{text}; the first two do."
    if pd.isna(first["images_needed"]):
        return f"{text}; the first two have the same error."
    return f"{text}; {number(first['images_needed'], 0)} images would be needed to tell the first two apart."
