"""The compiled layer norms are those of torch; `test_depthwise.py` has the trainings that use them."""

from copy import deepcopy

import pytest
import timm.layers
import torch
from torch import nn

from resiliency.designs.speed import NarrowLayerNorm, NarrowLayerNorm2d, with_fast_layer_norms

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
def test_outputs_and_gradients_are_those_of_torch(kind):
    plain, fast, x = norms(kind)
    assert isinstance(fast, NarrowLayerNorm)
    factors, found = torch.randn(x.shape), []
    for norm in (plain, fast):
        own = x.clone().requires_grad_()
        outputs = norm(own)
        gradients = torch.autograd.grad((outputs.square() * factors).sum(), [own, norm.weight, norm.bias])
        found.append([outputs, *gradients])
    torch.testing.assert_close(found[1], found[0], rtol=1e-4, atol=1e-4)
    assert [tensor.stride() for tensor in found[1]] == [tensor.stride() for tensor in found[0]]
    expected = (x - 3).movedim(1, -1) if isinstance(fast, NarrowLayerNorm2d) else x - 3
    expected = (expected - expected.mean(-1, keepdim=True)) / expected.std(-1, correction=0, keepdim=True)
    rows = found[1][0].movedim(1, -1) if isinstance(fast, NarrowLayerNorm2d) else found[1][0]
    torch.testing.assert_close(rows, expected * plain.weight + plain.bias, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("kind", KINDS)
def test_second_derivatives_are_those_of_torch(kind):
    plain, fast, x = norms(kind)
    factors, found = torch.randn(x.shape), []
    for norm in (plain, fast):
        own = x.clone().requires_grad_()
        [slope] = torch.autograd.grad((norm(own).square() * factors).sum(), own, create_graph=True)
        found.append(torch.autograd.grad(slope.square().sum(), [own, norm.weight]))
    torch.testing.assert_close(found[1], found[0], rtol=1e-3, atol=1e-3)
