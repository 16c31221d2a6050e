"""The four observations of the paper (Rosales, Munoz and Paulitsch 2023), each as a statistic with a fixed rule."""

from functools import partial

import numpy as np
import pandas as pd

from resiliency.analysis import jackknife
from resiliency.analysis.bootstrap import resampled_counts
from resiliency.analysis.correlations import main_diversity_columns
from resiliency.analysis.left_out import LeftOut, design_of
from resiliency.analysis.variance_shares import one_hot, variance_shares
from resiliency.analysis.verdicts import Observation, Part
from resiliency.metrics.accuracy import images_of
from resiliency.streams import stream

DESIGNS_A_FAMILY = 3


def architecture_matters_more(members: pd.DataFrame, images: int) -> Observation:
    """Observation 1: what family, size and clean accuracy contribute to the variance of mean corruption error.

    Family and size belong to a design, so designs are what is compared and left out in turn, each as the mean of its
    seeds: seeds that count as independent make families out of designs that merely differ. Below three designs a family
    (on average) the two cannot be told apart.

    Args:
        members: members.csv; only independently trained ones count.
    """
    members = members[members.origin == "independent"]
    means = {"parameters": "first", "clean_accuracy": "mean", "mean_corruption_error": "mean"}
    designs = members.groupby(["design", "family"], as_index=False, sort=False).agg(means)
    predictors = {
        "architecture family": one_hot(list(designs.family)),
        "log10 parameters": np.log10(designs[["parameters"]].to_numpy(float)),
        "clean accuracy": designs[["clean_accuracy"]].to_numpy(float),
    }
    response = designs.mean_corruption_error.to_numpy(float)
    kept = jackknife.kept_weights([[design] for design in designs.design])
    shares = pd.DataFrame([_shares_of(predictors, response, weights > 0) for weights in kept])
    family = shares.pop("architecture family")
    enough = len(designs) >= DESIGNS_A_FAMILY * designs.family.nunique()
    return Observation(
        number=1,
        statement="Architecture matters more for resiliency than model size or model accuracy.",
        statistic="difference of Shapley (LMG) contributions to the adjusted R² of mean corruption error",
        sign=1,
        parts=[
            Part(f"architecture family - {name}", (family - shares[name]).to_numpy(), jackknife.interval)
            for name in shares
        ],
        lacking="" if enough else f"needs {DESIGNS_A_FAMILY} designs a family to tell families from designs",
        resampled="designs",
        members=len(members),
        ensembles=0,
        images=images,
    )


def _shares_of(predictors: dict[str, np.ndarray], response: np.ndarray, chosen: np.ndarray) -> dict[str, float]:
    if not chosen.any():
        return dict.fromkeys(predictors, np.nan)
    of_chosen = {name: values[chosen] for name, values in predictors.items()}
    return variance_shares(of_chosen, response[chosen], np.ones(chosen.sum()))


def attribution_diversity_is_less_negative(
    ensembles: pd.DataFrame, pairs: pd.DataFrame, rule: str, images: int
) -> Observation:
    """Observation 2: correlations with accuracy of attribution diversity, less those of prediction diversity.

    Pearson's r is averaged over the metrics of a kind and over the ensemble sizes of which there are three or more
    ensembles: fewer correlate with nothing. Members are left out in turn.

    Args:
        ensembles: ensembles.parquet; only those of independent members under `rule` count.
        pairs: the table of pairs.
    """
    pool = ensembles[(ensembles.origin == "independent") & (ensembles.rule == rule)]
    left_out = [LeftOut(group) for _, group in pool.groupby("size") if len(group) >= 3]
    parts = []
    for condition in images_of(pool) if left_out else ():
        columns = main_diversity_columns(pairs, condition)
        kinds = [[column for column, (kind, _) in columns.items() if kind == k] for k in ("attribution", "prediction")]
        means = [_mean_of_defined(of_size.differences(*kinds, condition)) for of_size in left_out]
        parts.append(Part(f"{condition} images", np.mean(means, axis=0), jackknife.interval))
    return Observation(
        number=2,
        statement="Attribution-based diversity is less negatively correlated with ensemble accuracy than "
        "prediction-based diversity.",
        statistic="r(attribution diversity, accuracy) - r(prediction diversity, accuracy)",
        sign=1,
        parts=parts,
        lacking="" if parts else "needs at least three ensembles of a size",
        resampled="members",
        members=len({member for of_size in left_out for member in of_size.members}),
        ensembles=sum(len(of_size.ensembles) for of_size in left_out),
        images=images,
        sampled=_is_sample(pool),
    )


def _is_sample(pool: pd.DataFrame) -> bool:
    """Whether not all ensembles that are possible at a size are there."""
    sizes = pool.groupby("size")["possible"]
    return bool((sizes.size() < sizes.first()).any())


