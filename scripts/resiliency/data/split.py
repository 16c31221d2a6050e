"""Stratified splits and subsets, drawn from named streams."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from resiliency.base.faults import Fault
from resiliency.base.streams import stream
from resiliency.data.image_lists import listed_images
from resiliency.data.source import ALL, SPLITS, Part, Source

MOST_CALIBRATION = 5_000


def draw_splits(
    source: Source,
    validation_fraction: float,
    test_fraction: float,
    images_per_class: dict[str, int],
    seed: int,
    needed: Sequence[str] = SPLITS,
    image_list: str | None = None,
) -> dict[str, tuple[Part, np.ndarray]]:
    """What the study takes of `source`: for each split the part it comes from and sorted int64 indices in that part.

    Args:
        validation_fraction, test_fraction: shares of the images held out where `source` does not name them.
        images_per_class: split -> most images of a class in it; a subset grows with this number, and keeps what it had.
        needed: the splits that are returned.
        image_list: a file that names the test images; see `listed_images`. Some classes may then have none.

    Raises:
        Fault: a class is left without an image in some split, or has too few groups; or as `listed_images`.
    """
    parts, name = source.parts, part_to_split(source, needed)
    chosen = {split: (part, np.arange(len(part.labels))) for split, part in parts.items()}
    if name:
        part = parts[name]
        if part.groups is not None:
            _check_groups(part, source.classes, SPLITS if name == ALL else SPLITS[:2])
        validation = round(validation_fraction * len(part.labels))
        test = round(test_fraction * len(part.labels)) if name == ALL else None
        drawn = split_indices(part.labels, validation, test, seed, part.groups)
        chosen |= {split: (part, indices) for split, indices in drawn.items()}
    if image_list:
        indices = listed_images(image_list, source)
        chosen["test"] = parts["test"], indices
    chosen = {split: chosen[split] for split in SPLITS if split in needed}
    for split in chosen.keys() & images_per_class.keys():
        part, indices = chosen[split]
        chosen[split] = part, indices[_subset_of_classes(part.labels[indices], images_per_class[split], seed, split)]
    for split, (part, indices) in chosen.items():
        if image_list and split == "test":
            continue
        if missing := set(range(len(source.classes))) - set(part.labels[indices].tolist()):
            raise Fault(
                f"dataset: no image of class {source.classes[min(missing)]!r} is left for {split}; "
                "add images, or change validation_fraction and test_fraction"
            )
    return chosen


def part_to_split(source: Source, needed: Sequence[str]) -> str | None:
    """The part of `source` that the study splits; None if it has all `needed` splits."""
    if ALL in source.parts:
        return ALL
    return "train" if "validation" in needed and "validation" not in source.parts else None


def split_indices(
    labels: np.ndarray, validation: int, test: int | None, seed: int, groups: np.ndarray | None = None
) -> dict[str, np.ndarray]:
    """Sorted indices of the `validation` and `test` images, and of the others, which train.

    Args:
        labels: int N.
        validation, test: number of images; classes get shares as equal to those of all images as whole numbers allow,
            or as whole groups allow. No test images are split off where `test` is None.
        groups: int N, numbers of groups of which a split takes all images or none.

    Returns:
        split -> int64 indices, disjoint, together 0..N-1.
    """
    rest, held_out = np.arange(len(labels)), {}
    for name, count, spare in (("test", test, 2), ("validation", validation, 1)):
        if count is None:
            continue
        if groups is None:
            chosen = stratified_sample(labels[rest], count, seed, f"{name} split")
        else:
            chosen = sample_of_groups(labels[rest], groups[rest], count, spare, seed, f"{name} split")
        held_out[name] = rest[chosen]
        rest = np.setdiff1d(rest, held_out[name])
    return {"train": rest, **held_out}


def stratified_sample(labels: np.ndarray, count: int, seed: int, *names: str) -> np.ndarray:
    """Sorted indices of `count` images, drawn without replacement so that classes keep their shares.

    Each class gets the whole part of its share; the images that are then missing go to the largest remainders, of
    equal ones to some at random.
    """
    classes, sizes = np.unique(labels, return_counts=True)
    shares = count * sizes / len(labels)
    counts = np.floor(shares).astype(int)
    ties = stream(seed, *names, "remainders").permutation(len(classes))
    counts[np.lexsort([ties, np.round(counts - shares, 9)])[: count - counts.sum()]] += 1
    random = stream(seed, *names)
    chosen = [
        random.choice(np.flatnonzero(labels == c), n, replace=False) for c, n in zip(classes, counts, strict=True)
    ]
    return np.sort(np.concatenate(chosen))


def sample_of_groups(
    labels: np.ndarray, groups: np.ndarray, count: int, spare: int, seed: int, *names: str
) -> np.ndarray:
    """Sorted indices of about `count` images, all those of some groups, drawn so that classes keep their shares.

    Groups are tried in random order. One is taken if this brings its classes nearer to their shares; a class that then
    has no image gets the smallest of its groups.

    Args:
        labels, groups: int N; a group may have images of several classes.
        spare: groups of each class that are not taken.
    """
    classes, class_positions = np.unique(labels, return_inverse=True)
    numbers, group_positions = np.unique(groups, return_inverse=True)
    pairs, sizes = np.unique(np.stack([group_positions, class_positions]), axis=1, return_counts=True)
    starts = np.searchsorted(pairs[0], np.arange(len(numbers) + 1))
    contents = [(pairs[1, start:stop], sizes[start:stop]) for start, stop in pairwise(starts)]
    targets, counts = count * np.bincount(class_positions) / len(labels), np.zeros(len(classes))
    free = np.bincount(pairs[1], minlength=len(classes)) - spare
    is_taken = np.zeros(len(numbers), bool)
    order = stream(seed, *names).permutation(len(numbers))

    def take(group: int) -> None:
        positions, images = contents[group]
        counts[positions] += images
        free[positions] -= 1
        is_taken[group] = True

    for group in order:
        positions, images = contents[group]
        missing = targets[positions] - counts[positions]
        if np.abs(missing - images).sum() < np.abs(missing).sum() and (free[positions] > 0).all():
            take(group)
    for empty in range(len(classes)):
        own = [group for group in order if empty in contents[group][0]] if not counts[empty] else []
        if possible := [group for group in own if (free[contents[group][0]] > 0).all()]:
            take(min(possible, key=lambda group: contents[group][1].sum()))
    return np.flatnonzero(is_taken[group_positions])


def probe_indices(labels: np.ndarray, count: int, seed: int) -> np.ndarray:
    """Sorted indices of the `count` test images on which attributions and activations are compared.

    Raises:
        Fault: there are fewer.
    """
    if count > len(labels):
        raise Fault(f"probe.images: {count} is more than the {len(labels)} test images")
    return stratified_sample(labels, count, seed, "probe")


def calibration_indices(labels: np.ndarray, seed: int) -> np.ndarray:
    """Sorted indices of the validation images that temperatures are fitted on: all, or `MOST_CALIBRATION`.

    As many as Guo et al. (ICML 2017) took of CIFAR; one number is fitted.
    """
    return stratified_sample(labels, min(len(labels), MOST_CALIBRATION), seed, "calibration")


def _check_groups(part: Part, classes: list[str], drawn: Sequence[str]) -> None:
    pairs = np.unique(np.stack([part.labels, part.groups]), axis=1)
    counts = np.bincount(pairs[0], minlength=len(classes))
    if (counts < len(drawn)).any():
        few = int(np.argmin(counts))
        raise Fault(
            f"dataset.groups: class {classes[few]!r} has {counts[few]} groups, expected at least {len(drawn)}, one "
            f"each for {', '.join(drawn[:-1])} and {drawn[-1]}; add images of other groups, or name finer groups"
        )


def _subset_of_classes(labels: np.ndarray, most: int, seed: int, name: str) -> np.ndarray:
    order = stream(seed, "images per class", name).permutation(len(labels))
    shuffled = labels[order]
    return np.sort(np.concatenate([order[shuffled == c][:most] for c in np.unique(labels)]))
