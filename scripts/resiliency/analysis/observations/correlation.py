"""Observation 2: correlations with accuracy of attribution diversity, less those of prediction diversity."""

from functools import partial

import numpy as np
import pandas as pd

from resiliency.analysis.correlations import diversity_columns
from resiliency.analysis.jackknife import FISHER
from resiliency.analysis.left_out import LeftOut, is_sample, mean_over_sizes
from resiliency.analysis.parts import Part
from resiliency.analysis.verdicts import Observation
from resiliency.diversity.settings import LABEL_FREE, MAIN
from resiliency.metrics.accuracy import images_of
from resiliency.names import CLEAN, CORRUPTED, INDEPENDENT, design_of

DESIGNS = 12  # with fewer, a correlation over the ensembles says little: its error is of the size of what is sought
MARGIN = 0.3  # of r: a medium effect (Cohen 1988)
ENSEMBLES = 3  # fewer correlate with nothing


def attribution_diversity_is_less_negative(
    ensembles: pd.DataFrame, pairs: pd.DataFrame, rule: str, images: int
) -> Observation:
    """Mean Pearson's r of the attribution metrics, less that of the prediction metrics in `LABEL_FREE`.

    Averaged over pairs of metrics and over ensemble sizes, in each group of images. Designs are left out in turn, for
    seeds of a design are much alike. Beside the verdict stand metrics that know the labels, partial correlations given
    the members' mean accuracy, and further test sets, on which it does not depend.

    Args:
        ensembles: ensembles.parquet; only those of independent members under `rule` count.
        pairs: the table of pairs.
    """
    pool = ensembles[(ensembles.origin == INDEPENDENT) & (ensembles.rule == rule)]
    left_out = [LeftOut(group, design_of) for _, group in pool.groupby("size") if len(group) >= ENSEMBLES]
    designs = sorted({design for of_size in left_out for design in of_size.units})
    parts, beside, omitted = [], [], []
    for group in images_of(pool) if left_out else ():
        columns = diversity_columns(pairs, group)
        attributions = [c for c, (kind, m) in columns.items() if kind == "attribution" and m in MAIN]
        by_metric = {m: c for c, (kind, m) in columns.items() if kind == "prediction"}
        free = [column for metric, column in by_metric.items() if metric in LABEL_FREE]
        if not attributions or not free:
            continue
        replicates, left = mean_over_sizes(left_out, partial(_differences, attributions, free, group))
        if group in (CLEAN, CORRUPTED):
            parts.append(Part.left_out(f"{group} images", replicates))
            omitted += left
        else:
            beside.append(Part.left_out(f"{group} images", replicates))
        for metric in (metric for metric in by_metric if metric not in LABEL_FREE):
            replicates = mean_over_sizes(left_out, partial(_differences, attributions, [by_metric[metric]], group))[0]
            beside.append(Part.left_out(f"{group} images, against {metric}, which knows the labels", replicates))
        aware = [column for metric, column in by_metric.items() if metric not in LABEL_FREE]
        sets = {"attributions": attributions, "predictions": free, "predictions that know the labels": aware}
        for name, of_set in ((name, of_set) for name, of_set in sets.items() if of_set):
            replicates = mean_over_sizes(left_out, partial(_partial_correlations, of_set, group))[0]
            quantity = "r(diversity, accuracy) given the mean accuracy of the members"
            beside.append(Part.left_out(f"{group} images, partial r of {name}", replicates, FISHER, statistic=quantity))
    return Observation(
        number=2,
        statement="Attribution-based diversity is less negatively correlated with ensemble accuracy than "
        "prediction-based diversity.",
        statistic="r(attribution diversity, accuracy) - r(prediction diversity, accuracy)",
        sign=1,
        margin=MARGIN,
        unit="designs",
        minimum=DESIGNS,
        resampled="designs",
        parts=parts,
        beside=beside,
        lacking=_lacking(parts, len(designs)),
        omitted="; ".join(dict.fromkeys(omitted)),
        designs=len(designs),
        members=len({member for of_size in left_out for member in of_size.members}),
        ensembles=sum(len(of_size.ensembles) for of_size in left_out),
        images=images,
        sampled=is_sample(pool),
    )


def _lacking(parts: list[Part], designs: int) -> str:
    if not parts:
        return f"needs at least {ENSEMBLES} ensembles of a size, with attributions that could be compared"
    if designs < DESIGNS:
        return f"needs {DESIGNS} designs; there are {designs}"
    return "" if np.isfinite([part.error for part in parts]).all() else "nothing is left to compare without some design"


def _differences(attributions: list[str], predictions: list[str], group: str, of_size: LeftOut) -> np.ndarray:
    differences = of_size.differences(attributions, predictions, group)
    return differences.reshape(len(differences), -1)


def _partial_correlations(columns: list[str], group: str, of_size: LeftOut) -> np.ndarray:
    return of_size.correlations(columns, group, "partial", of_size.weights)
