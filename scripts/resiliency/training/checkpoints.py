"""The state of training, in a file from which the next run resumes."""

import hashlib
import io
import json
import signal
import time
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from resiliency.base.faults import Fault
from resiliency.base.settings import Keys
from resiliency.data.loading import batches, in_order
from resiliency.data.pictures import View, images_in_views
from resiliency.data.source import Images
from resiliency.designs.device import device_name, inference
from resiliency.designs.networks import normalised
from resiliency.storage import replacing

PAUSE = 60


class Checkpoint:
    """The one checkpoint of a training job, at `path`.

    Within a `with` block the signal SIGTERM, by which SLURM announces the end of a job's time, ends the process only
    after the next `save`, which is due at once.

    Args:
        settings: all that determines the weights; training does not resume from a checkpoint of other settings.

    Attributes:
        devices: names of the devices of all runs so far, in order; the last one is that of this process.
    """

    def __init__(self, path: str | Path, settings: Keys):
        self.path = Path(path)
        self.key = hashlib.sha256(json.dumps([settings, torch.__version__], sort_keys=True).encode()).hexdigest()
        self.devices = [device_name()]
        self.saved = time.monotonic()
        self.end_requested = False

    @property
    def device(self) -> str:
        """The description of `devices` for the card of a member."""
        return ", then ".join(self.devices)

    def __enter__(self) -> "Checkpoint":
        self.previous = signal.signal(signal.SIGTERM, self._request_end)
        return self

    def __exit__(self, *_) -> None:
        signal.signal(signal.SIGTERM, self.previous)

    def _request_end(self, *_) -> None:
        self.end_requested = True

    def load(self) -> Keys | None:
        """The last saved state under these settings, on the CPU; None if there is none, or it cannot be read.

        If it was saved on another device, the log says so, and `devices` lists both.
        """
        if not self.path.exists():
            return None
        try:
            state = torch.load(self.path, map_location="cpu", weights_only=True)
        except Exception as error:
            print(f"{self.path}: cannot be read ({type(error).__name__}); training from scratch")
            return None
        if not isinstance(state, dict) or state.get("key") != self.key:
            print(f"{self.path}: checkpoint has different settings; training from scratch")
            return None
        (here,), earlier = self.devices, state["devices"]
        if earlier[-1] != here:
            print(f"{self.path}: saved on {earlier[-1]}, resuming on {here}; results will match neither device exactly")
        self.devices = earlier if earlier[-1] == here else [*earlier, here]
        return state

    def due(self) -> bool:
        """Whether so much time has passed since the last save that another is worth it, or the process is to end."""
        return self.end_requested or time.monotonic() - self.saved >= PAUSE

    def save(self, state: Keys) -> None:
        """Save `state` in place of the last one.

        Raises:
            Fault: the file system refuses, as a full disk does.
            SystemExit: the process was asked to end.
        """
        content = io.BytesIO()  # torch itself tells of a full disk in a way that looks like a fault of the program
        torch.save(state | {"key": self.key, "devices": self.devices}, content)
        with replacing(self.path) as temporary:
            temporary.write_bytes(content.getbuffer())
        self.saved = time.monotonic()
        if self.end_requested:
            raise SystemExit(f"interrupted; run again to resume from {self.path}")

    def remove(self) -> None:
        self.path.unlink(missing_ok=True)


class LabelledImages(NamedTuple):
    """N images with their labels, int64 N."""

    images: Images
    labels: np.ndarray


class Preprocessing(NamedTuple):
    """Preprocessing of images: a view, number of decoding workers, and normalisation by mean and std per channel.

    Without mean and std, what comes are features, float Bx1x1xD, and stays as it is.
    """

    mean: list[float] | None
    std: list[float] | None
    workers: int = 0
    view: View | None = None

    def normalised(self, images: Tensor) -> Tensor:
        """Images uint8 BxHxWx3 -> float32 Bx3xHxW."""
        return images if self.mean is None or self.std is None else normalised(images, self.mean, self.std)

    def in_view(self, images: Images, indices: np.ndarray) -> np.ndarray:
        """The images at `indices`, uint8 BxHxWx3."""
        return images_in_views(images, indices, [self.view])[0]


def accuracies(networks: list[nn.Module], data: LabelledImages, preprocessing: Preprocessing) -> list[float]:
    """Share of the images that each of `networks` labels right; leaves them in evaluation mode.

    Raises:
        Fault: a logit is NaN or infinite.
    """
    device = next(networks[0].parameters()).device
    labels = torch.from_numpy(np.array(data.labels)).to(device)
    order = in_order(len(labels), 256)
    correct = torch.zeros(len(networks), dtype=torch.int64)
    for network in networks:
        network.eval()
    with inference():
        read = partial(preprocessing.in_view, data.images)
        loaded = batches(data.images, order, device, preprocessing.workers, read)
        for images, truth in zip(loaded, labels.split(256), strict=True):
            images = preprocessing.normalised(images)
            logits = torch.stack([network(images) for network in networks])
            if not torch.isfinite(logits).all():
                raise Fault(
                    "validation logits contain NaN or infinity; lower learning_rate, set gradient_clip or check weights"
                )
            correct += (logits.argmax(-1) == truth).sum(1).cpu()
    return (correct / len(labels)).tolist()
