"""How training went, epoch by epoch."""

import pandas as pd

DESCRIBED = ["member", "design", "family", "origin", "objective", "setting", "strength", "seed"]
LEARNED = ["epoch", "learning_rate", "training_loss", "validation_accuracy"]


def history_table(members: pd.DataFrame, histories: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """The rows of histories.csv: a row per member and epoch.

    Args:
        members: rows of members.csv.
        histories: member -> its history.csv; a member that was not trained here has none.
    """
    described = members[DESCRIBED]
    tables = [described[described["member"] == m].merge(table[LEARNED], how="cross") for m, table in histories.items()]
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=DESCRIBED + LEARNED)
