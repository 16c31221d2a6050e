"""Handwritten digits that scikit-learn ships (Alpaydin and Kaynak, UCI Machine Learning Repository, 1998)."""

import numpy as np
from PIL import Image

from resiliency.data.source import ALL, Part, Source

DESCRIPTION = (
    "Optical Recognition of Handwritten Digits, test part (Alpaydin and Kaynak, UCI 1998), as shipped by scikit-learn"
)


def digits(image_size: int) -> Source:
    """All 1,797 digits enlarged from 8x8 to `image_size` squared (bicubic, three equal channels), in one part."""
    from sklearn.datasets import load_digits

    small, labels = load_digits(return_X_y=True)
    small = np.round(small.reshape(-1, 8, 8) * (255 / 16)).astype(np.uint8)
    size = (image_size, image_size)
    grey = np.stack([np.asarray(Image.fromarray(image).resize(size, Image.Resampling.BICUBIC)) for image in small])
    images = np.repeat(grey[..., None], 3, axis=3)
    names = [str(position) for position in range(len(labels))]
    return Source(DESCRIPTION, [str(digit) for digit in range(10)], {ALL: Part(images, labels.astype(np.int64), names)})
