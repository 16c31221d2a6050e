"""Diversity metrics of pairs and of whole ensembles, against definitions and other
implementations."""

from collections.abc import Callable
from itertools import combinations, permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.spatial.distance import jensenshannon
from scipy.special import xlogy
from scipy.stats import spearmanr
from sklearn.metrics import cohen_kappa_score
from sklearn.metrics.pairwise import cosine_similarity as pairwise_cosine

from resiliency.diversity import predictions, representations
from resiliency.ensembles.pool import ensembles_of
from resiliency.statistics.correlation import gram


def cosine(one: np.ndarray, other: np.ndarray) -> float:
    return pairwise_cosine([one.ravel()], [other.ravel()])[0, 0]


def check_pairs(
    values: np.ndarray, reference: Callable, members: np.ndarray, within: float
) -> None:
    """Compare each pair of a symmetric table, float L x L, with another implementation of two
    members."""
    np.testing.assert_array_equal(values, values.T)
    for i, j in combinations(range(len(values)), 2):
        assert values[i, j] == pytest.approx(reference(members[i], members[j]), abs=within)


def of_images(function: Callable) -> Callable[[np.ndarray, np.ndarray], float]:
    """The mean over images of a function of what two members have of one."""
    return lambda one, other: np.mean([function(a, b) for a, b in zip(one, other, strict=True)])


def q(one: np.ndarray, other: np.ndarray) -> float:
    """Of the images that both get right, only the first, only the second, neither."""
    pairs = list(zip(one.tolist(), other.tolist(), strict=True))
    a, b, c, d = (
        pairs.count(pair) for pair in ((True, True), (True, False), (False, True), (False, False))
    )
    return (a * d - b * c) / (a * d + b * c) if a * d + b * c else float(b + c == 0)


def rho(one: np.ndarray, other: np.ndarray) -> float:
    if one.std() > 0 and other.std() > 0:
        return np.corrcoef(one, other)[0, 1]
    return 1 if (one == other).all() else 0


def kappa(one: np.ndarray, other: np.ndarray) -> float:
    """1 where both say the same of all images, which scikit-learn does not define."""
    constant = (one == other).all() and len(set(one.tolist())) == 1
    return 1 if constant else cohen_kappa_score(one, other)


OF_CORRECTNESS = {
    "disagreement": of_images(lambda a, b: a != b),
    "double_fault": of_images(lambda a, b: not (a or b)),
    "q_statistic": q,
    "correlation": rho,
    "error_consistency": kappa,
}


@pytest.mark.parametrize("name", OF_CORRECTNESS)
@given(arrays(bool, st.tuples(st.integers(2, 4), st.integers(1, 30))))
@settings(max_examples=60)
def test_correctness_against_counts_numpy_and_scikit_learn(name, correct):
    check_pairs(getattr(predictions, name)(correct), OF_CORRECTNESS[name], correct, 1e-9)


@given(arrays(np.int64, st.tuples(st.just(3), st.integers(1, 20)), elements=st.integers(0, 3)))
@settings(max_examples=50)
def test_labels_against_scikit_learn(predicted):
    check_pairs(
        predictions.label_disagreement(predicted), of_images(lambda a, b: a != b), predicted, 1e-9
    )
    check_pairs(predictions.cohen_kappa(predicted), kappa, predicted, 1e-9)


@given(st.integers(0, 1000))
@settings(max_examples=30)
def test_probabilities_against_scipy_and_scikit_learn(seed):
    probabilities = (
        np.random.default_rng(seed).dirichlet(np.full(4, 0.4), (3, 6)).astype(np.float32)
    )
    divergence, exact = (
        of_images(lambda a, b: jensenshannon(a, b, base=2) ** 2),
        probabilities.astype(float),
    )
    check_pairs(predictions.jensen_shannon(probabilities), divergence, exact, 1e-7)
    check_pairs(predictions.probability_cosine(probabilities), of_images(cosine), exact, 1e-6)


def test_cosines_are_the_same_on_every_processor():
    """In whatever order products are added: images and classes in another one change no bit."""
    random = np.random.default_rng(0)
    probabilities = random.dirichlet(np.full(10, 0.4), (5, 3_000)).astype(np.float32)
    images, classes = random.permutation(3_000), random.permutation(10)
    moved = np.ascontiguousarray(probabilities[:, images][:, :, classes])
    assert (
        predictions.probability_cosine(moved) == predictions.probability_cosine(probabilities)
    ).all()


@pytest.mark.parametrize("least", [1e-2, 1e-12, 1e-40, 0])
def test_entropies_of_mixtures_over_all_magnitudes(least):
    random = np.random.default_rng(0)
    probabilities = (
        10 ** random.uniform(-38, 0, (3, 7, 600)) * (random.random((3, 7, 600)) < 0.1) + least
    )
    probabilities = (probabilities / probabilities.sum(axis=2, keepdims=True)).astype(np.float32)
    mixed = (probabilities[:, None].astype(float) + probabilities) / 2
    expected = -xlogy(mixed, mixed).sum(axis=(2, 3)) / np.log(2)
    np.testing.assert_allclose(predictions.mixture_entropies(probabilities), expected, rtol=2e-7)


