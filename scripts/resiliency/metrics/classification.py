"""How right a classifier is, and how honest its probabilities are."""

import numpy as np

ECE_BINS = 15
# Columns of a table of bins of confidence.
CALIBRATION = ["images", "bin_low", "bin_high", "predictions", "mean_confidence", "accuracy"]


def softmax(logits: np.ndarray) -> np.ndarray:
    """Probabilities float32 ... x K of logits of any float type, ... x K."""
    logits = logits.astype(np.float32)
    exponentials = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return exponentials / exponentials.sum(axis=-1, keepdims=True)


def negative_log_likelihood(probabilities: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Mean of -ln p(label), in nats, over the images.

    Args:
        probabilities: ... x N x K; a probability below 1e-12 counts as 1e-12.
        labels: int N.

    Returns:
        float64 of the leading shape.
    """
    chosen = _of_label(probabilities, labels)
    return -np.log(np.maximum(chosen, 1e-12), dtype=np.float64).mean(axis=-1)


def brier_score(probabilities: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Mean over images of sum_k (p_k - [k = label])^2, in 0..2 (Brier, 1950); arguments as above."""
    squares = np.square(probabilities, dtype=np.float64).sum(axis=-1)
    return (squares - 2 * _of_label(probabilities, labels) + 1).mean(axis=-1)


def expected_calibration_error(probabilities: np.ndarray, labels: np.ndarray) -> float:
    """Sum over 15 equal-width bins of confidence of |accuracy - confidence|, weighted by images (Guo et al., 2017).

    Args:
        probabilities: N x K.
        labels: int N.

    Returns:
        A value in 0..1. A confidence on the edge of two bins is in the lower one.
    """
    return calibration_error(confidence_bins(probabilities, labels))


def calibration_error(bins: np.ndarray) -> float:
    """The same of the bins that `confidence_bins` returns, float64 3 x 15."""
    images, right, confidence = bins
    return float(np.abs(right - confidence).sum() / images.sum())


def confidence_bins(probabilities: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """What a reliability diagram shows: images, right answers and summed confidence in 15 equal-width bins.

    Args:
        probabilities, labels: as above.

    Returns:
        float64 3 x 15, from the lowest confidence to the highest.
    """
    confidence = probabilities.max(axis=-1).astype(np.float64)
    correct = probabilities.argmax(axis=-1) == labels
    bins = bin_of(confidence)
    return np.stack([np.bincount(bins, weights, ECE_BINS) for weights in (np.ones(len(labels)), correct, confidence)])


def bin_of(confidence: np.ndarray) -> np.ndarray:
    """Which of 15 equal-width bins, int, each confidence is in; on the edge of two it is in the lower one."""
    return np.clip(np.ceil(confidence * ECE_BINS).astype(int) - 1, 0, ECE_BINS - 1)


def _of_label(probabilities: np.ndarray, labels: np.ndarray) -> np.ndarray:
    return probabilities[..., np.arange(len(labels)), labels].astype(np.float64)
