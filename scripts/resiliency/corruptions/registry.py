"""The registry of the corruptions: each function with its published severities, in two tables.

The two tables belong to two sizes of image. "imagenet-c" makes 32x32 images unrecognisable;
"cifar-10-c" hardly shows at 224x224. Sources:

* Hendrycks and Dietterich, "Benchmarking Neural Network Robustness to Common Corruptions and
  Perturbations", ICLR 2019, and its generators (github.com/hendrycks/robustness).
* "imagenet-c" follows the package imagecorruptions 1.1.2 (Michaelis et al., arXiv 1907.07484) where
  the two differ, because parity is measured against that package: elastic_transform has no affine
  step and other figures; pixelate enlarges by nearest neighbour; motion_blur and snow blur with a
  kernel in Python in place of ImageMagick's.

Units: standard deviations of noise, weights and thresholds are shares of the full range of grey
levels; radii, shifts and standard deviations of blurs are pixels; elastic_transform's are shares of
the image's size.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from resiliency.base.settings import Keys

TABLES = ("imagenet-c", "cifar-10-c")
Figures = tuple[float | tuple[float, ...], ...]


@dataclass(frozen=True)
class Corruption:
    """A corruption.

    Attributes:
        function: (uint8 NxHxWx3 images, N random streams, a severity's figures, further arguments)
            -> uint8 NxHxWx3.
        figures: table -> a figure for each severity from 1 to 5, or a tuple of figures in the
            function's order.
        further: table -> further arguments of the function, for other differences between the
            generators.
        draws: whether the function draws random numbers; if not, it gets no streams.
    """

    function: Callable[..., np.ndarray]
    figures: dict[str, Figures]
    further: dict[str, Keys]
    draws: bool = True


CORRUPTIONS: dict[str, Corruption] = {}


def corruption(
    imagenet_c: Figures,
    cifar_10_c: Figures,
    further: tuple[Keys, Keys] = ({}, {}),
    draws: bool = True,
) -> Callable[[Callable[..., np.ndarray]], Callable[..., np.ndarray]]:
    """Register a function under its name, with the figures and the further arguments of both
    tables.

    Raises:
        ValueError: the name is taken, or a table does not have five severities.
    """

    def register(function: Callable[..., np.ndarray]) -> Callable[..., np.ndarray]:
        figures = dict(zip(TABLES, (imagenet_c, cifar_10_c), strict=True))
        if function.__name__ in CORRUPTIONS:
            raise ValueError(f"there is a corruption {function.__name__} already")
        if {len(severities) for severities in figures.values()} != {5}:
            raise ValueError("each table needs a figure for each of five severities")
        CORRUPTIONS[function.__name__] = Corruption(
            function, figures, dict(zip(TABLES, further, strict=True)), draws
        )
        return function

    return register
