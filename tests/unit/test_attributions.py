"""Attribution maps of networks whose gradients are known."""

import numpy as np
import pytest
import timm
import torch
from torch import nn

from resiliency.designs.layers import SelectedOutputs, feature_stages, spatial_layer, watched_stages
from resiliency.designs.members import Member
from resiliency.designs.networks import normalised
from resiliency.prediction.attributions import METHODS, attribution_maps
from resiliency.prediction.writing import stage_grams
from resiliency.statistics.correlation import gram

MEMBER = Member("a", mean=[0.2, 0.3, 0.4], std=[0.5, 0.25, 0.2])
CLASSES = 3
STEPS = 8
WINDOWED = {
    "img_size": 32,
    "patch_size": 2,
    "window_size": 4,
    "embed_dim": 24,
    "depths": [2, 2],
    "num_heads": [3, 6],
}
FAMILIES = {
    "convolutional": ("resnet18", {"channels": [4, 8, 16, 32]}),
    "transposed convolutional": (
        "convnext_atto",
        {"patch_size": 2, "depths": [1, 1, 1, 1], "dims": [4, 8, 16, 32]},
    ),
    "attention": (
        "vit_tiny_patch16_224",
        {"img_size": 32, "patch_size": 8, "embed_dim": 24, "depth": 3},
    ),
    "windowed attention": ("swin_tiny_patch4_window7_224", WINDOWED),
}


def scaled(maps: np.ndarray) -> np.ndarray:
    return maps / np.abs(maps).max(axis=(1, 2), keepdims=True)


@pytest.mark.parametrize("target", ["label", "prediction"])
def test_maps_of_a_linear_network_by_hand(target):
    """Saliency is its weights, integrated gradients the weights times the way from black, of the
    explained class."""
    torch.manual_seed(0)
    linear = nn.Sequential(nn.Flatten(), nn.Linear(3 * 4 * 5, CLASSES)).eval()
    images = np.random.default_rng(1).integers(0, 256, (6, 4, 5, 3), dtype=np.uint8)
    with torch.inference_mode():
        predicted = (
            linear(normalised(torch.from_numpy(images), MEMBER.mean, MEMBER.std)).argmax(1).numpy()
        )
    labels = (predicted + 1) % CLASSES
    explained = labels if target == "label" else predicted
    weights = linear[1].weight.detach().numpy().reshape(CLASSES, 3, 4, 5)[explained]
    way = np.moveaxis(images / 255 / MEMBER.std, -1, 1)  # (x - mean) / std less (0 - mean) / std
    for method, expected in (
        ("saliency", np.abs(weights)),
        ("integrated_gradients", weights * way),
    ):
        maps = attribution_maps(method, linear, MEMBER, images, labels, target, STEPS)
        np.testing.assert_allclose(maps, scaled(expected.sum(axis=1)), atol=1e-3)


def test_occlusion_of_a_network_that_looks_at_one_corner():
    """Of 8x8 pixels, windows of 2x2 that move by one: those that hold the corner lose its value."""
    network = nn.Sequential(nn.Flatten(), nn.Linear(3 * 64, 1, bias=False)).eval()
    nn.init.zeros_(network[1].weight)
    with torch.no_grad():
        network[1].weight[0, [0, 64, 128]] = 1
    images = np.full((1, 8, 8, 3), 200, np.uint8)
    maps = attribution_maps("occlusion", network, MEMBER, images, np.array([0]), "label", STEPS)[0]
    expected = np.zeros((8, 8))
    # A pixel's loss is the mean over the windows that hide it.
    expected[:2, :2] = [[1, 0.5], [0.5, 0.25]]
    np.testing.assert_allclose(maps, expected, atol=1e-3)


@pytest.mark.parametrize(("stride", "last"), [(2, "0"), (1, "2")])
def test_grad_cam_by_its_definition(stride, last):
    """On the last of two stages that has 4x4 or more: ReLU of the sum of maps by mean gradient."""
    torch.manual_seed(0)
    stages = (
        nn.Conv2d(3, 5, 3, stride=2, padding=1),
        nn.Tanh(),
        nn.Conv2d(5, 6, 3, stride=stride, padding=1),
    )
    network = nn.Sequential(
        *stages, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(6, CLASSES)
    ).eval()
    network.feature_info = [{"module": "0"}, {"module": "2"}]
    images, labels = (
        np.random.default_rng(0).integers(0, 256, (3, 8, 8, 3), dtype=np.uint8),
        np.array([0, 1, 2]),
    )
    maps = attribution_maps("grad_cam", network, MEMBER, images, labels, "label", STEPS)
    batch = normalised(torch.from_numpy(images), MEMBER.mean, MEMBER.std)
    with watched_stages(feature_stages(network)) as outputs:
        logits = network(batch)
    slopes = torch.autograd.grad(
        logits.gather(1, torch.from_numpy(labels)[:, None]).sum(), outputs[last]
    )[0]
    weighted = (
        (slopes.mean(dim=(2, 3), keepdim=True) * outputs[last]).sum(dim=1, keepdim=True).relu()
    )
    expected = nn.functional.interpolate(weighted, (8, 8), mode="bilinear")[:, 0].detach().numpy()
    assert maps.any(axis=(1, 2)).all()
    np.testing.assert_allclose(maps, scaled(expected), atol=1e-3)


def family(name: str) -> nn.Module:
    torch.manual_seed(0)
    architecture, arguments = FAMILIES[name]
    network = timm.create_model(architecture, num_classes=CLASSES, **arguments).eval()
    return network.to(memory_format=torch.channels_last)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("name", FAMILIES)
def test_every_method_applies_to_every_family(name, method):
    network = family(name)
    images = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 3), dtype=np.uint8)
    maps = attribution_maps(method, network, MEMBER, images, np.array([0, 1]), "label", 2)
    assert maps.shape == (2, 32, 32)
    assert np.isfinite(maps).all()
    again = attribution_maps(
        method, SelectedOutputs(network, [2, 1, 0]), MEMBER, images, np.array([2, 1]), "label", 2
    )
    np.testing.assert_allclose(maps, again, atol=2e-3)
    assert not any(module._forward_hooks for module in network.modules())


@pytest.mark.parametrize("name", FAMILIES)
def test_looking_at_a_layer_changes_no_logit(name):
    """A transformer's is that before its last block: after it, only the token of the class is
    read."""
    network, images = family(name), torch.rand(2, 3, 32, 32)
    expected, shapes = network(images), []
    with spatial_layer(network, images[:1]) as layer:
        hooked = [name for name, module in network.named_modules() if module._forward_hooks]
        layer.register_forward_hook(lambda _, inputs, output: shapes.append(output.shape))
        torch.testing.assert_close(network(images), expected)
    assert len(shapes) == 1
    assert min(shapes[0][2:]) >= 4
    assert name != "attention" or hooked == ["blocks.1"]


def test_gram_matrices_of_the_first_the_middle_and_the_last_stage():
    network = family("convolutional")
    images = np.random.default_rng(0).integers(0, 256, (70, 32, 32, 3), dtype=np.uint8)
    grams = stage_grams((network, MEMBER), images)
    with torch.inference_mode(), watched_stages(feature_stages(network)) as outputs:
        network(normalised(torch.from_numpy(images), MEMBER.mean, MEMBER.std))
    for inner, stage in zip(grams, ("act1", "layer2", "layer4"), strict=True):
        expected = gram(outputs[stage].flatten(1).numpy())
        np.testing.assert_allclose(inner, expected / np.abs(expected).max(), atol=1e-4)
