"""Similarity of attributions and of activations.

A similarity of attributions compares maps, finite floats M x N x H x W of M members and N images,
and is float64 M x M, a mean over the images. Values are not checked: NaN gives NaN."""

from collections.abc import Callable, Sequence

import numpy as np

from resiliency.statistics.correlation import gram


def applicable(arrays: Sequence[np.ndarray]) -> np.ndarray:
    """Whether each member's array has values rather than NaN, which marks a method that does not
    apply; bool M."""
    return np.array([bool(np.isfinite(array).all()) for array in arrays])


def cosine_similarity(maps: np.ndarray) -> np.ndarray:
    """Cosine similarity of maps, M x N x H x W; M x M in -1..1.

    That of a map of zeros is 1 with another map of zeros and 0 with any other map.
    """
    return _mean_over_images(_cosine, maps)


def spearman_correlation(maps: np.ndarray) -> np.ndarray:
    """Spearman's rank correlation of the pixels of maps, M x N x H x W; M x M in -1..1.

    That of a constant map is 1 with another constant map and 0 with any other map.
    """
    from scipy.stats import rankdata  # takes half a second to load

    def of_ranks(flat: np.ndarray) -> np.ndarray:
        ranks = rankdata(flat, axis=1)
        return _cosine(ranks - ranks.mean(axis=1, keepdims=True))

    return _mean_over_images(of_ranks, maps)


SIMILARITIES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "cosine": cosine_similarity,
    "spearman": spearman_correlation,
}


def _mean_over_images(
    similarity: Callable[[np.ndarray], np.ndarray], maps: np.ndarray
) -> np.ndarray:
    """Mean of `similarity`, float64 M x P -> M x M, image by image, so that few maps are in memory
    at once."""
    members, images = maps.shape[:2]
    flat = (maps[:, image].reshape(members, -1).astype(np.float64) for image in range(images))
    return sum(map(similarity, flat)) / images


def _cosine(flat: np.ndarray) -> np.ndarray:
    norms = np.linalg.norm(flat, axis=1, keepdims=True)
    units = np.divide(flat, norms, out=np.zeros_like(flat), where=norms > 0)
    empty = (norms == 0).astype(np.float64)
    return units @ units.T + empty @ empty.T


def linear_cka(features: list[np.ndarray]) -> np.ndarray:
    """Linear centred kernel alignment (CKA) of features, without the bias of few images; see
    `gram_cka`.

    Args:
        features: M arrays of finite floats N x D, of the same N images (4 or more); D may differ.

    Raises:
        ValueError: the arrays have different numbers of images.
    """
    return gram_cka(np.stack([gram(feature) for feature in features]))


def gram_cka(grams: np.ndarray) -> np.ndarray:
    """Linear centred kernel alignment from Gram matrices of centred features, without the bias of
    few images.

    Kornblith et al. (ICML 2019) with the unbiased estimator of HSIC of Song et al. (JMLR 2012) as
    used by Nguyen et al. (ICLR 2021): with K and L the Gram matrices with zeroed diagonals, HSIC =
    [tr(K L) + sum(K) sum(L) / ((n-1)(n-2)) - 2/(n-2) 1'K L 1] / (n(n-3)).

    Args:
        grams: M x N x N, N at least 4.

    Returns:
        float64 M x M, 1 for equal representations (up to rotation and scale) and about 0, perhaps
        below, for unrelated ones. Features that are the same for all images align with nothing: 0.
    """
    grams = np.array(grams, dtype=np.float64)
    n = grams.shape[1]
    grams[:, np.arange(n), np.arange(n)] = 0
    flat, rows = grams.reshape(len(grams), -1), grams.sum(axis=2)
    totals = rows.sum(axis=1)
    hsic = (
        flat @ flat.T + np.outer(totals, totals) / ((n - 1) * (n - 2)) - 2 / (n - 2) * rows @ rows.T
    )
    own = np.sqrt(np.maximum(np.diag(hsic), 0))
    scale = np.outer(own, own)
    return np.divide(hsic, scale, out=np.zeros_like(hsic), where=scale > 0)
