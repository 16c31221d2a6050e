"""Similarity of where members look (attributions) and of what they represent (activations)."""

import numpy as np


def cosine_similarity(maps: np.ndarray) -> np.ndarray:
    """Mean over images of the cosine of two members' attribution maps.

    Args:
        maps: float M x N x H x W.

    Returns:
        float64 M x M in -1..1. A map of zeros points nowhere: its cosine with any other is 0, with a map of zeros 1.
    """
    members, images = maps.shape[:2]
    flat = maps.reshape(members, images, -1).astype(np.float64)
    norms = np.linalg.norm(flat, axis=2, keepdims=True)
    units = np.divide(flat, norms, out=np.zeros_like(flat), where=norms > 0)
    empty = (norms[..., 0] == 0).astype(np.float64)
    return (np.einsum("inx,jnx->ij", units, units, optimize=True) + empty @ empty.T) / images


def linear_cka(features: list[np.ndarray]) -> np.ndarray:
    """Linear centred kernel alignment of the features of the same images, without the bias of few images.

    Kornblith et al. (ICML 2019) with the unbiased estimator of HSIC of Song et al. (JMLR 2012) as used by
    Nguyen et al. (ICLR 2021): with K and L the Gram matrices with zeroed diagonals,
    HSIC = [tr(K L) + sum(K) sum(L) / ((n-1)(n-2)) - 2/(n-2) 1'K L 1] / (n(n-3)).

    Args:
        features: M arrays N x D, N the same in all and at least 4.

    Returns:
        float64 M x M, 1 for equal representations (up to rotation and scale) and about 0 for unrelated ones. Features
        that are the same for all images align with nothing: 0.
    """
    n = len(features[0])
    grams = np.empty((len(features), n, n))
    for gram, feature in zip(grams, features, strict=True):
        centred = feature.astype(np.float64) - feature.mean(axis=0, dtype=np.float64)
        np.matmul(centred, centred.T, out=gram)
        np.fill_diagonal(gram, 0)
    flat, rows = grams.reshape(len(features), -1), grams.sum(axis=2)
    totals = rows.sum(axis=1)
    hsic = flat @ flat.T + np.outer(totals, totals) / ((n - 1) * (n - 2)) - 2 / (n - 2) * rows @ rows.T
    own = np.sqrt(np.maximum(np.diag(hsic), 0))
    scale = np.outer(own, own)
    return np.divide(hsic, scale, out=np.zeros_like(hsic), where=scale > 0)
