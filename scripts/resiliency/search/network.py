"""Residual networks of any shape, whose weights are named as in timm's ResNets, and super-networks
of them."""

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any, Unpack

import numpy as np
import torch
import torch.nn.functional as F
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from resiliency.base.faults import Fault
from resiliency.base.settings import Keys
from resiliency.designs.layers import has_wrong_gradients, subsampled
from resiliency.designs.members import Member
from resiliency.designs.networks import SUPERNETWORK, load_weights
from resiliency.search.space import DIMENSIONS, EXPANSION, RANDOM, Search, Shape, Space
from resiliency.storage import sha256
from resiliency.training.engine import Loss


class Block(nn.Module):
    """Convolutions, each with its norm, and a shortcut around them (He et al. 2016)."""

    def __init__(
        self, convs: list[nn.Conv2d], downsample: nn.Sequential | None, norm: type[nn.BatchNorm2d]
    ):
        super().__init__()
        self.depth = len(convs)
        for index, conv in enumerate(convs, 1):
            self.add_module(f"conv{index}", conv)
            self.add_module(f"bn{index}", norm(conv.out_channels))
        self.downsample = downsample

    def forward(self, x: Tensor) -> Tensor:
        y = x
        for index in range(1, self.depth + 1):
            y = getattr(self, f"bn{index}")(getattr(self, f"conv{index}")(y))
            y = F.relu(y) if index < self.depth else y
        return F.relu(y + (x if self.downsample is None else self.downsample(x)))


