"""What images add to the error of an observation that holds them fixed."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from resiliency.analysis.parts import Part
from resiliency.analysis.verdicts import Observation


def measured_in(metrics: pd.DataFrame, ensembles: pd.DataFrame) -> pd.DataFrame:
    """The rows of `metrics` (kind, metric) that a table of ensembles has, on whatever images."""
    names = {column.rpartition("_")[0] for column in ensembles}
    return metrics[metrics["metric"].isin(names)]


def with_image_shares(observation: Observation, without: Sequence[Observation]) -> Observation:
    """`observation` with the `image_share` of its parts.

    The variance over images is that of a delete-a-group jackknife, (G - 1) / G times the sum of squared deviations of G
    estimates (Kott, Journal of Official Statistics 17, 2001), on the scale of the part's error. With ten groups it is
    known to about a factor of two.

    Args:
        without: the same observation without each of G groups of images.
    """
    if not without:
        return observation
    estimates = [{part.name: part.estimate for part in one.parts + one.beside} for one in without]

    def shared(part: Part) -> Part:
        if not part.error > 0:
            return part
        values = np.array([part.scale.to(of_group.get(part.name, np.nan)) for of_group in estimates])
        variance = (len(values) - 1) * values.var()
        return replace(part, image_share=float(variance / part.error**2))

    parts, beside = ([*map(shared, of)] for of in (observation.parts, observation.beside))
    return replace(observation, parts=parts, beside=beside)
