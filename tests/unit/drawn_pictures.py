"""Pictures to corrupt, and the corruptions by whether they draw."""

import numpy as np

from resiliency.corruptions.settings import HELD_OUT, MAIN

NAMES = MAIN + HELD_OUT
DETERMINISTIC = (
    "defocus_blur", "zoom_blur", "gaussian_blur", "brightness", "contrast",
    "pixelate", "jpeg_compression", "saturate"
)  # fmt: skip


RANDOM = tuple(name for name in NAMES if name not in DETERMINISTIC)


def pictures(count: int, height: int, width: int) -> np.ndarray:
    """uint8 NxHxWx3: smooth gradients of colour, waves of falling amplitude, grain, and three flat
    patches."""
    random = np.random.default_rng(0)
    y, x = np.mgrid[:height, :width][..., None] / np.float64([height, width]).reshape(2, 1, 1, 1)
    images = np.empty((count, height, width, 3), np.uint8)
    for image in images:
        values = (
            random.uniform(70, 170, 3)
            + random.uniform(-50, 50, 3) * y
            + random.uniform(-50, 50, 3) * x
        )
        for frequency in (3, 8, 20):
            direction = random.normal(size=2)
            phase = random.uniform(0, 6)
            values += (
                random.uniform(-60, 60, 3)
                / frequency**0.5
                * np.sin(frequency * (direction[0] * y + direction[1] * x) + phase)
            )
        image[...] = np.clip(values + random.normal(0, 4, (height, width, 1)), 0, 255)
        image[:6, :6], image[-5:, 8:16], image[8:12, -6:] = 0, 255, 90
    return images
