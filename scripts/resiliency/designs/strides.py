"""The way round a fault of oneDNN, which computes convolutions on the CPU.

Without AVX-512, the gradient of the weights of a strided 1x1 convolution of fewer than eight channels, channels last,
is wrong, or the process dies (github.com/uxlfoundation/oneDNN/issues/6035; torch 2.13 has it). Taking the pixels first
and convolving with stride 1 computes the same and does not go wrong.
"""

from typing import Any

from torch import Tensor, nn

BLOCK = 8  # channels, from which on the gradient is right


def subsampled(x: Tensor, stride: tuple[int, ...]) -> Tensor:
    """The pixels of BxCxHxW that a 1x1 convolution of this stride uses."""
    return x[..., :: stride[0], :: stride[1]]


def has_wrong_gradients(channels: int, kernel: tuple[int, ...], stride: tuple[int, ...]) -> bool:
    """Whether gradients of the weights of such a convolution may be wrong on a CPU."""
    return channels < BLOCK and tuple(kernel) == (1, 1) and tuple(stride) != (1, 1)


def with_right_gradients(network: nn.Module) -> nn.Module:
    """Let the convolutions of `network` that are affected take their pixels first, which is the same function."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d) and not any(module.padding):
            channels, stride = module.in_channels // module.groups, module.stride
            if has_wrong_gradients(channels, module.kernel_size, stride):
                module.stride = (1, 1)
                module.register_forward_pre_hook(_SubsamplingHook(stride))
    return network


class _SubsamplingHook:
    """A hook that takes the pixels; a class, so that networks can be copied."""

    def __init__(self, stride: tuple[int, ...]):
        self.stride = stride

    def __call__(self, module: nn.Module, arguments: tuple[Any, ...]) -> tuple[Any, ...]:
        return subsampled(arguments[0], self.stride), *arguments[1:]
