"""Compiled sums of products over the pixels of images."""

from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numba import njit
from torch import Tensor, nn

from resiliency.devices.eager import timm


@njit(cache=True, nogil=True, fastmath={"contract"})
def sums_of_products(
    images: np.ndarray,
    gradients: np.ndarray,
    stride: tuple[int, int],
    padding: tuple[int, int],
    dilation: tuple[int, int],
    sums: np.ndarray,
) -> None:
    """Add to `sums`, float32 UxVxC, the products of images BxHxWxC and gradients BxPxQxC that a kernel joins.

    Each image is summed by itself first, which keeps rounding small.
    """
    height, width, channels = images.shape[1:]
    rows, columns = gradients.shape[1:3]
    own = np.empty_like(sums)
    for image in range(len(images)):
        own[:] = 0
        for u in range(sums.shape[0]):
            for row in range(rows):
                y = row * stride[0] + u * dilation[0] - padding[0]
                if 0 <= y < height:
                    for column in range(columns):
                        for v in range(sums.shape[1]):
                            x = column * stride[1] + v * dilation[1] - padding[1]
                            if 0 <= x < width:
                                for channel in range(channels):
                                    own[u, v, channel] += (
                                        gradients[image, row, column, channel] * images[image, y, x, channel]
                                    )
        sums += own


FAST_SUMS = {"contract", "reassoc"}  # sums over a row may be taken in the order that fills a vector
BLOCK = 256  # rows that are summed by themselves first, which keeps rounding small


@njit(cache=True, nogil=True, fastmath=FAST_SUMS)
def normalise_rows(
    rows: np.ndarray,
    weight: np.ndarray,
    bias: np.ndarray,
    eps: float,
    outputs: np.ndarray,
    means: np.ndarray,
    scales: np.ndarray,
) -> None:
    """Set `outputs` to the normalised rows, and `means` and `scales` (1 / sqrt(variance + eps)) to those of each row.

    Args:
        rows, outputs: float32 N x C.
        weight, bias: float32 C.
        means, scales: float32 N.
    """
    count = np.float32(rows.shape[1])
    for n in range(len(rows)):
        total = squares = np.float32(0)
        for c in range(rows.shape[1]):
            total += rows[n, c]
        mean = total / count
        for c in range(rows.shape[1]):
            squares += (rows[n, c] - mean) ** 2
        scale = np.float32(1 / np.sqrt(squares / count + eps))
        means[n], scales[n] = mean, scale
        for c in range(rows.shape[1]):
            outputs[n, c] = (rows[n, c] - mean) * scale * weight[c] + bias[c]


@njit(cache=True, nogil=True, fastmath=FAST_SUMS)
def row_gradients(
    gradients: np.ndarray,
    rows: np.ndarray,
    weight: np.ndarray,
    means: np.ndarray,
    scales: np.ndarray,
    of_rows: np.ndarray,
    of_weight: np.ndarray,
    of_bias: np.ndarray,
) -> None:
    """Set `of_rows` to the gradient of `normalise_rows` by its rows; add those by weight and bias to the last two.

    Args:
        gradients, rows, of_rows: float32 N x C; `gradients` are with respect to the outputs.
        weight, of_weight, of_bias: float32 C.
        means, scales: float32 N, as `normalise_rows` sets them.
    """
    channels = rows.shape[1]
    count = np.float32(channels)
    own_weight, own_bias = np.empty_like(of_weight), np.empty_like(of_bias)
    for start in range(0, len(rows), BLOCK):
        own_weight[:] = 0
        own_bias[:] = 0
        for n in range(start, min(start + BLOCK, len(rows))):
            mean, scale = means[n], scales[n]
            total = product = np.float32(0)
            for c in range(channels):
                unit = (rows[n, c] - mean) * scale
                weighted = gradients[n, c] * weight[c]
                total += weighted
                product += weighted * unit
                own_weight[c] += gradients[n, c] * unit
                own_bias[c] += gradients[n, c]
            total /= count
            product /= count
            for c in range(channels):
                unit = (rows[n, c] - mean) * scale
                of_rows[n, c] = scale * (gradients[n, c] * weight[c] - total - unit * product)
        of_weight += own_weight
        of_bias += own_bias


