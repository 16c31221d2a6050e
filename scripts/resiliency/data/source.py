"""What a data set consists of, before the study splits it or takes a subset."""

from typing import NamedTuple, Protocol

import numpy as np

ALL = "all"
SPLITS = ("train", "validation", "test")


class Images(Protocol):
    """Images of one size that are read, or decoded, where they are indexed.

    A uint8 array NxHxWx3 is one, memory-mapped or not; `FileImages` decodes files.
    """

    def __len__(self) -> int: ...

    def __getitem__(self, chosen: slice | np.ndarray) -> np.ndarray:
        """uint8 BxHxWx3: the images of a slice, or those at an array of indices, in its order."""


class Part(NamedTuple):
    """Images that a data set publishes together.

    Attributes:
        images: N of them.
        labels: int64 N, indices of classes.
        names: N names; no two images of a class share one. Published arrays are named by their position.
        groups: int64 N, numbers of groups, of which a split takes all images or none; None if each image may be taken.
    """

    images: Images
    labels: np.ndarray
    names: list[str]
    groups: np.ndarray | None = None


class Source(NamedTuple):
    """A data set as it is published.

    Attributes:
        description: what it is, who made it and where it was read from.
        classes: names of the classes, in the order of the labels.
        parts: "train" and "test", perhaps "validation" too; or ALL alone, which the study splits.
    """

    description: str
    classes: list[str]
    parts: dict[str, Part]
