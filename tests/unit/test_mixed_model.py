"""The mixed model against figures that lme4 published, and against a plain maximisation with whole
matrices."""

import numpy as np
import pytest
from scipy.optimize import minimize

from resiliency.statistics.mixed_model import Layout, fit, points

# Davies and Goldsmith 1972 and Box and Tiao 1973, as the data sets Dyestuff2 and Pastes of lme4.
DYESTUFF2 = """7.298 3.846 2.434 9.566 7.99 5.22 6.556 .608 11.788 -.892 .11 10.386 13.434 5.51 8.166
    2.212 4.852 7.092 9.288 4.98 .282 9.014 4.458 9.446 7.198 1.722 4.782 8.106 .758 3.758"""  # noqa: E501
PASTES = """62.8 62.6 60.1 62.3 62.7 63.1 60.0 61.4 57.5 56.9 61.1 58.9 58.7 57.5 63.9 63.1 65.4 63.7 57.1 56.4
    56.9 58.6 64.7 64.5 55.1 55.1 54.7 54.2 58.8 57.5 63.4 64.9 59.3 58.1 60.5 60.0 62.5 62.6 61.0 58.7
    56.9 57.7 59.2 59.4 65.2 66.0 64.8 64.1 54.8 54.8 64.0 64.0 57.7 56.8 58.3 59.3 59.2 59.2 58.9 56.6"""  # noqa: E501
BATCHES = Layout.of(list(np.repeat(list("ABCDEF"), 5)), [str(n) for n in range(30)])
CASKS = Layout.of(
    list(np.repeat(list("ABCDEFGHIJ"), 6)), list(np.tile(np.repeat(list("abc"), 2), 10))
)


# Bates, lme4: Mixed-effects modeling with R (2010), chapters 1 and 2: REML criterion, standard
# deviations of the factors and of the residual, and the mean.
@pytest.mark.parametrize(
    ("data", "layout", "deviance", "deviations", "mean"),
    [
        (DYESTUFF2, BATCHES, 161.8283, (0, 0, 3.7157), 5.6656),
        (PASTES, CASKS, 246.9907, (1.2874, 2.9041, 0.82340), 60.0533),
    ],
    ids=["no variance between batches", "nested"],
)
def test_lme4s_figures_are_met(data, layout, deviance, deviations, mean):
    response = np.array(data.split(), float)
    fitted = fit(response[None], np.ones((len(response), 1)), layout)
    assert fitted.deviance[0, 0] == pytest.approx(deviance, abs=5e-5)
    found = np.sqrt([*fitted.components[0, 0, :2], fitted.residual[0, 0]])
    assert found == pytest.approx(deviations, abs=6e-4)
    assert fitted.coefficients[0, 0, 0] == pytest.approx(mean, abs=5e-5)


def unbalanced(
    seed: int = 0,
) -> tuple[np.ndarray, np.ndarray, tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Three responses with all factors, their fixed effects, and the labels of families, designs
    and recipes."""
    rng = np.random.default_rng(seed)
    family = np.repeat(np.arange(9), rng.integers(2, 12, 9))
    design, recipe = family * 4 + rng.integers(0, 3, len(family)), rng.integers(0, 3, len(family))
    fixed = np.column_stack([np.ones(len(family)), rng.standard_normal(len(family))])
    responses = (
        fixed @ [1, 2]
        + 0.5 * rng.standard_normal((3, len(family)))
        + rng.standard_normal((3, 9))[:, family]
    )
    responses += (
        0.7 * rng.standard_normal((3, 40))[:, design] + 0.5 * rng.standard_normal((3, 3))[:, recipe]
    )
    return responses, fixed, (family, design, recipe)


def by_whole_matrices(
    response: np.ndarray, fixed: np.ndarray, labels: tuple[np.ndarray, ...]
) -> dict[str, np.ndarray]:
    """The same model by inverses of n x n matrices and a search without derivatives."""
    indicators = [np.equal.outer(of, np.unique(of)).astype(float) for of in labels]
    count, number = fixed.shape

    def solved(deviations: np.ndarray) -> tuple[np.ndarray, ...]:
        covariance = np.eye(count) + sum(
            d**2 * z @ z.T for d, z in zip(deviations, indicators, strict=True)
        )
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
        assert fitted.components[study, 0, list(factors)] == pytest.approx(
            known["variances"], abs=1e-4
        )
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
    assert (
        fitted.deviance[0, 0]
        <= by_whole_matrices(response, fixed, (family, design))["deviance"] + 1e-6
    )


def test_leaving_out_a_family_is_to_fit_the_others():
    responses, fixed, labels = unbalanced(1)
    fitted = fit(responses, fixed, Layout.of(*(of.astype(str) for of in labels)), leave_out=True)
    for family in range(9):
        kept = labels[0] != family
        others = Layout.of(*(of[kept].astype(str) for of in labels))
        alone = fit(responses[:, kept], fixed[kept], others)
        for name in ("components", "residual", "coefficients", "deviance"):
            expected = getattr(alone, name)[:, 0]
            np.testing.assert_allclose(
                getattr(fitted, name)[:, 1 + family], expected, rtol=1e-4, atol=1e-5
            )


def test_logits_become_points():
    assert points(0.0, 0.3) == 0
    assert points(0.01, 0.3) == pytest.approx(0.01 * 0.3 * 0.7 * 100, rel=1e-4)
    assert points(-1.0, 0.2) == -points(1.0, 0.2)