KERNEL, MAP = 3, 4  # the largest kernel and the smallest map, in pixels, of oneDNN's fast way
VECTOR_CHANNELS = 16  # number of channels that fill a vector of the compiled loop


def with_fast_gradients(network: nn.Module) -> nn.Module:
    """Let the depthwise convolutions of `network` form their gradients here, where oneDNN is slow."""
    for module in network.modules():
        if type(module) is nn.Conv2d and _is_depthwise(module):
            module.__class__ = Depthwise
    return network


def _is_depthwise(module: nn.Conv2d) -> bool:
    padded = isinstance(module.padding, tuple) and module.padding_mode == "zeros"
    return module.groups == module.in_channels == module.out_channels >= VECTOR_CHANNELS and padded


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
    from resiliency.designs.speed import sums_of_products  # its compiler takes half a second to load

    kernels = torch.zeros(*size, x.size(1))
    images, gradients = (tensor.permute(0, 2, 3, 1).contiguous().numpy() for tensor in (x, gradient))
    sums_of_products(images, gradients, tuple(stride), tuple(padding), tuple(dilation), kernels.numpy())
    return kernels.permute(2, 0, 1).unsqueeze(1)


MOST_CHANNELS = 64  # with more, the loops gain nothing


def with_fast_layer_norms(network: nn.Module) -> nn.Module:
    """Let the layer norms of `network` over few channels compute here."""
    for module in network.modules():
        if type(module) in FAST and module.bias is not None and _is_narrow(module):
            module.__class__ = FAST[type(module)]
    return network


def _is_narrow(module: nn.LayerNorm) -> bool:
    return len(module.normalized_shape) == 1 and module.normalized_shape[0] <= MOST_CHANNELS


class NarrowLayerNorm(nn.LayerNorm):
    """A layer norm over the last dimension."""

    def forward(self, x: Tensor) -> Tensor:
        if x.dtype != torch.float32 or torch.is_autocast_enabled("cpu"):
            return F.layer_norm(x, self.normalized_shape, self.weight, self.bias, self.eps)
        return _Rows.apply(x.contiguous(), self.weight, self.bias, self.eps)


class NarrowLayerNorm2d(NarrowLayerNorm):
    """A layer norm over the channels of BxCxHxW."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


FAST = {
    nn.LayerNorm: NarrowLayerNorm,
    timm.layers.LayerNorm: NarrowLayerNorm,
    timm.layers.LayerNorm2d: NarrowLayerNorm2d,
}


class _Rows(torch.autograd.Function):
    @staticmethod
    def forward(context: Any, x: Tensor, weight: Tensor, bias: Tensor, eps: float) -> Tensor:
        from resiliency.designs.speed import normalise_rows  # its compiler takes half a second to load

        outputs, means = torch.empty_like(x), x.new_empty(x.shape[:-1])
        scales = torch.empty_like(means)
        arrays = [tensor.numpy().reshape(-1) for tensor in (means, scales)]
        normalise_rows(_rows(x), weight.numpy(), bias.numpy(), eps, _rows(outputs), *arrays)
        context.save_for_backward(x, weight, bias, means, scales)
        return outputs

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        x, weight, bias, means, scales = context.saved_tensors
        if torch.is_grad_enabled():  # a compiled loop has no second derivatives
            moments = means[..., None], scales[..., None]
            wanted = context.needs_input_grad[:3]
            return *torch.ops.aten.native_layer_norm_backward(
                gradient, x, weight.shape, *moments, weight, bias, wanted
            ), None
        from resiliency.designs.speed import row_gradients

        of_x, of_weight, of_bias = torch.empty_like(x), torch.zeros_like(weight), torch.zeros_like(bias)
        arrays = [tensor.numpy().reshape(-1) for tensor in (weight, means, scales)]
        row_gradients(_rows(gradient.contiguous()), _rows(x), *arrays, _rows(of_x), of_weight.numpy(), of_bias.numpy())
        return of_x, of_weight, of_bias, None


def _rows(tensor: Tensor) -> np.ndarray:
    """A contiguous tensor ... x C as rows that share its memory."""
    return tensor.detach().view(-1, tensor.size(-1)).numpy()
