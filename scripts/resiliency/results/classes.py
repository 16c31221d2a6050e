"""What a page says of single classes: which are confused, which are hard, and what wrong answers cost."""

import pandas as pd

from resiliency.analysis.contenders import RECOMMENDED, ROLES
from resiliency.base.names import CLEAN, CORRUPTED

LISTED = 10


def most_confused(table: pd.DataFrame | None) -> list[dict]:
    """The most frequent confusions of the recommended model, with the share that the best member has of each."""
    if table is None:
        return []
    wrong = table[(table["images"] == CORRUPTED) & (table["class"] != table["predicted"])]
    roles, keys = wrong["role"] == RECOMMENDED, ["class", "predicted"]
    best = wrong[~roles].set_index(keys)["share"].rename("of_best_member")
    own = wrong[roles].sort_values("share", ascending=False, kind="stable").head(LISTED)
    return own.join(best, on=keys).fillna({"of_best_member": 0.0}).to_dict("records")


def hardest_classes(table: pd.DataFrame | None) -> list[dict]:
    """The highest errors of the recommended model on a class under one corruption."""
    if table is None:
        return []
    rows = table[(table["role"] == RECOMMENDED) & ~table["corruption"].isin([CLEAN, CORRUPTED])]
    return rows.sort_values("error", ascending=False, kind="stable").head(LISTED).to_dict("records")


def compared_costs(table: pd.DataFrame | None) -> list[dict]:
    """The costs of the roles, without those of single members of the recommended model."""
    return [] if table is None else table[table["role"].isin(ROLES)].to_dict("records")


def costliest(table: pd.DataFrame | None) -> list[dict]:
    """The costliest confusions of the recommended model."""
    if table is None:
        return []
    return table[(table["images"] == CORRUPTED) & (table["role"] == RECOMMENDED)].head(LISTED).to_dict("records")
