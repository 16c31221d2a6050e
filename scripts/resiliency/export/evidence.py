"""What a reviewer asks of an exported ensemble: the conditions that were tested, and claims about them."""

from typing import NamedTuple

import pandas as pd

from resiliency.base.names import CLEAN, CORRUPTED, HELD_OUT, HELD_OUT_IMAGES, MAIN, means_over

SEVERITIES = ("1", "2", "3", "4", "5")


class Conditions(NamedTuple):
    """Corruptions and severities, as texts, that were tested or not.

    Attributes:
        tested, left_out: corruptions by which ensembles were selected, and those that were tested beside these.
        untested: corruptions that this project knows and the study lacks.
        severities, untested_severities: severities that every corruption was tested at, and the other ones.
    """

    tested: list[str]
    left_out: list[str]
    untested: list[str]
    severities: list[str]
    untested_severities: list[str]


def conditions_of(contenders: pd.DataFrame) -> Conditions:
    """The conditions of rows of contenders.csv of one role."""
    severities = contenders.set_index("corruption").severities
    single = severities.drop([CLEAN, CORRUPTED, HELD_OUT_IMAGES], errors="ignore")
    means, tested = means_over(single.index), severities[CORRUPTED].split("+")
    return Conditions(
        tested=means[CORRUPTED],
        left_out=means.get(HELD_OUT_IMAGES, []),
        untested=[name for name in (*MAIN, *HELD_OUT) if name not in single.index],
        severities=tested,
        untested_severities=[severity for severity in SEVERITIES if severity not in tested],
    )
