"""Handwritten digits that scikit-learn ships (Alpaydin and Kaynak, UCI Machine Learning Repository, 1998)."""

import numpy as np
from PIL import Image
from sklearn.datasets import load_digits

SOURCE = (
    "Optical Recognition of Handwritten Digits, test part (Alpaydin and Kaynak, UCI 1998), as shipped by scikit-learn"
)


def digits(image_size: int) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """All 1,797 digits enlarged from 8x8 to `image_size` squared, their labels and the names of the classes.

    Returns:
        images uint8 Nx`image_size`x`image_size`x3 (bicubic, three equal channels), labels int64 N in 0..9, ten names.
    """
    small, labels = load_digits(return_X_y=True)
    small = np.round(small.reshape(-1, 8, 8) * (255 / 16)).astype(np.uint8)
    size = (image_size, image_size)
    grey = np.stack([np.asarray(Image.fromarray(image).resize(size, Image.Resampling.BICUBIC)) for image in small])
    return np.repeat(grey[..., None], 3, axis=3), labels.astype(np.int64), [str(digit) for digit in range(10)]
