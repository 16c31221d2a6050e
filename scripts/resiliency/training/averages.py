"""The moving average of a network's weights."""

from copy import deepcopy

import torch
from torch import nn


class Average:
    """The exponential moving average of the parameters and buffers of `network`, from those after the first step on.

    Like `torch.optim.swa_utils.AveragedModel` with `get_ema_multi_avg_fn(decay)` and `use_buffers`, which asks the
    device at each step whether it is the first one.

    Attributes:
        network: another one, which has the averages; whole numbers in it are the latest.
    """

    def __init__(self, network: nn.Module, decay: float):
        self.network, self.share, self.begun = deepcopy(network), 1 - decay, False
        self.averaged, self.latest = [], []
        for average, tensor in zip(self._tensors(self.network), self._tensors(network), strict=True):
            (self.averaged if tensor.is_floating_point() else self.latest).append((average, tensor))

    @staticmethod
    def _tensors(network: nn.Module) -> list[torch.Tensor]:
        return [tensor.detach() for tensor in (*network.parameters(), *network.buffers())]

    def resume(self) -> None:
        """Average on from the weights that `network` has, which are loaded."""
        self.begun = True

    def update(self) -> None:
        """Take the weights of a further step in."""
        if self.begun and self.averaged:
            torch._foreach_lerp_(*map(list, zip(*self.averaged, strict=True)), self.share)
        for average, tensor in self.latest if self.begun else self.latest + self.averaged:
            average.copy_(tensor)
        self.begun = True
