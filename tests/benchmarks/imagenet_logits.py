"""Synthetic logits of members as those of published ImageNet models are: sure, right alike and
wrong alike.

A logit is `scale` times the sum of noise that the members share (an image looks like other classes
too), noise of the member's own, and, for the label, how easy the image is: normal, with the mean
and deviation of the images.
"""

from typing import NamedTuple

import numpy as np

from resiliency.base.streams import stream

CLASSES = 1000


class Draw(NamedTuple):
    """Scale of all logits; deviations of shared and own noise; mean and deviation of what the label
    has more."""

    scale: float
    shared: float
    own: float
    mean: float
    deviation: float


DRAWS = {
    "clean": Draw(1.5, 1.5, 1.0, 9.5, 4.5),
    "corrupted": Draw(1.5, 1.5, 1.0, 6.0, 4.5),
    "independent": Draw(1.0, 0.0, 1.5, 6.0, 2.0),
}


def member_logits(
    kind: str, members: int, n_images: int, *names: int
) -> tuple[list[np.ndarray], np.ndarray]:
    """Logits float16 images x 1000 of each member, and labels int64; `names` tell draws of a kind
    apart."""
    draw, random = DRAWS[kind], stream(0, "logits", kind, *names)
    labels = random.integers(0, CLASSES, n_images)
    easy = draw.mean + draw.deviation * random.standard_normal(n_images, dtype=np.float32)
    shared = draw.shared * random.standard_normal((n_images, CLASSES), dtype=np.float32)
    shared[np.arange(n_images), labels] += easy
    logits = []
    for _ in range(members):
        values = shared + draw.own * random.standard_normal((n_images, CLASSES), dtype=np.float32)
        logits.append((draw.scale * values).astype(np.float16))
    return logits, labels
