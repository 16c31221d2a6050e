"""Accuracy, errors and honesty of the probabilities of a classifier.

Errors may be weighed: relative to a baseline's (Hendrycks and Dietterich, ICLR 2019), or by a
user's table of costs."""

import csv
import io
import re
from pathlib import Path

import numpy as np
import pandas as pd

from resiliency.base.faults import Fault, hint
from resiliency.base.names import accuracy_of, mean_member_accuracy_of
from resiliency.base.settings import NUMBER
from resiliency.statistics.intervals import wilson

MEAN_ACCURACY = re.compile(mean_member_accuracy_of("(.*)"))


def images_of(table: pd.DataFrame) -> list[str]:
    """Names of the sets of images on which `table` has accuracies.

    Those of ensembles.parquet are clean, corrupted and the additional test sets, those of
    by_corruption.parquet the corruptions.
    """
    return [match[1] for match in map(MEAN_ACCURACY.fullmatch, table) if match]


def accuracy_columns(test_set: str) -> list[str]:
    """Names of the columns of the accuracy on a test set and of the ends of its interval."""
    return [f"{accuracy_of(test_set)}{suffix}" for suffix in ("", "_low", "_high")]


def accuracies(
    test_set: str, shares: np.ndarray, n_images: np.ndarray | float, confidence: float
) -> dict[str, np.ndarray]:
    """The columns of `accuracy_columns`, each of the shape of `shares`.

    Args:
        shares: float64, share of the images of the test set that are answered rightly; a tie may
            count in part.
        n_images: number of these images; NaN if unknown, and then so is the interval.
        confidence: level of the interval, between 0 and 1.
    """
    return dict(
        zip(
            accuracy_columns(test_set),
            (shares, *wilson(shares, n_images, confidence).ends),
            strict=True,
        )
    )


ECE_BINS = 15
# Columns of a table of bins of confidence.
CALIBRATION = ["images", "bin_low", "bin_high", "predictions", "mean_confidence", "accuracy"]


def as_float32(values: np.ndarray) -> np.ndarray:
    """Values of any float type as float32, in an array of their own; of float16 in a fifth of
    NumPy's time."""
    if values.dtype == np.float16:
        bits = np.ascontiguousarray(values).view(np.int16).astype(np.int32)
        bits <<= 13
        bits &= ~0x70000000  # leaves the sign, and exponent and mantissa where float32 has them
        widened = bits.view(np.float32)
        widened *= np.float32(2.0**112)  # exponents count from -112 on, subnormal values included
        if max(widened.max(initial=0), -widened.min(initial=0)) < 2**16:  # all are finite
            return widened
    return values.astype(np.float32)


def softmax(logits: np.ndarray) -> np.ndarray:
    """Probabilities float32 ... x K of logits of any float type, ... x K."""
    exponentials = as_float32(logits)
    exponentials -= exponentials.max(axis=-1, keepdims=True)
    np.exp(exponentials, out=exponentials)
    exponentials /= exponentials.sum(axis=-1, keepdims=True)
    return exponentials


ROUNDED = 0.101  # how far the sums of probabilities of one decimal may be from 1, and a little


def may_be_probabilities(scores: np.ndarray) -> bool:
    """Whether scores, float N x K, may be rounded probabilities: none is negative, and the largest
    sum is near 1."""
    return bool(
        len(scores)
        and (scores >= 0).all()
        and abs(scores.sum(axis=1, dtype=float).max() - 1) <= ROUNDED
    )


