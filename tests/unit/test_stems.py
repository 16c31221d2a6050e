"""Stems for small images: what they leave of an image, and that weights still fit."""

import pytest
import timm
import torch

from resiliency.designs.layers import adapt_stem, map_side

# Side of the last feature map at 32 px with the original stem and the adapted one, and at 64 px with the adapted one.
SIDES = {
    "resnet10t": (1, 4, 4),
    "resnetv2_18": (1, 4, 4),
    "densenet121": (1, 4, 4),
    "regnetx_002": (1, 2, 4),
    "mobilenetv3_small_050": (1, 2, 4),
    "efficientnet_lite0": (1, 2, 4),
    "tf_mobilenetv3_small_minimal_100": (1, 2, 4),
    "convnext_atto": (1, 4, 4),
    "edgenext_xx_small": (1, 4, 4),
    "starnet_s050": (1, 2, 4),
    "lcnet_050": (1, 2, 4),
    "dla46_c": (1, 2, 4),
    "mobilevit_xxs": (1, 2, 4),
    "test_vit": (0, 0, 0),
}
ARGUMENTS = {
    "densenet121": {"growth_rate": 4, "block_config": [1, 1, 1, 1]},
    "resnetv2_18": {"channels": [8, 8, 8, 8]},
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
