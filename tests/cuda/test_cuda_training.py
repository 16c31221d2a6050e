"""Training on a CUDA device, or the pretended one: every family, recipe and objective, and going on."""

from itertools import product

import pytest
import torch
from networks import DESIGNS, SINGLE, train
from pretended import NAME, cuda_device
from safetensors.torch import load_file
from trainings import Killed, killed_at

from resiliency.base.faults import Fault
from resiliency.designs.members import Member
from resiliency.designs.networks import build, write_member
from resiliency.devices import choice
from resiliency.devices.gpus import SLOTS
from resiliency.storage.files import read_json
from resiliency.training import checkpoints, muon
from resiliency.training.objectives import joint_loss
from resiliency.training.settings import JOINT_OBJECTIVES, FineTuning
from resiliency.training.tuning import fine_tune

RECIPES = {
    "plain": {},
    "sgd": {"optimizer": "sgd"},
    "muon": {"optimizer": "muon"},
    "all": {"ema": 0.9, "mixup": 0.2, "gradient_clip": 1.0},
    "augmented": {"augment": "trivial", "precision": "float32"},
}


@pytest.mark.usefixtures("cuda")
@pytest.mark.parametrize(
    ("family", "recipe"), [*product(DESIGNS, ["plain"]), *product(["resnet", "vit"], [*RECIPES][1:])]
)
def test_every_family_trains(tmp_path, data, family, recipe):
    """By all recipes a family with batch norms and one with layer norms."""
    (folder,) = train(tmp_path, data, family, **RECIPES[recipe])
    assert read_json(folder / "member.json")["device"] == torch.cuda.get_device_name()


@pytest.mark.usefixtures("cuda")
@pytest.mark.parametrize(
    ("family", "objective"), [*product(["resnet"], JOINT_OBJECTIVES), *product(["vit"], ["attribution", "activation"])]
)
def test_every_objective_trains(tmp_path, data, family, objective):
    """Those that look into the networks, with two families."""
    loss_weight = min(JOINT_OBJECTIVES[objective].highest, 0.5)
    folders = train(tmp_path, data, family, joint_loss(objective, loss_weight), count=2, batch_size=16)
    assert all((folder / "weights.safetensors").exists() for folder in folders)


@pytest.mark.parametrize("train", ["all", "head", 1])
@pytest.mark.parametrize("optimizer", ["adamw", "muon"])
def test_fine_tuning_gives_the_weights_of_the_cpu(tmp_path, data, monkeypatch, train, optimizer):
    design = DESIGNS["resnet"].model_copy(update={"weights": str(tmp_path / "given.safetensors"), "training": {"a": 1}})
    write_member(tmp_path / "given", build(design.description(32), 5, seed=1), Member("given"))
    (tmp_path / "given/weights.safetensors").rename(design.files[0])
    settings = FineTuning(train=train, optimizer=optimizer, epochs=1, batch_size=8, shift=2, flip=True)
    settings = settings.model_dump() | {"precision": "float32"}
    arguments = design.description(32), settings, data | design.inputs(0), (0, "train", "a", 0), 0, ""
    with cuda_device():
        fine_tune(str(tmp_path / "there"), *arguments)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(choice, "visible_gpus", list)
    fine_tune(str(tmp_path / "here"), *arguments)
    there, here = (load_file(tmp_path / place / "weights.safetensors") for place in ("there", "here"))
    for name, tensor in here.items():
        torch.testing.assert_close(there[name], tensor, atol=1e-3, rtol=1e-2)


