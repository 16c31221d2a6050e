"""The most accurate ensembles of each size, and the most accurate members beside them."""

from collections.abc import Sequence

import pandas as pd

from resiliency.base.names import CLEAN, JOINT, accuracy_of
from resiliency.metrics.classification import accuracy_columns

MOST = 10


def best_table(members: pd.DataFrame, ensembles: pd.DataFrame, test_sets: Sequence[str]) -> pd.DataFrame:
    """The `MOST` ensembles of each size, and members as size 1, with the highest clean accuracy.

    Of equals, the most robust comes first.

    The best of thousands on some images is less good on others: accuracy on further test sets, which nothing was chosen
    on, is the one to believe.

    Args:
        members: members.csv.
        ensembles: rows of ensembles.parquet under one rule.
        test_sets: their names.

    Returns:
        Columns as docs/tables.md describes them; intervals of accuracy are each of one ensemble alone.
    """
    of_sets = [column for name in test_sets for column in accuracy_columns(name)]
    columns = ["size", "members", "origin", "corrupted_error", *of_sets]
    single = members[members["origin"] != JOINT].rename(columns={"member": "members"}).assign(size=1)
    table = pd.concat([single[columns], ensembles[ensembles["origin"] != JOINT][columns]], ignore_index=True)
    table["ensembles"] = table.groupby("size")["members"].transform("size")
    order = {"size": False, accuracy_of(CLEAN): False, "corrupted_error": True}
    table = table.sort_values([*order], ascending=[*order.values()], kind="stable")
    table["rank"] = table.groupby("size").cumcount() + 1
    table = table[table["rank"] <= MOST].reset_index(drop=True)
    return table[["size", "rank", "members", "ensembles", "origin", "corrupted_error", *of_sets]]
