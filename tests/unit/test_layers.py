"""Stems for small images leave what the documentation says; gradients of strided 1x1 convolutions are right."""

from copy import deepcopy

import numpy as np
import pytest
import timm
import torch
import torch.nn.functional as F
from torch import nn

from resiliency.designs.layers import adapt_stem, map_side, with_right_gradients
from resiliency.search.network import _Conv
from resiliency.training.checkpoints import LabelledImages, Preprocessing
from resiliency.training.engine import Trainer, cross_entropy
from resiliency.training.settings import Recipe

# Side of the last feature map at 32 px with the original stem and the adapted one, and at 64 px with the adapted one.
SIDES = {
    "resnet10t": (1, 4, 4),
    "densenet121": (1, 4, 4),
    "regnetx_002": (1, 2, 4),
    "mobilenetv3_small_050": (1, 2, 4),
    "tf_mobilenetv3_small_minimal_100": (1, 2, 4),
    "convnext_atto": (1, 4, 4),
    "starnet_s050": (1, 2, 4),
    "dla46_c": (1, 2, 4),
    "mobilevit_xxs": (1, 2, 4),
    "test_vit": (0, 0, 0),
}
ARGUMENTS = {
    "densenet121": {"growth_rate": 4, "block_config": [1, 1, 1, 1]},
    "test_vit": {"img_size": 32},
}


def network(architecture: str, **arguments) -> torch.nn.Module:
    torch.manual_seed(0)
    return timm.create_model(architecture, num_classes=5, **ARGUMENTS.get(architecture, {}) | arguments)


def shapes(built: torch.nn.Module) -> dict[str, torch.Size]:
    return {name: tensor.shape for name, tensor in built.state_dict().items()}


@pytest.mark.parametrize("architecture", SIDES)
def test_the_last_feature_map_is_what_the_documentation_says(architecture):
    original, adapted, at_64 = SIDES[architecture]
    built = network(architecture)
    before = shapes(built)
    assert map_side(built.eval(), 32) == original
    changes = adapt_stem(built.train(), 32)
    assert built.training
    assert bool(changes) == (adapted != original)
    assert map_side(built.eval(), 32) == adapted
    assert shapes(built) == before
    assert built(torch.rand(2, 3, 32, 32)).shape == (2, 5)
    larger = network(architecture)
    adapt_stem(larger, 64)
    assert map_side(larger.eval(), 64) == at_64


def test_training_mends_them_and_the_function_and_the_names_of_weights_stay():
    data = LabelledImages(np.zeros((8, 8, 8, 3), np.uint8), np.arange(8))
    torch.manual_seed(0)
    convolutions = nn.Conv2d(3, 4, 3, padding=1), nn.Conv2d(4, 9, 1, stride=2)
    plain = nn.Sequential(*convolutions, nn.AdaptiveAvgPool2d(1), nn.Flatten()).to(memory_format=torch.channels_last)
    pictures = torch.rand(5, 3, 9, 7)
    mended, trained = with_right_gradients(deepcopy(plain)), deepcopy(plain)
    assert list(mended.state_dict()) == list(plain.state_dict())
    for one in (mended, deepcopy(mended), with_right_gradients(mended)):
        torch.testing.assert_close(one(pictures), plain(pictures))
    recipe = Recipe(epochs=1, batch_size=8, shift=0, flip=False)
    preprocessing = Preprocessing([0.5] * 3, [0.5] * 3)
    Trainer([trained], lambda *batch: cross_entropy(*batch, smoothing=0), recipe, preprocessing, 9, 0).train(data, data)
    assert mended[1].stride == trained[1].stride == (1, 1)


@pytest.mark.parametrize(("channels", "kernel", "mended"), [(7, 1, True), (8, 1, False), (7, 3, False)])
def test_elastic_convolutions_take_their_pixels_first_where_gradients_are_wrong(monkeypatch, channels, kernel, mended):
    """Without AVX-512, oneDNN has wrong gradients of weights of strided 1x1 convolutions of fewer than 8 channels."""
    strides, convolve = [], F.conv2d
    monkeypatch.setattr(F, "conv2d", lambda *given: strides.append(given[3]) or convolve(*given))
    elastic = _Conv(16, 12, kernel, stride=2, padding=kernel // 2, bias=False)
    elastic(torch.randn(2, channels, 8, 8))
    assert strides == [(1, 1) if mended else (2, 2)]
