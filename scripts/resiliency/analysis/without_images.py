"""Scores and comparisons of members and ensembles without each group of the test images in turn.

Observations 1, 2 and 4 leave out families or designs. A delete-a-group jackknife over images (Kott,
Journal of Official Statistics 17, 2001) adds what other images would change: their statistics
without each of ten random groups.
"""

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd

from resiliency.base.faults import Fault
from resiliency.base.names import (
    CLEAN,
    CORRUPTED,
    FEWEST_IMAGES,
    INDEPENDENT,
    N_SEPARATE_IMAGES,
    SEPARATE_ACCURACY,
    accuracy_of,
    diversity_of,
    mean_member_accuracy_of,
)
from resiliency.base.streams import derived_seed, stream
from resiliency.data.split import probe_indices
from resiliency.diversity.metrics import METRICS, probability_metrics
from resiliency.diversity.predictions import class_shares, cohen_kappa_of, label_disagreement
from resiliency.diversity.representations import applicable, gram_cka
from resiliency.ensembles.pool import EnsembleErrors
from resiliency.ensembles.scoring import mean_over_pairs
from resiliency.prediction.reading import Predictions, condition_groups, corruption_conditions
from resiliency.statistics.correlation import gram
from resiliency.statistics.resampling import Units

GROUPS = FEWEST_IMAGES
# Ensembles of a size and kind: some suffice, because other images change all of them alike.
MOST = 1_000
BOTH = (CLEAN, CORRUPTED)
CKA = "linear_cka"
DESCRIBED = [
    "ensemble",
    "origin",
    "rule",
    "size",
    "possible",
    "weight",
    "members",
    "designs",
    "families",
]


def image_groups(
    labels: np.ndarray, probed: np.ndarray, seed: int, units: Units | None = None
) -> np.ndarray:
    """The group of each test image, int64 N in 0..GROUPS-1, drawn so that all groups have a similar
    composition.

    Two groups differ by at most one in their numbers of units and of those with probe images, by at
    most two in those of a class, that of the unit's first image.

    Args:
        labels: int N, labels of the test images.
        probed: int, indices of the probe images.
        units: units of the images, none of which is split between groups; None if each image is a
            unit.

    Raises:
        Fault: there are fewer than GROUPS units.
    """
    units = units or Units.single(len(labels))
    if units.number < GROUPS:
        got = f"{units.n_images:,} images in {units.number:,}"
        raise Fault(
            f"needs {GROUPS} units of test images, to leave out groups of them; there are {got}"
        )
    first = np.unique(units.of_image, return_index=True)[1]
    return drawn_groups(
        units,
        seed,
        kinds=[labels[first], ~np.isin(np.arange(units.number), units.of_image[probed])],
    )


def drawn_groups(
    units: Units, seed: int, *name: str, kinds: Sequence[np.ndarray] = ()
) -> np.ndarray:
    """A random group for each image, int64 N in 0..GROUPS-1, none of which splits a unit.

    Numbers of units differ by at most one between groups, and hardly more for units of a kind.

    Args:
        name: names of the random stream.
        kinds: int or bool per unit each, of which the last is spread first.
    """
    order = stream(seed, "groups of images", *name).permutation(units.number)
    order = order[np.lexsort([kind[order] for kind in kinds])] if kinds else order
    of_unit = np.empty(units.number, np.int64)
    of_unit[order] = np.arange(units.number) % GROUPS
    return of_unit[units.of_image]


def some_ensembles(ensembles: pd.DataFrame, rule: str, seed: int) -> pd.DataFrame:
    """Ensembles of independent members under `rule`, at most `MOST` of each size and kind, with
    weights.

    Kinds are what observation 4 compares: ensembles of one design, of one family, and others.
    """
    pool = ensembles[(ensembles["origin"] == INDEPENDENT) & (ensembles["rule"] == rule)]
    chosen = [
        kind.sample(
            min(len(kind), MOST),
            random_state=derived_seed(seed, "ensembles without images") % 2**32,
        ).assign(weight=lambda drawn, kind=kind: drawn["weight"] * len(kind) / len(drawn))
        for _, kind in pool.groupby(["size", pool["designs"] == 1, pool["families"] == 1])
    ]
    return pd.concat(chosen).sort_index()[DESCRIBED] if chosen else pool[DESCRIBED]


