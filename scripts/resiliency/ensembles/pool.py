"""Which ensembles there are."""

from itertools import combinations

import numpy as np
import pandas as pd

TOGETHER = ["origin", "objective", "setting", "strength", "seed"]  # what members trained jointly have in common


def ensembles_of(members: int, size: int) -> np.ndarray:
    """All ensembles of `size` out of `members`: int64 E x size, each row ascending, rows in lexicographic order."""
    return np.array(list(combinations(range(members), size)), dtype=np.int64).reshape(-1, size)


def trained_together(members: pd.DataFrame) -> list[tuple[dict, pd.DataFrame]]:
    """The jointly trained ensembles: what the members of each have in common, and their rows of members.csv."""
    groups = members[members["origin"] == "joint"].groupby(TOGETHER, sort=False)
    return [(dict(zip(TOGETHER, common, strict=True)), chosen) for common, chosen in groups]
