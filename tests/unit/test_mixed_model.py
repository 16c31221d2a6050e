"""The mixed model against a plain maximisation with whole matrices."""

import numpy as np
import pytest
from scipy.optimize import minimize

from resiliency.statistics.mixed_model import Layout, fit, points


def unbalanced(seed: int = 0) -> tuple[np.ndarray, np.ndarray, tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Three responses with all factors, their fixed effects, and the labels of families, designs and recipes."""
    rng = np.random.default_rng(seed)
    family = np.repeat(np.arange(9), rng.integers(2, 12, 9))
    design, recipe = family * 4 + rng.integers(0, 3, len(family)), rng.integers(0, 3, len(family))
    fixed = np.column_stack([np.ones(len(family)), rng.standard_normal(len(family))])
    responses = fixed @ [1, 2] + 0.5 * rng.standard_normal((3, len(family))) + rng.standard_normal((3, 9))[:, family]
    responses += 0.7 * rng.standard_normal((3, 40))[:, design] + 0.5 * rng.standard_normal((3, 3))[:, recipe]
    return responses, fixed, (family, design, recipe)


def by_whole_matrices(response: np.ndarray, fixed: np.ndarray, labels: tuple[np.ndarray, ...]) -> dict[str, np.ndarray]:
    """The same model by inverses of n x n matrices and a search without derivatives."""
    indicators = [np.equal.outer(of, np.unique(of)).astype(float) for of in labels]
    count, number = fixed.shape

    def solved(deviations: np.ndarray) -> tuple[np.ndarray, ...]:
        covariance = np.eye(count) + sum(d**2 * z @ z.T for d, z in zip(deviations, indicators, strict=True))
        inverse = np.linalg.inv(covariance)
        normal = fixed.T @ inverse @ fixed
        slopes = np.linalg.solve(normal, fixed.T @ inverse @ response)
        left = response - fixed @ slopes
        return covariance, normal, slopes, left @ inverse @ left

    def deviance(deviations: np.ndarray) -> float:
        covariance, normal, _, squares = solved(deviations)
        logs = (count - number) * (1 + np.log(2 * np.pi * squares / (count - number)))
        return np.linalg.slogdet(covariance)[1] + np.linalg.slogdet(normal)[1] + logs

    options = {"xatol": 1e-8, "fatol": 1e-11, "maxiter": 5000}
    best = minimize(deviance, np.ones(len(labels)), method="Nelder-Mead", options=options)
    _, _, slopes, squares = solved(best.x)
    variances = best.x**2 * squares / (count - number)
    return {"deviance": best.fun, "variances": variances, "slopes": slopes}


@pytest.mark.parametrize("factors", [(0,), (0, 1), (0, 2), (0, 1, 2)], ids=str)
def test_it_is_the_optimum_of_whole_matrices(factors: tuple[int, ...]):
    responses, fixed, labels = unbalanced()
    names = [labels[k].astype(str) if k in factors else None for k in range(3)]
    names[1] = np.arange(len(fixed)).astype(str) if names[1] is None else names[1]
    layout = Layout.of(*names)
    assert layout.factors == factors
    fitted = fit(responses, fixed, layout)
    for study, response in enumerate(responses):
        known = by_whole_matrices(response, fixed, tuple(labels[k] for k in factors))
        assert fitted.deviance[study, 0] == pytest.approx(known["deviance"], abs=1e-7)
        assert fitted.components[study, 0, list(factors)] == pytest.approx(known["variances"], abs=1e-4)
        assert fitted.coefficients[study, 0] == pytest.approx(known["slopes"], abs=1e-5)


def test_the_search_does_not_stop_on_a_slope():
    """A step that was cut off in each direction by itself led uphill here, again and again."""
    rng = np.random.default_rng(5)
    family = np.repeat(np.arange(12), rng.integers(4, 10, 12))
    design, x = family * 3 + rng.integers(0, 3, len(family)), rng.standard_normal(len(family))
    response = 1 + 2 * x + rng.standard_normal(12)[family] + 0.8 * rng.standard_normal(36)[design]
    response += 0.5 * rng.standard_normal(len(family))
    fixed = np.column_stack([np.ones_like(x), x])
    fitted = fit(response[None], fixed, Layout.of(family.astype(str), design.astype(str)))
    assert fitted.deviance[0, 0] <= by_whole_matrices(response, fixed, (family, design))["deviance"] + 1e-6


def test_leaving_out_a_family_is_to_fit_the_others():
    responses, fixed, labels = unbalanced(1)
    fitted = fit(responses, fixed, Layout.of(*(of.astype(str) for of in labels)), leave_out=True)
    for family in range(9):
        kept = labels[0] != family
        others = Layout.of(*(of[kept].astype(str) for of in labels))
        alone = fit(responses[:, kept], fixed[kept], others)
        for name in ("components", "residual", "coefficients", "deviance"):
            expected = getattr(alone, name)[:, 0]
            np.testing.assert_allclose(getattr(fitted, name)[:, 1 + family], expected, rtol=1e-4, atol=1e-5)


def test_logits_become_points():
    assert points(0.0, 0.3) == 0
    assert points(0.01, 0.3) == pytest.approx(0.01 * 0.3 * 0.7 * 100, rel=1e-4)
    assert points(-1.0, 0.2) == -points(1.0, 0.2)
