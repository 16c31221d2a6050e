"""Errors weighed: relative to a baseline's (Hendrycks and Dietterich, ICLR 2019), or by a user's table of costs."""

import csv
import io
from pathlib import Path

import numpy as np
import pandas as pd

from resiliency.base.faults import Fault, hint
from resiliency.base.settings import NUMBER

# Relative standard error above which the US National Center for Health Statistics calls an estimate unreliable (Klein
# et al., Statistical Notes 24, 2002); a ratio to a denominator that is known less well says little.
LARGEST_RELATIVE_ERROR = 0.3
# Mean top-1 error over severities 1 to 5 on ImageNet-C (Hendrycks et al., AugMix, ICLR 2020, published code).
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


def corruption_errors(errors: np.ndarray, baseline: np.ndarray) -> np.ndarray:
    """CE of each corruption: its error as a fraction of the baseline's, both averaged over severities.

    Args:
        errors, baseline: ... x corruptions, top-1 error averaged over severities.

    Returns:
        ... x corruptions; NaN where the baseline makes no error, since the ratio is not defined there.
    """
    return np.divide(errors, baseline, out=np.full(np.broadcast(errors, baseline).shape, np.nan), where=baseline > 0)


def mean_corruption_error(errors: np.ndarray, baseline: np.ndarray) -> np.ndarray:
    """Compute mCE: mean over corruptions of the error relative to the baseline (Hendrycks and Dietterich 2019).

    Args:
        errors: floats ... x corruptions, in 0..1: top-1 error under each corruption, averaged over severities.
        baseline: errors of the baseline, in 0..1; broadcast against `errors`.

    Returns:
        float64 of the leading shape, 0 or more; 1 for the baseline. NaN if the baseline makes no error under some
        corruption.
    """
    return corruption_errors(errors, baseline).mean(axis=-1)


def relative_mean_corruption_error(
    errors: np.ndarray, clean: float, baseline: np.ndarray, baseline_clean: float
) -> np.ndarray:
    """Relative mCE: as mCE, but of the errors in excess of those on clean images.

    NaN if the baseline loses nothing, or gains, under a corruption: the ratio is not defined there.
    """
    return mean_corruption_error(errors - clean, baseline - baseline_clean)


def baseline_errors(errors: pd.DataFrame, baseline: str, corruptions: list[str]) -> np.ndarray:
    """Top-1 error of the baseline under each corruption, averaged over severities; float64, one per corruption.

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

    Its first column names true classes, its header answered ones, after the head of the first column.

    Raises:
        Fault: the file cannot be read, has no costs, names a class twice, or has a cost that is not a number of 0 or
            more.
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
            raise Fault(f"{path}: expected one {kind} per class, got {names.count(twice)} of {twice!r}; remove one")
    for label, *cells in rows:
        if len(cells) > len(answers):
            raise Fault(
                f"{path}: {label}: expected {len(answers)} costs at most, got {len(cells)}; separate all by commas"
            )
        for answer, cell in zip(answers, cells, strict=False):
            cost = float(cell) if NUMBER.fullmatch(cell) else np.nan
            if cell and not 0 <= cost < np.inf:
                wrong = f"expected a number of 0 or more, got {cell!r}"
                raise Fault(f"{path}: {label}, {answer}: {wrong}; correct it")
            costs |= {(label, answer): cost} if cell else {}
    if not costs:
        raise Fault(
            f"{path}: expected costs, got none; give a row per true class and, after commas, a column per answered one"
        )
    return costs


def cost_matrix(costs: Costs, classes: list[str]) -> np.ndarray:
    """Costs of answers, float64 K x K, true class first; unlisted ones cost 1, and right ones 0.

    Raises:
        Fault: a class of `costs` is not among `classes`.
    """
    place = {name: index for index, name in enumerate(classes)}
    if unknown := next((name for pair in costs for name in pair if name not in place), None):
        raise Fault(
            f"costs: expected classes of the dataset, got {unknown!r}{hint(unknown, classes)}; correct the name"
        )
    matrix = UNLISTED * (1 - np.eye(len(classes)))
    for (label, answer), cost in costs.items():
        matrix[place[label], place[answer]] = cost
    return matrix
