"""The four observations of the paper (Rosales, Munoz and Paulitsch 2023), each as a statistic with
a fixed rule.

Here are all that a study can test, with the variance over images, and observation 3: corrupted
error of balanced joint training, less that of both ends, paired by seed. Margins, fewest units and
the metrics that count are judgements. They stand as constants in the modules, with their reasons;
docs/paper.md says when they were set.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from itertools import product

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
from resiliency.analysis.observations.correlation import attribution_diversity_is_less_negative
from resiliency.analysis.observations.diversity import OF_FAMILIES, architecture_brings_diversity
from resiliency.analysis.verdicts import CONTROLS, DRAWS, Observation, Placebo
from resiliency.base.names import CLEAN, INDEPENDENT, few_images
from resiliency.base.streams import stream


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
        tables: empty if there are no ensembles, so that only observation 1 is tested. Else
            `ensembles` and `image_errors`, as the files of these names, `pairs`, the kind and
            metric of each diversity of pairs, and, unless there are few images, `ensembles_without`
            and `members_without`, leave_images_out.parquet and members_leave_images_out.parquet.
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
    less_negative = partial(
        attribution_diversity_is_less_negative, target=target, families=families, **common
    )
    brings, of_units = partial(architecture_brings_diversity, families=families, **common), tables
    if lack_second_seeds(tables["ensembles"]):
        brings = partial(architecture_brings_diversity, units=OF_FAMILIES, **common)
        formed = {"ensembles", "ensembles_without"} & {*tables}
        of_units = tables | {name: by_family(tables[name], members) for name in formed}
    of_study = [
        *architecture,
        _of_ensembles(less_negative, tables, draws),
        of_joint_training(members, tables["image_errors"], n_images, draws),
        _of_ensembles(brings, of_units, draws),
    ]
    few = few_images(CLEAN, n_images)
    return [replace(one, missing="; ".join(filter(None, (few, one.missing)))) for one in of_study]


def _of_architecture(
    members: pd.DataFrame, scores: pd.DataFrame, n_images: int, shifts: Sequence[str], draws: int
) -> list[Observation]:
    """Both parts of observation 1, with the variance over images where `scores` has them without
    each group.

    The second part has clean accuracy and corrupted error of different images where all members are
    among `scores`.
    """
    groups = dict(iter(scores.groupby("without"))) if len(scores) else {}
    independent = members.loc[members["origin"] == INDEPENDENT, "member"]
    halves = (
        bool(groups)
        and not shifts
        and len(independent) > 0
        and set(independent) <= set(scores["member"])
    )

    def at_equal_accuracy(draws: int, without: int | None = None) -> Observation:
        measured = members if halves or without is None else _with_scores(members, groups[without])
        by_halves = {"scores": scores, "without": without} if halves else {}
        return families_differ_at_equal_accuracy(
            measured, n_images, shifts, draws=draws, **by_halves
        )

    each = [
        architecture_matters_more(_with_scores(members, of), n_images, shifts, draws=0)
        for of in groups.values()
    ]
    return [
        with_images(architecture_matters_more(members, n_images, shifts, draws=draws), each),
        with_images(at_equal_accuracy(draws), [at_equal_accuracy(0, group) for group in groups]),
    ]


def _with_scores(members: pd.DataFrame, scores: pd.DataFrame) -> pd.DataFrame:
    """Members with the `scores` of a group of images in place of their own; NaN if these are
    unknown."""
    columns = [*MEASURED, *({SHIFTED_ERROR} & set(scores))]
    scores = scores.set_index("member").reindex(index=members["member"], columns=columns)
    return members.assign(**{name: scores[name].to_numpy(float) for name in columns})


def of_joint_training(
    members: pd.DataFrame, image_errors: pd.DataFrame, n_images: int, draws: int
) -> Observation:
    """Observation 3, with the number of `images`: `image_errors` are those of units of images."""
    balanced = members[members["objective"] == "balanced"]
    observation = balance_is_most_resilient(image_errors, len(balanced), draws)
    counted = {"designs": balanced["design"].nunique(), "n_images": n_images}
    return replace(observation, **counted) if observation.parts else observation


def _of_ensembles(
    observe: Callable[..., Observation], tables: dict[str, pd.DataFrame], draws: int
) -> Observation:
    """An observation of ensembles by metrics, with the variance over images; its placebo uses all
    images."""
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
        without: the same observation without each of G groups of images; empty if images cannot be
            left out.
    """
    estimates = [
        {of.name: of.estimate for of in one.parts + one.controls + one.beside} for one in without
    ]

    def replicates(part: Part) -> list[float]:
        return [of_group.get(part.name, np.nan) for of_group in estimates]

    varied = {
        name: [part.without_images(replicates(part)) for part in getattr(observation, name)]
        for name in ("parts", "controls", "beside")
    }
    of_images = np.array(
        [part.image_variance(replicates(part)) for part in observation.parts + observation.controls]
    )
    of_draws = of_images, len(without) - 1
    drawn = {
        name: of.with_images(*of_draws) for name in CONTROLS if (of := getattr(observation, name))
    }
    known = bool(varied["parts"]) and all(np.isfinite(part.image_share) for part in varied["parts"])
    resampled = f"{observation.resampled}{' and images' if known else '; images are held fixed'}"
    return replace(observation, **varied, **drawn, resampled=resampled)


