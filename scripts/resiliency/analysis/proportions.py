"""Accuracy on a test set as a proportion, with its interval, and the columns that hold them."""

from scipy.stats import binomtest


def wilson(right: int, images: int, confidence: float) -> tuple[float, float]:
    """Wilson's interval (1927) of the probability of a right answer, of which there are `right` on `images`."""
    interval = binomtest(right, images).proportion_ci(confidence, method="wilson")
    return interval.low, interval.high


def accuracy_columns(test_set: str) -> list[str]:
    """Names of the columns of the accuracy on a test set and of the ends of its interval."""
    return [f"{test_set}_accuracy{suffix}" for suffix in ("", "_low", "_high")]