def scores_without_images(
    ensembles: pd.DataFrame,
    members: pd.DataFrame,
    predictions: dict[str, Predictions],
    networks: list[str],
    representation: Callable[[str, str], np.ndarray],
    rule: str,
    methods: list[str],
    n_probe_images: int,
    seed: int,
    shifts: Sequence[str] = (),
    accuracy_on: str | None = None,
) -> dict[str, pd.DataFrame]:
    """Independent members, and ensembles of some of them, without each group of images.

    Args:
        ensembles: ensembles.parquet.
        members: members.csv.
        predictions: member -> its predictions.
        networks: members of ensembles of which the networks are available.
        representation: member, and attribution method or `features` -> array, as from
            `diversity.metrics.reader`.
        n_probe_images: number of images on which representations are compared.
        shifts: additional test sets whose mean error replaces corrupted error in observation 1.
        accuracy_on: additional test set that defines clean accuracy; None for the clean test
            images.

    Returns:
        `ensembles`, a row per group and ensemble: `without` (the group), what describes the
        ensemble, its accuracy, the mean accuracy of its members and its label-free diversities, on
        clean and on corrupted images. `members`, a row per group and member: `without`, `member`,
        `n_images` (number of remaining clean ones), `clean_accuracy`; `corrupted_error` if there
        are corruptions, `shifted_error` if test sets replace them; `separate_accuracy` and
        `n_separate_images` on the test set that defines clean accuracy, if any.
    """
    chosen = some_ensembles(ensembles, rule, seed)
    print(
        f"{len(chosen):,} ensembles of independent members, each without {GROUPS} groups of images"
    )
    if chosen.empty:
        return {
            "ensembles": chosen.assign(without=0),
            "members": pd.DataFrame(columns=["without", "member"]),
        }
    independent = set(members.loc[members["origin"] == INDEPENDENT, "member"])
    everyone = [name for name in predictions if name in independent]
    combined = {name for joined in ensembles["members"] for name in joined.split("+")}
    names = [name for name in everyone if name in combined]
    one = next(iter(predictions.values()))
    labels = one.labels(0)
    probed = (
        probe_indices(labels, n_probe_images, seed)
        if {*networks} & {*names}
        else np.empty(0, np.int64)
    )
    of_image, representations = image_groups(labels, probed, seed, one.units(0)), {}
    metrics = (
        [*(f"{method}_cosine" for method in methods), CKA] if len(probed) >= 2 * GROUPS else []
    )
    for metric in metrics:
        arrays = [representation(name, METRICS[metric].source) for name in names]
        column = diversity_of(metric, CLEAN)
        representations[column] = representation_diversities(arrays, metric, of_image[probed])
    scorer = EnsembleErrors([predictions[name] for name in names], rule)
    of_everyone = [predictions[name] for name in everyone]
    scores = member_scores(everyone, of_everyone, of_image)
    if shifts:
        accuracies = [_accuracies(of_everyone, name, seed)[0] for name in shifts]
        scores = scores.assign(shifted_error=1 - np.mean(accuracies, axis=0))
    if accuracy_on:
        accuracy, n_images = _accuracies(of_everyone, accuracy_on, seed)
        scores = scores.assign(**{SEPARATE_ACCURACY: accuracy, N_SEPARATE_IMAGES: n_images})
    return {
        "ensembles": without_each(chosen, names, scorer, of_image, representations),
        "members": scores,
    }


def without_each(
    ensembles: pd.DataFrame,
    names: list[str],
    members: EnsembleErrors,
    of_image: np.ndarray,
    representations: dict[str, np.ndarray],
) -> pd.DataFrame:
    """The table `ensembles` of `scores_without_images`: accuracy and diversity without each group
    of images.

    Args:
        ensembles: rows as from `some_ensembles`.
        names: names of the M members.
        members: predictions of the members, under the rule of the ensembles.
        of_image: int N, the group of each test image.
        representations: column of the table of ensembles -> its `representation_diversities`.
    """
    position = {name: index for index, name in enumerate(names)}
    everything = condition_groups(members.predictions[0].conditions)
    conditions = {images: everything[images] for images in BOTH if images in everything}
    compared = {
        images: _prediction_diversities(members.predictions, rows, of_image)
        for images, rows in conditions.items()
    }
    tables = []
    for _, of_size in ensembles.groupby("size"):
        chosen = np.array(
            [[position[name] for name in joined.split("+")] for joined in of_size["members"]]
        )
        errors = {
            images: members.errors_without(chosen, rows, of_image)
            for images, rows in conditions.items()
        }
        for group in range(GROUPS):
            columns = {}
            for images, (right, diversities) in compared.items():
                columns[accuracy_of(images)] = 1 - errors[images][:, group]
                columns[mean_member_accuracy_of(images)] = (
                    right[group].mean(axis=0)[chosen].mean(axis=1)
                )
                for metric, matrices in diversities.items():
                    columns[diversity_of(metric, images)] = mean_over_pairs(
                        chosen, matrices[group]
                    )[0]
            for column, matrices in representations.items():
                columns[column] = mean_over_pairs(chosen, matrices[group])[0]
            tables.append(of_size.assign(without=group, **columns))
    return pd.concat(tables, ignore_index=True)


def member_scores(
    names: list[str], predictions: list[Predictions], of_image: np.ndarray
) -> pd.DataFrame:
    """The table `members` of `scores_without_images`, of members that need not be in ensembles."""
    conditions, left = (
        predictions[0].conditions,
        len(of_image) - np.bincount(of_image, minlength=GROUPS),
    )
    groups = condition_groups(conditions)
    scores = {accuracy_of(CLEAN): _right(predictions, groups[CLEAN][0], of_image)}
    if CORRUPTED in groups:
        counted = [
            of
            for of in corruption_conditions(conditions).values()
            if np.isin(of, groups[CORRUPTED]).all()
        ]
        errors = [
            1 - np.mean([_right(predictions, row, of_image) for row in of], axis=0)
            for of in counted
        ]
        scores["corrupted_error"] = np.mean(errors, axis=0)
    columns = {"n_images": np.repeat(left, len(names))} | {
        name: values.ravel() for name, values in scores.items()
    }
    return pd.DataFrame(
        {"without": np.repeat(range(GROUPS), len(names)), "member": names * GROUPS, **columns}
    )


