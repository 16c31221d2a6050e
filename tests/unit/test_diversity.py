"""Every pairwise diversity metric, against loops, scikit-learn and SciPy."""

from itertools import combinations, permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.spatial.distance import cosine, jensenshannon
from scipy.special import xlogy
from sklearn.metrics import cohen_kappa_score

from resiliency.diversity.gram import gram
from resiliency.diversity.metrics import METRICS
from resiliency.diversity.predictions import (
    cohen_kappa,
    correlation,
    disagreement,
    double_fault,
    error_consistency,
    jensen_shannon,
    label_disagreement,
    mixture_entropies,
    probability_cosine,
    q_statistic,
)
from resiliency.diversity.representations import linear_cka
from resiliency.diversity.settings import STAGES

METHODS = [name.removesuffix("_cosine") for name, metric in METRICS.items() if name == f"{metric.source}_cosine"]
correctness = arrays(bool, st.tuples(st.integers(2, 4), st.integers(1, 30)))


def random_probabilities(seed: int, members: int = 3, images: int = 6, classes: int = 4) -> np.ndarray:
    return np.random.default_rng(seed).dirichlet(np.full(classes, 0.4), (members, images)).astype(np.float32)


def table(one: np.ndarray, other: np.ndarray) -> tuple[int, int, int, int]:
    """Images that both get right, only the first, only the second, neither."""
    pairs = list(zip(one.tolist(), other.tolist(), strict=True))
    return tuple(pairs.count(pair) for pair in ((True, True), (True, False), (False, True), (False, False)))


@given(correctness)
@settings(deadline=None)
def test_correctness_metrics_against_counts(correct):
    differ, fault, q = disagreement(correct), double_fault(correct), q_statistic(correct)
    n = correct.shape[1]
    for i in range(len(correct)):
        for j in range(len(correct)):
            a, b, c, d = table(correct[i], correct[j])
            assert differ[i, j] == pytest.approx((b + c) / n)
            assert fault[i, j] == pytest.approx(d / n)
            if a * d + b * c:
                assert q[i, j] == pytest.approx((a * d - b * c) / (a * d + b * c))
            else:
                assert q[i, j] == (1 if b + c == 0 else 0)


def test_q_of_members_that_never_fail_together():
    correct = np.array([[1, 1, 0, 0], [0, 0, 1, 1], [1, 1, 1, 1]], bool)
    q = q_statistic(correct)
    assert q[0, 1] == -1
    assert q[0, 2] == 0  # nothing can be said beside a member that is always right
    assert q[2, 2] == 1


@given(correctness)
@settings(deadline=None, max_examples=50)
def test_correlation_and_consistency_against_numpy_and_scikit_learn(correct):
    rho, kappa = correlation(correct), error_consistency(correct)
    for i, j in combinations(range(len(correct)), 2):
        one, other = correct[i], correct[j]
        same = (one == other).all()
        if one.std() > 0 and other.std() > 0:
            assert rho[i, j] == pytest.approx(np.corrcoef(one, other)[0, 1], abs=1e-9)
        else:
            assert rho[i, j] == (1 if same else 0)
        constant = same and one.std() == 0
        assert kappa[i, j] == pytest.approx(1 if constant else cohen_kappa_score(one, other), abs=1e-9)


@given(arrays(np.int64, st.tuples(st.just(3), st.integers(1, 20)), elements=st.integers(0, 3)))
@settings(deadline=None, max_examples=50)
def test_labels_against_scikit_learn(predicted):
    unlike, kappa = label_disagreement(predicted), cohen_kappa(predicted)
    for i, j in combinations(range(3), 2):
        one, other = predicted[i], predicted[j]
        assert unlike[i, j] == pytest.approx(sum(a != b for a, b in zip(one, other, strict=True)) / len(one))
        constant = (one == other).all() and len(set(one.tolist())) == 1
        assert kappa[i, j] == pytest.approx(1 if constant else cohen_kappa_score(one, other), abs=1e-9)


@pytest.mark.parametrize("right", [True, False])
def test_members_that_never_differ_are_alike_and_others_say_nothing(right):
    """All right or all wrong on every image: nothing is NaN, and copies are as alike as can be."""
    correct = np.full((2, 8), right)
    for metric in (q_statistic, correlation, error_consistency):
        np.testing.assert_array_equal(metric(correct), 1)
    np.testing.assert_array_equal(disagreement(correct), 0)


def test_probability_cosine_against_scipy():
    probabilities = random_probabilities(0)
    similarities = probability_cosine(probabilities)
    for i, j in combinations(range(3), 2):
        images = zip(probabilities[i].astype(float), probabilities[j].astype(float), strict=True)
        assert similarities[i, j] == pytest.approx(1 - np.mean([cosine(a, b) for a, b in images]), abs=1e-6)


@given(st.integers(0, 1000))
@settings(deadline=None, max_examples=30)
def test_jensen_shannon_against_scipy(seed):
    probabilities = random_probabilities(seed)
    divergences = jensen_shannon(probabilities)
    for i, j in combinations(range(3), 2):
        images = range(probabilities.shape[1])
        distances = [jensenshannon(probabilities[i, n].astype(float), probabilities[j, n], base=2) for n in images]
        assert divergences[i, j] == pytest.approx(np.mean(np.square(distances)), abs=1e-7)
        assert divergences[j, i] == divergences[i, j]


