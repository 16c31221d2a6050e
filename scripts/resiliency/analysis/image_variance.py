"""The variance over images of an observation whose units are members, designs or families."""

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


def with_images(observation: Observation, without: Sequence[Observation]) -> Observation:
    """`observation` with the variance over images in the errors of its parts, where it is known.

    The variance is that of a delete-a-group jackknife, (G - 1) / G times the sum of squared deviations of G estimates
    (Kott, Journal of Official Statistics 17, 2001), on the scale of the part's error, with G - 1 degrees of freedom.

    Args:
        without: the same observation without each of G groups of images; empty where images cannot be left out.
    """
    estimates = [{part.name: part.estimate for part in one.parts + one.beside} for one in without]

    def varied(part: Part) -> Part:
        values = np.array([part.scale.to(of_group.get(part.name, np.nan)) for of_group in estimates])
        return part.with_images(float((len(values) - 1) * values.var()), len(values) - 1) if len(values) else part

    parts, beside = ([*map(varied, of)] for of in (observation.parts, observation.beside))
    known = bool(parts) and all(np.isfinite(part.image_share) for part in parts)
    resampled = f"{observation.resampled}{' and images' if known else '; images are held fixed'}"
    return replace(observation, parts=parts, beside=beside, resampled=resampled)
