"""Layer normalisation of few channels on a CPU.

torch (2.13) takes the moments of each row by a routine for long ones. With the 6 to 32 channels of narrow networks it
takes 1.4 to 3.7 times as long as the compiled loops (`tests/benchmarks/compiled_layers.py`).
"""

from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from resiliency.devices.eager import timm

CHANNELS = 64  # at most; with more, the loops gain nothing


def with_fast_layer_norms(network: nn.Module) -> nn.Module:
    """Let the layer norms of `network` over few channels compute here."""
    for module in network.modules():
        if type(module) in FAST and module.bias is not None and _is_narrow(module):
            module.__class__ = FAST[type(module)]
    return network


def _is_narrow(module: nn.LayerNorm) -> bool:
    return len(module.normalized_shape) == 1 and module.normalized_shape[0] <= CHANNELS


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
        from resiliency.designs.rows import normalise_rows  # its compiler takes half a second to load

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
        from resiliency.designs.rows import row_gradients

        of_x, of_weight, of_bias = torch.empty_like(x), torch.zeros_like(weight), torch.zeros_like(bias)
        arrays = [tensor.numpy().reshape(-1) for tensor in (weight, means, scales)]
        row_gradients(_rows(gradient.contiguous()), _rows(x), *arrays, _rows(of_x), of_weight.numpy(), of_bias.numpy())
        return of_x, of_weight, of_bias, None


def _rows(tensor: Tensor) -> np.ndarray:
    """A contiguous tensor ... x C as rows that share its memory."""
    return tensor.detach().view(-1, tensor.size(-1)).numpy()
