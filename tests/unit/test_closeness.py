"""Closeness against a plain reference of its definition, and what it makes of known effects."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from resiliency.statistics.closeness import Families, closeness, replicates, share_within

SIZES = ((2,) * 8, (3, 3, 3), (6, 3, 2, 2, 1))


def study(sizes: tuple[int, ...], seed: int = 0, studies: int = 3) -> tuple[np.ndarray, np.ndarray]:
    """Predictors that depend on family by half, and a response that depends on all of them; the
    family of each."""
    rng, family = np.random.default_rng(seed), np.repeat(np.arange(len(sizes)), sizes)
    values = rng.standard_normal((studies, len(sizes), 3))[:, family] + rng.standard_normal(
        (studies, len(family), 3)
    )
    values[:, :, 2] += values[:, :, 0] - 0.5 * values[:, :, 1]
    return values, family


def by_definition(values: np.ndarray, family: np.ndarray) -> np.ndarray:
    """One study, in loops: float n x 3 -> the two deltas."""
    names, n = np.unique(family), len(family)
    sizes = np.array([(family == name).sum() for name in names])
    means = np.array([values[family == name].mean(axis=0) for name in names])
    within = [(values[family == name] - values[family == name].mean(axis=0)) for name in names]
    pooled = sum(left.T @ left for left in within) / (n - len(names))
    alike = np.mean([left.T @ left / (len(left) - 1) for left in within if len(left) > 1], axis=0)
    share = 1 - np.mean(1 / sizes)
    total = np.cov(means.T) + share * alike
    b, w = np.cov(means.T)[2, 2], share * alike[2, 2]
    freedom = (b + w) ** 2 / (b**2 / (len(names) - 1) + w**2 / (n - len(names)))

    def left_by(covariance, chosen, freedom):
        if not chosen:
            return values[:, 2]
        slopes = np.linalg.solve(covariance[np.ix_(chosen, chosen)], covariance[chosen, 2])
        return (values[:, 2] - values[:, chosen] @ slopes) * np.sqrt(
            freedom / max(freedom - len(chosen), 0.5)
        )

    def delta(across, inside):
        one, other = np.triu_indices(n, 1)
        apart, size = family[one] != family[other], (family[:, None] == family).sum(axis=0)
        distances = np.where(
            apart, abs(across[one] - across[other]), abs(inside[one] - inside[other])
        )
        weights = 1 / np.where(apart, size[one] * size[other], size[one] * (size[one] - 1))
        return 2 * roc_auc_score(apart, distances, sample_weight=weights) - 1

    def mean_delta(own, other):
        left = [
            (left_by(total, [own, *of], freedom), left_by(pooled, of, n - len(names)))
            for of in ([], [other])
        ]
        return np.mean([delta(across, inside) for across, inside in left])

    return np.array([mean_delta(0, 1), mean_delta(1, 0)])


@pytest.mark.parametrize(("sizes", "digits"), [*((sizes, 16) for sizes in SIZES), (SIZES[2], 0)])
def test_closeness_and_that_without_each_family_is_its_definition(sizes, digits):
    """Ties, of rounded values, count for neither side."""
    values, family = study(sizes)
    values = values.round(digits)
    of_all = replicates(values, Families.of(family))
    assert closeness(values, Families.of(family)) == pytest.approx(of_all[:, 0], abs=1e-12)
    for place, left_out in ((0, None), (1, 0), (len(sizes), len(sizes) - 1)):
        kept = family != left_out
        expected = [by_definition(of_study[kept], family[kept]) for of_study in values]
        assert of_all[:, place] == pytest.approx(np.array(expected), abs=1e-12)


def test_the_share_within_families_is_that_of_the_draw():
    rng, family = np.random.default_rng(0), np.repeat(np.arange(500), 3)
    share = np.array([0.1, 0.5, 1.0])
    between, within = rng.standard_normal((500, 3))[family], rng.standard_normal((1500, 3))
    values = np.sqrt(1 - share) * between + np.sqrt(share) * within
    assert share_within(values[None], Families.of(family))[0] == pytest.approx(share, abs=0.05)
    assert np.isnan(share_within(np.ones((1, 6, 3)), Families.of(list("aabbcc")))).all()
