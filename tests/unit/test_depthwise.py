"""The compiled gradient of depthwise kernels is that of torch, and training uses it where it is long."""

from copy import deepcopy

import pytest
import torch
from small_training import PREPROCESSING, RECIPE, separable
from torch import nn

from resiliency.designs import speed
from resiliency.designs.speed import Depthwise, NarrowLayerNorm, with_fast_gradients
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


def convolutions(channels: int, options: dict) -> tuple[nn.Conv2d, nn.Conv2d]:
    """One as torch has it, and one with the same weights whose gradients are compiled."""
    torch.manual_seed(0)
    plain = nn.Conv2d(channels, channels, groups=channels, **options)
    return plain, with_fast_gradients(deepcopy(plain))


@pytest.mark.parametrize("layout", [torch.channels_last, torch.contiguous_format])
@pytest.mark.parametrize("geometry", GEOMETRIES)
def test_first_and_second_derivatives_are_those_of_torch(geometry, layout, monkeypatch):
    calls = []
    formed = speed.kernel_gradient
    monkeypatch.setattr(speed, "kernel_gradient", lambda *given: calls.append(1) or formed(*given))
    channels, side, options = GEOMETRIES[geometry]
    plain, fast = convolutions(channels, options)
    images = torch.randn(5, channels, side, side).to(memory_format=layout)
    torch.testing.assert_close(fast(images), plain(images), rtol=0, atol=0)
    found = []
    for convolution in (plain, fast):
        own = images.clone().requires_grad_()
        leaves = [own, *convolution.parameters()]
        first = torch.autograd.grad(convolution(own).square().sum(), leaves, create_graph=True)
        second = torch.autograd.grad(first[0].square().sum(), leaves[1:])
        found.append([*first, *second])
    torch.testing.assert_close(found[1], found[0], rtol=1e-3, atol=1e-3)
    assert calls


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
