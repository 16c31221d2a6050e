"""Compiled sums of products over the pixels of images."""

import numpy as np
from numba import njit


@njit(cache=True, nogil=True, fastmath={"contract"})
def sums_of_products(
    images: np.ndarray,
    gradients: np.ndarray,
    stride: tuple[int, int],
    padding: tuple[int, int],
    dilation: tuple[int, int],
    sums: np.ndarray,
) -> None:
    """Add to `sums`, float32 UxVxC, the products of images BxHxWxC and gradients BxPxQxC that a kernel joins.

    Each image is summed by itself first, which keeps rounding small.
    """
    height, width, channels = images.shape[1:]
    rows, columns = gradients.shape[1:3]
    own = np.empty_like(sums)
    for image in range(len(images)):
        own[:] = 0
        for u in range(sums.shape[0]):
            for row in range(rows):
                y = row * stride[0] + u * dilation[0] - padding[0]
                if 0 <= y < height:
                    for column in range(columns):
                        for v in range(sums.shape[1]):
                            x = column * stride[1] + v * dilation[1] - padding[1]
                            if 0 <= x < width:
                                for channel in range(channels):
                                    own[u, v, channel] += (
                                        gradients[image, row, column, channel] * images[image, y, x, channel]
                                    )
        sums += own
