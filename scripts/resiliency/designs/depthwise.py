"""The gradient of depthwise kernels on a CPU.

oneDNN has a fast way to it for kernels of up to 3x3 pixels on maps of at least 4x4. For others it pads each channel to
a block of sixteen, and takes five to eighty times as long as for the gradient of the input (torch 2.13;
`tests/benchmarks/compiled_layers.py`).
"""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

KERNEL, MAP = 3, 4  # the largest kernel and the smallest map, in pixels, of oneDNN's fast way
CHANNELS = 16  # so many fill a vector of the compiled loop


def with_fast_gradients(network: nn.Module) -> nn.Module:
    """Let the depthwise convolutions of `network` form their gradients here, where oneDNN is slow."""
    for module in network.modules():
        if type(module) is nn.Conv2d and _is_depthwise(module):
            module.__class__ = Depthwise
    return network


def _is_depthwise(module: nn.Conv2d) -> bool:
    padded = isinstance(module.padding, tuple) and module.padding_mode == "zeros"
    return module.groups == module.in_channels == module.out_channels >= CHANNELS and padded


class Depthwise(nn.Conv2d):
    """A depthwise convolution whose gradients are formed by `_Convolution` where that is faster."""

    def _conv_forward(self, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        small = max(weight.shape[2:]) <= KERNEL and min(x.shape[2:]) >= MAP
        if small or x.dtype != torch.float32 or torch.is_autocast_enabled("cpu"):
            return super()._conv_forward(x, weight, bias)
        return _Convolution.apply(x, weight, bias, (self.stride, self.padding, self.dilation))


class _Convolution(torch.autograd.Function):
    @staticmethod
    def forward(context: Any, x: Tensor, weight: Tensor, bias: Tensor | None, geometry: tuple) -> Tensor:
        context.save_for_backward(x, weight)
        context.geometry = geometry
        return F.conv2d(x, weight, bias, *geometry, len(weight))

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        x, weight = context.saved_tensors
        of_x, of_weight, of_bias, _ = context.needs_input_grad
        ours = of_weight and not torch.is_grad_enabled()  # a compiled loop has no second derivatives
        of_input, of_kernel, _ = torch.ops.aten.convolution_backward(
            gradient,
            x,
            weight,
            None,
            *context.geometry,
            False,
            (0, 0),
            len(weight),
            (of_x, of_weight and not ours, False),
        )
        if ours:
            of_kernel = kernel_gradient(x, gradient, weight.shape[2:], *context.geometry)
        return of_input, of_kernel, gradient.sum((0, 2, 3)) if of_bias else None, None


def kernel_gradient(
    x: Tensor,
    gradient: Tensor,
    size: tuple[int, int],
    stride: tuple[int, int],
    padding: tuple[int, int],
    dilation: tuple[int, int],
) -> Tensor:
    """The gradient of depthwise kernels of a `size`, float32 Cx1xUxV, from input BxCxHxW and gradient BxCxPxQ."""
    from resiliency.designs.products import sums_of_products  # its compiler takes half a second to load

    kernels = torch.zeros(*size, x.size(1))
    images, gradients = (tensor.permute(0, 2, 3, 1).contiguous().numpy() for tensor in (x, gradient))
    sums_of_products(images, gradients, tuple(stride), tuple(padding), tuple(dilation), kernels.numpy())
    return kernels.permute(2, 0, 1).unsqueeze(1)