def _accuracies(
    predictions: list[Predictions], test_set: str, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Accuracy on a test set without each group of its images, and how many are left; GROUPS * M,
    members fastest."""
    condition = condition_groups(predictions[0].conditions)[test_set][0]
    labels, units = predictions[0].labels(condition), predictions[0].units(condition)
    of_image = image_groups(labels, np.empty(0, np.int64), seed, units)
    left = len(labels) - np.bincount(of_image, minlength=GROUPS)
    return _right(predictions, condition, of_image).ravel(), np.repeat(left, len(predictions))


def _right(predictions: list[Predictions], condition: int, of_image: np.ndarray) -> np.ndarray:
    """Accuracy of M members under a condition without each group of its images, float64 GROUPS x
    M."""
    correct = np.stack([member.correct(condition) for member in predictions])
    return _means(lambda images: correct[:, images].mean(axis=1), of_image)


def representation_diversities(
    arrays: Sequence[np.ndarray], metric: str, of_probe: np.ndarray
) -> np.ndarray:
    """Diversity of attributions or activations without each group of probe images; float64 GROUPS x
    M x M.

    For CKA the Gram matrix is that of all images: the estimator does not change where a vector is
    added to all features. Cosines are means over images.

    Args:
        arrays: attribution maps of each member, float N x H x W, or its features, float N x D; NaN
            without, and then so is the result.
        metric: `linear_cka` of features, or a cosine of maps.
        of_probe: int N, the group of each probe image.
    """
    chosen = np.flatnonzero(applicable(arrays))
    diversities, own = (
        np.full((GROUPS, len(arrays), len(arrays)), np.nan),
        [arrays[place] for place in chosen.tolist()],
    )
    if len(own) < 2:
        return diversities
    if metric == CKA:
        grams = np.stack([gram(one) for one in own])
        kept = [np.flatnonzero(of_probe != group) for group in range(GROUPS)]
        raw = np.stack([gram_cka(grams[:, images[:, None], images]) for images in kept])
    else:
        maps = np.stack(own)
        raw = _means(lambda images: METRICS[metric].raw(maps[:, images]), of_probe)
    diversities[:, chosen[:, None], chosen] = METRICS[metric].diversity(raw)
    return diversities


def _prediction_diversities(
    predictions: list[Predictions], conditions: np.ndarray, of_image: np.ndarray
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Accuracy of members, GROUPS x C x M, and the mean of each label-free metric over C
    conditions, GROUPS x M x M."""
    members, rights, diversities = len(predictions), [], []
    has = np.flatnonzero([member.has_probabilities for member in predictions])
    of_groups = [np.flatnonzero(of_image == group) for group in range(GROUPS)]
    for condition in conditions:
        decided, classes = (
            np.stack([of.decisions(condition) for of in predictions]),
            predictions[0].classes(condition),
        )
        answers = [decided[:, images] for images in of_groups]
        differ = _without(np.stack(list(map(label_disagreement, answers))), of_image)
        shares = _without(np.stack([class_shares(of, classes) for of in answers]), of_image)
        raw = {
            "label_disagreement": differ,
            "cohen_kappa": np.stack(list(map(cohen_kappa_of, differ, shares))),
        }
        if len(has) > 1:
            known = [predictions[index] for index in has]
            metrics = [probability_metrics(known, condition, images) for images in of_groups]
            for name in metrics[0]:
                raw[name] = np.full((GROUPS, members, members), np.nan)
                raw[name][:, has[:, None], has] = _without(
                    np.stack([of[name] for of in metrics]), of_image
                )
        rights.append(_right(predictions, condition, of_image))
        diversities.append({name: METRICS[name].diversity(values) for name, values in raw.items()})
    means = {name: np.mean([of[name] for of in diversities], axis=0) for name in diversities[0]}
    return np.stack(rights, axis=1), means


def _means(mean_over: Callable[[np.ndarray], np.ndarray], of_image: np.ndarray) -> np.ndarray:
    """A mean over images without each group, from those of the groups: GROUPS x ..."""
    return _without(
        np.stack([mean_over(np.flatnonzero(of_image == group)) for group in range(GROUPS)]),
        of_image,
    )


def _without(means: np.ndarray, of_image: np.ndarray) -> np.ndarray:
    """The mean of all other groups for each group; GROUPS x ..."""
    counts = np.bincount(of_image, minlength=GROUPS)
    weights = (1 - np.eye(GROUPS)) * counts
    return np.tensordot(weights / weights.sum(axis=1, keepdims=True), means, axes=1)
