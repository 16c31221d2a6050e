"""Corruptions in Python, by the calls of the package imagecorruptions."""

from collections.abc import Sequence
from numbers import Integral

import numpy as np

from resiliency.base.faults import Fault, available, expected, short
from resiliency.base.names import CATEGORIES, HELD_OUT, MAIN
from resiliency.base.settings import AUTO
from resiliency.corruptions import engine
from resiliency.corruptions.settings import SEVERITIES

DRAWN = 2**31 - 1


def corrupt(
    image: np.ndarray,
    severity: int = 1,
    corruption_name: str | None = None,
    corruption_number: int = -1,
    *,
    table: str = AUTO,
    seed: int | None = None,
    indices: Sequence[int] | None = None,
) -> np.ndarray:
    """Corrupt images (Hendrycks and Dietterich 2019); takes the place of the function `corrupt` of imagecorruptions.

    Args:
        image: uint8 H x W x 3, H x W x 1 or H x W, or a batch N x H x W x 3; H and W at least 32. It is not changed.
        severity: integer from 1 to 5.
        corruption_name: name of a corruption, one of CORRUPTIONS.
        corruption_number: position of the corruption in CORRUPTIONS, if there is no name.
        table: the published severity parameters: "cifar-10-c", "imagenet-c" or "auto", the first for images of up to 64
            pixels. imagecorruptions has only "imagenet-c".
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
    names = MAIN + HELD_OUT
    if corruption_name is None:
        if not isinstance(corruption_number, Integral) or not 0 <= corruption_number < len(names):
            got = f"corruption_number {short(corruption_number)}"
            raise Fault(f"corruption_number: {expected(f'0 to {len(names) - 1}, or a corruption_name', got)}")
        corruption_name = names[corruption_number]
    seed = np.random.randint(DRAWN) if seed is None else seed
    batch, alone = _batch(image)
    corrupted = engine.corrupt(batch, corruption_name, severity, table=table, seed=seed, indices=indices)
    return corrupted[0] if alone else corrupted


def checked_conditions(corruptions: Sequence[str], severities: Sequence[int]) -> list[tuple[str, int]]:
    """Each corruption at each severity, once.

    Raises:
        Fault: a corruption is unknown, or a severity is not among 1 to 5.
    """
    try:
        names = [corruptions] if isinstance(corruptions, str) else list(corruptions)
    except TypeError:
        raise Fault(f"corruptions: {expected('a list of names', short(corruptions))}") from None
    for name in names:
        if name not in MAIN + HELD_OUT:
            raise Fault(f"corruptions: {available('corruption', name, MAIN + HELD_OUT)}")
    wanted = list(np.atleast_1d(severities).tolist())
    if not wanted or any(type(severity) is not int or severity not in SEVERITIES for severity in wanted):
        raise Fault(f"severities: {expected('integers from 1 to 5', short(wanted))}")
    return [(name, severity) for name in dict.fromkeys(names) for severity in dict.fromkeys(wanted)]


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


def _batch(image: np.ndarray) -> tuple[np.ndarray, bool]:
    """The images as a batch, and whether there is one alone, which may be grey."""
    if not isinstance(image, np.ndarray) or image.ndim not in (2, 3):
        return image, False  # the engine checks it
    grey = image[..., None] if image.ndim == 2 else image
    return (np.repeat(grey, 3, axis=2) if grey.shape[2] == 1 else grey)[None], True
