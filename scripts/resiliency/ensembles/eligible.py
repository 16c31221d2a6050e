"""Which independent members ensembles are formed of."""

from collections.abc import Collection

import pandas as pd

from resiliency.base.faults import Fault
from resiliency.base.names import INDEPENDENT
from resiliency.ensembles.settings import Ensembles


def eligible_members(members: pd.DataFrame, predicted: Collection[str], settings: Ensembles) -> pd.DataFrame:
    """The rows of independent members with predictions that the study forms ensembles of.

    Args:
        members: members.csv.
        predicted: members with predictions.

    Raises:
        Fault: there would be enough of them for an ensemble if all were accurate enough.
    """
    known = members[(members.origin == INDEPENDENT) & members.member.isin(predicted)]
    accurate = known[~is_inaccurate(known, settings.min_clean_accuracy)]
    if len(accurate) < min(settings.sizes) <= len(known):
        least = settings.min_clean_accuracy
        raise Fault(f"ensembles.min_clean_accuracy: too few members reach {least:g} to form an ensemble; lower it")
    return accurate


def is_inaccurate(members: pd.DataFrame, least: float) -> pd.Series:
    """Whether each member is left out of ensembles because its clean accuracy is below the `least`, a fraction."""
    return (members.origin == INDEPENDENT) & (members.clean_accuracy < least)
