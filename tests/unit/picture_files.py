"""Image files of random pixels."""

import numpy as np
from PIL import Image

from resiliency.data.pictures import decode

NOISE = np.random.default_rng(7).integers(0, 256, (48, 64, 3), dtype=np.uint8)


def pixels(path) -> np.ndarray:
    image = decode(path)
    assert image.mode == "RGB"
    return np.asarray(image)


def saved(path, image: Image.Image, **options):
    image.save(path, **options)
    return path
