"""Folders of images, read at 32 pixels."""

from pathlib import Path

from fault_messages import fault_of

from resiliency.data.folder import image_folder


def read(folder: Path):
    return image_folder(folder, 32, 1)


def refusal(folder: Path, reader=image_folder) -> str:
    """What is said of a folder that cannot be read."""
    return fault_of(reader, folder, 32, 1)
