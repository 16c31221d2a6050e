"""The observations of the paper that a study can test."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

import numpy as np
import pandas as pd

from resiliency.analysis.left_out import Part, by_family, lack_second_seeds
from resiliency.analysis.member_tables import SHIFTED_ERROR
from resiliency.analysis.observations.architecture import (
    MEASURED,
    architecture_matters_more,
    families_differ_at_equal_accuracy,
    response_of,
)
from resiliency.analysis.observations.balance import balance_is_most_resilient
from resiliency.analysis.observations.correlation import attribution_diversity_is_less_negative
from resiliency.analysis.observations.diversity import OF_FAMILIES, architecture_brings_diversity
from resiliency.analysis.verdicts import CONTROLS, DRAWS, Observation
from resiliency.base.names import CLEAN, INDEPENDENT, few_images


def observations(
    members: pd.DataFrame,
    n_images: int,
    tables: dict[str, pd.DataFrame],
    rule: str,
    reference: str | None,
    target: str,
    shifts: Sequence[str] = (),
    draws: int = DRAWS,
) -> list[Observation]:
    """Test every observation of which the study can say something.

    Args:
        members: members.csv.
        n_images: number of clean test images.
        tables: empty if there are no ensembles, so that only observation 1 is tested. Else `ensembles` and
            `image_errors`, as the files of these names, `pairs`, the kind and metric of each diversity of pairs, and,
            unless there are few images, `ensembles_without` and `members_without`, leave_images_out.parquet and
            members_leave_images_out.parquet.
        reference: recipe of the members that observation 1 compares; None for all recipes.
        target: class that attributions explain: `label` or `prediction`.
        shifts: additional test sets whose mean error replaces corrupted error in observation 1.
        draws: number of draws of each placebo.
    """
    compared = members.dropna(subset=["parameters", response_of(shifts)])
    compared = compared[compared["recipe"] == reference] if reference else compared
    scores = tables.get("members_without", pd.DataFrame())
    architecture = _of_architecture(compared, scores, n_images, shifts, draws)
    if not tables:
        return architecture
    common = {"rule": rule, "n_images": n_images}
    families = dict(zip(members["member"], members["family"], strict=True))
    less_negative = partial(attribution_diversity_is_less_negative, target=target, families=families, **common)
    brings = partial(architecture_brings_diversity, families=families, **common)
    if lack_second_seeds(tables["ensembles"]):

        def brings(ensembles: pd.DataFrame, pairs: pd.DataFrame, *, draws: int) -> Observation:
            renamed = by_family(ensembles, members)
            return architecture_brings_diversity(renamed, pairs, units=OF_FAMILIES, draws=draws, **common)

    of_study = [
        *architecture,
        _of_ensembles(less_negative, tables, draws),
        of_joint_training(members, tables["image_errors"], n_images, draws),
        _of_ensembles(brings, tables, draws),
    ]
    few = few_images(CLEAN, n_images)
    return [replace(one, missing="; ".join(filter(None, (few, one.missing)))) for one in of_study]


def _of_architecture(
    members: pd.DataFrame, scores: pd.DataFrame, n_images: int, shifts: Sequence[str], draws: int
) -> list[Observation]:
    """Both parts of observation 1, with the variance over images where `scores` has them without each group.

    The second part has clean accuracy and corrupted error of different images where all members are among `scores`.
    """
    groups = dict(iter(scores.groupby("without"))) if len(scores) else {}
    independent = members.loc[members["origin"] == INDEPENDENT, "member"]
    halves = bool(groups) and not shifts and len(independent) > 0 and set(independent) <= set(scores["member"])

    def at_equal_accuracy(draws: int, without: int | None = None) -> Observation:
        if halves:
            return families_differ_at_equal_accuracy(
                members, n_images, shifts, draws=draws, scores=scores, without=without
            )
        measured = members if without is None else _with_scores(members, groups[without])
        return families_differ_at_equal_accuracy(measured, n_images, shifts, draws=draws)

    each = [architecture_matters_more(_with_scores(members, of), n_images, shifts, draws=0) for of in groups.values()]
    return [
        with_images(architecture_matters_more(members, n_images, shifts, draws=draws), each),
        with_images(at_equal_accuracy(draws), [at_equal_accuracy(0, group) for group in groups]),
    ]


def _with_scores(members: pd.DataFrame, scores: pd.DataFrame) -> pd.DataFrame:
    """Members with the `scores` of a group of images in place of their own; NaN if these are unknown."""
    columns = [*MEASURED, *({SHIFTED_ERROR} & set(scores))]
    scores = scores.set_index("member").reindex(index=members["member"], columns=columns)
    return members.assign(**{name: scores[name].to_numpy(float) for name in columns})


def of_joint_training(members: pd.DataFrame, image_errors: pd.DataFrame, n_images: int, draws: int) -> Observation:
    """Observation 3, with the number of `images`: `image_errors` are those of units of images."""
    balanced = members[members["objective"] == "balanced"]
    observation = balance_is_most_resilient(image_errors, len(balanced), draws)
    counted = {"designs": balanced["design"].nunique(), "n_images": n_images}
    return replace(observation, **counted) if observation.parts else observation


def _of_ensembles(observe: Callable[..., Observation], tables: dict[str, pd.DataFrame], draws: int) -> Observation:
    """An observation of ensembles by metrics, with the variance over images; its placebo uses all images."""
    ensembles, pairs = tables["ensembles"], tables["pairs"]
    without = tables.get("ensembles_without", pd.DataFrame(columns=["without"])).groupby("without")
    replicates = [observe(table, metrics_in(pairs, table), draws=0) for _, table in without]
    return with_images(observe(ensembles, pairs, draws=draws), replicates)


def metrics_in(metrics: pd.DataFrame, ensembles: pd.DataFrame) -> pd.DataFrame:
    """The rows of `metrics` (kind, metric) that a table of ensembles has, on whatever images."""
    names = {column.rpartition("_")[0] for column in ensembles}
    return metrics[metrics["metric"].isin(names)]


def with_images(observation: Observation, without: Sequence[Observation]) -> Observation:
    """`observation` with the variance over images in the errors of its parts, where it is known.

    Args:
        without: the same observation without each of G groups of images; empty if images cannot be left out.
    """
    estimates = [{of.name: of.estimate for of in one.parts + one.controls + one.beside} for one in without]

    def replicates(part: Part) -> list[float]:
        return [of_group.get(part.name, np.nan) for of_group in estimates]

    varied = {
        name: [part.without_images(replicates(part)) for part in getattr(observation, name)]
        for name in ("parts", "controls", "beside")
    }
    of_images = np.array([part.image_variance(replicates(part)) for part in observation.parts + observation.controls])
    of_draws = of_images, len(without) - 1
    drawn = {name: of.with_images(*of_draws) for name in CONTROLS if (of := getattr(observation, name))}
    known = bool(varied["parts"]) and all(np.isfinite(part.image_share) for part in varied["parts"])
    resampled = f"{observation.resampled}{' and images' if known else '; images are held fixed'}"
    return replace(observation, **varied, **drawn, resampled=resampled)
