"""Diversity metrics of pairs and of whole ensembles, against definitions and other implementations."""

from itertools import combinations, permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.spatial.distance import cosine, jensenshannon
from scipy.special import xlogy
from scipy.stats import spearmanr
from skimage.metrics import structural_similarity as reference_ssim
from sklearn.metrics import cohen_kappa_score
from sklearn.metrics.pairwise import cosine_similarity as pairwise_cosine

from resiliency.diversity.predictions import (
    cohen_kappa,
    coincident_failure_diversity,
    common_failure,
    correlation,
    difficulty,
    disagreement,
    double_fault,
    entropy,
    error_consistency,
    generalised_diversity,
    interrater_kappa,
    jensen_shannon,
    kohavi_wolpert,
    label_disagreement,
    mixture_entropies,
    probability_cosine,
    q_statistic,
)
from resiliency.diversity.representations import (
    cosine_similarity,
    linear_cka,
    spearman_correlation,
    structural_similarity,
    top_iou,
)
from resiliency.ensembles.combination import packed, right_counts
from resiliency.ensembles.pool import ensembles_of
from resiliency.statistics.gram import gram

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


def test_a_gram_matrix_is_a_sum_over_parts_of_the_features(monkeypatch):
    features = np.random.default_rng(0).standard_normal((12, 50)).astype(np.float32) + 3
    centred = features.astype(float) - features.mean(axis=0, dtype=float)
    for values in (2**24, 12 * 7, 1):
        monkeypatch.setattr("resiliency.statistics.gram.VALUES", values)
        np.testing.assert_allclose(gram(features), centred @ centred.T, rtol=1e-12, atol=1e-12)


correctness_counts = arrays(bool, st.tuples(st.integers(2, 5), st.integers(1, 30)))


def shares_of(correct: np.ndarray) -> np.ndarray:
    """1 x (L + 1), of one ensemble from bool L x N."""
    return np.bincount(correct.sum(axis=0), minlength=len(correct) + 1)[None] / correct.shape[1]


@pytest.mark.parametrize("images", [1, 63, 64, 130])
@pytest.mark.parametrize("size", [2, 3, 4, 5])
def test_counts_against_sums(images, size):
    correct = np.random.default_rng(0).random((7, images)) < 0.6
    ensembles = ensembles_of(7, size)
    expected = [np.bincount(correct[row].sum(axis=0), minlength=size + 1) for row in ensembles]
    np.testing.assert_array_equal(right_counts(ensembles, packed(correct), images), expected)


@given(correctness_counts)
@settings(deadline=None)
def test_metrics_by_loops(correct):
    """Each by its formula, an image at a time."""
    size, n = correct.shape
    count = [int(sum(column)) for column in correct.T]
    shares = shares_of(correct)
    spread = sum(c * (size - c) for c in count)
    expected = sum(min(c, size - c) for c in count) / (size - -(-size // 2)) / n
    assert entropy(shares)[0] == pytest.approx(expected)
    assert kohavi_wolpert(shares)[0] == pytest.approx(spread / (n * size**2))
    accuracy = sum(count) / (n * size)
    if 0 < accuracy < 1:
        expected = 1 - spread / (n * size * (size - 1) * accuracy * (1 - accuracy))
        assert interrater_kappa(shares)[0] == pytest.approx(expected)
    assert difficulty(shares)[0] == pytest.approx(np.var(np.array(count) / size), abs=1e-12)
    failing = [[i for i in range(size) if not correct[i, image]] for image in range(n)]
    one = sum(len(f) for f in failing) / (n * size)
    two = sum(len(list(combinations(f, 2))) for f in failing) / (n * size * (size - 1) / 2)
    assert generalised_diversity(shares)[0] == pytest.approx(1 - two / one if one else 0)
    some = [size - len(f) for f in failing if f]
    assert coincident_failure_diversity(shares)[0] == pytest.approx(np.mean(some) / (size - 1) if some else 0)


def test_common_failure_by_hand():
    """Two members that fail on 3 and 2 images of 10, once together; a member and its copy."""
    shares = np.array([[0.1, 0.3, 0.6], [0.3, 0, 0.7]])
    covariances = common_failure(shares, np.array([[0.3, 0.2], [0.3, 0.3]]))
    np.testing.assert_allclose(covariances, [0.1 - 0.06, 0.3 - 0.09])


@given(st.integers(0, 1000))
@settings(deadline=None, max_examples=30)
def test_cosine_against_scikit_learn(seed):
    maps = np.random.default_rng(seed).standard_normal((3, 4, 5, 6)).astype(np.float16)
    similarities = cosine_similarity(maps)
    flat = maps.reshape(3, 4, -1).astype(float)
    for i in range(3):
        for j in range(3):
            assert similarities[i, j] == pytest.approx(np.mean(np.diag(pairwise_cosine(flat[i], flat[j]))))


def test_cosine_of_maps_of_zeros():
    """Image 0 is zero for the first two members, image 1 for the first alone."""
    maps = np.ones((3, 2, 2, 2), np.float16)
    maps[0] = 0
    maps[1, 0] = 0
    expected = [[1, 0.5, 0], [0.5, 1, 0.5], [0, 0.5, 1]]
    np.testing.assert_allclose(cosine_similarity(maps), expected)


@pytest.mark.parametrize("seed", range(3))
def test_spearman_against_scipy(seed):
    maps = np.random.default_rng(seed).integers(-4, 5, (3, 4, 5, 6)).astype(np.float16)
    correlations = spearman_correlation(maps)
    for i, j in combinations(range(3), 2):
        expected = [spearmanr(a.ravel(), b.ravel()).statistic for a, b in zip(maps[i], maps[j], strict=True)]
        assert correlations[i, j] == pytest.approx(np.mean(expected))


def test_top_iou_by_sets():
    maps = np.random.default_rng(0).standard_normal((3, 6, 7, 7)).astype(np.float16)
    overlaps = top_iou(maps)
    for i, j in combinations(range(3), 2):
        tops = [[set(np.argsort(-m.ravel())[:5].tolist()) for m in maps[k]] for k in (i, j)]
        expected = [len(a & b) / len(a | b) for a, b in zip(*tops, strict=True)]
        assert overlaps[i, j] == pytest.approx(np.mean(expected))


@pytest.mark.parametrize("shape", [(16, 16), (12, 20)])
def test_ssim_against_scikit_image(shape):
    maps = np.random.default_rng(0).uniform(-1, 1, (3, 4, *shape))
    maps[1] = (maps[0] + maps[1]) / 2
    similarities = structural_similarity(maps)
    for i, j in combinations(range(3), 2):
        expected = [
            reference_ssim(
                a, b, gaussian_weights=True, sigma=1.5, use_sample_covariance=False, data_range=2, full=True
            )[1].mean()
            for a, b in zip(maps[i], maps[j], strict=True)
        ]  # fmt: skip
        assert similarities[i, j] == pytest.approx(np.mean(expected), abs=1e-9)
    np.testing.assert_allclose(np.diag(similarities), 1)
