"""What members say of images, and what they represent them by."""

from collections.abc import Iterator
from contextlib import ExitStack

import numpy as np
import torch
from torch import nn

from resiliency.data.loading import batches, in_order
from resiliency.data.source import Images
from resiliency.designs.networks import normalised, penultimate
from resiliency.device import inference
from resiliency.faults import Fault
from resiliency.files import appending
from resiliency.stage import Progress

BATCH = 256
# Up to here float16 holds logits to 1/64; where one is beyond it, those of the image are stored less the largest.
LARGEST_STORED = 64

Member = tuple[nn.Module, dict]


def write_logits(paths: list[str], members: list[Member], conditions: list[Images], workers: int) -> None:
    """Write the logits of each member under all conditions of one test set: float16 CxNxK.

    Args:
        paths: of the `.npy` files, one a member.
        conditions: N images each.
        workers: as in `logits`.
    """
    shape = len(conditions), len(conditions[0]), len(members[0][1]["classes"])
    progress = Progress(len(conditions), pause=5)
    with ExitStack() as files:
        appenders = [files.enter_context(appending(path, shape, np.float16)) for path in paths]
        for images in conditions:
            for batch in logits(members, images, workers):
                for append, values in zip(appenders, batch, strict=True):
                    append(values)
            progress.step("conditions predicted")


def logits(members: list[Member], images: Images, workers: int = 0) -> Iterator[list[np.ndarray]]:
    """Logits of `images`, batch after batch: for each member float16 BxK, as from `stored`.

    Images are read once for all members.

    Args:
        members: networks, on one device, with their descriptions.
        images: N of them.
        workers: processes that decode image files.

    Raises:
        Fault: a logit is NaN or infinite.
    """
    device = next(members[0][0].parameters()).device
    for batch in batches(images, in_order(len(images), BATCH), device, workers):
        with inference():
            found = [network(normalised(batch, member["mean"], member["std"])) for network, member in members]
        named = zip(members, found, strict=True)
        yield [stored(values.float().cpu().numpy(), member.get("member", "a network")) for (_, member), values in named]


def stored(logits: np.ndarray, member: str) -> np.ndarray:
    """`logits` float32 BxK as float16: of an image with a logit beyond `LARGEST_STORED`, less the largest of them.

    Neither order nor probabilities depend on what is subtracted, nor do means of logits in what they answer. Distances
    beyond float16's range, whose probability is zero, become its lowest number.

    Raises:
        Fault: a logit is NaN or infinite.
    """
    wrong = ~np.isfinite(logits).all(axis=1)
    if wrong.any():
        raise Fault(f"{member}: gives logits that are not finite for {wrong.sum():,} of {len(logits):,} images")
    large = np.abs(logits).max(axis=1) > LARGEST_STORED
    if large.any():
        exact = logits[large].astype(np.float64)
        exact -= exact.max(axis=1, keepdims=True)
        logits = logits.copy()
        logits[large] = np.maximum(exact, np.finfo(np.float16).min)
    return logits.astype(np.float16)


def features(member: Member, images: np.ndarray) -> np.ndarray:
    """Penultimate features float32 NxD of `images` (uint8 NxHxWx3)."""
    network, known = member
    device = next(network.parameters()).device
    with inference():
        parts = [
            penultimate(network, normalised(batch, known["mean"], known["std"])).float().cpu()
            for batch in batches(images, in_order(len(images), BATCH), device, workers=0)
        ]
    return torch.cat(parts).numpy()
