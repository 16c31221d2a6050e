"""What predictors explain of a response, families alike: R² of all subsets, and Shapley contributions to it."""

from itertools import combinations
from math import factorial

import numpy as np

from resiliency.statistics.closeness import RESPONSE, Families, spread

FAMILY = "architecture family"


def explained_shares(values: np.ndarray, families: Families, names: tuple[str, str]) -> dict[tuple[str, ...], float]:
    """R² of every subset of family and two further predictors; of none, 0.

    Variances are components, with families alike (`resiliency.statistics.closeness.spread`), so that R² is adjusted for
    the number of families; for that of slopes as residuals are there. It may be below 0.

    Args:
        values: float n x 3: two predictors and the response of each design.
        names: of the predictors.

    Returns:
        Subset -> R², at most 1. The order of the predictors in a subset is family first, then that of `names`.
    """
    covariances = spread(values[None], families)
    total = covariances.total[0]
    of_all = total[RESPONSE, RESPONSE]
    shares: dict[tuple[str, ...], float] = {}
    for size in range(len(names) + 1):
        for chosen in combinations(range(len(names)), size):
            subset = tuple(names[index] for index in chosen)
            across = _left(total, total, chosen, float(covariances.freedom_of_total[0]))
            inside = _left(covariances.within[0], covariances.pooled[0], chosen, covariances.freedom)
            shares[subset] = float(1 - across / of_all) if of_all > 0 else 0.0
            shares[FAMILY, *subset] = float(1 - inside / of_all) if of_all > 0 else 0.0
    return shares


def _left(covariance: np.ndarray, of_slopes: np.ndarray, chosen: tuple[int, ...], freedom: float) -> float:
    """Variance of the response that slopes from `of_slopes` leave, 3 x 3 both, for as many degrees of freedom."""
    index = list(chosen)
    slopes = np.linalg.pinv(of_slopes[np.ix_(index, index)], hermitian=True) @ of_slopes[index, RESPONSE]
    weights = np.zeros(len(covariance))
    weights[index], weights[RESPONSE] = -slopes, 1
    return weights @ covariance @ weights * freedom / max(freedom - len(index), 0.5)


def shapley(shares: dict[tuple[str, ...], float]) -> dict[str, float]:
    """Each predictor's gain in R², averaged over all orders in which the predictors can enter.

    Together they are the R² of all (LMG; Lindeman, Merenda and Gold 1980; Groemping, Journal of Statistical Software
    17, 2006).

    Args:
        shares: R² of every subset of the predictors, the empty one included.
    """
    by_subset = {frozenset(subset): share for subset, share in shares.items()}
    names = max(shares, key=len)
    contributions = {}
    for name in names:
        others = [other for other in names if other != name]
        contributions[name] = sum(
            factorial(size) * factorial(len(others) - size) / factorial(len(names))
            * (by_subset[frozenset(subset) | {name}] - by_subset[frozenset(subset)])
            for size in range(len(others) + 1)
            for subset in combinations(others, size)
        )  # fmt: skip
    return contributions
