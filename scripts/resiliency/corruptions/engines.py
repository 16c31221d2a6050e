"""The engine that a study asks for, as one function."""

from collections.abc import Callable
from functools import partial

import numpy as np

Corrupt = Callable[..., np.ndarray]


def corruption_engine(name: str, table: str, seed: int) -> Corrupt:
    """(images uint8 NxHxWx3, corruption, severity, `indices` of the images) -> uint8 NxHxWx3.

    Args:
        name: "resiliency", or "imagecorruptions", which has one table alone.
        table: the figures of the severities.
        seed: the study's.
    """
    if name == "imagecorruptions":
        from resiliency.corruptions import reference

        return partial(reference.corrupt, seed=seed)
    from resiliency.corruptions import engine

    return partial(engine.corrupt, table=table, seed=seed)
