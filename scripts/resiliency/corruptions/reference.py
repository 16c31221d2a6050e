"""The package imagecorruptions 1.1.2, made to work with current NumPy, scikit-image and setuptools,
and repeatable.

Four things broke since it was published: `pkg_resources` is gone from setuptools, `np.float_` from
NumPy, `multichannel=` from scikit-image's gaussian, and scikit-image's random_noise no longer draws
from NumPy's global generator, so that impulse_noise could not be seeded. Each is mended inside the
package's own module; NumPy, scikit-image and setuptools are left as they are.
"""

import sys
import types
import warnings
from collections.abc import Sequence
from functools import partial
from importlib.resources import files
from typing import Any

import numpy as np
import skimage.color
import skimage.filters
import skimage.util

from resiliency.base.streams import entropy


def _gaussian(
    image: np.ndarray, sigma: float, multichannel: bool = False, **arguments: object
) -> np.ndarray:
    return skimage.filters.gaussian(
        image, sigma, channel_axis=-1 if multichannel else None, **arguments
    )


def _random_noise(image: np.ndarray, **arguments: object) -> np.ndarray:
    return skimage.util.random_noise(
        image, rng=np.random.default_rng(np.random.randint(2**31, size=8)), **arguments
    )


class _NumPyWithFloat(types.ModuleType):
    float_ = np.float64

    def __getattr__(self, name: str) -> object:
        return getattr(np, name)


def _load() -> types.ModuleType:
    stand_in: Any = types.ModuleType("pkg_resources")
    stand_in.resource_filename = lambda _, name: str(files("imagecorruptions") / name)
    present = sys.modules.setdefault("pkg_resources", stand_in)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        import imagecorruptions
    if present is stand_in:
        del sys.modules["pkg_resources"]
    module = imagecorruptions.corruptions
    module.np = _NumPyWithFloat("numpy")
    module.gaussian = _gaussian
    module.sk = types.SimpleNamespace(
        color=skimage.color, util=types.SimpleNamespace(random_noise=_random_noise)
    )
    return imagecorruptions


_package = _load()


def corrupt(
    images: np.ndarray,
    corruption: str,
    severity: int,
    *,
    seed: int,
    indices: Sequence[int] | None = None,
) -> np.ndarray:
    """As `engine.corrupt`, uint8 NxHxWx3 -> uint8 NxHxWx3, each image drawn from a stream of its
    own."""
    indices = range(len(images)) if indices is None else indices
    state = np.random.get_state()
    apply = partial(_package.corrupt, severity=severity, corruption_name=corruption)
    corrupted = np.empty_like(images)
    try:
        for place, (index, image) in enumerate(zip(indices, images, strict=True)):
            words = entropy(seed, "corrupt", corruption, severity, int(index)).to_bytes(32)
            np.random.seed(np.frombuffer(words, dtype=np.uint32))
            corrupted[place] = apply(np.asarray(image))
    finally:
        np.random.set_state(state)
    return corrupted
