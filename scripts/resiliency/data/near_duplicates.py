"""Images that look almost like one in another split, as frames of one film do; found by their thumbnails."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from PIL import Image

from resiliency.data.duplicates import Splits, image_label

SIDE = 8
# Correlation of two thumbnails. Traffic signs (gtsrb) split at random: 6.0% of the images held out have such an image
# of their class in an earlier split; split by tracks: 0.03%; CIFAR-10: 0.02%; digits: none of 539.
ALIKE = 0.995
FLATTEST = 1  # standard deviation of a thumbnail, in grey levels, below which it shows nothing to compare
SHARE, FEWEST = 0.01, 3  # of the images of a split, that are worth a caution
BLOCK = 500
EXAMPLES = 3


class Pair(NamedTuple):
    """Indices of an image in its part, and in the part of an earlier split of one that looks almost the same."""

    split: str
    index: int
    earlier_split: str
    earlier: int


class Thumbnails:
    """Thumbnails of the images of each split, in the order of the splits and of the images."""

    def __init__(self) -> None:
        self.pieces: dict[str, list[np.ndarray]] = {}

    def add(self, split: str, images: np.ndarray) -> None:
        """The thumbnails of further images, uint8 N x side x side x 3, of `split`."""
        self.pieces.setdefault(split, []).append(thumbnails(images))

    def pairs(self, chosen: Splits) -> list[Pair]:
        """For each image that is almost one of its class in an earlier split, that image and the most similar one.

        Args:
            chosen: split -> part and indices in it, as from `draw_splits`; the images that were added.
        """
        patterns = np.concatenate([normalised(np.concatenate(self.pieces[split])) for split in chosen])
        labels = np.concatenate([part.labels[indices] for part, indices in chosen.values()])
        places = [(split, int(index)) for split, (_, indices) in chosen.items() for index in indices]
        split_numbers = np.repeat(np.arange(len(chosen)), [len(indices) for _, indices in chosen.values()])
        pairs = []
        for label in np.unique(labels):
            for split in range(1, len(chosen)):
                own = np.flatnonzero((labels == label) & (split_numbers == split))
                earlier = np.flatnonzero((labels == label) & (split_numbers < split))
                pairs += _nearest_pairs(patterns, own, earlier)
        return [Pair(*places[one], *places[other]) for one, other in sorted(pairs)]


def thumbnails(images: np.ndarray) -> np.ndarray:
    """uint8 N x `SIDE`²: grey values of `images`, uint8 N x side x side x 3, averaged over a grid of cells."""
    grey = [Image.fromarray(image).convert("L").resize((SIDE, SIDE), Image.Resampling.BOX) for image in images]
    return np.stack([np.asarray(image).ravel() for image in grey])


def count_near_duplicates(chosen: Splits, pairs: list[Pair]) -> dict[str, int]:
    """Split -> how many of its images look almost like one in an earlier split; printed where it is worth telling.

    Args:
        chosen, pairs: of `Thumbnails.pairs`.
    """
    counts = {split: sum(pair.split == split for pair in pairs) for split in list(chosen)[1:]}
    for split, count in counts.items():
        if worth_a_warning(count, len(chosen[split][1])):
            examples = [_example(chosen, pair) for pair in pairs if pair.split == split][:EXAMPLES]
            print(
                f"warning: dataset: {count:,} of {len(chosen[split][1]):,} {split} images look almost like one of "
                f"their class in another split, as {', '.join(examples)}; keep such images together, see dataset.groups"
            )
    return counts


def _example(chosen: Splits, pair: Pair) -> str:
    own = image_label(chosen[pair.split][0], pair.index)
    return f"{own} = {image_label(chosen[pair.earlier_split][0], pair.earlier)} ({pair.earlier_split})"


def worth_a_warning(alike: int, images: int) -> bool:
    """Whether so many of the `images` of a split are more than chance and a few mistakes."""
    return alike >= max(FEWEST, SHARE * images)


def normalised(small: np.ndarray) -> np.ndarray:
    """`small` thumbnails, uint8 N x `SIDE`², as float32 of mean 0 and length 1; 0 where one is flat.

    Products of two are their correlations.
    """
    centred = small - small.mean(axis=1, dtype=np.float32, keepdims=True)
    length = np.sqrt((centred**2).sum(axis=1, keepdims=True))
    return np.where(length < FLATTEST * SIDE, 0, centred / np.maximum(length, 1e-6))


def _nearest_pairs(patterns: np.ndarray, own: np.ndarray, others: np.ndarray) -> Iterator[tuple[int, int]]:
    """Each of `own` that is almost one of `others`, with the most similar of them; all are rows of `patterns`."""
    for start in range(0, len(own) if len(others) else 0, BLOCK):
        block = own[start : start + BLOCK]
        correlations = patterns[block] @ patterns[others].T
        nearest = correlations.argmax(axis=1)
        is_near = correlations.max(axis=1) >= ALIKE
        yield from zip(block[is_near].tolist(), others[nearest[is_near]].tolist(), strict=True)
