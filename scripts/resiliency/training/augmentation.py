"""Random changes of training images: one by one as they are read, or of whole batches on the device."""

import math
from functools import partial

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from resiliency.base.streams import derived_seed, stream
from resiliency.data.loading import Read
from resiliency.data.pictures import INTERPOLATIONS, FileImages, View
from resiliency.data.source import Images
from resiliency.training.settings import Recipe

ASPECTS = (3 / 4, 4 / 3)
ATTEMPTS = 10


def training_reader(images: Images, recipe: Recipe, seed: int, epoch: int, view: View | None = None) -> Read | None:
    """A function that reads the training images at some indices, if they change one by one; else None.

    Files are cropped at random; all images go through TrivialAugment (Müller and Hutter 2021) or AugMix (Hendrycks et
    al. 2020) if the recipe says so. An image changes in the same way in any batch, and differently in each epoch.

    Args:
        view: size and interpolation of image files; by default the study's size, and bilinear.
    """
    if recipe.augment == "none" and not isinstance(images, FileImages):
        return None
    return partial(_read, images, recipe, seed, epoch, view)


def shifted(images: Tensor, largest: int, random: torch.Generator) -> Tensor:
    """Each image moved by its own whole number of pixels up to `largest` along each axis; edges are repeated.

    Args:
        images: BxHxWx3, of any dtype.
    """
    count, height, width, _ = images.shape
    dy, dx = torch.randint(-largest, largest + 1, (2, count, 1), generator=random).to(images.device)
    rows = (torch.arange(height, device=images.device) + dy).clamp(0, height - 1)
    left, right = (edge.expand(-1, -1, largest, -1) for edge in (images[:, :, :1], images[:, :, -1:]))
    windows = torch.cat([left, images, right], 2).unfold(2, width, 1).mT  # copied row by row, not pixel by pixel
    positions = torch.arange(count, device=images.device)[:, None]
    return windows[positions, rows, dx + largest]


def flipped(images: Tensor, random: torch.Generator) -> Tensor:
    """Each image (BxHxWx3) mirrored left to right with probability one half."""
    mirrored = torch.randint(0, 2, (len(images), 1, 1, 1), generator=random).bool().to(images.device)
    return torch.where(mirrored, images.flip(2), images)


def mixup(images: Tensor, labels: Tensor, classes: int, alpha: float, seed: int) -> tuple[Tensor, Tensor]:
    """Mixup (Zhang et al. 2018): each image mixed with another one of the batch, by one share from Beta(alpha, alpha).

    Args:
        images: float Bx3xHxW.
        labels: int64 B.

    Returns:
        Mixed images, and float BxK: the shares of the K classes in each.
    """
    random = stream(seed, "mixup")
    share = random.beta(alpha, alpha)
    others = torch.from_numpy(random.permutation(len(images))).to(images.device)
    shares = F.one_hot(labels, classes).to(images.dtype)
    mixed, shares_of_mixed = (share * values + (1 - share) * values[others] for values in (images, shares))
    return mixed, shares_of_mixed


def random_crop(
    image: Image.Image, size: int, smallest: float, random: np.random.Generator, interpolation: str = "bilinear"
) -> np.ndarray:
    """A random part of `image`, resized to uint8 `size`x`size`x3 (Szegedy et al. 2015).

    Its area is a share of the image's between `smallest` and 1, its aspect ratio between 3/4 and 4/3 (uniform in the
    logarithm). Where ten attempts give none that fits, it is the largest central part within these ratios.
    """
    width, height = image.size
    for _ in range(ATTEMPTS):
        area = width * height * random.uniform(smallest, 1)
        aspect = math.exp(random.uniform(*map(math.log, ASPECTS)))
        w, h = round(math.sqrt(area * aspect)), round(math.sqrt(area / aspect))
        if 0 < w <= width and 0 < h <= height:
            left, top = (int(random.integers(rest, endpoint=True)) for rest in (width - w, height - h))
            break
    else:
        w, h = min(width, round(height * ASPECTS[1])), min(height, round(width / ASPECTS[0]))
        left, top = (width - w) // 2, (height - h) // 2
    box = (left, top, left + w, top + h)
    return np.asarray(image.resize((size, size), INTERPOLATIONS[interpolation], box=box))


def _read(images: Images, recipe: Recipe, seed: int, epoch: int, view: View | None, indices: np.ndarray) -> np.ndarray:
    augmented = []
    for index in map(int, indices):
        if isinstance(images, FileImages):
            random = stream(seed, "crop", epoch, index)
            size, _, interpolation, _ = view or View(images.size, images.margin)
            image = random_crop(images.decoded(index), size, recipe.smallest_crop, random, interpolation)
        else:
            image = images[index]
        if recipe.augment != "none":
            from torchvision.transforms import v2  # takes long to load

            change = v2.TrivialAugmentWide() if recipe.augment == "trivial" else v2.AugMix()
            torch.manual_seed(derived_seed(seed, "augment", epoch, index))  # from which torchvision draws
            image = np.asarray(change(Image.fromarray(image)))
        augmented.append(image)
    return np.stack(augmented)