def test_muon_multiplies_in_tf32_on_a_gpu_and_nothing_else_does(monkeypatch, pretended):
    seen, exact, products = [], muon._multiplied, torch.backends.cuda.matmul

    def multiplied(stacks, coefficients):
        seen.append((stacks[0].dtype, products.allow_tf32, len(coefficients)))
        return exact(stacks, coefficients)

    monkeypatch.setattr(muon, "_multiplied", multiplied)
    stacks = [torch.randn(2, 8, 40), torch.randn(1, 40, 8), torch.randn(3, 160, 200)]
    there = muon.orthogonalised([stack.cuda() for stack in stacks])
    assert seen == 2 * [(torch.float32, True, muon.FIRST), (torch.float32, True, len(muon.COEFFICIENTS) - muon.FIRST)]
    assert not products.allow_tf32
    monkeypatch.setattr(muon, "bfloat16_in_hardware", lambda: False)
    for one, other in zip(there, muon.orthogonalised(stacks), strict=True):
        torch.testing.assert_close(one.cpu(), other, atol=1e-3, rtol=0)
    assert seen[4:] == 2 * [(torch.float32, False, len(muon.COEFFICIENTS))]


def test_images_are_copied_to_the_device_but_once(tmp_path, data, pretended):
    copied = []
    for epochs in (1, 3):
        pretended.counts.clear()
        train(tmp_path / str(epochs), data, "resnet", epochs=epochs, precision="float32")
        copied.append(pretended.counts.copied["to_device"])
    training, validation = 32 * 32 * 32 * 3, 10 * 32 * 32 * 3
    assert validation < (copied[1] - copied[0]) / 2 < training


def test_on_a_gpu_that_is_shared_no_batch_is_split(tmp_path, data, monkeypatch, request):
    """Its results would depend on how many share the GPU."""

    def hungry(networks, images, labels):
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setenv(SLOTS, "2")
    monkeypatch.setattr(torch.cuda, "set_per_process_memory_fraction", lambda share: None)
    request.getfixturevalue("cuda")
    with pytest.raises(Fault, match=f"a batch of 8 does not fit in 1/2 of the GPU, .* lower {SLOTS}"):
        train(tmp_path, data, "resnet", hungry)


@pytest.mark.usefixtures("cuda")
@pytest.mark.parametrize(("family", "recipe"), [("resnet", "plain"), ("resnet", "muon"), ("vit", "all")])
def test_an_interrupted_training_ends_with_the_same_weights(tmp_path, data, monkeypatch, family, recipe):
    """On a real device this also tells whether two trainings give the same bytes."""
    monkeypatch.setattr(checkpoints, "PAUSE", 0)
    (whole,) = train(tmp_path / "whole", data, family, **RECIPES[recipe])
    with pytest.raises(Killed):
        train(tmp_path / "again", data, family, killed_at(3, SINGLE), **RECIPES[recipe])
    (again,) = train(tmp_path / "again", data, family, **RECIPES[recipe])
    assert (again / "weights.safetensors").read_bytes() == (whole / "weights.safetensors").read_bytes()


def test_a_resumed_training_waits_no_more_often(tmp_path, data, pretended, monkeypatch):
    """Steps of AdamW that come back on the device cost two synchronisations a parameter and step."""
    monkeypatch.setattr(checkpoints, "PAUSE", 0)

    def read() -> int:
        return sum(
            count for (operation, _), count in pretended.counts.waits.items() if operation == "_local_scalar_dense"
        )

    train(tmp_path / "whole", data, "resnet")
    of_whole = read()
    with pytest.raises(Killed):
        train(tmp_path / "again", data, "resnet", killed_at(3, SINGLE))
    pretended.counts.clear()
    train(tmp_path / "again", data, "resnet")
    assert read() <= of_whole


def test_a_checkpoint_of_the_cpu_goes_on_on_the_device_and_says_so(tmp_path, data, monkeypatch, capsys, request):
    monkeypatch.setattr(checkpoints, "PAUSE", 0)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(Killed):
        train(tmp_path, data, "resnet", killed_at(3, SINGLE))
    monkeypatch.undo()
    request.getfixturevalue("pretended")
    (folder,) = train(tmp_path, data, "resnet")
    device = read_json(folder / "member.json")["device"]
    assert device.startswith("CPU, ")
    assert device.endswith(f", then {NAME}")
    assert f"resuming on {NAME}" in capsys.readouterr().out