def negative_log_likelihood(probabilities: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Mean of -ln p(label), in nats, over the images.

    Args:
        probabilities: ... x N x K; a probability below 1e-12 counts as 1e-12.
        labels: int N.

    Returns:
        float64 of the leading shape.
    """
    chosen = _of_label(probabilities, labels)
    return -np.log(np.maximum(chosen, 1e-12), dtype=np.float64).mean(axis=-1)


def brier_score(probabilities: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Mean over images of sum_k (p_k - [k = label])^2, in 0..2 (Brier, 1950); arguments as
    above."""
    squares = np.square(probabilities, dtype=np.float64).sum(axis=-1)
    return (squares - 2 * _of_label(probabilities, labels) + 1).mean(axis=-1)


def calibration_error(bins: np.ndarray) -> float:
    """The expected calibration error, in 0..1, of the bins from `confidence_bins`, float64 3 x 15.

    Sum over bins of |accuracy - confidence|, weighted by images (Guo et al., 2017).
    """
    images, right, confidence = bins
    return float(np.abs(right - confidence).sum() / images.sum())


def confidence_bins(probabilities: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Data of a reliability diagram: images, right answers and summed confidence in 15 equal-width
    bins.

    Args:
        probabilities: N x K.
        labels: int N.

    Returns:
        float64 3 x 15, from the lowest confidence to the highest.
    """
    confidence = probabilities.max(axis=-1).astype(np.float64)
    correct = probabilities.argmax(axis=-1) == labels
    bins = bin_of(confidence)
    return np.stack(
        [
            np.bincount(bins, weights, ECE_BINS)
            for weights in (np.ones(len(labels)), correct, confidence)
        ]
    )


def bin_of(confidence: np.ndarray) -> np.ndarray:
    """The position, int, of each confidence among 15 equal-width bins; an edge belongs to the lower
    bin."""
    return np.clip(np.ceil(confidence * ECE_BINS).astype(int) - 1, 0, ECE_BINS - 1)


def _of_label(probabilities: np.ndarray, labels: np.ndarray) -> np.ndarray:
    return probabilities[..., np.arange(len(labels)), labels].astype(np.float64)


LARGEST = 100.0


def scaled(log_probabilities: np.ndarray, temperature: float) -> np.ndarray:
    """ln of the probabilities at a temperature, softmax(ln p / T); float ... x K, as
    `log_probabilities`."""
    values = log_probabilities / np.asarray(temperature, log_probabilities.dtype)
    values = values - values.max(axis=-1, keepdims=True)
    return values - np.log(np.exp(values).sum(axis=-1, keepdims=True))


def fitted_temperature(log_probabilities: np.ndarray, labels: np.ndarray) -> float:
    """The temperature with the least negative log-likelihood, which is convex in 1 / T.

    Where every label has the largest probability of its image the likelihood grows for ever as T
    goes to 0: no temperature is best, and NaN is returned. If all classes are as probable on all
    images, it is 1. Beyond `LARGEST`, and below its inverse, it is cut off.

    Args:
        log_probabilities: float N x K.
        labels: int N.
    """
    from scipy.optimize import minimize_scalar  # takes long to load

    values = log_probabilities.astype(np.float64)
    margins = np.ascontiguousarray((values - values[np.arange(len(labels)), labels][:, None]).T)
    if not margins.any():
        return 1.0
    if not (margins > 0).any():
        return np.nan

    def mean_loss(log_inverse: float) -> float:
        return np.logaddexp.reduce(np.exp(log_inverse) * margins, axis=0).mean()

    reach = np.log(LARGEST)
    return float(np.exp(-minimize_scalar(mean_loss, bounds=(-reach, reach), method="bounded").x))


NEAR = 0.1  # least share of the way from chance to no error
FEWEST_STEPS = 100
FEWEST_IMAGES = 100
NEAR_CHANCE, FEW_STEPS, FEW_IMAGES = "near chance", "few optimisation steps", "few test images"


def member_warnings(accuracy: float, labels: np.ndarray, steps: int | None) -> list[str]:
    """Cautions about the figures of a member: some of NEAR_CHANCE, FEW_STEPS and FEW_IMAGES.

    Args:
        accuracy: accuracy on the clean test images.
        labels: int N, labels of these images.
        steps: number of steps of the optimiser; None for a member that was not trained here.
    """
    warnings = {
        NEAR_CHANCE: near_chance(accuracy, labels),
        FEW_STEPS: steps is not None and steps < FEWEST_STEPS,
        FEW_IMAGES: len(labels) < FEWEST_IMAGES,
    }
    return [warning for warning, holds in warnings.items() if holds]


def near_chance(accuracy: float, labels: np.ndarray) -> bool:
    """Whether a member is hardly better than always answering the most frequent class.

    So it is if it has not gone `NEAR` of the way from there to no error, or lies within two
    standard errors of it; not if there are so few images that even no error would.

    Args:
        accuracy: accuracy of the member, 0 to 1.
        labels: int N, labels of the images, 0 or more.
    """
    chance = np.bincount(labels).max() / len(labels)
    error = np.sqrt(chance * (1 - chance) / len(labels))
    least = chance + max(NEAR * (1 - chance), 2 * error)
    return bool(accuracy < least <= 1)


def entropy(probabilities: np.ndarray) -> np.ndarray:
    """-sum_k p_k ln p_k in nats; float ... of probabilities ... x K."""
    positive = np.where(probabilities > 0, probabilities, 1)
    return -(probabilities * np.log(positive)).sum(axis=-1)


def mutual_information(probabilities: np.ndarray) -> np.ndarray:
    """Mutual information of answer and member: entropy of the mean less mean entropy (Depeweg et
    al., ICML 2018).

    Args:
        probabilities: M x N x K.

    Returns:
        In nats, 0 (members agree) to ln M; N.
    """
    mean_entropy = entropy(probabilities).mean(axis=0)
    return np.maximum(entropy(probabilities.mean(axis=0)) - mean_entropy, 0)


# Relative standard error above which the US National Center for Health Statistics calls an estimate
# unreliable (Klein et al., Statistical Notes 24, 2002); a ratio to a denominator that is known less
# well says little.
LARGEST_RELATIVE_ERROR = 0.3
# Mean top-1 error over severities 1 to 5 on ImageNet-C (Hendrycks et al., AugMix, ICLR 2020,
# published code).
ALEXNET_ERRORS = {
    "gaussian_noise": 0.886428,
    "shot_noise": 0.894468,
    "impulse_noise": 0.922640,
    "defocus_blur": 0.819880,
    "glass_blur": 0.826268,
    "motion_blur": 0.785948,
    "zoom_blur": 0.798360,
    "snow": 0.866816,
    "frost": 0.826572,
    "fog": 0.819324,
    "brightness": 0.564592,
    "contrast": 0.853204,
    "elastic_transform": 0.646056,
    "pixelate": 0.717840,
    "jpeg_compression": 0.606500,
}
PUBLISHED_ERRORS = {"alexnet": ALEXNET_ERRORS}  # baselines that are no members


def mean_corruption_error(errors: np.ndarray, baseline: np.ndarray) -> np.ndarray:
    """Compute mCE: mean over corruptions of the error relative to the baseline (Hendrycks and
    Dietterich 2019).

    Args:
        errors: floats ... x corruptions, in 0..1: top-1 error under each corruption, averaged over
            severities.
        baseline: errors of the baseline, in 0..1; broadcast against `errors`.

    Returns:
        float64 of the leading shape, 0 or more; 1 for the baseline. NaN if the baseline makes no
        error under some corruption.
    """
    undefined = np.full(np.broadcast(errors, baseline).shape, np.nan)
    return np.divide(errors, baseline, out=undefined, where=baseline > 0).mean(axis=-1)


def relative_mean_corruption_error(
    errors: np.ndarray, clean: float, baseline: np.ndarray, baseline_clean: float
) -> np.ndarray:
    """Relative mCE: as mCE, but of the errors in excess of those on clean images.

    NaN if the baseline loses nothing, or gains, under a corruption: the ratio is not defined there.
    """
    return mean_corruption_error(errors - clean, baseline - baseline_clean)


def baseline_errors(errors: pd.DataFrame, baseline: str, corruptions: list[str]) -> np.ndarray:
    """Top-1 error of the baseline under each corruption, averaged over severities; float64, one per
    corruption.

    Args:
        errors: table corruption_errors.csv.
        baseline: name of a member, or of `PUBLISHED_ERRORS`.
        corruptions: names of the corruptions, in the order of the result.
    """
    if baseline in PUBLISHED_ERRORS:
        return np.array([PUBLISHED_ERRORS[baseline][corruption] for corruption in corruptions])
    means = errors[errors.member == baseline].groupby("corruption").error.mean()
    return means[corruptions].to_numpy()


UNLISTED = 1.0  # cost of a wrong answer that the table does not list
Costs = dict[tuple[str, str], float]


def read_costs(path: str | Path) -> Costs:
    """(true class, answered class) -> cost, of the cells of a CSV file that are not empty.

    Its first column names true classes, its header answered ones, after the head of the first
    column.

    Raises:
        Fault: the file cannot be read, has no costs, names a class twice, or has a cost that is not
            a number of 0 or more.
    """
    try:
        text = Path(path).read_text(encoding="utf-8-sig")
        header, *rows = csv.reader(io.StringIO(text, newline=""))
    except (OSError, ValueError, csv.Error) as error:
        raise Fault(f"{path}: cannot be read ({error}); a CSV file is needed") from error
    answers = [name.strip() for name in header[1:]]
    costs: dict[tuple[str, str], float] = {}
    rows = [[cell.strip() for cell in row] for row in rows if any(map(str.strip, row))]
    for kind, names in (("column", answers), ("row", [row[0] for row in rows])):
        if twice := next((name for name in names if names.count(name) > 1), None):
            raise Fault(
                f"{path}: expected one {kind} per class, got {names.count(twice)} of {twice!r}; "
                "remove one"
            )
    for label, *cells in rows:
        if len(cells) > len(answers):
            raise Fault(
                f"{path}: {label}: expected {len(answers)} costs at most, got {len(cells)}; "
                "separate all by commas"
            )
        for answer, cell in zip(answers, cells, strict=False):
            cost = float(cell) if NUMBER.fullmatch(cell) else np.nan
            if cell and not 0 <= cost < np.inf:
                raise Fault(
                    f"{path}: {label}, {answer}: expected a number of 0 or more, got {cell!r}; "
                    "correct it"
                )
            costs |= {(label, answer): cost} if cell else {}
    if not costs:
        raise Fault(
            f"{path}: expected costs, got none; give a row per true class and, after commas, a "
            "column per answered one"
        )
    return costs


def cost_matrix(costs: Costs, classes: list[str]) -> np.ndarray:
    """Costs of answers, float64 K x K, true class first; unlisted ones cost 1, and right ones 0.

    Raises:
        Fault: a class of `costs` is not among `classes`.
    """
    place = {name: index for index, name in enumerate(classes)}
    if unknown := [name for pair in costs for name in pair if name not in place]:
        wrong = f"got {unknown[0]!r}{hint(unknown[0], classes)}"
        raise Fault(f"costs: expected classes of the dataset, {wrong}; correct the name")
    matrix = UNLISTED * (1 - np.eye(len(classes)))
    for (label, answer), cost in costs.items():
        matrix[place[label], place[answer]] = cost
    return matrix
