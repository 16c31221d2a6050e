"""Stratified splits and subsets, drawn from named streams."""

from collections.abc import Sequence

import numpy as np

from resiliency.data.listed import listed_images
from resiliency.data.source import ALL, SPLITS, Part, Source
from resiliency.faults import Fault
from resiliency.streams import stream

MOST_CALIBRATION = 5_000


def splits(
    source: Source,
    validation_fraction: float,
    test_fraction: float,
    images_per_class: dict[str, int],
    seed: int,
    needed: Sequence[str] = SPLITS,
    listed: str | None = None,
) -> dict[str, tuple[Part, np.ndarray]]:
    """What the study takes of `source`: for each split the part it comes from and sorted int64 indices in that part.

    Args:
        validation_fraction, test_fraction: shares of the images held out where `source` does not name them.
        images_per_class: split -> most images of a class in it; a subset grows with this number, and keeps what it had.
        needed: the splits that are returned.
        listed: a file that names the test images; see `listed_images`. Some classes may then have none.

    Raises:
        Fault: a class is left without an image in some split; or as `listed_images`.
    """
    parts = source.parts
    if ALL in parts:
        labels = parts[ALL].labels
        counts = [round(fraction * len(labels)) for fraction in (validation_fraction, test_fraction)]
        chosen = {name: (parts[ALL], indices) for name, indices in split(labels, *counts, seed).items()}
    else:
        chosen = {name: (part, np.arange(len(part.labels))) for name, part in parts.items()}
        if "validation" in needed and "validation" not in parts:
            labels = parts["train"].labels
            held_out = stratified(labels, round(validation_fraction * len(labels)), seed, "validation split")
            chosen["validation"] = (parts["train"], held_out)
            chosen["train"] = (parts["train"], np.setdiff1d(np.arange(len(labels)), held_out))
    if listed:
        indices = listed_images(listed, source)
        chosen["test"] = parts["test"], indices
    chosen = {name: chosen[name] for name in SPLITS if name in needed}
    for name, most in images_per_class.items():
        if name not in needed:
            continue
        part, indices = chosen[name]
        chosen[name] = part, indices[_first_of_each_class(part.labels[indices], most, seed, name)]
    for name, (part, indices) in chosen.items():
        if listed and name == "test":
            continue
        if missing := set(range(len(source.classes))) - set(part.labels[indices].tolist()):
            raise Fault(
                f"dataset: no image of class {source.classes[min(missing)]!r} is left for {name}; "
                "more images, or other shares of them for validation and test, are needed"
            )
    return chosen


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


def probe(labels: np.ndarray, count: int, seed: int) -> np.ndarray:
    """Sorted indices of the `count` test images on which attributions and activations are compared.

    Raises:
        Fault: there are fewer.
    """
    if count > len(labels):
        raise Fault(f"probe.images: {count} is more than the {len(labels)} test images")
    return stratified(labels, count, seed, "probe")


def calibration(labels: np.ndarray, seed: int) -> np.ndarray:
    """Sorted indices of the validation images that temperatures are fitted on: all, or `MOST_CALIBRATION`.

    As many as Guo et al. (ICML 2017) took of CIFAR; one number is fitted.
    """
    return stratified(labels, min(len(labels), MOST_CALIBRATION), seed, "calibration")


def _first_of_each_class(labels: np.ndarray, most: int, seed: int, name: str) -> np.ndarray:
    order = stream(seed, "images per class", name).permutation(len(labels))
    shuffled = labels[order]
    return np.sort(np.concatenate([order[shuffled == c][:most] for c in np.unique(labels)]))
