"""Networks that are not timm's: made by the user's function, trained elsewhere, members like all others."""

import hashlib
import sys
from pathlib import Path

import cifar_resnet
import numpy as np
import pytest
import torch

from resiliency.designs.members import Member
from resiliency.designs.networks import build, normalised, read_member, write_member
from resiliency.designs.settings import Design
from resiliency.designs.weights import load_member
from resiliency.prediction.writing import features, logits

MODULE = Path(cifar_resnet.__file__).read_text(encoding="utf-8")
MODULE += """

def tied():
    network = nn.Sequential(nn.Flatten(), nn.Linear(3072, 8), nn.Linear(8, 8), nn.Linear(8, 8))
    network[2].weight = network[3].weight
    return network


"""
CLASSES = ["ant", "bee", "cat", "dog", "elk"]
ORDER = ["dog", "ant", "fox", "elk", "cat", "bee", "gnu"]
MEAN, STD = [0.3, 0.4, 0.5], [0.2, 0.25, 0.3]
CARD = {"image_shape": [32, 32, 3], "classes": CLASSES, "mean": [0.5] * 3, "std": [0.2] * 3}


@pytest.fixture
def here(tmp_path, monkeypatch) -> Path:
    """A working directory with a module of networks of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.delitem(sys.modules, "own_networks", raising=False)
    Path("own_networks.py").write_text(MODULE)
    return tmp_path


def made(function: str, outputs: int = 10, **arguments) -> torch.nn.Module:
    return build(Design(factory=f"own_networks:{function}", arguments=arguments).description(32), outputs, seed=0)


def test_a_network_trained_elsewhere_becomes_a_member(here):
    """From a checkpoint of DataParallel."""
    original = made("resnet20", width=4, classes=len(ORDER))
    original.train()(torch.rand(16, 3, 32, 32))  # moves the running statistics
    weights = {f"module.{name}": tensor for name, tensor in original.state_dict().items()}
    torch.save({"epoch": 3, "state_dict": weights, "best": 0.5}, "net.pth.tar")
    arguments = {"width": 4, "classes": len(ORDER)}
    loading = {"weights": "net.pth.tar", "classes": ORDER, "mean": MEAN, "std": STD}
    design = Design(factory="own_networks:resnet20", arguments=arguments, **loading)
    loaded, described = load_member(design.description(32), CARD, design.inputs(0))
    write_member(here / "own-s0", loaded, Member("own-s0", **described))
    member = read_member(here / "own-s0")
    chosen = [ORDER.index(name) for name in CLASSES]
    images = np.random.default_rng(0).integers(0, 256, (20, 32, 32, 3), dtype=np.uint8)
    with torch.inference_mode():
        expected = original.eval()(normalised(torch.from_numpy(images), MEAN, STD))[:, chosen].numpy()
    values = np.concatenate([batch[0] for batch in logits([member], images)])
    np.testing.assert_allclose(values, expected, atol=2e-3)
    assert features(member, images).shape == (20, 16)
    assert (described["parameters"], described["outputs"]) == (sum(p.numel() for p in original.parameters()), chosen)
    assert (described["classes"], described["network_outputs"]) == (CLASSES, 7)
    assert (described["mean"], described["std"], described["training_cost"]) == (MEAN, STD, None)
    digest = hashlib.sha256((here / "net.pth.tar").read_bytes()).hexdigest()
    assert described["weights_source"].startswith(f"file net.pth.tar (sha256 {digest})")


def test_weights_that_are_tied_are_written_and_read(here):
    description = Design(factory="own_networks:tied").description(32)
    network = build(description, 8, 0)
    write_member(here / "a", network, Member("a", network_outputs=8, **description))
    read, _ = read_member(here / "a")
    image = torch.rand(1, 3, 32, 32)
    torch.testing.assert_close(read.cpu()(image), network(image))
