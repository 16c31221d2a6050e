"""The members that ensembles are formed of, and their errors under the main combination rule."""

from typing import NamedTuple

import numpy as np
import pandas as pd

from resiliency.analysis.choices import halves
from resiliency.base.names import CLEAN, INDEPENDENT
from resiliency.ensembles.combination import member_weights
from resiliency.ensembles.eligible import eligible_members
from resiliency.ensembles.selection import EnsembleErrors
from resiliency.ensembles.settings import Ensembles
from resiliency.ensembles.voting import VOTE
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
        return halves(self.scored.labels(CLEAN), seed, self.scored.units(CLEAN))


def pool_of(members: pd.DataFrame, predictions: dict[str, Predictions], settings: Ensembles) -> MemberPool:
    """The independent members that ensembles are formed of, which are chosen by their clean error.

    Members with decisions only are combined by plurality vote, whatever the first of the rules in `settings`.

    Args:
        members: members.csv.

    Raises:
        Fault: see `eligible_members`.
    """
    members = eligible_members(members, predictions, settings).reset_index(drop=True)
    return MemberPool(members, _scored(members, predictions, settings.main_rule, images=CLEAN))


def deployable_pool(
    members: pd.DataFrame,
    predictions: dict[str, Predictions],
    rule: str,
    objective: str,
    quantile: float,
    costs: np.ndarray | None = None,
) -> MemberPool:
    """All members with predictions, for ensembles that may be deployed.

    Args:
        members: members.csv.
        rule: how they are combined; plurality vote if some have decisions only.
        objective, quantile, costs: what ensembles are chosen by, as for `EnsembleErrors`.
    """
    members = members[members.member.isin(predictions)].reset_index(drop=True)
    choice = {"objective": objective, "quantile": quantile, "costs": costs}
    return MemberPool(members, _scored(members, predictions, rule, **choice))


def _scored(members: pd.DataFrame, predictions: dict[str, Predictions], rule: str, **choice: object) -> EnsembleErrors:
    in_order = [predictions[member] for member in members.member]
    rule = rule if all(member.has_probabilities for member in in_order) else VOTE
    return EnsembleErrors(in_order, member_weights(members), rule, **choice)