def _mean_of_defined(differences: np.ndarray) -> np.ndarray:
    """Mean over the pairs of metrics, but for those of which one does not vary between the ensembles."""
    defined = np.isfinite(differences[0])
    return differences[:, defined].mean(axis=1) if defined.any() else np.full(len(differences), np.nan)


def balance_is_most_resilient(image_errors: pd.DataFrame, members: int, resamples: int, seed: int) -> Observation:
    """Observation 3: corruption error of balanced joint training, less that of both ends, paired by seed and image.

    Only ensembles of the objective `balanced` count: its strengths go from independent training to the ensemble's loss
    alone. The balanced setting is the mean over all strengths strictly between 0 and 1. Images are resampled. Seeds are
    too few for that: their part of the spread is drawn from Student's t with as many degrees of freedom as seeds, less
    one.

    Args:
        image_errors: a row per jointly trained ensemble and image: objective, strength, seed, image, and error, the
            share of corrupted conditions that the ensemble gets wrong.
        members: number of members trained with the objective `balanced`.
    """
    balanced = image_errors[image_errors.objective == "balanced"]
    between = balanced[(balanced.strength > 0) & (balanced.strength < 1)]
    parts = []
    if len(between) and {0.0, 1.0} <= set(balanced.strength) and between.seed.nunique() > 1:
        middle = _by_seed_and_image(between)
        seeds, images = middle.shape
        counts = resampled_counts(images, resamples, seed, "images")
        noise = stream(seed, "bootstrap", "seeds").standard_t(seeds - 1, resamples)
        for end, name in ((0.0, "independent training"), (1.0, "ensemble loss alone")):
            difference = middle - _by_seed_and_image(balanced[balanced.strength == end])
            spread = difference.mean(axis=1).std(ddof=1) / np.sqrt(seeds)
            drawn = counts @ difference.mean(axis=0) / images + spread * noise
            parts.append(Part(f"0 < lambda < 1 against lambda = {end:g} ({name})", np.append(difference.mean(), drawn)))
    return Observation(
        number=3,
        statement="A loss that balances individual and ensemble accuracy gives the most resilient jointly trained "
        "ensembles.",
        statistic="difference of mean corruption error",
        sign=-1,
        parts=parts,
        lacking="" if parts else "needs two seeds of objective balanced at lambda 0, 1 and between",
        resampled="seeds and images",
        members=members if parts else 0,
        ensembles=len(balanced.groupby(["strength", "seed"])) if parts else 0,
        images=balanced.image.nunique() if parts else 0,
    )


def _by_seed_and_image(errors: pd.DataFrame) -> np.ndarray:
    return errors.pivot_table(values="error", index="seed", columns="image", aggfunc="mean").to_numpy()


def architecture_brings_diversity(ensembles: pd.DataFrame, pairs: pd.DataFrame, rule: str, images: int) -> Observation:
    """Observation 4: diversity of ensembles of different designs against ensembles of one design, at equal size.

    Cliff's delta is averaged over the sizes at which there are both. Designs are what the ensembles share and what is
    left out in turn.

    Args:
        ensembles: ensembles.parquet; only those of independent members under `rule` count.
        pairs: the table of pairs.
    """
    scored = ensembles[(ensembles.origin == "independent") & (ensembles.rule == rule)]
    pool = scored[(scored.designs == 1) | (scored.designs == scored["size"])]
    sizes = [group for _, group in pool.groupby("size") if group.designs.nunique() == 2]
    left_out = [LeftOut(group, design_of) for group in sizes]
    of_delta = partial(jackknife.interval, scale=jackknife.ANGULAR)
    parts = []
    for column, name in _all_diversities(pool, pairs).items() if sizes else ():
        deltas = [of_size.between(column, of_size.ensembles.designs == 1) for of_size in left_out]
        gaps = [g.loc[g.designs > 1, column].mean() - g.loc[g.designs == 1, column].mean() for g in sizes]
        parts.append(Part(name, np.mean(deltas, axis=0), of_delta, float(np.mean(gaps))))
    return Observation(
        number=4,
        statement="Architecture diversity gives more diversity in all three kinds: predictions, attributions, "
        "activations.",
        statistic="Cliff's delta of ensembles of different designs against ensembles of one design",
        sign=1,
        parts=parts,
        lacking="" if parts else "needs at least two designs and two seeds of a design",
        resampled="designs",
        members=len({member for of_size in left_out for member in of_size.members}),
        ensembles=sum(len(group) for group in sizes),
        images=images,
        sampled=_is_sample(scored),
    )


def _all_diversities(ensembles: pd.DataFrame, pairs: pd.DataFrame) -> dict[str, str]:
    """Column of ensembles.parquet -> name of the part."""
    return {
        column: f"{kind}: {metric}, {column.removeprefix(f'{metric}_')} images"
        for condition in images_of(ensembles)
        for column, (kind, metric) in main_diversity_columns(pairs, condition).items()
    }