def unbiased_hsic_by_loops(one: np.ndarray, other: np.ndarray) -> float:
    """The U-statistic of HSIC with linear kernels: the mean of its symmetric kernel over all
    quadruples."""
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
    cross, first, second = (
        unbiased_hsic_by_loops(a, b) for a, b in ((one, other), (one, one), (other, other))
    )
    assert representations.linear_cka([one, other])[0, 1] == pytest.approx(
        cross / np.sqrt(first * second), abs=1e-9
    )


@pytest.mark.parametrize("value", [0.0, 0.1, 1e3])
def test_features_that_are_the_same_for_all_images_align_with_nothing(value):
    features = [
        np.full((7, 3), value, np.float32),
        np.random.default_rng(0).standard_normal((7, 3)).astype(np.float32),
    ]
    alignments = representations.linear_cka(features)
    assert alignments[0, 1] == alignments[1, 0] == alignments[0, 0] == 0
    assert alignments[1, 1] == pytest.approx(1)


def test_a_gram_matrix_is_a_sum_over_parts_of_the_features(monkeypatch):
    features = np.random.default_rng(0).standard_normal((12, 50)).astype(np.float32) + 3
    centred = features.astype(float) - features.mean(axis=0, dtype=float)
    for values in (2**24, 12 * 7, 1):
        monkeypatch.setattr("resiliency.statistics.correlation.VALUES", values)
        np.testing.assert_allclose(gram(features), centred @ centred.T, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(("images", "size"), [(1, 2), (63, 3), (64, 4), (130, 5)])
def test_counts_against_sums(images, size):
    correct = np.random.default_rng(0).random((7, images)) < 0.6
    ensembles = ensembles_of(7, size)
    expected = [np.bincount(correct[row].sum(axis=0), minlength=size + 1) for row in ensembles]
    np.testing.assert_array_equal(predictions.right_counts(ensembles, correct), expected)


@given(arrays(bool, st.tuples(st.integers(2, 5), st.integers(1, 30))))
def test_metrics_by_loops(correct):
    """Each by its formula, an image at a time."""
    size, n = correct.shape
    count = [int(sum(column)) for column in correct.T]
    shares = np.bincount(correct.sum(axis=0), minlength=size + 1)[None] / n
    spread = sum(c * (size - c) for c in count)
    expected = sum(min(c, size - c) for c in count) / (size - -(-size // 2)) / n
    assert predictions.entropy(shares)[0] == pytest.approx(expected)
    assert predictions.kohavi_wolpert(shares)[0] == pytest.approx(spread / (n * size**2))
    accuracy = sum(count) / (n * size)
    if 0 < accuracy < 1:
        expected = 1 - spread / (n * size * (size - 1) * accuracy * (1 - accuracy))
        assert predictions.interrater_kappa(shares)[0] == pytest.approx(expected)
    assert predictions.difficulty(shares)[0] == pytest.approx(
        np.var(np.array(count) / size), abs=1e-12
    )
    failing = [[i for i in range(size) if not correct[i, image]] for image in range(n)]
    one = sum(len(f) for f in failing) / (n * size)
    two = sum(len(list(combinations(f, 2))) for f in failing) / (n * size * (size - 1) / 2)
    assert predictions.generalised_diversity(shares)[0] == pytest.approx(
        1 - two / one if one else 0
    )
    some = [size - len(f) for f in failing if f]
    expected = np.mean(some) / (size - 1) if some else 0
    assert predictions.coincident_failure_diversity(shares)[0] == pytest.approx(expected)


def test_common_failure_by_hand():
    """Two members that fail on 3 and 2 images of 10, once together; a member and its copy."""
    shares = np.array([[0.1, 0.3, 0.6], [0.3, 0, 0.7]])
    covariances = predictions.common_failure(shares, np.array([[0.3, 0.2], [0.3, 0.3]]))
    np.testing.assert_allclose(covariances, [0.1 - 0.06, 0.3 - 0.09])


@given(st.integers(0, 1000))
@settings(max_examples=30)
def test_cosine_against_scikit_learn(seed):
    maps = np.random.default_rng(seed).standard_normal((3, 4, 5, 6)).astype(np.float16)
    check_pairs(
        representations.cosine_similarity(maps), of_images(cosine), maps.astype(float), 1e-9
    )


def test_cosine_of_maps_of_zeros():
    """Image 0 is zero for the first two members, image 1 for the first alone."""
    maps = np.ones((3, 2, 2, 2), np.float16)
    maps[0] = 0
    maps[1, 0] = 0
    expected = [[1, 0.5, 0], [0.5, 1, 0.5], [0, 0.5, 1]]
    np.testing.assert_allclose(representations.cosine_similarity(maps), expected)


@pytest.mark.parametrize("seed", range(3))
def test_spearman_against_scipy(seed):
    maps = np.random.default_rng(seed).integers(-4, 5, (3, 4, 5, 6)).astype(np.float16)
    correlation = of_images(lambda a, b: spearmanr(a.ravel(), b.ravel()).statistic)
    check_pairs(representations.spearman_correlation(maps), correlation, maps, 1e-6)
