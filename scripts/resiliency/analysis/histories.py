"""How training went, epoch by epoch."""

from collections import defaultdict
from collections.abc import Iterable

import pandas as pd

from resiliency.designs.members import Member

STILL_LEARNING = "still learning"
FEWEST_EPOCHS = 5  # of which the last is a fifth
SETTLED = 0.8  # share of the epochs after which little should change
LITTLE = 0.01
DESCRIBED = ["member", "design", "family", "origin", "objective", "setting", "loss_weight", "seed"]
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


def late_gain(curves: pd.DataFrame, fewest: int = FEWEST_EPOCHS) -> float | None:
    """How far mean validation accuracy rose in the last fifth of the epochs, above its best before.

    None if there are fewer epochs than `fewest`.

    Args:
        curves: rows with epoch and validation_accuracy, of one training or of several of equal length.
        fewest: 2 or more; of two to four epochs, the last one stands for a fifth.
    """
    curve = curves.groupby("epoch")["validation_accuracy"].mean()
    if len(curve) < fewest:
        return None
    return float(curve.iloc[-1] - curve.loc[: SETTLED * curve.index[-1]].max())


def still_learning(members: Iterable[Member], histories: dict[str, pd.DataFrame]) -> set[str]:
    """Jointly trained members in whose setting accuracy rose by a point or more over the last fifth of the epochs.

    The mean over the ensembles of a setting decides, because a single curve is noisy.

    Args:
        histories: as in `history_table`.
    """
    settings = defaultdict(list)
    for member in members:
        if member.origin == "joint" and member.member in histories:
            settings[member.setting].append(member.member)
    gains = {setting: late_gain(pd.concat([histories[name] for name in names])) for setting, names in settings.items()}
    return {name for setting, names in settings.items() if (gains[setting] or 0) >= LITTLE for name in names}
