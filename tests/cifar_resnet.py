"""A network of a user's own: the ResNet made for CIFAR (He et al. 2016), which timm lacks."""

import torch
from torch import nn


class Block(nn.Module):
    def __init__(self, before, width, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(before, width, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.stride, self.grown = stride, width - before

    def forward(self, x):
        shortcut = nn.functional.pad(x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, 0, self.grown))
        return torch.relu(self.bn2(self.conv2(torch.relu(self.bn1(self.conv1(x))))) + shortcut)


class ResNet(nn.Module):
    """Three stages of three blocks: twenty layers."""

    def __init__(self, width, classes):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(3, width, 3, 1, 1, bias=False), nn.BatchNorm2d(width)
        widths = [width] * 4 + [2 * width] * 3 + [4 * width] * 3
        strides = [1, 1, 1, 2, 1, 1, 2, 1, 1]
        self.layers = nn.Sequential(*map(Block, widths, widths[1:], strides))
        self.linear = nn.Linear(4 * width, classes)

    def forward(self, x):
        return self.linear(self.layers(torch.relu(self.bn1(self.conv1(x)))).mean((2, 3)))


def resnet20(width=16, classes=10):
    return ResNet(width, classes)
