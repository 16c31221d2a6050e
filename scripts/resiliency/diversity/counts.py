"""Diversity of whole ensembles, from how many of their members are right on each image.

All take `shares`: float64 E x (L + 1), for each of E ensembles of L members the share of images on which exactly
0, 1, ..., L members are right; rows sum to 1. Kuncheva and Whitaker (Machine Learning 51, 2003) is where the formulas
are collected; l is the number of members that are right on an image, and a mean is over images.
"""

import numpy as np


def _right(shares: np.ndarray) -> np.ndarray:
    return np.arange(shares.shape[1], dtype=np.float64)


def entropy(shares: np.ndarray) -> np.ndarray:
    """Entropy E: mean of min(l, L - l) / (L - ceil(L / 2)); float64 E in 0..1, larger is more diverse."""
    right = _right(shares)
    size = len(right) - 1
    return shares @ (np.minimum(right, size - right) / (size // 2))


def kohavi_wolpert(shares: np.ndarray) -> np.ndarray:
    """Kohavi-Wolpert variance: mean of l (L - l) / L^2 (Kohavi and Wolpert 1996).

    float64 E in 0..1/4, larger is more diverse; (L - 1) / (2 L) of the mean disagreement of pairs.
    """
    right = _right(shares)
    size = len(right) - 1
    return shares @ (right * (size - right) / size**2)


def interrater_kappa(shares: np.ndarray) -> np.ndarray:
    """Interrater agreement of correctness: 1 - mean of l (L - l) / (L (L - 1) p (1 - p)), p the mean accuracy (Fleiss).

    float64 E in -1/(L - 1)..1, larger is less diverse. Members that are all always right, or all never: 1.
    """
    size = shares.shape[1] - 1
    accuracy = shares @ _right(shares) / size
    chance = (size - 1) / size * accuracy * (1 - accuracy)
    return 1 - np.divide(kohavi_wolpert(shares), chance, out=np.zeros_like(chance), where=chance > 1e-12)


def generalised_diversity(shares: np.ndarray) -> np.ndarray:
    """Generalised diversity 1 - p(2) / p(1) (Partridge and Krzanowski 1997).

    p(1) is the probability that a member drawn at random fails, p(2) that two drawn without replacement both do.
    float64 E in 0..1, larger is more diverse. Without any failure: 0.
    """
    size = shares.shape[1] - 1
    failing = size - _right(shares)
    one, two = shares @ (failing / size), shares @ (failing * (failing - 1) / (size * (size - 1)))
    return 1 - np.divide(two, one, out=np.ones_like(one), where=one > 0)


def coincident_failure_diversity(shares: np.ndarray) -> np.ndarray:
    """Coincident failure diversity: mean of l / (L - 1) over the images on which any member fails (as above).

    float64 E in 0..1: 1 where failures never coincide, 0 where all members fail together, or none ever does.
    """
    right = _right(shares)
    size = len(right) - 1
    failures = 1 - shares[:, size]
    total = shares[:, :size] @ (right[:size] / (size - 1))
    return np.divide(total, failures, out=np.zeros_like(total), where=failures > 1e-12)


def difficulty(shares: np.ndarray) -> np.ndarray:
    """Difficulty theta: variance over images of l / L (Hansen and Salamon 1990).

    float64 E in 0..1/4, larger is less diverse. 0 where all images are as hard, as when all members are always right.
    """
    share = _right(shares) / (shares.shape[1] - 1)
    return np.maximum(shares @ share**2 - (shares @ share) ** 2, 0)


def common_failure(shares: np.ndarray, failures: np.ndarray) -> np.ndarray:
    """Rate at which all members fail together, less what it would be were failures independent.

    shares[:, 0] - prod_i q_i, after Eckhardt and Lee (1985) and Littlewood and Miller (1989).

    Args:
        failures: float64 E x L, failure rate q_i of each member.

    Returns:
        float64 E in -1..1, larger is less diverse.
    """
    return shares[:, 0] - failures.prod(axis=1)


def geometric_ambiguity(log_sums: np.ndarray) -> np.ndarray:
    """Diversity term of the bias-variance-diversity decomposition of cross-entropy (Wood et al., JMLR 2023).

    (1/L) sum_i CE(p_i, y) - CE(p_geo, y), with p_geo the normalised geometric mean of the members' probabilities, is
    the mean over images of -ln sum_k exp((1/L) sum_i ln p_ik), and so does not depend on the label.

    Args:
        log_sums: float64 E, mean over images of ln sum_k exp((1/L) sum_i ln p_ik).

    Returns:
        float64 E, in nats, 0 up; larger is more diverse.
    """
    return np.maximum(-log_sums, 0)
