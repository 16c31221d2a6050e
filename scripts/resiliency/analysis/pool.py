"""The independent members that ensembles are formed of, and their errors under the main combination rule."""

from typing import NamedTuple

import pandas as pd

from resiliency.ensembles.combination import member_weights
from resiliency.ensembles.selection import EnsembleErrors
from resiliency.ensembles.voting import VOTE
from resiliency.names import CLEAN, INDEPENDENT
from resiliency.prediction.reading import Predictions


class MemberPool(NamedTuple):
    """M independent members that ensembles are formed of.

    Attributes:
        members: their rows of members.csv.
        scored: their predictions in that order; ensembles are chosen by their clean error.
    """

    members: pd.DataFrame
    scored: EnsembleErrors

    def ensembles(self, table: pd.DataFrame) -> pd.DataFrame:
        """The rows of ensembles.parquet of these members, under the combination rule."""
        return table[(table["origin"] == INDEPENDENT) & (table["rule"] == self.scored.rule)]


def pool_of(
    members: pd.DataFrame, predictions: dict[str, Predictions], rule: str, min_clean_accuracy: float
) -> MemberPool:
    """The members of members.csv with predictions and at least this clean accuracy; all of them if none reaches it.

    Members with decisions only are combined by plurality vote, whatever the `rule`.
    """
    kept = (members.origin == INDEPENDENT) & members.member.isin(predictions)
    accurate = kept & (members.clean_accuracy >= min_clean_accuracy)
    members = members[accurate if accurate.any() else kept].reset_index(drop=True)
    in_order = [predictions[member] for member in members.member]
    rule = rule if all(member.has_probabilities for member in in_order) else VOTE
    return MemberPool(members, EnsembleErrors(in_order, member_weights(members), rule, images=CLEAN))
