"""Settings of the dataset."""

import re
from pathlib import Path
from typing import Annotated, Literal, NamedTuple

from pydantic import Field, WithJsonSchema, field_validator, model_validator

from resiliency.base.settings import AUTO, Settings, auto_or
from resiliency.data.source import SPLITS, Split
from resiliency.data.split import BY_TABLE, PLACE, is_table

LARGEST_STORED = 64
NEAR_DUPLICATES = "near_duplicates"


class Published(NamedTuple):
    """Figures of a published dataset.

    Attributes:
        image_size: height and width of the images in pixels.
        classes, train, test: numbers of classes and of images; `test` is 0 if the study splits the
            images itself.
        made_of_files: whether each image is a file.
        mirrored: whether images may be mirrored left to right without changing their class.
    """

    image_size: int
    classes: int
    train: int
    test: int
    made_of_files: bool = False
    mirrored: bool = True


PUBLISHED = {
    "digits": Published(32, 10, 1797, 0, mirrored=False),
    "cifar10": Published(32, 10, 50_000, 10_000),
    "cifar100": Published(32, 100, 50_000, 10_000),
    "svhn": Published(32, 10, 73_257, 26_032, mirrored=False),
    "fashion_mnist": Published(32, 10, 60_000, 10_000),
    "stl10": Published(96, 10, 5_000, 8_000),
    "gtsrb": Published(32, 43, 39_209, 12_630, mirrored=False),
    "imagenette": Published(224, 10, 9_469, 3_925, made_of_files=True),
    "imagenet": Published(224, 1_000, 1_281_167, 50_000, made_of_files=True),
}
IN_FOLDERS = ("image_folder", "imagenet")
MOST_PER_CLASS = 10**7
COUNT = {"type": "integer", "minimum": 1, "maximum": MOST_PER_CLASS}
COUNTS = {"type": "object", "propertyNames": {"enum": list(SPLITS)}, "additionalProperties": COUNT}


def table_of(groups: str | None) -> str | None:
    """The file that groups name, if it is one."""
    return groups if groups and is_table(groups) else None


def _checked_groups(value: str | None) -> str | None:
    """Groups as a study gives them: a pattern that leaves something out, or the name of a table."""
    if not value or is_table(value):
        return value
    if not re.search(PLACE, value):
        raise ValueError(
            "must be a pattern such as <track>_*, or the name of a file that ends in .csv"
        )
    name = value.rpartition("/")[2]
    # No part is left out.
    if re.search(PLACE, name) and ("*" not in name or re.search(rf"{PLACE}\*", name)):
        raise ValueError(
            "makes each image a group of its own; put * for what differs in a group, as in "
            "<track>_*"
        )
    return value


def _checked_test_groups(value: str | None) -> str | None:
    return value if value == NEAR_DUPLICATES else _checked_groups(value)


def _is_pattern(groups: str | None) -> bool:
    return bool(groups) and groups != NEAR_DUPLICATES and not table_of(groups)


