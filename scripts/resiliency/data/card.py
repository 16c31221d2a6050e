"""The data card: what a data set is made of, and what it is normalised with."""

import hashlib

import numpy as np


def data_card(name: str, source: str, classes: list[str], splits: dict[str, tuple[np.ndarray, np.ndarray]]) -> dict:
    """Counts, shapes, checksums and the mean and standard deviation of the training images.

    Args:
        splits: split -> (images uint8 NxHxWx3, labels int64 N); `train` must be one of them.

    Returns:
        A JSON object; `mean` and `std` are per channel, of values in 0..1.
    """
    pixels = splits["train"][0].reshape(-1, 3) / 255
    return {
        "name": name,
        "source": source,
        "classes": classes,
        "image_shape": list(splits["train"][0].shape[1:]),
        "mean": pixels.mean(axis=0).round(6).tolist(),
        "std": pixels.std(axis=0).round(6).tolist(),
        "splits": {
            split: {
                "images": len(labels),
                "images_per_class": np.bincount(labels, minlength=len(classes)).tolist(),
                "sha256": hashlib.sha256(images.tobytes() + labels.tobytes()).hexdigest(),
            }
            for split, (images, labels) in splits.items()
        },
    }
