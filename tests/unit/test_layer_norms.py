"""The compiled layer norms are those of torch; `test_depthwise.py` has the trainings that use them."""

from copy import deepcopy

import pytest
import timm.layers
import torch
from torch import nn

from resiliency.designs.speed import NarrowLayerNorm, with_fast_layer_norms

KINDS = {
    "channels of maps": (timm.layers.LayerNorm2d, (5, 12, 7, 6)),
    "channels last": (timm.layers.LayerNorm, (3, 300, 12)),
    "of torch": (nn.LayerNorm, (4, 7, 5, 12)),
}


def norms(kind: str) -> tuple[nn.LayerNorm, nn.LayerNorm, torch.Tensor]:
    """One as torch has it, a compiled one with the same weights, and input for both."""
    torch.manual_seed(0)
    made, shape = KINDS[kind]
    plain = made(12)
    nn.init.normal_(plain.weight)
    nn.init.normal_(plain.bias)
    x = 3 + torch.randn(shape)
    return plain, with_fast_layer_norms(deepcopy(plain)), x.to(memory_format=torch.channels_last) if x.ndim == 4 else x


@pytest.mark.parametrize("kind", KINDS)
def test_outputs_and_first_and_second_derivatives_are_those_of_torch(kind):
    plain, fast, x = norms(kind)
    assert isinstance(fast, NarrowLayerNorm)
    factors, found = torch.randn(x.shape), []
    for norm in (plain, fast):
        own = x.clone().requires_grad_()
        outputs, weights = norm(own), [norm.weight, norm.bias]
        first = torch.autograd.grad((outputs.square() * factors).sum(), [own, *weights], create_graph=True)
        second = torch.autograd.grad(first[0].square().sum(), [own, norm.weight])
        found.append([outputs, *first, *second])
    torch.testing.assert_close(found[1], found[0], rtol=1e-3, atol=1e-3)
    assert [tensor.stride() for tensor in found[1][:4]] == [tensor.stride() for tensor in found[0][:4]]
