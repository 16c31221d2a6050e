"""Fine-tuning: a new head behind given weights, what is trained of the network, and what does not
fit."""

from pathlib import Path

import numpy as np
import pytest
import timm
import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from torch import nn
from trainings import SMALL, stored

from resiliency.data.pictures import write_list
from resiliency.designs.members import Member, WeightsKind
from resiliency.designs.networks import build, read_member
from resiliency.prediction.writing import accuracy
from resiliency.storage import read_array, read_json
from resiliency.training.member import build_for_tuning, fine_tune
from resiliency.training.optimizer import make_optimizer, set_learning_rate
from resiliency.training.settings import FineTuning

RECIPE = {
    "epochs": 2,
    "batch_size": 8,
    "warmup_epochs": 0,
    "learning_rate": 0.01,
    "shift": 1,
    "flip": True,
}


@pytest.fixture
def file(tmp_path):
    """Weights of a small network of seven classes, with statistics of batch norm of their own."""
    network = build(Member("a", **SMALL.description(32)), 7, seed=5)
    for _ in range(20):
        network.train()(torch.randn(8, 3, 32, 32))
    save_file(
        {name: tensor.contiguous() for name, tensor in network.state_dict().items()},
        tmp_path / "a.safetensors",
    )
    return tmp_path / "a.safetensors"


def described(file: Path, margin: float | None = None) -> dict:
    return SMALL.model_copy(
        update={"weights": str(file), "training": {"train": "all"}}
    ).description(32, margin)


def tuned(
    tmp_path: Path, file: Path, margin: float | None = None, data: dict | None = None, **recipe
):
    """Weights, by name, of a member that was fine-tuned, and its description; those of `file` are
    given."""
    folder = tmp_path / f"small-s0-{'-'.join(map(str, recipe.values()))}"
    description = described(file, margin) | {"origin": "independent", "design": "small", "seed": 0}
    data = (data or stored(tmp_path, 32)) | {"weights": str(file)}
    fine_tune(str(folder), description, RECIPE | recipe, data, (0, "train", "small", 0), 0, "")
    return load_file(folder / "weights.safetensors"), read_json(folder / "member.json")


def differing(weights: dict, file: Path) -> set[str]:
    given = load_file(file)
    return {name for name in weights if not torch.equal(weights[name], given[name])}


def test_a_network_starts_from_all_given_weights_but_the_head(file):
    networks = [
        build_for_tuning("a", described(file), list("abcd"), 32, str(file), seed) for seed in (0, 1)
    ]
    (one, head, member), (other, other_head, _) = networks
    assert (
        differing(one.state_dict(), file)
        == differing(other.state_dict(), file)
        == {"fc.weight", "fc.bias"}
    )
    assert head.weight.shape == (4, 8)
    assert 0 < head.weight.abs().max() < 0.1
    assert not head.bias.any()
    assert not torch.equal(head.weight, other_head.weight)
    assert member.weights_kind == WeightsKind.FINE_TUNED
    assert member.weights_source.startswith(f"fine-tuned here from file {file} (sha256 ")
    assert member.mean == list(timm.data.IMAGENET_DEFAULT_MEAN)
    assert (member.network_outputs, member.outputs, member.stem) == (4, None, "original")


def test_the_head_alone_is_trained_on_features_of_the_network(tmp_path, file):
    weights, member = tuned(tmp_path, file, train="head", augment="trivial")
    assert differing(weights, file) == {"fc.weight", "fc.bias"}
    (folder,) = tmp_path.glob("small-s0*")
    images, labels = (
        read_array(tmp_path / f"data/validation/{name}.npy") for name in ("images", "labels")
    )
    assert accuracy(read_member(folder), images, labels, 0) == pytest.approx(
        member["validation_accuracy"]
    )
    assert member["training_cost"] == {
        "epochs": 2,
        "n_images": 64,
        "macs": 32 * member["macs"],
        "steps": 8,
    }


def test_the_whole_network_learns_and_its_body_slower(tmp_path, file):
    weights, _ = tuned(tmp_path, file, train="all", body_rate=1)
    slow, _ = tuned(tmp_path, file, train="all", body_rate=0.001)
    given = load_file(file)

    def moved(weights):
        return (weights["layer3.0.conv1.weight"] - given["layer3.0.conv1.weight"]).abs().max()

    assert moved(weights) > 50 * moved(slow) > 0
    assert "bn1.running_mean" in differing(slow, file)


def test_the_last_stages_learn_and_the_rest_stays_with_its_statistics(tmp_path, file):
    weights, _ = tuned(tmp_path, file, train=2)
    changed_names = differing(weights, file)
    assert {name.partition(".")[0] for name in changed_names} == {"layer3", "layer4", "fc"}
    assert "layer3.0.bn1.running_mean" in changed_names


@pytest.mark.parametrize("train", ["all", "head"])
def test_images_in_files_are_learned_as_the_weights_see_them(tmp_path, file, monkeypatch, train):
    """At the size of the weights, of which timm knows 224 px, whatever the size of the data set."""
    data = stored(tmp_path, 16)
    random = np.random.default_rng(0)
    for split in ("train", "validation"):
        count, paths = len(read_array(tmp_path / f"data/{split}/labels.npy")), []
        for index in range(count):
            paths.append(str(tmp_path / f"{split}{index}.png"))
            Image.fromarray(random.integers(0, 256, (40, 50, 3), dtype=np.uint8)).save(paths[-1])
        write_list(tmp_path / f"data/{split}/images.json", paths, 72, 0.875)
    data |= {
        key: path.replace(".npy", ".json") for key, path in data.items() if key.endswith("images")
    }
    sizes, forward = set(), nn.Conv2d.forward

    def watched(layer, images):
        sizes.update([images.shape[-1]] if images.shape[1] == 3 else [])
        return forward(layer, images)

    monkeypatch.setattr(nn.Conv2d, "forward", watched)
    _, member = tuned(tmp_path, file, margin=0.875, data=data, train=train, epochs=1)
    assert sizes == {224}
    assert member["view"] == {
        "size": 224,
        "margin": 0.95,
        "interpolation": "bicubic",
        "squash": False,
    }


@pytest.mark.parametrize("name", ["adamw", "muon"])
def test_the_share_of_the_rate_outlives_a_checkpoint(name):
    network = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    recipe, body = (
        FineTuning(body_rate=0.25, optimizer=name, learning_rate=0.8),
        list(network[0].parameters()),
    )
    first, second = (make_optimizer([network], recipe, body) for _ in range(2))
    network(torch.ones(1, 2)).sum().backward()
    first.step()
    second.load_state_dict(first.state_dict())
    slow = [group for group in second.param_groups if "share" in group]
    assert {*map(id, body)} == {id(parameter) for group in slow for parameter in group["params"]}
    shares = [group.get("share", 1) for group in second.param_groups]
    assert {*shares} == {1, 0.25}
    set_learning_rate(second, 0.4)
    assert [group["lr"] for group in second.param_groups] == pytest.approx(
        [0.4 * one for one in shares]
    )
    assert all(parameter in second.state for parameter in network.parameters())
