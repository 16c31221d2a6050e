"""Which predictors explain a response: Shapley contributions to R² (LMG; Lindeman, Merenda and Gold 1980)."""

from itertools import combinations
from math import factorial

import numpy as np


def variance_shares(predictors: dict[str, np.ndarray], response: np.ndarray) -> dict[str, float]:
    """Shapley contribution of each predictor to the adjusted R² of the regression on all of them.

    A predictor's contribution is its gain in R², averaged over all orders in which the predictors can enter
    (Groemping, Journal of Statistical Software 17, 2006). R² is adjusted for the number of coefficients (Ezekiel
    1930): a category with many levels would otherwise get most of the variance of a response that nothing explains.

    Args:
        predictors: name -> design matrix float n x d without the intercept (one-hot for a category).
        response: float n.

    Returns:
        name -> contribution, together the adjusted R² of all; negative for a predictor that does worse than chance.
    """
    names = list(predictors)
    explained = {
        subset: _adjusted_r_squared([predictors[name] for name in subset], response)
        for size in range(len(names) + 1)
        for subset in combinations(names, size)
    }
    return {name: _shapley(name, names, explained) for name in names}


def one_hot(categories: list[str]) -> np.ndarray:
    """Indicators float n x levels of a categorical predictor."""
    return (np.array(categories)[:, None] == np.unique(categories)).astype(float)


def _shapley(name: str, names: list[str], explained: dict[tuple[str, ...], float]) -> float:
    others = [other for other in names if other != name]
    gain = 0.0
    for size in range(len(others) + 1):
        weight = factorial(size) * factorial(len(others) - size) / factorial(len(names))
        for subset in combinations(others, size):
            joined = tuple(other for other in names if other in subset or other == name)
            gain += weight * (explained[joined] - explained[subset])
    return gain


def _adjusted_r_squared(blocks: list[np.ndarray], response: np.ndarray) -> float:
    if not blocks or response.var() < 1e-18:
        return 0.0
    matrix = np.column_stack([np.ones(len(response)), *blocks])
    coefficients, _, rank, _ = np.linalg.lstsq(matrix, response, rcond=None)
    unexplained = np.mean((response - matrix @ coefficients) ** 2) / response.var()
    return float(1 - unexplained * (len(response) - 1) / max(len(response) - rank, 1))
