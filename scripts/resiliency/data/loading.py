"""Batches of images for networks: sliced from an array, or decoded from files by worker
processes."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader

from resiliency.base.faults import Fault
from resiliency.data.pictures import FileImages
from resiliency.data.source import Images

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
        images: N images; a tensor, uint8 NxHxWx3, must be on `device` and is not read by `read`.
        workers: number of processes that decode files, or call `read`, in advance; 0 for none.
        read: function that reads the images at one of `indices`, if they are changed or come from
            several sources.

    Raises:
        Fault: a file cannot be decoded.
    """
    if isinstance(images, Tensor):
        for chosen in indices:
            yield images[torch.from_numpy(chosen).to(images.device)]
        return
    for (batch,) in several_batches(
        images, indices, device, workers, partial(_alone, read or images.__getitem__)
    ):
        yield batch


def several_batches(
    images: Images,
    indices: Sequence[Any],
    device: torch.device,
    workers: int,
    read: Callable[[Any], list[np.ndarray]],
) -> Iterator[list[Tensor]]:
    """As `batches`, but `read` returns several batches at each of `indices`, such as several views
    of the images."""
    if not isinstance(images, FileImages):
        for chosen in indices:
            yield [
                torch.from_numpy(np.ascontiguousarray(batch)).to(device) for batch in read(chosen)
            ]
        return
    listed: Any = indices  # to torch's types, no data set
    settings: dict[str, Any] = {"num_workers": workers, "pin_memory": device.type == "cuda"}
    for result in DataLoader(listed, batch_size=None, collate_fn=partial(_read, read), **settings):
        if isinstance(result, Fault):
            raise result
        yield [batch.to(device, non_blocking=True) for batch in result]


def _alone(read: Read, chosen: Any) -> list[np.ndarray]:
    return [read(chosen)]


def _read(read: Callable[[Any], list[np.ndarray]], chosen: Any) -> list[Tensor] | Fault:
    """Batches from a worker. A Fault is handed over as a value, for torch would wrap its line in a
    traceback."""
    try:
        return list(map(torch.from_numpy, read(chosen)))
    except Fault as fault:
        return fault


def in_order(count: int, size: int) -> list[np.ndarray]:
    """Indices 0..`count`-1 in consecutive batches of `size`."""
    return [np.arange(start, min(start + size, count)) for start in range(0, count, size)]