# With fewer, no pattern of signs is rare: of 2^4 = 16, one in 16 is as extreme as four differences
# of one sign.
SEEDS = 5
# Seeds for an estimate and its interval, which borrow the variance of all joint settings.
FEWEST = 2
# Factor of the variance of differences, for skewed seeds or one failing training in ten.
STEADY = 1.3
UNLIKE = 1.5  # factor of the pooled variance, in case one of four settings spreads twice as much
# Share of the error of independent training: a change of loss may cost one error in ten.
MARGIN = 0.1
ENUMERATED = 10  # seeds up to which all patterns of signs are tried
FLIPPED = "the sign of each seed's difference flipped"
ENDS = {0.0: "independent training", 1.0: "ensemble loss alone"}


def balance_is_most_resilient(
    image_errors: pd.DataFrame, members: int, draws: int = DRAWS
) -> Observation:
    """Test observation 3: a balanced joint loss gives the most robust ensembles.

    The statistics are the corrupted error of the balanced objective at 0 < lambda < 1 minus the
    error at lambda 0 (independent training), and minus the error at lambda 1 (only the ensemble's
    loss), from -1 to 1, paired by seed. The balanced setting is the mean over all weights strictly
    between 0 and 1. The variance between seeds is that of the paired differences, times `STEADY`,
    because seeds among which none failed look steadier than they are. With fewer than five seeds
    there is no verdict; the variance of the intervals is then the residual variance of settings and
    seeds, pooled over all joint settings of any objective, times `UNLIKE`, because settings may
    differ in variance. The variance over images of the mean difference is added.

    The placebo flips the sign of each seed's differences: all 2^n patterns of n seeds up to
    `ENUMERATED`. Of 32 patterns of five seeds one may lie beyond an end of the range, so that all
    five differences must have the same sign.

    Args:
        image_errors: one row per jointly trained ensemble and image. Columns: objective;
            loss_weight, lambda; seed; image; error, the share of corrupted conditions that the
            ensemble gets wrong, 0 to 1.
        members: number of members trained with the objective balanced.
        draws: number of draws of the placebo if there are too many patterns to try all.
    """
    errors = image_errors.set_index(["objective", "loss_weight", "seed", "image"]).error.unstack()
    of_balanced = errors[errors.index.get_level_values("objective") == "balanced"].droplevel(
        "objective"
    )
    balanced = {
        loss_weight: of_weight.droplevel("loss_weight")
        for loss_weight, of_weight in of_balanced.groupby("loss_weight")
    }
    middles = sorted(loss_weight for loss_weight in balanced if 0 < loss_weight < 1)
    trained = [
        set(balanced[weight].index) if weight in balanced else set() for weight in (*middles, *ENDS)
    ]
    seeds = sorted(set.intersection(*trained)) if middles else []
    missing = (
        f"needs {SEEDS} seeds of objective balanced at lambda 0, 1 and between; there are "
        f"{len(seeds)}"
    )
    parts, resampled, placebo, margin = [], "seeds and images", None, np.nan
    if len(seeds) >= FEWEST:
        between = np.mean(
            [balanced[loss_weight].loc[seeds].to_numpy() for loss_weight in middles], axis=0
        )
        ends = {end: balanced[end].loc[seeds].to_numpy() for end in ENDS}
        differences = [between - ends[end] for end in ENDS]
        pooled = _pooled_spread(errors) if len(seeds) < SEEDS else None
        weights = ", ".join(f"{weight:g}" for weight in middles)
        names = [
            f"lambda = {weights} against lambda = {end:g} ({name})" for end, name in ENDS.items()
        ]
        parts = [
            _against_end(*each, len(middles), pooled)
            for each in zip(names, differences, strict=True)
        ]
        margin = MARGIN * float(ends[0.0].mean())
        if pooled:
            resampled += (
                f"; variance of seeds pooled over {pooled[2]} joint settings, taken "
                f"{UNLIKE:g} times"
            )
        else:
            placebo = _placebo(differences, draws)
    return Observation(
        number="3",
        statement="A loss that balances individual and ensemble accuracy gives the most resilient "
        "jointly trained "
        "ensembles.",
        statistic="difference of corrupted error",
        sign=-1,
        margin=margin,
        unit="seeds",
        resampled=resampled,
        parts=parts,
        missing=missing if len(seeds) < SEEDS else "",
        designs=0,
        members=members if parts else 0,
        ensembles=len(of_balanced) if parts else 0,
        n_images=len(of_balanced.columns) if parts else 0,
        placebo=placebo,
    )