class Dataset(Settings):
    name: Literal[(*PUBLISHED, "image_folder")] = Field(
        "digits",
        description="dataset; digits is part of scikit-learn, image_folder and imagenet read "
        "`folder`, the others "
        "are downloaded",
    )
    folder: str | None = Field(
        None,
        min_length=1,
        description="folder of the images, for image_folder and imagenet: train/<class>/*, val or "
        "test/<class>/*; for "
        "image_folder also <class>/*",
    )
    images: str | None = Field(
        None,
        min_length=1,
        description="for folder datasets: a text file that lists the test images to use, one file "
        "name per line",
    )
    classes: str | None = Field(
        None,
        min_length=1,
        description="for image_folder: a text file with names of the classes, one per line, in the "
        "order of their "
        "folders; null: the names of the folders",
    )
    image_size: auto_or(int, 32, 1024) = Field(
        AUTO,
        description="pixels per side; auto: 96 for stl10, 224 for folders, imagenette and "
        "imagenet, else 32. If it "
        "is auto and images stay in their files, loaded members see them as in their training",
    )
    crop: auto_or(float, 0.1, 1) = Field(
        AUTO,
        description="side of the centre crop relative to the resized image; auto: 0.875 above 64 "
        "px, else 1",
    )
    validation_fraction: float = Field(
        0.1,
        gt=0,
        lt=1,
        description="share of the images used for validation, if the dataset has no validation "
        "images",
    )
    test_fraction: float = Field(
        0.3,
        gt=0,
        lt=1,
        description="share of the images used for the test, if the dataset has no test images",
    )
    groups: str | None = Field(
        None,
        min_length=1,
        description="groups of images that are never in two splits: a pattern on file names such "
        "as `<track>_*`, or a "
        "CSV file with the columns image and group; null: the tracks of gtsrb, else none",
    )
    test_groups: str | None = Field(
        None,
        min_length=1,
        description="groups of test images, which are resampled, halved and left out together: a "
        "pattern or a CSV file "
        "as for `groups`, or near_duplicates, for images that look alike; null: those of `groups`",
    )
    images_per_class: Annotated[dict[Split, int], WithJsonSchema({"anyOf": [COUNT, COUNTS]})] = (
        Field(
            {},
            description="largest number of images per class in each split: one number, or a "
            "mapping of splits to numbers",
        )
    )
    allow_duplicates: bool = Field(
        False,
        description="whether image_folder may contain the same image in two splits, and an "
        "additional test set "
        "training images; published datasets may",
    )

    @field_validator("images_per_class", mode="before")
    @classmethod
    def _in_every_split(cls, value: object) -> object:
        return dict.fromkeys(SPLITS, value) if isinstance(value, int) else value or {}

    @field_validator("images_per_class")
    @classmethod
    def _at_least_one(cls, value: dict[str, int]) -> dict[str, int]:
        if not all(1 <= number <= MOST_PER_CLASS for number in value.values()):
            raise ValueError(f"must be from 1 to {MOST_PER_CLASS:,}")
        return value

    _pattern_or_table = field_validator("groups")(_checked_groups)
    _groups_of_test_images = field_validator("test_groups")(_checked_test_groups)

    @model_validator(mode="after")
    def _folder_where_needed(self) -> "Dataset":
        if self.name in IN_FOLDERS and not self.folder:
            raise ValueError(f"folder: required; give the folder with the images of {self.name}")
        if self.images and self.name not in IN_FOLDERS:
            raise ValueError(
                f"images: only {' and '.join(IN_FOLDERS)} have files to list; use images_per_class"
            )
        if self.classes and self.name != "image_folder":
            raise ValueError(f"classes: {self.name} has names of its own; remove it")
        if self.folder and self.name not in IN_FOLDERS:
            raise ValueError(f"folder: {self.name} does not use it; remove it")
        for key in ("groups", "test_groups"):
            if _is_pattern(getattr(self, key)) and not self.made_of_files:
                raise ValueError(f"{key}: {self.name} has no file names; {BY_TABLE}")
        return self

    @property
    def place(self) -> Path:
        """The folder of a dataset that has one."""
        return Path(self.folder or "")

    @property
    def files(self) -> list[str]:
        """The files that the stage reads beside the images."""
        return [path for path in (self.images, table_of(self.groups), self.classes) if path]

    @property
    def named_groups(self) -> bool:
        """Whether the units of the test images are known by their names or by a table."""
        return bool(self.test_groups or self.groups) and self.test_groups != NEAR_DUPLICATES

    @property
    def made_of_files(self) -> bool:
        """Whether each image is a file."""
        return self.name not in PUBLISHED or PUBLISHED[self.name].made_of_files

    @property
    def side(self) -> int:
        """Height and width of the images, in pixels."""
        if self.image_size != AUTO:
            return self.image_size
        return PUBLISHED[self.name].image_size if self.name in PUBLISHED else 224

    @property
    def on_the_fly(self) -> bool:
        """Whether images stay in their files and are decoded when needed, instead of being stored
        as one array."""
        return self.made_of_files and self.side > LARGEST_STORED

    @property
    def one_size(self) -> bool:
        """Whether loaded members see images as the dataset has them, in place of as they were
        trained to."""
        return self.image_size != AUTO or not self.on_the_fly

    @property
    def margin(self) -> float:
        """Side of the centre crop over that of the resized image."""
        return self.crop if self.crop != AUTO else (0.875 if self.side > LARGEST_STORED else 1.0)

    @property
    def mirrored(self) -> bool:
        """Whether an image that is mirrored left to right still is of its class."""
        return self.name not in PUBLISHED or PUBLISHED[self.name].mirrored

    @property
    def largest_shift(self) -> int:
        """Pixels that stored training images are usually shifted by: an eighth of the side, less
        for digits."""
        if self.on_the_fly:
            return 0
        return self.side // (16 if self.name == "digits" else 8)

    def resolved(self) -> "Dataset":
        """The settings on which images and splits depend, with "auto" replaced."""
        decided = {
            "image_size": self.side,
            "crop": self.margin,
            "classes": None,
            "test_groups": None,
        }
        return self.model_copy(update=decided)

    def most_images(self) -> dict[str, int]:
        """Split -> the largest number of images that it can hold; empty for an image folder, not
        counted yet."""
        if self.name not in PUBLISHED:
            return {}
        published = PUBLISHED[self.name]
        test = published.test or round(self.test_fraction * published.train)
        validation = round(self.validation_fraction * published.train)
        train = published.train - validation - (0 if published.test else test)
        most: dict[Split, int] = {"train": max(train, 0), "validation": validation, "test": test}
        per_class = self.images_per_class
        return {
            str(of): min(count, published.classes * per_class.get(of, count))
            for of, count in most.items()
        }


