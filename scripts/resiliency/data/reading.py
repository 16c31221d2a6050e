"""Where each data set is read from."""

from collections.abc import Sequence
from pathlib import Path

from resiliency.data.digits import digits
from resiliency.data.download import cache_folder
from resiliency.data.folder import image_folder, imagenet
from resiliency.data.published import imagenette_folder, published_source
from resiliency.data.source import Source


def read_source(name: str, folder: str | None, side: int, margin: float, needed: Sequence[str]) -> Source:
    """The data set `name`, its images `side` pixels squared.

    Args:
        folder: that of image_folder and imagenet.
        margin: side of the centre crop over that of the resized image, for images in files.
        needed: the splits that the study has; folders of others need not be there.

    Raises:
        Fault: it cannot be downloaded, or what is there is not such a data set.
    """
    if name == "digits":
        return digits(side)
    if name == "image_folder":
        return image_folder(Path(folder), side, margin, needed)
    if name == "imagenet":
        return imagenet(Path(folder), side, margin, needed)
    if name == "imagenette":
        return image_folder(imagenette_folder(cache_folder()), side, margin)
    return published_source(name, side, cache_folder())
