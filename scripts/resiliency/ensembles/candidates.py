"""The few classes of an image that can be the answer of an ensemble."""

import numpy as np

CANDIDATES, FEWEST = 32, 8
SUMMING = 3  # of one class for an answer of all classes, against one candidate for all answers


def panel(values: np.ndarray, labels: np.ndarray, count: int) -> np.ndarray:
    """What the members say of the label and of the classes that some member says most of, and at most of others.

    Args:
        values: float32 n x M x K, K classes of n images.
        labels: int n.
        count: C, fewer than K.

    Returns:
        float32 M x (C + 2) x n: the values of the label, of the C other classes with the largest
        value of any member, and the largest value of the member for a class that is not among these; -inf for none.
    """
    images, _, classes = values.shape
    most = values.max(axis=1)
    most[np.arange(images), labels] = -np.inf
    likely = np.argpartition(most, classes - count - 1, axis=1)[:, classes - count :]
    chosen = np.column_stack([labels, likely])[:, None]
    others = values.copy()
    np.put_along_axis(others, chosen, -np.inf, axis=2)
    rows = [np.take_along_axis(values, chosen, axis=2), others.max(axis=2, keepdims=True)]
    return np.ascontiguousarray(np.concatenate(rows, axis=2).transpose(1, 2, 0))


def adapted(count: int, summed: float, least: int) -> tuple[int, int]:
    """How many candidates to take next: more where all classes were summed so often that it cost more than they.

    Args:
        count: how many there were.
        summed: classes that were summed besides, for an answer on average.
        least: fewer are not tried, for these were too few before.

    Returns:
        The next `count` and `least`.
    """
    if SUMMING * summed > count:
        return 2 * count, 2 * count
    return max(least, count // 2) if 8 * SUMMING * summed < count else count, least
