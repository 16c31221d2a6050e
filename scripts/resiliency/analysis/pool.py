"""The members that ensembles are formed of, and their errors under the main combination rule."""

from typing import NamedTuple

import numpy as np
import pandas as pd

from resiliency.analysis.choices import halves
from resiliency.ensembles.combination import member_weights
from resiliency.ensembles.selection import EnsembleErrors
from resiliency.ensembles.settings import Deployment
from resiliency.ensembles.voting import VOTE
from resiliency.names import CLEAN, INDEPENDENT
from resiliency.prediction.reading import Predictions


class MemberPool(NamedTuple):
    """M members that ensembles are formed of.

    Attributes:
        members: their rows of members.csv.
        scored: their predictions in that order.
    """

    members: pd.DataFrame
    scored: EnsembleErrors

    def ensembles(self, table: pd.DataFrame) -> pd.DataFrame:
        """The rows of ensembles.parquet of independent members, under the combination rule."""
        return table[(table["origin"] == INDEPENDENT) & (table["rule"] == self.scored.rule)]

    def halves(self, seed: int) -> tuple[np.ndarray, np.ndarray]:
        """The clean images on which ensembles are chosen, and those on which they are judged, as from `halves`."""
        return halves(self.scored.labels(CLEAN), seed)


def pool_of(
    members: pd.DataFrame, predictions: dict[str, Predictions], rule: str, min_clean_accuracy: float
) -> MemberPool:
    """The independent members with predictions and at least this clean accuracy; all of them if none reaches it.

    Ensembles of them are chosen by their clean error. Members with decisions only are combined by plurality vote,
    whatever the `rule`.

    Args:
        members: members.csv.
    """
    kept = (members.origin == INDEPENDENT) & members.member.isin(predictions)
    accurate = kept & (members.clean_accuracy >= min_clean_accuracy)
    members = members[accurate if accurate.any() else kept].reset_index(drop=True)
    return MemberPool(members, _scored(members, predictions, rule, images=CLEAN))


def deployable_pool(
    members: pd.DataFrame,
    predictions: dict[str, Predictions],
    rule: str,
    settings: Deployment,
    costs: np.ndarray | None = None,
) -> MemberPool:
    """All members with predictions, whose ensembles are chosen by the objective of `settings`.

    Args:
        members: members.csv.
        rule: as for `pool_of`.
        costs: as for `EnsembleErrors`.
    """
    members = members[members.member.isin(predictions)].reset_index(drop=True)
    chosen_by = settings.objective, settings.quantile
    return MemberPool(members, _scored(members, predictions, rule, *chosen_by, costs=costs))


def _scored(
    members: pd.DataFrame, predictions: dict[str, Predictions], rule: str, *chosen_by: object, **choice: object
) -> EnsembleErrors:
    in_order = [predictions[member] for member in members.member]
    rule = rule if all(member.has_probabilities for member in in_order) else VOTE
    return EnsembleErrors(in_order, member_weights(members), rule, *chosen_by, **choice)
