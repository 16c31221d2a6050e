"""The super-network: a residual network that can act as any of its sub-networks, which share its weights.

A sub-network has the first blocks of each stage, the first channels of each layer and the middle of each kernel (Cai et
al., Once-for-All, 2020).
"""

from itertools import pairwise
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torch import Tensor, nn

from resiliency.base.faults import Fault
from resiliency.designs.checkpoints import load_weights
from resiliency.designs.members import Member
from resiliency.designs.strides import has_wrong_gradients, subsampled
from resiliency.search.network import Layers, Residual
from resiliency.search.space import EXPANSION, Shape
from resiliency.storage.checksums import verified


class _Conv(nn.Conv2d):
    """A convolution of which the first `width` filters and the middle of the kernel are used."""

    def __init__(self, *arguments, **more):
        super().__init__(*arguments, **more)
        self.width, self.kernel = self.out_channels, self.kernel_size[0]

    def forward(self, x: Tensor) -> Tensor:
        margin = (self.kernel_size[0] - self.kernel) // 2
        middle = slice(margin, margin + self.kernel)
        weight, stride = self.weight[: self.width, : x.shape[1], middle, middle], self.stride
        if has_wrong_gradients(x.shape[1], weight.shape[2:], stride):
            x, stride = subsampled(x, stride), (1, 1)
        return F.conv2d(x, weight, None, stride, self.padding[0] - margin)


class _Norm(nn.BatchNorm2d):
    """The norm of as many channels as come; in training its statistics follow only where `follows` is set."""

    follows = True

    def forward(self, x: Tensor) -> Tensor:
        first = slice(x.shape[1])
        moving = self.follows or not self.training
        mean, variance = (self.running_mean[first], self.running_var[first]) if moving else (None, None)
        if self.training and moving:
            self.num_batches_tracked += 1
        return F.batch_norm(
            x, mean, variance, self.weight[first], self.bias[first], self.training, self.momentum, self.eps
        )


class _Linear(nn.Linear):
    """A linear layer of as many features as come."""

    def forward(self, x: Tensor) -> Tensor:
        return F.linear(x, self.weight[:, : x.shape[1]], self.bias)


class Supernetwork(Residual):
    """A residual network that acts as the sub-network of the shape it took last; as the largest at first.

    Attributes:
        largest: the shape of the whole network.
        seen: int64, training images that it has seen.
    """

    def __init__(self, largest: Shape):
        super().__init__(largest, Layers(_Conv, _Norm, _Linear))
        self.largest = largest
        self.register_buffer("seen", torch.zeros((), dtype=torch.int64))
        self.activate(largest)

    def activate(self, shape: Shape, follow: bool = True) -> None:
        """Act as the sub-network of `shape` from here on; in training, batch-norm statistics follow it or stay."""
        self.depths = shape["layers"]
        self.conv1.width = shape["stem"]
        for stage, (channels, kernel) in enumerate(zip(shape["channels"], shape["kernels"], strict=True)):
            outward = channels * EXPANSION[shape["block"]]
            for block in self.blocks(stage)[: self.depths[stage]]:
                for index in range(1, block.depth + 1):
                    conv = getattr(block, f"conv{index}")
                    conv.width = outward if index == block.depth else channels
                    conv.kernel = min(kernel, conv.kernel_size[0])
                if block.downsample is not None:
                    block.downsample[0].width = outward
        for module in self.modules():
            if isinstance(module, _Norm):
                module.follows = follow

    def forward_features(self, images: Tensor) -> Tensor:
        x = self.maxpool(F.relu(self.bn1(self.conv1(images))))
        for stage in range(self.stages):
            for block in self.blocks(stage)[: self.depths[stage]]:
                x = block(x)
        return x


def supernetwork(**largest) -> Supernetwork:
    """The factory of super-networks; arguments as of `network.residual`."""
    return Supernetwork(largest)


def extract(network: Supernetwork, shape: Shape) -> Residual:
    """The sub-network of `shape` as an ordinary network with weights and batch-norm statistics of its own."""
    with torch.device("meta"):  # initial weights would take longer than the copies that replace them
        small = Residual(shape)
    own = network.state_dict()
    parts = {name: _part(own[name], like.shape).clone() for name, like in small.state_dict().items()}
    small.load_state_dict(parts, assign=True)
    return small.to(memory_format=torch.channels_last)


def start_from(network: Supernetwork, weights: str | Path) -> None:
    """Give `network` the weights of the member in the file `weights`, its channels in the order of importance.

    Raises:
        Fault: the weights are those of another network.
    """
    outputs, own = Member.read(Path(weights).with_name("member.json")).outputs, load_file(verified(weights))
    if outputs is not None:
        own |= {name: own[name][outputs] for name in ("fc.weight", "fc.bias")}
    if misfit := load_weights(network, own | {"seen": network.seen.cpu()}):
        raise Fault(f"{weights}: not the weights of search.design ({misfit}); start from a member of that design")
    reorder(network)


def reorder(network: Residual) -> None:
    """Sort the channels of every layer by importance, so that narrow sub-networks keep the most important ones.

    The importance of a channel is the L2 norm of the filters that write to it, as in BootstrapNAS (Muñoz et al. 2022).
    Blocks of a stage add to the same channels, so that these move together. The function of the whole network stays.
    """
    writers, readers = [(network.conv1, network.bn1)], []
    for stage in range(network.stages):
        first, *others = blocks = network.blocks(stage)
        readers.append(first.conv1)
        if first.downsample is not None:
            _sort(writers, [*readers, first.downsample[0]])
            writers, readers = [tuple(first.downsample)], []
        for block in blocks:
            pairs = [(getattr(block, f"conv{i}"), getattr(block, f"bn{i}")) for i in range(1, block.depth + 1)]
            for pair, (reader, _) in pairwise(pairs):
                _sort([pair], [reader])
            writers.append(pairs[-1])
        readers += [block.conv1 for block in others]
    _sort(writers, [*readers, network.fc])


@torch.no_grad()
def _sort(writers: list[tuple[nn.Conv2d, nn.BatchNorm2d]], readers: list[nn.Module]) -> None:
    """Sort the channels that all of `writers`, with their norms, give and all of `readers` take."""
    squares = sum(conv.weight.square().sum(dim=(1, 2, 3)) for conv, _ in writers)
    order = squares.argsort(descending=True, stable=True)
    for conv, norm in writers:
        for tensor in (conv.weight, norm.weight, norm.bias, norm.running_mean, norm.running_var):
            tensor.copy_(tensor[order])
    for reader in readers:
        reader.weight.copy_(reader.weight[:, order])


def _part(tensor: Tensor, shape: torch.Size) -> Tensor:
    """The first channels and the middle of the kernels of a weight, as many as `shape` says."""
    slices = []
    for axis, (size, used_size) in enumerate(zip(tensor.shape, shape, strict=True)):
        start = 0 if axis < 2 else (size - used_size) // 2
        slices.append(slice(start, start + used_size))
    return tensor[tuple(slices)]
