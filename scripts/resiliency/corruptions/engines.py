"""The engine that a study asks for, as one function."""

from collections.abc import Callable, Sequence

import numpy as np

Corrupt = Callable[[np.ndarray, str, int, Sequence[int]], np.ndarray]


def chosen_engine(name: str, table: str, seed: int) -> Corrupt:
    """(images uint8 NxHxWx3, corruption, severity, indices of the images) -> uint8 NxHxWx3.

    Args:
        name: "resiliency", or "imagecorruptions", which has one table alone.
        table: the figures of the severities.
        seed: the study's.
    """
    if name == "imagecorruptions":
        from resiliency.corruptions import reference

        return lambda images, corruption, severity, indices: reference.corrupt(
            images, corruption, severity, seed=seed, indices=indices
        )
    from resiliency.corruptions import engine

    return lambda images, corruption, severity, indices: engine.corrupt(
        images, corruption, severity, table=table, seed=seed, indices=indices
    )
