"""Stratified splits and subsets, drawn from named streams."""

import numpy as np

from resiliency.streams import stream

SPLITS = ("train", "validation", "test")


def split(labels: np.ndarray, validation: int, test: int, seed: int) -> dict[str, np.ndarray]:
    """Sorted indices of the `validation` and `test` images, and of the others, which train.

    Args:
        labels: int N.
        validation, test: number of images; classes get shares as equal to those of all images as whole numbers allow.

    Returns:
        split -> int64 indices, disjoint, together 0..N-1.
    """
    held_out = {"test": stratified(labels, test, seed, "test split")}
    rest = np.setdiff1d(np.arange(len(labels)), held_out["test"])
    held_out["validation"] = rest[stratified(labels[rest], validation, seed, "validation split")]
    return {"train": np.setdiff1d(rest, held_out["validation"]), **held_out}


def stratified(labels: np.ndarray, count: int, seed: int, *names: str) -> np.ndarray:
    """Sorted indices of `count` images, drawn without replacement so that classes keep their shares.

    Each class gets the whole part of its share; the images that are then missing go to the largest remainders.
    """
    classes, sizes = np.unique(labels, return_counts=True)
    shares = count * sizes / len(labels)
    counts = np.floor(shares).astype(int)
    counts[np.argsort(counts - shares, kind="stable")[: count - counts.sum()]] += 1
    random = stream(seed, *names)
    chosen = [
        random.choice(np.flatnonzero(labels == c), n, replace=False) for c, n in zip(classes, counts, strict=True)
    ]
    return np.sort(np.concatenate(chosen))
