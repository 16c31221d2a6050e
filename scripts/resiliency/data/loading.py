"""Batches of images for networks: sliced from an array, or decoded from files by worker processes."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from resiliency.data.pictures import FileImages
from resiliency.data.source import Images
from resiliency.faults import Fault

Read = Callable[[Any], np.ndarray]


def batches(
    images: Images | Tensor,
    indices: Sequence[Any],
    device: torch.device,
    workers: int,
    read: Read | None = None,
) -> Iterator[Tensor]:
    """The images at each of `indices`, uint8 BxHxWx3 on `device`.

    One set of workers decodes all of them.

    Args:
        images: a tensor, uint8 NxHxWx3, is on `device` already, and is not read by `read`.
        workers: processes that decode files, or `read`, ahead; 0 does it here.
        read: reads the images at one of `indices`, where they change on the way, or come from several sources.

    Raises:
        Fault: a file cannot be decoded.
    """
    if isinstance(images, Tensor):
        for chosen in indices:
            yield images[torch.from_numpy(chosen).to(images.device)]
        return
    read = read or images.__getitem__
    if not isinstance(images, FileImages):
        for chosen in indices:
            yield torch.from_numpy(np.ascontiguousarray(read(chosen))).to(device)
        return
    loader = DataLoader(_Batches(read, indices), batch_size=None, num_workers=workers, pin_memory=device.type == "cuda")
    for batch in loader:
        if isinstance(batch, Fault):
            raise batch
        yield batch.to(device, non_blocking=True)


def in_order(count: int, size: int) -> list[np.ndarray]:
    """Indices 0..`count`-1 in consecutive batches of `size`."""
    return [np.arange(start, min(start + size, count)) for start in range(0, count, size)]


class _Batches(Dataset):
    """Batches for workers. A Fault is handed over as a value, for torch would wrap its line in a traceback."""

    def __init__(self, read: Read, indices: Sequence[Any]):
        self.read = read
        self.indices = indices

    def __len__(self) -> int:
        return len(self.indices)

    def __getitem__(self, batch: int) -> Tensor | Fault:
        try:
            return torch.from_numpy(self.read(self.indices[batch]))
        except Fault as fault:
            return fault
