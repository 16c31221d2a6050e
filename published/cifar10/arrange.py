"""Arranges 25,000 of the images of CIFAR-10 as studies/cifar10_lengths.yaml reads them.

100 test images of each class are tested under corruptions; the other 400 are a further test set, of
which clean accuracy is. The workflow itself splits validation images off the training images.

    python -m published.cifar10.arrange ARCHIVE data/cifar10

ARCHIVE has train/<class>/*.jpg and test/<class>/*.jpg at 32x32 pixels.
"""

from pathlib import Path

from published.folders import arrange
from resiliency.base.streams import stream

CORRUPTED = 100  # images of a class


def parts_of(files: list[Path], of_class: str) -> dict[str, list[Path]]:
    """Part -> its images among the test images of a class, drawn at random."""
    drawn = [files[place] for place in stream(0, "test images", of_class).permutation(len(files))]
    return {"test": sorted(drawn[:CORRUPTED]), "clean_only": sorted(drawn[CORRUPTED:])}


def arranged(archive: Path) -> dict[str, list[Path]]:
    """Part -> the files of its images."""
    files = {"train": sorted((archive / "train").glob("*/*")), "test": [], "clean_only": []}
    for folder in sorted((archive / "test").iterdir()):
        for part, of_class in parts_of(sorted(folder.iterdir()), folder.name).items():
            files[part] += of_class
    return files


if __name__ == "__main__":
    arrange(__doc__, arranged)