class TestSet(Settings):
    """Further images that members are tested on, such as photos from the field or a published
    shifted test set."""

    folder: str | None = Field(
        None,
        min_length=1,
        description="folder of the images: <class>/*, with the class names of the dataset, or "
        "numbers",
    )
    images: str | None = Field(
        None,
        min_length=1,
        description="instead of a folder: a .npy array of images, uint8 N x side x side x 3, as "
        "CIFAR-10.1 is "
        "published",
    )
    labels: str | None = Field(
        None, min_length=1, description="labels of `images`: a .npy array of N class indices"
    )
    groups: str | None = Field(
        None,
        min_length=1,
        description="groups of its images, which are resampled and left out together, as "
        "`dataset.test_groups`; null: "
        "none",
    )
    classes: Literal["present", "all"] = Field(
        "present",
        description="classes to which predictions are restricted: those present in the test set, "
        "as for ImageNet-A "
        "and -R; or all",
    )

    @model_validator(mode="after")
    def _one_source(self) -> "TestSet":
        if (self.folder is None) == (self.images is None) or (self.images is None) != (
            self.labels is None
        ):
            raise ValueError("folder: a test set needs either a folder, or images and labels")
        if _is_pattern(self.groups) and not self.folder:
            raise ValueError(f"groups: arrays have no file names; {BY_TABLE}")
        return self

    _groups_of_images = field_validator("groups")(_checked_test_groups)

    @property
    def named_groups(self) -> bool:
        """Whether the units of its images are known by their names or by a table."""
        return bool(self.groups) and self.groups != NEAR_DUPLICATES

    def inputs(self) -> dict[str, str]:
        """The arrays that it is read from; none of a folder."""
        return {"images": self.images, "labels": self.labels} if self.images and self.labels else {}

    def on_the_fly(self, side: int) -> bool:
        """Whether images of `side` pixels stay in their files; see `Dataset.on_the_fly`."""
        return self.folder is not None and side > LARGEST_STORED


class Probe(Settings):
    n_images: int = Field(
        100,
        ge=4,
        le=10**6,
        description="number of test images, stratified by class, on which attributions and "
        "activations are compared",
    )
