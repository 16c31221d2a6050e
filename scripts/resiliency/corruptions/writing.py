"""Writing the test images under one corruption: one array, or JPEG files in the layout of ImageNet-C."""

import io
from pathlib import Path

import numpy as np
from PIL import Image

from resiliency.base.progress import Progress
from resiliency.corruptions.engines import Corrupt
from resiliency.data.pictures import checksum, chunks, write_list
from resiliency.data.source import Images
from resiliency.storage.files import appending, replacing

# As ImageNet-C was saved (Hendrycks and Dietterich, 2019).
QUALITY = 85


def write_stack(path: str, images: Images, side: int, corruption: str, severities: list[int], corrupt: Corrupt) -> None:
    """Write the array uint8 SxNx`side`x`side`x3 of N `images` under `corruption` at all severities, piece by piece."""
    count = len(images)
    progress = Progress(len(severities))
    with appending(path, (len(severities), count, side, side, 3), np.uint8) as append:
        for severity in severities:
            for indices in chunks(np.arange(count), side):
                append(corrupt(images[indices], corruption, severity, indices=indices))
            progress.step(f"severity {severity}: {count:,} images")


def write_pictures(
    path: str,
    folder: str,
    items: tuple[list[str], list[str]],
    images: Images,
    side: int,
    corruption: str,
    severities: list[int],
    corrupt: Corrupt,
) -> None:
    """Write `folder`/<severity>/<class>/<name>.JPEG of every image, as ImageNet-C is laid out, or nothing at all.

    Args:
        path: of the list of these files with a checksum of each, severity by severity, in the order of `images`.
        items: class and name of each image.
    """
    places = [f"{name_of_class}/{name}.JPEG" for name_of_class, name in zip(*items, strict=True)]
    pieces = chunks(np.arange(len(images)), side)
    progress = Progress(len(pieces), pause=10)
    checksums: dict[str, str] = {}
    with replacing(folder) as temporary:
        for severity in severities:
            for name in set(items[0]):
                (temporary / str(severity) / name).mkdir(parents=True)
        for indices in pieces:
            clean = images[indices]
            for severity in severities:
                pictures = corrupt(clean, corruption, severity, indices=indices)
                for index, picture in zip(indices, pictures, strict=True):
                    file, content = f"{severity}/{places[index]}", io.BytesIO()
                    Image.fromarray(picture).save(content, "JPEG", quality=QUALITY, optimize=True)
                    Path(temporary, file).write_bytes(content.getbuffer())
                    checksums[file] = checksum(content.getbuffer())
            progress.step(f"{indices[-1] + 1:,} images at {len(severities)} severities")
    files = [f"{severity}/{place}" for severity in severities for place in places]
    paths = [f"{folder}/{file}" for file in files]
    write_list(path, paths, side, 1, [checksums[file] for file in files], cropped=True)
