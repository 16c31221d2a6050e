"""Similarities of attribution maps against independent implementations."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import spearmanr
from skimage.metrics import structural_similarity as reference_ssim
from sklearn.metrics.pairwise import cosine_similarity as pairwise_cosine

from resiliency.diversity.representations import cosine_similarity, spearman_correlation, structural_similarity, top_iou


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
