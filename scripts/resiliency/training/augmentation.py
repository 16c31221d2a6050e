"""Random changes of training images."""

import math
from functools import partial

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from resiliency.data.pictures import FileImages, decode
from resiliency.data.source import Images
from resiliency.streams import stream

ASPECTS = (3 / 4, 4 / 3)
ATTEMPTS = 10


def reader(images: Images, smallest_crop: float, seed: int, epoch: int):
    """What reads training images in an epoch: files are cropped at random, stored images are read as they are."""
    if not isinstance(images, FileImages):
        return images.__getitem__
    return partial(_cropped_files, images, smallest_crop, seed, epoch)


def shifted(images: Tensor, largest: int, random: torch.Generator) -> Tensor:
    """Each image moved by its own whole number of pixels up to `largest` along each axis; edges are repeated.

    Args:
        images: BxHxWx3, of any dtype.
    """
    count, height, width, _ = images.shape
    dy, dx = torch.randint(-largest, largest + 1, (2, count, 1), generator=random).to(images.device)
    rows = (torch.arange(height, device=images.device) + dy).clamp(0, height - 1)
    columns = (torch.arange(width, device=images.device) + dx).clamp(0, width - 1)
    which = torch.arange(count, device=images.device)[:, None, None]
    return images[which, rows[:, :, None], columns[:, None, :]]


def flipped(images: Tensor, random: torch.Generator) -> Tensor:
    """Each image (BxHxWx3) mirrored left to right with probability one half."""
    mirrored = torch.randint(0, 2, (len(images), 1, 1, 1), generator=random).bool().to(images.device)
    return torch.where(mirrored, images.flip(2), images)


def random_crop(image: Image.Image, size: int, smallest: float, random: np.random.Generator) -> np.ndarray:
    """A random part of `image`, resized to uint8 `size`x`size`x3 (Szegedy et al., 2015).

    Its area is a share of the image's between `smallest` and 1, its aspect ratio between 3/4 and 4/3 (uniform in the
    logarithm). Where ten attempts give none that fits, it is the largest central part within these ratios.
    """
    width, height = image.size
    for _ in range(ATTEMPTS):
        area = width * height * random.uniform(smallest, 1)
        aspect = math.exp(random.uniform(*map(math.log, ASPECTS)))
        w, h = round(math.sqrt(area * aspect)), round(math.sqrt(area / aspect))
        if 0 < w <= width and 0 < h <= height:
            left, top = random.integers(width - w, endpoint=True), random.integers(height - h, endpoint=True)
            break
    else:
        w, h = min(width, round(height * ASPECTS[1])), min(height, round(width / ASPECTS[0]))
        left, top = (width - w) // 2, (height - h) // 2
    box = (left, top, left + w, top + h)
    return np.asarray(image.resize((size, size), Image.Resampling.BILINEAR, box=box))


def _cropped_files(images: FileImages, smallest: float, seed: int, epoch: int, chosen: np.ndarray) -> np.ndarray:
    return np.stack(
        [
            random_crop(decode(images.files[i]), images.size, smallest, stream(seed, "crop", epoch, int(i)))
            for i in chosen
        ]
    )
