"""Corruptions in Python, by this project's arguments or by those of the package imagecorruptions."""

from collections.abc import Sequence
from numbers import Integral

import numpy as np

from resiliency.base.corruption_names import CATEGORIES, HELD_OUT, MAIN
from resiliency.base.faults import Fault, available, expected, short
from resiliency.corruptions import engine

IMAGENET_C = "imagenet-c"
DRAWN = 2**31 - 1


def corrupt(
    images: np.ndarray | None = None,
    corruption: str | int | None = None,
    severity: int | str | None = None,
    corruption_number: int = -1,
    *,
    corruption_name: str | None = None,
    image: np.ndarray | None = None,
    table: str = IMAGENET_C,
    seed: int | None = None,
    indices: Sequence[int] | None = None,
) -> np.ndarray:
    """Corrupt images (Hendrycks and Dietterich 2019); takes the place of the function `corrupt` of imagecorruptions.

    The calls of imagecorruptions work as they are: `corrupt(image, 3, "fog")`,
    `corrupt(image, corruption_name="fog", severity=3)` and `corrupt(image, severity=3, corruption_number=9)`.

    Args:
        images: uint8 N x H x W x 3, or one image H x W x 3, H x W x 1 or H x W; H and W at least 32. They are not
            changed.
        corruption: name of a corruption, one of CORRUPTIONS. A severity may come first, as in
            imagecorruptions; a name then follows it.
        severity: integer from 1 to 5; default: 1.
        corruption_number: position of the corruption in CORRUPTIONS, if there is no name.
        corruption_name: the name, under the argument of imagecorruptions.
        image: the images, under the argument of imagecorruptions.
        table: the published severity parameters: "cifar-10-c" suits images of up to 64 pixels, "imagenet-c" larger
            ones. imagecorruptions has only the latter.
        seed: seed of the random streams; default: drawn from NumPy's global generator, as imagecorruptions draws.
        indices: N integers; each image has the random stream of its number, so that its corruption does not depend on
            the batch. The default is 0 to N - 1.

    Returns:
        uint8 N x H x W x 3, or H x W x 3 for one image.

    Raises:
        Fault: an argument has another shape, type or value.

    >>> image = np.full((32, 32, 3), 128, np.uint8)
    >>> corrupt(image, corruption_name="contrast", severity=2).shape
    (32, 32, 3)
    """
    if isinstance(corruption, Integral):
        corruption, severity = severity, corruption
    name = _name(corruption if corruption_name is None else corruption_name, corruption_number)
    images = images if image is None else image
    seed = np.random.randint(DRAWN) if seed is None else seed
    batch, alone = _batch(images)
    corrupted = engine.corrupt(
        batch, name, 1 if severity is None else severity, table=table, seed=int(seed), indices=indices
    )
    return corrupted[0] if alone else corrupted


def get_corruption_names(subset: str = "common") -> list[str]:
    """List names of corruptions, as the function of imagecorruptions does.

    Args:
        subset: common (the 15 corruptions of mCE), validation (the four extra ones), all, noise, blur, weather or
            digital.

    Returns:
        The names, in the order of their publication.

    Raises:
        Fault: there is no such subset.

    >>> get_corruption_names("noise")
    ['gaussian_noise', 'shot_noise', 'impulse_noise']
    """
    subsets = {"common": MAIN, "validation": HELD_OUT, "all": MAIN + HELD_OUT} | CATEGORIES
    if subset not in subsets:
        raise Fault(f"subset: {available('subset', subset, subsets)}")
    return list(subsets[subset])


def _name(name: object, number: int) -> object:
    names = MAIN + HELD_OUT
    if name is not None:
        return name
    if not isinstance(number, Integral) or not 0 <= number < len(names):
        got = "neither" if number == -1 else f"corruption_number {short(number)}"
        raise Fault(
            f"corruption: {expected(f'a name, or a corruption_number from 0 to {len(names) - 1}', got)}; "
            "give one, e.g. fog"
        )
    return names[number]


def _batch(images: np.ndarray | None) -> tuple[np.ndarray, bool]:
    """The images as a batch, and whether there is one alone, which may be grey."""
    if not isinstance(images, np.ndarray) or images.ndim not in (2, 3):
        return images, False  # the engine checks it
    grey = images[..., None] if images.ndim == 2 else images
    return (np.repeat(grey, 3, axis=2) if grey.shape[2] == 1 else grey)[None], True
