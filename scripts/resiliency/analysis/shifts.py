"""Error on natural shifts: the mean over further test sets, which a study may name in place of corruptions."""

from collections.abc import Sequence

import pandas as pd

from resiliency.base.names import accuracy_of

SHIFTED_ERROR = "shifted_error"


def with_shifted_error(members: pd.DataFrame, test_sets: Sequence[str]) -> pd.DataFrame:
    """`members` with the column `shifted_error`, each one's mean error over `test_sets`; NaN if one is not known.

    Args:
        members: a table with the accuracy on each test set.
        test_sets: their names; without any there is no such column.
    """
    if not test_sets:
        return members
    accuracies = members[[accuracy_of(name) for name in test_sets]].astype(float)
    return members.assign(**{SHIFTED_ERROR: 1 - accuracies.mean(axis=1, skipna=False)})
