"""The engine of the corruptions: batches of images, any of the 19 corruptions, either published
table.

Every image has a random stream of its own, named by seed, corruption, severity and the image's
index, so that it is corrupted alike in any batch, shard or order. The same name gives the same
stream under both tables.

Against the package imagecorruptions 1.1.2, "imagenet-c" gives the same images within one grey level
where nothing is drawn, and the same distribution elsewhere, but for faults of the package: spatter
leaves an image without drops as it is (there it is black), frost picks all six pictures,
impulse_noise has a seed.
"""

from collections.abc import Sequence
from numbers import Integral

import numpy as np

from resiliency.base.faults import Fault, available, expected, short
from resiliency.base.settings import AUTO
from resiliency.corruptions import blur, digital, noise, weather  # noqa: F401  they register their functions
from resiliency.corruptions.filters import Streams
from resiliency.corruptions.registry import CORRUPTIONS, TABLES
from resiliency.corruptions.settings import HELD_OUT, MAIN, SEVERITIES, table_for

SMALLEST = 32
# Pixels handled at a time: enough to spread NumPy's overhead over small images, few enough to stay
# in the cache.
_CHUNK = 2**17


def corrupt(
    images: np.ndarray,
    corruption: str,
    severity: int,
    *,
    table: str,
    seed: int,
    indices: Sequence[int] | None = None,
) -> np.ndarray:
    """Corrupt images (Hendrycks and Dietterich 2019).

    Args:
        images: uint8 N x H x W x 3, H and W at least 32; they are not changed.
        corruption: name of a corruption, one of CORRUPTIONS.
        severity: integer from 1 to 5.
        table: the published severity parameters: "cifar-10-c", "imagenet-c" or "auto", the first
            for images of up to 64 pixels.
        seed: seed of the random streams, from 0 to 2^63 - 1.
        indices: N integers; each image has the random stream of its number, so that its corruption
            does not depend on the batch. The default is 0 to N - 1.

    Returns:
        uint8 N x H x W x 3.

    Raises:
        Fault: an argument has another shape, type or value.
    """
    _check_images(images)
    table = table_for(max(images.shape[1:3])) if table == AUTO else table
    for argument, name, names in (
        ("corruption", corruption, MAIN + HELD_OUT),
        ("table", table, (AUTO, *TABLES)),
    ):
        if name not in names:
            raise Fault(f"{argument}: {available(argument, name, names)}")
    if not isinstance(severity, Integral) or severity not in SEVERITIES:
        raise Fault(f"severity: expected an integer from 1 to 5, got {severity!r}")
    if not isinstance(seed, Integral) or isinstance(seed, bool) or not 0 <= seed < 2**63:
        raise Fault(f"seed: {expected('a whole number from 0 to 2^63 - 1', short(seed))}")
    indices = _checked_indices(indices, len(images))
    registered = CORRUPTIONS[corruption]
    figures = registered.figures[table][severity - 1]
    figures = figures if isinstance(figures, tuple) else (figures,)
    corrupted = np.empty_like(images, order="C")
    size = max(1, _CHUNK // (images.shape[1] * images.shape[2]))
    for start in range(0, len(images), size):
        part = slice(start, start + size)
        drawn = indices[part] if registered.draws else []
        streams = Streams(int(seed), ("corrupt", corruption, int(severity)), drawn)
        chunk = np.ascontiguousarray(images[part])
        pictures = registered.function(chunk, streams, *figures, **registered.further[table])
        np.copyto(corrupted[part], pictures, casting="no")
    return corrupted


def _check_images(images: np.ndarray) -> None:
    if not isinstance(images, np.ndarray) or images.dtype != np.uint8:
        raise Fault(
            f"images: expected a uint8 array, got {getattr(images, 'dtype', type(images).__name__)}"
        )
    if images.ndim != 4 or images.shape[3] != 3:
        raise Fault(f"images: expected shape (N, height, width, 3), got {images.shape}")
    if min(images.shape[1:3]) < SMALLEST:
        height, width = images.shape[1:3]
        raise Fault(f"images: expected at least {SMALLEST}x{SMALLEST} pixels, got {height}x{width}")


def _checked_indices(indices: Sequence[int] | None, count: int) -> list[int]:
    if indices is None:
        return list(range(count))
    numbers = np.asarray(indices)
    if numbers.shape != (count,) or (
        count and (numbers.dtype.kind not in "iu" or numbers.min() < 0)
    ):
        raise Fault(
            f"indices: expected {count} integers ≥ 0, one per image, got {short(numbers.tolist())}"
        )
    return numbers.tolist()


def checked_conditions(
    corruptions: Sequence[str], severities: Sequence[int]
) -> list[tuple[str, int]]:
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
    if not wanted or any(
        type(severity) is not int or severity not in SEVERITIES for severity in wanted
    ):
        raise Fault(f"severities: {expected('integers from 1 to 5', short(wanted))}")
    return [(name, severity) for name in dict.fromkeys(names) for severity in dict.fromkeys(wanted)]
