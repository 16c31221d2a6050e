"""Which ensembles there are."""

from itertools import combinations

import numpy as np


def ensembles_of(members: int, size: int) -> np.ndarray:
    """All ensembles of `size` out of `members`: int64 E x size, each row ascending, rows in lexicographic order."""
    return np.array(list(combinations(range(members), size)), dtype=np.int64).reshape(-1, size)
