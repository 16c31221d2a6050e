"""Corruptions of arrays, by the calls of the package imagecorruptions."""

from collections.abc import Sequence
from numbers import Integral

import numpy as np

from resiliency.base.faults import Fault, available, expected, short
from resiliency.base.names import CATEGORIES, HELD_OUT, MAIN
from resiliency.base.settings import AUTO
from resiliency.corruptions import engine

CORRUPTIONS = MAIN + HELD_OUT
DRAWN = 2**31 - 1  # largest seed that is drawn


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
    """Corrupt images (Hendrycks and Dietterich 2019); takes the place of the function `corrupt` of
    imagecorruptions.

    Args:
        image: uint8 H x W x 3, H x W x 1 or H x W, or a batch N x H x W x 3; H and W at least 32.
            It is not changed.
        severity: integer from 1 to 5.
        corruption_name: name of a corruption, one of CORRUPTIONS.
        corruption_number: position of the corruption in CORRUPTIONS, if there is no name.
        table: the published severity parameters: "cifar-10-c", "imagenet-c" or "auto", the first
            for images of up to 64 pixels. imagecorruptions has only "imagenet-c".
        seed: seed of the random streams; default: drawn from NumPy's global generator, as
            imagecorruptions draws.
        indices: N integers; each image has the random stream of its number, so that its corruption
            does not depend on the batch. The default is 0 to N - 1.

    Returns:
        uint8 N x H x W x 3, or H x W x 3 for one image.

    Raises:
        Fault: an argument has another shape, type or value.

    >>> image = np.full((32, 32, 3), 128, np.uint8)
    >>> corrupt(image, corruption_name="contrast", severity=2).shape
    (32, 32, 3)
    """
    if corruption_name is None:
        if not isinstance(corruption_number, Integral) or not 0 <= corruption_number < len(
            CORRUPTIONS
        ):
            got = f"corruption_number {short(corruption_number)}"
            raise Fault(
                "corruption_number: "
                f"{expected(f'0 to {len(CORRUPTIONS) - 1}, or a corruption_name', got)}"
            )
        corruption_name = CORRUPTIONS[corruption_number]
    seed = np.random.randint(DRAWN) if seed is None else seed
    # The engine checks all others.
    batch, alone = image, isinstance(image, np.ndarray) and image.ndim in (2, 3)
    if alone:
        grey = image[..., None] if image.ndim == 2 else image
        batch = (np.repeat(grey, 3, axis=2) if grey.shape[2] == 1 else grey)[None]
    corrupted = engine.corrupt(
        batch, corruption_name, severity, table=table, seed=seed, indices=indices
    )
    return corrupted[0] if alone else corrupted


def get_corruption_names(subset: str = "common") -> list[str]:
    """List names of corruptions, as the function of imagecorruptions does.

    Args:
        subset: common (the 15 corruptions of mCE), validation (the four extra ones), all, noise,
            blur, weather or digital.

    Returns:
        The names, in the order of their publication.

    Raises:
        Fault: there is no such subset.

    >>> get_corruption_names("noise")
    ['gaussian_noise', 'shot_noise', 'impulse_noise']
    """
    subsets = {"common": MAIN, "validation": HELD_OUT, "all": CORRUPTIONS} | CATEGORIES
    if subset not in subsets:
        raise Fault(f"subset: {available('subset', subset, subsets)}")
    return list(subsets[subset])