def _pooled_spread(errors: pd.DataFrame) -> tuple[float, int, int]:
    """Variance of a setting's error between paired seeds, for one seed, its degrees of freedom, and
    number of settings.

    Settings are those with the seeds that most have; at lambda 0 all objectives train alike, which
    counts once.
    """
    index = errors.index.to_frame()
    apart = errors[~((index["loss_weight"] == 0) & index.duplicated(["loss_weight", "seed"]))]
    means = apart.mean(axis=1).unstack("seed")
    means = (
        means[means.notna().sum(axis=1) == means.notna().sum(axis=1).max()]
        .dropna(axis=1)
        .to_numpy()
    )
    settings, seeds = means.shape
    residual = means - means.mean(axis=0) - means.mean(axis=1, keepdims=True) + means.mean()
    freedom = (settings - 1) * (seeds - 1)
    return float((residual**2).sum() / freedom), freedom, settings


def _against_end(
    name: str, difference: np.ndarray, middles: int, pooled: tuple[float, int, int] | None
) -> Part:
    """The comparison with one end, from differences, float seeds x images, of the mean over
    `middles` weights."""
    seeds, images = difference.shape
    if pooled:
        variance, freedom, _ = pooled
        variance *= UNLIKE * (1 + 1 / middles)
    else:
        variance, freedom = STEADY * difference.mean(axis=1).var(ddof=1), seeds - 1
    part = Part(name, float(difference.mean()), np.sqrt(variance / seeds), freedom, units=seeds)
    return part.with_images(difference.mean(axis=0).var(ddof=1) / images, images - 1)


def _placebo(differences: list[np.ndarray], draws: int) -> Placebo | None:
    """All patterns of signs, or some, on differences float seeds x images; parts of a seed are
    flipped together."""
    seeds, images = differences[0].shape
    if seeds <= ENUMERATED:
        signs = np.array(list(product((1, -1), repeat=seeds)))
    elif draws:
        signs = stream(0, "placebo", "joint training").choice((1, -1), (draws, seeds))
    else:
        return None
    flipped = np.stack([signs * difference.mean(axis=1) for difference in differences], axis=1)
    own = np.sqrt(STEADY * flipped.var(axis=2, ddof=1) / seeds)
    spreads = [np.cov(difference) / seeds**2 / images for difference in differences]
    of_images = np.stack([((signs @ spread) * signs).sum(axis=1) for spread in spreads], axis=1)
    placebo = Placebo(flipped.mean(axis=2), own, np.full(len(differences), seeds - 1.0), FLIPPED)
    return placebo.with_images(of_images, images - 1)
