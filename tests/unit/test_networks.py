"""Networks: reproducible, described, and read back as they were written."""

import json

import numpy as np
import pytest
import torch
from torch import nn

from resiliency.designs.networks import (
    build,
    normalised,
    parameters_and_macs,
    penultimate,
    read_member,
    write_member,
)
from resiliency.faults import Fault
from resiliency.prediction import BATCH, features, logits

DESIGNS = {
    "resnet18": {"channels": [4, 8, 8, 16]},
    "convnext_atto": {"patch_size": 2, "depths": [1, 1, 1, 1], "dims": [8, 8, 8, 16]},
    "vit_tiny_patch16_224": {"img_size": 32, "patch_size": 8, "embed_dim": 24, "depth": 2, "num_heads": 3},
    "densenet121": {"growth_rate": 4, "block_config": [1, 1, 1, 1]},
    "mobilenetv3_small_050": {},
}
MEMBER = {
    "architecture": "resnet18",
    "arguments": DESIGNS["resnet18"],
    "classes": list("0123456789"),
    "mean": [0.1, 0.2, 0.3],
    "std": [0.4, 0.5, 0.6],
}


def small(architecture: str = "resnet18", seed: int = 0) -> nn.Module:
    return build(architecture, DESIGNS[architecture], 10, seed)


def pictures(count: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (count, 32, 32, 3), dtype=np.uint8)


def test_the_seed_decides_the_weights():
    one, again, other = (small(seed=seed).state_dict() for seed in (1, 1, 2))
    assert all(torch.equal(one[name], again[name]) for name in one)
    assert not torch.equal(one["conv1.weight"], other["conv1.weight"])


@pytest.mark.parametrize(
    ("architecture", "arguments"),
    [
        ("resnet51", {}),
        ("resnet18", {"chanels": [1]}),
        ("resnet18", {"num_classes": 3}),
        ("resnet18", {"act_layer": "nope"}),
        ("convnext_atto", {"dims": [8, 8]}),
        ("vit_tiny_patch16_224", {"embed_dim": 25, "num_heads": 3}),
    ],
)
def test_bad_arguments_are_faults(architecture, arguments):
    with pytest.raises(Fault, match=f"design {architecture} with .*timm refuses it: ") as caught:
        build(architecture, arguments, 10, 0)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("architecture", DESIGNS)
def test_the_classifier_is_applied_to_the_penultimate_features(architecture):
    network = small(architecture).eval()
    images = torch.rand(3, 3, 32, 32)
    with torch.inference_mode():
        feature = penultimate(network, images)
        expected = network(images)
        assert feature.ndim == 2
        classifier = network.get_classifier()
        torch.testing.assert_close(feature @ classifier.weight.T + classifier.bias, expected, atol=1e-5, rtol=1e-4)


def test_macs_by_hand():
    """A 3x3 convolution to 4 channels on 6x5 pixels, then a linear layer from 4 to 7."""
    network = nn.Sequential(
        nn.Conv2d(3, 4, 3, padding=1), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 7)
    )
    parameters, macs = parameters_and_macs(network, [6, 5, 3])
    assert parameters == (3 * 3 * 3 * 4 + 4) + (4 * 7 + 7)
    assert macs == 6 * 5 * 4 * (3 * 3 * 3) + 4 * 7


def test_macs_count_attention():
    """16 patches of 8x8 and one class token, width 24, two blocks whose hidden layers are four times as wide."""
    tokens, width = 17, 24
    projections = tokens * width * (3 * width + width)
    attention = 2 * tokens * tokens * width
    hidden = 2 * tokens * width * 4 * width
    _, macs = parameters_and_macs(small("vit_tiny_patch16_224"), [32, 32, 3])
    assert macs == 16 * (8 * 8 * 3) * width + 2 * (projections + attention + hidden) + width * 10


def test_normalised_by_hand():
    images = torch.tensor([[[[0, 51, 255]]]], dtype=torch.uint8)
    result = normalised(images, MEMBER["mean"], MEMBER["std"])
    assert result.shape == (1, 3, 1, 1)
    assert result.dtype == torch.float32
    expected = [(0 - 0.1) / 0.4, (0.2 - 0.2) / 0.5, (1 - 0.3) / 0.6]
    np.testing.assert_allclose(result.flatten().numpy(), expected, atol=1e-7)


def test_members_come_back_to_the_bit(tmp_path):
    network = small(seed=3)
    with torch.no_grad():
        network.train()(torch.rand(4, 3, 32, 32))  # moves the running statistics
    write_member(tmp_path, network, MEMBER)
    read, member = read_member(tmp_path)
    assert member == MEMBER
    assert not read.training
    written = network.state_dict()
    assert read.state_dict().keys() == written.keys()
    assert all(torch.equal(tensor.cpu(), written[name]) for name, tensor in read.state_dict().items())


def test_the_same_weights_give_the_same_bytes(tmp_path):
    for folder in ("a", "b"):
        write_member(tmp_path / folder, small(seed=3), MEMBER)
    one, other = (tmp_path.joinpath(folder, "weights.safetensors").read_bytes() for folder in ("a", "b"))
    assert one == other


@pytest.mark.parametrize("kept", [0, 4, 100, -1])
def test_truncated_weights_are_faults(tmp_path, kept):
    write_member(tmp_path, small(), MEMBER)
    path = tmp_path / "weights.safetensors"
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(Fault, match=r"weights\.safetensors: not the weights of resnet18"):
        read_member(tmp_path)


def test_weights_of_another_network_are_faults(tmp_path):
    write_member(tmp_path, small(), MEMBER)
    wider = MEMBER | {"arguments": {"channels": [4, 8, 8, 32]}}
    tmp_path.joinpath("member.json").write_text(json.dumps(wider))
    with pytest.raises(Fault, match=r"weights\.safetensors: not the weights of resnet18"):
        read_member(tmp_path)


def test_predictions_are_those_of_the_network_over_all_batches():
    network = small().eval()
    images = pictures(BATCH + 3)
    pairs = list(logits([(network, MEMBER), (small(seed=1).eval(), MEMBER)], images))
    assert [len(pair) for pair in pairs] == [2, 2]
    predicted, other = (np.concatenate(parts) for parts in zip(*pairs, strict=True))
    assert (other != predicted).all(axis=1).any()
    assert predicted.shape == (BATCH + 3, 10)
    assert predicted.dtype == np.float16
    with torch.inference_mode():
        last = network(normalised(torch.from_numpy(images[-2:]), MEMBER["mean"], MEMBER["std"]))
    np.testing.assert_allclose(predicted[-2:], last.numpy(), atol=2e-3)


def test_features_have_their_width():
    found = features((small().eval(), MEMBER), pictures(5))
    assert found.shape == (5, 16)
    assert found.dtype == np.float32