class Residual(nn.Module):
    """A residual network of a shape.

    Attributes:
        conv, norm, linear: classes of its layers.
    """

    conv, norm, linear = nn.Conv2d, nn.BatchNorm2d, nn.Linear

    def __init__(self, shape: Shape):
        super().__init__()
        self.conv1 = self.conv(3, shape["stem"], 7, shape["stride"], 3, bias=False)
        self.bn1 = self.norm(shape["stem"])
        self.maxpool = nn.MaxPool2d(3, 2, 1) if shape["pool"] else nn.Identity()
        self.feature_info = [
            {"module": f"layer{number}"} for number in range(1, len(shape["layers"]) + 1)
        ]
        inward = shape["stem"]
        for stage, info in enumerate(self.feature_info):
            self.add_module(info["module"], self._stage(shape, stage, inward))
            inward = shape["channels"][stage] * EXPANSION[shape["block"]]
        self.fc = self.linear(inward, shape["classes"])
        # As timm does: He et al. (2015) by outgoing connections; blocks begin as their shortcuts.
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
            elif isinstance(module, Block):
                nn.init.zeros_(getattr(module, f"bn{module.depth}").weight)

    def _stage(self, shape: Shape, stage: int, inward: int) -> nn.Sequential:
        c, blocks = shape["channels"][stage], []
        outward = c * EXPANSION[shape["block"]]
        for index in range(shape["layers"][stage]):
            stride = 2 if stage and not index else 1
            if shape["block"] == "basic":
                sizes = [(inward, c, 3, stride), (c, outward, 3, 1)]
            else:
                sizes = [(inward, c, 1, 1), (c, c, 3, stride), (c, outward, 1, 1)]
            convs = [self.conv(a, b, k, s, k // 2, bias=False) for a, b, k, s in sizes]
            downsample = None
            if not index and (stage > 0 or shape["projected"]):
                downsample = nn.Sequential(
                    self.conv(inward, outward, 1, stride, bias=False), self.norm(outward)
                )
            blocks.append(Block(convs, downsample, self.norm))
            inward = outward
        return nn.Sequential(*blocks)

    @property
    def stages(self) -> list[Any]:
        """The blocks of each stage, an `nn.Sequential` each."""
        return [self.get_submodule(info["module"]) for info in self.feature_info]

    def forward_features(self, images: Tensor) -> Tensor:
        """Images float Bx3xHxW -> the last feature map BxCxhxw."""
        x = self.maxpool(F.relu(self.bn1(self.conv1(images))))
        for blocks in self.stages:
            x = blocks(x)
        return x

    def forward_head(self, features: Tensor, pre_logits: bool = False) -> Tensor:
        """A feature map -> logits BxK, or its mean BxC that the classifier is applied to."""
        pooled = features.mean(dim=(2, 3))
        return pooled if pre_logits else self.fc(pooled)

    def forward(self, images: Tensor) -> Tensor:
        """Images float Bx3xHxW -> logits BxK."""
        return self.forward_head(self.forward_features(images))


def residual(**shape: Unpack[Shape]) -> Residual:
    """The factory of residual networks, that of sub-networks too."""
    return Residual(shape)


class _Conv(nn.Conv2d):
    """A convolution that uses its first `width` filters."""

    def __init__(self, *arguments, **more):
        super().__init__(*arguments, **more)
        self.width = self.out_channels

    def forward(self, x: Tensor) -> Tensor:
        weight, stride = self.weight[: self.width, : x.shape[1]], self.stride
        if has_wrong_gradients(x.shape[1], weight.shape[2:], stride):
            x, stride = subsampled(x, stride), (1, 1)
        return F.conv2d(x, weight, None, stride, self.padding)


class _Norm(nn.BatchNorm2d):
    """A norm of as many channels as its input has; in training its statistics follow only if
    `follows` is set."""

    follows = True

    def forward(self, x: Tensor) -> Tensor:
        first = slice(x.shape[1])
        moving = self.follows or not self.training
        mean, variance = (
            (self.running_mean[first], self.running_var[first]) if moving else (None, None)
        )
        if self.training and moving:
            self.num_batches_tracked += 1
        return F.batch_norm(
            x,
            mean,
            variance,
            self.weight[first],
            self.bias[first],
            self.training,
            self.momentum,
            self.eps,
        )


class _Linear(nn.Linear):
    """A linear layer of as many features as its input has."""

    def forward(self, x: Tensor) -> Tensor:
        return F.linear(x, self.weight[:, : x.shape[1]], self.bias)


class Supernetwork(Residual):
    """A residual network that computes as one of its sub-networks, at first the largest.

    Attributes:
        largest: shape of the whole network.
        seen: int64, number of training images so far.
    """

    conv, norm, linear = _Conv, _Norm, _Linear

    def __init__(self, largest: Shape):
        super().__init__(largest)
        self.largest = largest
        self.register_buffer("seen", torch.zeros((), dtype=torch.int64))
        self.activate(largest)

    def activate(self, shape: Shape, follow: bool = True) -> None:
        """Compute as the sub-network of `shape` from now on; batch-norm statistics follow it only
        if `follow`."""
        self.depths = shape["layers"]
        self.conv1.width = shape["stem"]
        for blocks, depth, channels in zip(
            self.stages, self.depths, shape["channels"], strict=True
        ):
            outward = channels * EXPANSION[shape["block"]]
            for block in blocks[:depth]:
                for index in range(1, block.depth + 1):
                    getattr(block, f"conv{index}").width = (
                        outward if index == block.depth else channels
                    )
                if block.downsample is not None:
                    block.downsample[0].width = outward
        for module in self.modules():
            if isinstance(module, _Norm):
                module.follows = follow

    def forward_features(self, images: Tensor) -> Tensor:
        x = self.maxpool(F.relu(self.bn1(self.conv1(images))))
        for blocks, depth in zip(self.stages, self.depths, strict=True):
            for block in blocks[:depth]:
                x = block(x)
        return x


def supernetwork(**largest: Unpack[Shape]) -> Supernetwork:
    """The factory of super-networks."""
    return Supernetwork(largest)


def extract(network: Supernetwork, shape: Shape) -> Residual:
    """The sub-network of `shape` as an ordinary network with weights and batch-norm statistics of
    its own."""
    # Initial weights would take longer than the copies that replace them.
    with torch.device("meta"):
        small = Residual(shape)
    own = network.state_dict()
    parts = {
        name: own[name][*map(slice, like.shape)].clone()
        for name, like in small.state_dict().items()
    }
    small.load_state_dict(parts, assign=True)
    return small.to(memory_format=torch.channels_last)


def start_from(network: Supernetwork, weights: str | Path) -> None:
    """Give `network` the weights of the member in the file `weights`, its channels in the order of
    importance.

    Raises:
        Fault: the file is missing or cut short, or the weights are those of another network.
    """
    outputs = Member.read(Path(weights).with_name("member.json")).outputs
    try:
        own = load_file(weights)
    except (OSError, SafetensorError) as error:
        raise Fault(
            f"{weights}: truncated or corrupt weights ({error}); delete it and run again"
        ) from error
    if outputs is not None:
        own |= {name: own[name][outputs] for name in ("fc.weight", "fc.bias")}
    if misfit := load_weights(network, own | {"seen": network.seen.cpu()}):
        raise Fault(
            f"{weights}: not the weights of search.design ({misfit}); start from a member of that "
            "design"
        )
    reorder(network)


def reorder(network: Residual) -> None:
    """Sort the channels of every layer by importance, so that narrow sub-networks keep the most
    important ones.

    The importance of a channel is the L2 norm of the filters that write to it, as in BootstrapNAS
    (Muñoz et al. 2022). Blocks of a stage add to the same channels, so that these move together.
    The function of the whole network stays.
    """
    writers, readers = [(network.conv1, network.bn1)], []
    for blocks in network.stages:
        first, *others = blocks
        readers.append(first.conv1)
        if first.downsample is not None:
            _sort(writers, [*readers, first.downsample[0]])
            writers, readers = [tuple(first.downsample)], []
        for block in blocks:
            pairs = [
                (getattr(block, f"conv{i}"), getattr(block, f"bn{i}"))
                for i in range(1, block.depth + 1)
            ]
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


def training_phases(space: Space, settings: Search) -> list[list[str]]:
    """The dimensions of the random sub-networks in each phase of the training; phases take equal
    shares of it.

    "sandwich" has one phase, of all dimensions (Yu et al., BigNAS, 2020). "progressive" has one of
    depth, then one of depth and width (progressive shrinking; Cai et al., Once-for-All, 2020); from
    random weights, the largest sub-network learns alone before.
    """
    if settings.strategy == "sandwich":
        return [list(DIMENSIONS)]
    phases = [space.dimensions[: number + 1] for number in range(len(space.dimensions))]
    return phases if phases and settings.start != RANDOM else [[], *phases]


def supernet_loss(space: Space, settings: Search, n_images: int, smoothing: float) -> Loss:
    """The loss of one super-network, a sum over sub-networks: cross-entropy of the largest one with
    the labels, and of the others with its probabilities, in float32, which are not learned from
    them (in-place distillation).

    The others are random ones, as in `training_phases`; with the strategy "sandwich" also the
    smallest one. They are drawn from the seed of the step, as which torch's generator is seeded,
    and so the same after an interruption.

    Args:
        n_images: number of training images in all steps.
        smoothing: label smoothing.
    """
    phases = training_phases(space, settings)

    def others(network: Supernetwork) -> Iterator[np.ndarray]:
        random = np.random.default_rng(torch.initial_seed())
        if settings.strategy == "sandwich":
            yield space.sizes - 1
        # A GPU is waited for.
        phase = int(network.seen) * len(phases) // n_images if len(phases) > 1 else 0
        dimensions = phases[min(phase, len(phases) - 1)]
        for _ in range(settings.random_subnetworks if dimensions else 0):
            yield space.random(random, dimensions)

    def loss(networks: list[nn.Module], batch: Tensor, labels: Tensor) -> Tensor:
        network = networks[0]
        network.activate(space.largest)
        logits = network(batch)
        value = F.cross_entropy(logits, labels, label_smoothing=smoothing)
        target = logits.detach().float().softmax(dim=1)
        for genes in others(network):
            network.activate(space.shape(genes), follow=False)
            value = value + F.cross_entropy(network(batch), target)
        network.activate(space.largest)
        network.seen += len(batch)
        return value

    return loss


def training_macs(space: Space, settings: Search) -> int:
    """Multiply-accumulate operations of the forward passes of one training image, in expectation
    over 256 draws."""
    random, total = np.random.default_rng(0), space.macs(0 * space.sizes)
    drawn = [
        np.mean([space.macs(space.random(random, dimensions)) for _ in range(256)])
        if dimensions
        else 0
        for dimensions in training_phases(space, settings)
    ]
    if settings.strategy == "sandwich":
        total += space.macs(space.sizes - 1)
    return round(total + settings.random_subnetworks * np.mean(drawn))


def network_description(factory: str, shape: Shape, side: int) -> Keys:
    """Entries of a `Member` for a network of a shape, for images of `side` pixels squared."""
    return {
        "architecture": None,
        "factory": factory,
        "arguments": shape,
        "stem": "original",
        "side": side,
    }


def supernet_description(space: Space, start: str | None) -> Keys:
    """The description of a super-network before training.

    Args:
        start: path of a member's weights from which training starts; None if they are random.
    """
    description = network_description(SUPERNETWORK, space.largest, space.side)
    if start:
        member = Member.read(Path(start).with_name("member.json"))
        description |= {
            "start": f"{member.member} (sha256 {sha256(start)})",
            "mean": member.mean,
            "std": member.std,
        }
    return description
