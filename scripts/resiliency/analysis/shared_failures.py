"""Failures that the members of an ensemble share, on images by which nothing was selected.

The common-failure factor β is the coincidence of systematic failures over test images (Eckhardt and Lee, IEEE
Transactions on Software Engineering 11, 1985; Littlewood and Miller, ibid. 15, 1989). It is not the β of IEC 61508, the
share of hardware failures with a common cause."""

import numpy as np
from scipy.special import stdtrit

from resiliency.analysis.assessment import Resampled
from resiliency.base.names import CLEAN, CORRUPTED, HELD_OUT_IMAGES, means_over
from resiliency.diversity.predictions import pair_failures
from resiliency.prediction.reading import Predictions
from resiliency.statistics.intervals import UNKNOWN, share, share_of_variance
from resiliency.statistics.resampling import Units

OUTCOMES = ("common_failures", "undetected", "availability")
OF_PAIR = OUTCOMES[:2]
SHARED_FAILURES = [f"{name}{end}" for name in OUTCOMES for end in ("", "_low", "_high")] + ["pair"]
SHARED_FAILURES += [f"pair_{name}{end}" for name in OF_PAIR for end in ("", "_low", "_high")]


def shared_failures(
    members: dict[str, Predictions], selection: Resampled, evaluation: Resampled
) -> dict[str, dict[str, float | str]]:
    """Common failures, undetected errors and availability of an ensemble, and of the pair that shares most failures.

    A pair with errors e, g fails together on a share b of the images. Common failures are the mean of b over pairs,
    divided by the mean of sqrt(e g), which is b if one of them fails whenever the other does, at equal errors.

    Args:
        members: at least two members -> their predictions.
        selection: images on which the pair is chosen: the one with most common failures on corrupted images.
        evaluation: images of all else.

    Returns:
        `clean`, each corruption, `corrupted` and, if there are extra corruptions, `held_out` -> `OUTCOMES` with the
        ends of their intervals over units of images; `pair`, its members joined by "+", and `OF_PAIR` of it, after
        "pair_". Common failures are NaN if there is no failure.
    """
    names = list(members)
    pair = [names[place] for place in _most_shared(list(members.values()), selection)]
    counts, units = evaluation.counts[CLEAN], evaluation.units[CLEAN]
    of_all = pairs_on_images(list(members.values()), evaluation)
    of_pair = pairs_on_images([members[name] for name in pair], evaluation)
    rows: dict[str, dict[str, float | str]] = {}
    for name in of_all:
        rows[name] = {**outcomes_of(of_all[name], counts, units, evaluation.confidence), "pair": "+".join(pair)}
        two = outcomes_of(of_pair[name], counts, units, evaluation.confidence)
        rows[name] |= {f"pair_{column}": value for column, value in two.items() if column.startswith(OF_PAIR)}
    return rows


def _most_shared(members: list[Predictions], selection: Resampled) -> np.ndarray:
    """Positions of the two members that fail together most often on corrupted images, the first of several pairs."""
    images = selection.images[CORRUPTED]
    wrong = sum(
        pair_failures(
            np.stack([member.decisions(condition, images) for member in members]), members[0].labels(condition)[images]
        ).wrong
        for condition in selection.conditions[CORRUPTED]
    )
    pairs = np.transpose(np.triu_indices(len(members), 1))
    return pairs[wrong[*pairs.T].argmax()]


def pairs_on_images(members: list[Predictions], evaluation: Resampled) -> dict[str, np.ndarray]:
    """Name -> float64 (3 + M) x N, means over severities: shares of pairs that are both wrong, wrong with the same
    class, and alike; and whether each member is wrong."""
    first, second = np.triu_indices(len(members), 1)
    corruptions, images = members[0].conditions.corruption, evaluation.images[CLEAN]
    sums: dict[str, list] = {}
    for condition in np.concatenate([evaluation.conditions.get(of, []) for of in (CLEAN, CORRUPTED, HELD_OUT_IMAGES)]):
        decided = np.stack([member.decisions(int(condition), images) for member in members])
        wrong, alike = decided != members[0].labels(int(condition))[images], decided[first] == decided[second]
        both = wrong[first] & wrong[second]
        of_pairs = [values.mean(axis=0) for values in (both, both & alike, alike)]
        total = sums.setdefault(corruptions[condition], [0, 0])
        total[0], total[1] = total[0] + np.vstack([*of_pairs, wrong]), total[1] + 1
    means = {name: total / severities for name, (total, severities) in sums.items()}
    return means | {of: np.mean([means[name] for name in names], axis=0) for of, names in means_over(means).items()}


def outcomes_of(on_images: np.ndarray, counts: np.ndarray, units: Units, confidence: float) -> dict[str, float]:
    """`OUTCOMES` with the ends of their intervals, from `pairs_on_images` of one name.

    Common failures are a share of failures. Their interval is Wilson's, of as many failures as would give a proportion
    the variance that the quotient has over resamples, with Student's t for the units on which a member fails.
    """
    drawn = (counts @ on_images.T / counts.sum(axis=1, keepdims=True)).T
    means, failing = on_images.mean(axis=1), np.count_nonzero(units.sums(on_images[3:].sum(axis=0)))
    expected, of_resamples = _if_together(means[3:]), _if_together(drawn[3:])
    factor, of_factor = np.nan, UNKNOWN
    if expected:
        with np.errstate(invalid="ignore"):
            factor, variance = means[0] / expected, np.nanvar(drawn[0] / of_resamples)
        reach = stdtrit(max(failing - 1, 1), (1 + confidence) / 2)
        of_factor = share_of_variance(factor, variance, expected * units.number, confidence, reach)
    columns = of_factor.columns(OUTCOMES[0], factor)
    for name, values in zip(OUTCOMES[1:], on_images[1:3], strict=True):
        columns |= share(values, units, confidence).columns(name, values.mean())
    return columns


def _if_together(errors: np.ndarray) -> np.ndarray:
    """Mean of sqrt(e g) over pairs of errors e, g of M members, float64 M x ..."""
    first, second = np.triu_indices(len(errors), 1)
    return np.sqrt(errors[first] * errors[second]).mean(axis=0)
