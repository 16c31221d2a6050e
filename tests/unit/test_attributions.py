"""Attribution maps of networks whose gradients are known."""

import numpy as np
import pytest
import torch
from torch import nn

from resiliency.attributions import BATCH, METHODS, attribution_maps
from resiliency.designs.networks import normalised

MEMBER = {"mean": [0.2, 0.3, 0.4], "std": [0.5, 0.25, 0.2]}
CLASSES = 3
STEPS = 8


@pytest.fixture
def linear():
    torch.manual_seed(0)
    return nn.Sequential(nn.Flatten(), nn.Linear(3 * 4 * 5, CLASSES)).eval()


def weights(network: nn.Module) -> np.ndarray:
    """K x 3 x H x W."""
    return network[1].weight.detach().numpy().reshape(CLASSES, 3, 4, 5)


def pictures(count: int = 6) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(1)
    return rng.integers(0, 256, (count, 4, 5, 3), dtype=np.uint8), rng.integers(0, CLASSES, count)


def scaled(maps: np.ndarray) -> np.ndarray:
    return maps / np.abs(maps).max(axis=(1, 2), keepdims=True)


def test_saliency_of_a_linear_network_is_its_weights(linear):
    images, labels = pictures()
    found = attribution_maps("saliency", linear, MEMBER, images, labels, "label", STEPS)
    np.testing.assert_allclose(found, scaled(np.abs(weights(linear)[labels]).sum(axis=1)), atol=1e-3)


def test_integrated_gradients_of_a_linear_network_are_weights_times_the_way_from_black(linear):
    images, labels = pictures()
    found = attribution_maps("integrated_gradients", linear, MEMBER, images, labels, "label", STEPS)
    way = np.moveaxis(images / 255 / MEMBER["std"], -1, 1)  # (x - mean) / std less (0 - mean) / std
    np.testing.assert_allclose(found, scaled((weights(linear)[labels] * way).sum(axis=1)), atol=1e-3)


def test_integrated_gradients_are_complete_before_scaling():
    """Their sum is the logit less that of the black image (Sundararajan et al., 2017)."""
    torch.manual_seed(0)
    network = nn.Sequential(nn.Flatten(), nn.Linear(60, 16), nn.Tanh(), nn.Linear(16, CLASSES)).eval()
    images, black = torch.randn(5, 3, 4, 5), torch.randn(1, 3, 4, 5)
    target = torch.tensor([0, 1, 2, 0, 1])
    found = METHODS["integrated_gradients"](network, images, target, black, 100)
    with torch.no_grad():
        rise = (network(images) - network(black)).gather(1, target[:, None])[:, 0]
    torch.testing.assert_close(found.detach().flatten(1).sum(1).float(), rise, atol=1e-3, rtol=1e-3)


def test_saliency_is_the_absolute_gradient():
    torch.manual_seed(0)
    network = nn.Sequential(nn.Flatten(), nn.Linear(60, 16), nn.Tanh(), nn.Linear(16, CLASSES)).eval()
    images, target = torch.randn(4, 3, 4, 5), torch.tensor([0, 1, 2, 0])
    found = METHODS["saliency"](network, images.clone(), target, None, 2)
    step = 1e-2
    moved = images.repeat(2, 1, 1, 1)
    moved[:4, 1, 2, 3] += step
    moved[4:, 1, 2, 3] -= step
    with torch.no_grad():
        up, down = network(moved).split(4)
    slope = ((up - down).gather(1, target[:, None])[:, 0] / (2 * step)).abs()
    torch.testing.assert_close(found[:, 1, 2, 3].detach(), slope, atol=1e-4, rtol=1e-3)


@pytest.mark.parametrize("method", METHODS)
def test_the_explained_class_is_the_label_or_the_prediction(linear, method):
    images, labels = pictures()
    with torch.inference_mode():
        predicted = linear(normalised(torch.from_numpy(images), MEMBER["mean"], MEMBER["std"])).argmax(1).numpy()
    labels = (predicted + 1) % CLASSES
    of_prediction = attribution_maps(method, linear, MEMBER, images, labels, "prediction", STEPS)
    np.testing.assert_array_equal(
        of_prediction, attribution_maps(method, linear, MEMBER, images, predicted, "label", STEPS)
    )
    assert (of_prediction != attribution_maps(method, linear, MEMBER, images, labels, "label", STEPS)).any()


@pytest.mark.parametrize("method", METHODS)
def test_shape_type_and_scale(linear, method):
    images, labels = pictures(BATCH + 2)
    found = attribution_maps(method, linear, MEMBER, images, labels, "label", STEPS)
    assert found.shape == (BATCH + 2, 4, 5)
    assert found.dtype == np.float16
    np.testing.assert_array_equal(np.abs(found).max(axis=(1, 2)), 1)
    alone = attribution_maps(method, linear, MEMBER, images[-1:], labels[-1:], "label", STEPS)
    np.testing.assert_allclose(found[-1:], alone, atol=1e-3)


@pytest.mark.parametrize("method", METHODS)
def test_maps_of_zeros_stay_zeros(linear, method):
    torch.nn.init.zeros_(linear[1].weight)
    images, labels = pictures()
    assert not attribution_maps(method, linear, MEMBER, images, labels, "label", STEPS).any()


def test_a_black_image_has_no_integrated_gradients(linear):
    images, labels = np.zeros((2, 4, 5, 3), np.uint8), np.array([0, 1])
    assert not attribution_maps("integrated_gradients", linear, MEMBER, images, labels, "label", STEPS).any()
