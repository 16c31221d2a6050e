"""Residual networks of any shape, whose weights are named as in timm's ResNets."""

from typing import NamedTuple

import torch.nn.functional as F
from torch import Tensor, nn

from resiliency.search.space import EXPANSION, Shape


class Layers(NamedTuple):
    """The classes that a network is made of."""

    conv: type[nn.Conv2d] = nn.Conv2d
    norm: type[nn.BatchNorm2d] = nn.BatchNorm2d
    linear: type[nn.Linear] = nn.Linear


class Block(nn.Module):
    """Convolutions, each with its norm, and a shortcut around them (He et al. 2016)."""

    def __init__(self, convs: list[nn.Conv2d], downsample: nn.Sequential | None, norm: type[nn.BatchNorm2d]):
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
    """A residual network of a shape; see `residual`."""

    def __init__(self, shape: Shape, layers: Layers = Layers()):  # noqa: B008
        super().__init__()
        self.conv1 = layers.conv(3, shape["stem"], 7, shape["stride"], 3, bias=False)
        self.bn1 = layers.norm(shape["stem"])
        self.maxpool = nn.MaxPool2d(3, 2, 1) if shape["pool"] else nn.Identity()
        self.stages = len(shape["layers"])
        inward = shape["stem"]
        for stage in range(self.stages):
            self.add_module(f"layer{stage + 1}", _stage(shape, stage, inward, layers))
            inward = shape["channels"][stage] * EXPANSION[shape["block"]]
        self.feature_info = [{"module": f"layer{stage + 1}"} for stage in range(self.stages)]
        self.fc = layers.linear(inward, shape["classes"])
        self._initialise()

    def blocks(self, stage: int) -> nn.Sequential:
        """The blocks of a stage, from 0."""
        return self.get_submodule(f"layer{stage + 1}")

    def forward_features(self, images: Tensor) -> Tensor:
        """Images float Bx3xHxW -> the last feature map BxCxhxw."""
        x = self.maxpool(F.relu(self.bn1(self.conv1(images))))
        for stage in range(self.stages):
            x = self.blocks(stage)(x)
        return x

    def forward_head(self, features: Tensor, pre_logits: bool = False) -> Tensor:
        """A feature map -> logits BxK, or its mean BxC that the classifier is applied to."""
        pooled = features.mean(dim=(2, 3))
        return pooled if pre_logits else self.fc(pooled)

    def forward(self, images: Tensor) -> Tensor:
        """Images float Bx3xHxW -> logits BxK."""
        return self.forward_head(self.forward_features(images))

    def _initialise(self) -> None:
        """As timm does: He et al. (2015) by outgoing connections, and blocks that begin as their shortcuts."""
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
            elif isinstance(module, Block):
                nn.init.zeros_(getattr(module, f"bn{module.depth}").weight)


def residual(**shape) -> Residual:
    """The factory of residual networks, that of sub-networks too.

    Args:
        block: "basic", of two KxK convolutions, or "bottleneck", of 1x1, KxK and 1x1, the last four times as wide.
        stem: channels of the first convolution, 7x7.
        stride: of the first convolution, 1 or 2.
        pool: whether a pooling halves the image behind it.
        projected: whether the first shortcut of the first stage is a convolution; those of the others always are.
        layers, channels, kernels: blocks, channels and K of each stage.
        classes: outputs.
    """
    return Residual(shape)


def _stage(shape: Shape, stage: int, inward: int, layers: Layers) -> nn.Sequential:
    c, kernel = shape["channels"][stage], shape["kernels"][stage]
    blocks = []
    for index in range(shape["layers"][stage]):
        stride = 2 if stage and not index else 1
        projects = not index and (stage > 0 or shape["projected"])
        blocks.append(_block(shape["block"], inward, c, kernel, stride, projects, layers))
        inward = c * EXPANSION[shape["block"]]
    return nn.Sequential(*blocks)


def _block(kind: str, inward: int, c: int, kernel: int, stride: int, projects: bool, layers: Layers) -> Block:
    outward = c * EXPANSION[kind]
    if kind == "basic":
        sizes = [(inward, c, kernel, stride), (c, outward, kernel, 1)]
    else:
        sizes = [(inward, c, 1, 1), (c, c, kernel, stride), (c, outward, 1, 1)]
    convs = [layers.conv(a, b, k, s, k // 2, bias=False) for a, b, k, s in sizes]
    downsample = None
    if projects:
        downsample = nn.Sequential(layers.conv(inward, outward, 1, stride, bias=False), layers.norm(outward))
    return Block(convs, downsample, layers.norm)
