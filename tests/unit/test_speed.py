"""Compiled gradients of depthwise kernels and compiled layer norms are those of torch; long trainings use them."""

from copy import deepcopy

import pytest
import timm.layers
import torch
from small_training import PREPROCESSING, RECIPE, separable
from torch import nn

from resiliency.designs import speed
from resiliency.designs.speed import Depthwise, NarrowLayerNorm, with_fast_gradients, with_fast_layer_norms
from resiliency.training import engine
from resiliency.training.engine import Trainer, cross_entropy

GEOMETRIES = {
    "wide": (16, 8, {"kernel_size": 7, "padding": 3}),
    "band": (24, 6, {"kernel_size": (1, 9), "padding": (0, 4), "bias": False}),
    "small map": (48, 2, {"kernel_size": 3, "padding": 1}),
    "strided": (16, 9, {"kernel_size": 5, "stride": (2, 3), "padding": (2, 1)}),
    "dilated": (16, 9, {"kernel_size": (5, 4), "padding": (4, 0), "dilation": 2}),
    "even": (16, 3, {"kernel_size": 2, "padding": 0}),
}
NORMS = {
    "channels of maps": (timm.layers.LayerNorm2d, (5, 12, 7, 6)),
    "channels last": (timm.layers.LayerNorm, (3, 300, 12)),
    "of torch": (nn.LayerNorm, (4, 7, 5, 12)),
}


def check_derivatives(plain: nn.Module, fast: nn.Module, inputs: torch.Tensor) -> None:
    """Compare outputs, first and second derivatives by inputs and weights, and the strides of all but the second."""
    factors, found = torch.randn(plain(inputs).shape), []
    for layer in (plain, fast):
        leaves = [inputs.clone().requires_grad_(), *layer.parameters()]
        outputs = layer(leaves[0])
        first = torch.autograd.grad((outputs.square() * factors).sum(), leaves, create_graph=True)
        second = torch.autograd.grad(first[0].square().sum(), leaves)
        found.append([outputs, *first, *second])
    torch.testing.assert_close(found[1], found[0], rtol=1e-3, atol=1e-3)
    assert [tensor.stride() for tensor in found[1][:2]] == [tensor.stride() for tensor in found[0][:2]]


@pytest.mark.parametrize("layout", [torch.channels_last, torch.contiguous_format])
@pytest.mark.parametrize("geometry", GEOMETRIES)
def test_derivatives_of_depthwise_convolutions_are_those_of_torch(geometry, layout, monkeypatch):
    calls = []
    formed = speed.kernel_gradient
    monkeypatch.setattr(speed, "kernel_gradient", lambda *given: calls.append(1) or formed(*given))
    channels, side, options = GEOMETRIES[geometry]
    torch.manual_seed(0)
    plain = nn.Conv2d(channels, channels, groups=channels, **options)
    fast = with_fast_gradients(deepcopy(plain))
    images = torch.randn(5, channels, side, side).to(memory_format=layout)
    torch.testing.assert_close(fast(images), plain(images), rtol=0, atol=0)
    check_derivatives(plain, fast, images)
    assert calls


@pytest.mark.parametrize("kind", NORMS)
def test_derivatives_of_layer_norms_are_those_of_torch(kind):
    torch.manual_seed(0)
    made, shape = NORMS[kind]
    plain = made(12)
    nn.init.normal_(plain.weight)
    nn.init.normal_(plain.bias)
    fast = with_fast_layer_norms(deepcopy(plain))
    assert isinstance(fast, NarrowLayerNorm)
    inputs = 3 + torch.randn(shape)
    check_derivatives(
        plain, fast, inputs.to(memory_format=torch.channels_last) if kind == "channels of maps" else inputs
    )


@pytest.mark.parametrize("more", [0, 1])
def test_long_trainings_use_it(more, monkeypatch):
    monkeypatch.setattr(engine, "LONG", RECIPE.epochs * 64 * 8 * 8 + more)  # images of 8x8 pixels
    torch.manual_seed(0)
    network = nn.Sequential(
        nn.Conv2d(3, 16, 1), nn.Conv2d(16, 16, 5, padding=2, groups=16), nn.ReLU(), nn.Flatten(), nn.Linear(1024, 16),
        nn.LayerNorm(16), nn.Linear(16, 2),
    )  # fmt: skip
    names = list(network.state_dict())
    trainer = Trainer([network], lambda *batch: cross_entropy(*batch, smoothing=0), RECIPE, PREPROCESSING, 2, 0)
    history = trainer.train(separable(), separable(32))
    assert isinstance(network[1], Depthwise) == isinstance(network[5], NarrowLayerNorm) == (not more)
    assert list(network.state_dict()) == names
    assert history[-1]["validation_accuracy"] > 0.9
