"""The observations of the paper of which a study says something."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple

import pandas as pd

from resiliency.analysis.families import by_family, lack_second_seeds
from resiliency.analysis.image_shares import measured_in, with_image_shares
from resiliency.analysis.observations.architecture import architecture_matters_more
from resiliency.analysis.observations.balance import balance_is_most_resilient
from resiliency.analysis.observations.correlation import attribution_diversity_is_less_negative
from resiliency.analysis.observations.diversity import architecture_brings_diversity
from resiliency.analysis.verdicts import Observation

OF_FAMILIES = (
    "Cliff's delta of ensembles of different families against ensembles of one family: no design has two seeds"
)


class OfEnsembles(NamedTuple):
    """What observations of ensembles are made from.

    Attributes:
        ensembles: ensembles.parquet.
        metrics: the kind and the name of each diversity metric that pairs have.
        without_images: the same ensembles, without groups of images, as from `without_images.left_out`.
        image_errors: of jointly trained ensembles, as `ensembles.of_study.Tables` has them.
    """

    ensembles: pd.DataFrame
    metrics: pd.DataFrame
    without_images: pd.DataFrame
    image_errors: pd.DataFrame


def observations(
    members: pd.DataFrame, images: int, tables: OfEnsembles | None, settings: dict[str, Any]
) -> list[Observation]:
    """Test each of them.

    Args:
        members: members.csv.
        images: number of the clean test images.
        tables: None where there are no ensembles, which leaves the first observation.
        settings: `rule`, the combination rule; `margin` of error; `reference`, a recipe of members or none.
    """
    compared = members.dropna(subset=["parameters", "mean_corruption_error"])
    compared = compared[compared["recipe"] == settings["reference"]] if settings["reference"] else compared
    results = [architecture_matters_more(compared, images)]
    if tables is None:
        return results
    balanced = int((members.objective == "balanced").sum())
    common = {"rule": settings["rule"], "images": images}
    less_negative = partial(attribution_diversity_is_less_negative, **common)
    brings = partial(architecture_brings_diversity, **common)
    if lack_second_seeds(tables.ensembles):
        brings = partial(_families_bring_diversity, members=members, **common)
    without = [table for _, table in tables.without_images.groupby("without")]
    return [
        *results,
        _with_image_shares(less_negative, tables, without),
        balance_is_most_resilient(tables.image_errors, balanced, settings["margin"]),
        _with_image_shares(brings, tables, without),
    ]


def _with_image_shares(
    observe: Callable[[pd.DataFrame, pd.DataFrame], Observation], tables: OfEnsembles, without: list[pd.DataFrame]
) -> Observation:
    """An observation of ensembles by metrics, and what images add to it; `without` each group of them."""
    replicates = [observe(table, measured_in(tables.metrics, table)) for table in without]
    return with_image_shares(observe(tables.ensembles, tables.metrics), replicates)


def _families_bring_diversity(
    ensembles: pd.DataFrame, metrics: pd.DataFrame, rule: str, images: int, members: pd.DataFrame
) -> Observation:
    """Observation 4, of families in place of designs."""
    brings = architecture_brings_diversity(by_family(ensembles, members), metrics, rule, images)
    lacking = brings.lacking.replace("designs of two seeds", "families of two members")
    resampled = brings.resampled.replace("designs", "families")
    return replace(brings, statistic=OF_FAMILIES, unit="families", resampled=resampled, lacking=lacking)