@pytest.mark.parametrize("least", [1e-2, 1e-12, 1e-40, 0])
def test_entropies_of_mixtures_over_all_magnitudes(least):
    random = np.random.default_rng(0)
    probabilities = 10 ** random.uniform(-38, 0, (3, 7, 600)) * (random.random((3, 7, 600)) < 0.1) + least
    probabilities = (probabilities / probabilities.sum(axis=2, keepdims=True)).astype(np.float32)
    mixed = (probabilities[:, None].astype(float) + probabilities) / 2
    expected = -xlogy(mixed, mixed).sum(axis=(2, 3)) / np.log(2)
    np.testing.assert_allclose(mixture_entropies(probabilities), expected, rtol=2e-7)


def unbiased_hsic_by_loops(one: np.ndarray, other: np.ndarray) -> float:
    """The U-statistic of HSIC with linear kernels: the mean of its symmetric kernel over all quadruples."""
    k, l = one @ one.T, other @ other.T  # noqa: E741
    values = []
    for quadruple in combinations(range(len(one)), 4):
        h = [k[t, u] * (l[t, u] + l[v, w] - 2 * l[t, v]) for t, u, v, w in permutations(quadruple)]
        values.append(sum(h) / 24)
    return float(np.mean(values))


@pytest.mark.parametrize("seed", range(5))
def test_cka_against_the_definition(seed):
    rng = np.random.default_rng(seed)
    one, other = rng.standard_normal((6, 4)) + 3, rng.standard_normal((6, 9))
    cross, first, second = (unbiased_hsic_by_loops(a, b) for a, b in ((one, other), (one, one), (other, other)))
    assert linear_cka([one, other])[0, 1] == pytest.approx(cross / np.sqrt(first * second), abs=1e-9)


def biased_cka(one: np.ndarray, other: np.ndarray) -> float:
    one, other = one - one.mean(axis=0), other - other.mean(axis=0)
    scale = np.linalg.norm(one.T @ one) * np.linalg.norm(other.T @ other)
    return np.linalg.norm(one.T @ other) ** 2 / scale


def test_cka_of_few_images_is_not_biased():
    """Unrelated features, more of them than images: about 0, where the usual estimator says nearly 1."""
    rng = np.random.default_rng(0)
    pairs = [rng.standard_normal((2, 20, 64)) for _ in range(60)]
    unbiased = np.mean([linear_cka(list(pair))[0, 1] for pair in pairs])
    biased = np.mean([biased_cka(*pair) for pair in pairs])
    assert abs(unbiased) < 0.05
    assert biased > 0.7


@pytest.mark.parametrize("value", [0.0, 0.1, 1e3])
def test_features_that_are_the_same_for_all_images_align_with_nothing(value):
    features = [np.full((7, 3), value, np.float32), np.random.default_rng(0).standard_normal((7, 3)).astype(np.float32)]
    alignments = linear_cka(features)
    assert alignments[0, 1] == alignments[1, 0] == alignments[0, 0] == 0
    assert alignments[1, 1] == pytest.approx(1)


def sources(seed: int = 0, twins: bool = False) -> dict[str, object]:
    """What the metrics take, for three members of which the first two may be the same."""
    rng = np.random.default_rng(seed)
    probabilities = random_probabilities(seed, images=30)
    inputs = {
        "correct": rng.random((3, 30)) < 0.7,
        "predicted": rng.integers(0, 4, (3, 30)),
        "probabilities": probabilities,
        **{method: rng.standard_normal((3, 30, 4, 4)) for method in METHODS},
        "features": list(rng.standard_normal((3, 30, 5))),
        **{stage: np.stack([gram(f) for f in rng.standard_normal((3, 30, 6))]) for stage in STAGES},
    }
    if twins:
        for array in inputs.values():
            array[1] = array[0].copy()
    return inputs


@pytest.mark.parametrize("name", METRICS)
def test_every_metric_is_symmetric_and_follows_the_order_of_members(name):
    metric, source = METRICS[name], sources()[METRICS[name].source]
    values = metric.raw(source)
    np.testing.assert_allclose(values, values.T, atol=1e-9)
    order = [2, 0, 1]
    moved = metric.raw([source[i] for i in order] if isinstance(source, list) else source[order])
    np.testing.assert_allclose(moved, values[np.ix_(order, order)], atol=1e-9)


def test_a_gram_matrix_is_a_sum_over_parts_of_the_features(monkeypatch):
    features = np.random.default_rng(0).standard_normal((12, 50)).astype(np.float32) + 3
    centred = features.astype(float) - features.mean(axis=0, dtype=float)
    for values in (2**24, 12 * 7, 1):
        monkeypatch.setattr("resiliency.diversity.gram.VALUES", values)
        np.testing.assert_allclose(gram(features), centred @ centred.T, rtol=1e-12, atol=1e-12)
