"""Training on a CUDA device, or the pretended one: every family, recipe and objective, files, and
going on."""

from functools import partial
from itertools import product
from unittest import mock

import pytest
import torch
from pretended import cuda_device, no_gpu
from safetensors.torch import load_file
from trainings import DESIGNS, Killed, killed_at, train_files

from resiliency.designs.members import described
from resiliency.designs.networks import build, write_member
from resiliency.storage import read_json
from resiliency.training import engine, optimizer
from resiliency.training.member import fine_tune
from resiliency.training.objectives import cross_entropy, joint_loss
from resiliency.training.settings import JOINT_OBJECTIVES, FineTuning

SINGLE = partial(cross_entropy, smoothing=0.1)
RECIPES = {
    "plain": {},
    "sgd": {"optimizer": "sgd"},
    "muon": {"optimizer": "muon"},
    "all": {"ema": 0.9, "mixup": 0.2, "gradient_clip": 1.0},
    "augmented": {"augment": "trivial", "precision": "float32"},
}
ON_GPU = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU here")
# All recipes with a family that has batch norms, and one with one that has layer norms.
TRAINED = [*product(DESIGNS, ["plain"]), *product(["resnet"], [*RECIPES][1:]), ("vit", "all")]


@pytest.mark.usefixtures("gpu")
@pytest.mark.parametrize(("family", "recipe"), TRAINED)
def test_every_family_and_recipe_trains(tmp_path, data, family, recipe):
    (folder,) = train_files(tmp_path, data, DESIGNS[family], SINGLE, **RECIPES[recipe])
    assert read_json(folder / "member.json")["device"] == torch.cuda.get_device_name()


@pytest.mark.usefixtures("gpu")
@pytest.mark.parametrize("objective", JOINT_OBJECTIVES)
def test_every_objective_trains(tmp_path, data, objective):
    loss = joint_loss(objective, min(JOINT_OBJECTIVES[objective], 0.5))
    one, other = train_files(tmp_path, data, DESIGNS["resnet"], loss, count=2, batch_size=16)
    weights = [load_file(folder / "weights.safetensors") for folder in (one, other)]
    assert all(tensor.isfinite().all() for of in weights for tensor in of.values())


@pytest.mark.parametrize(("part", "optimizer"), [("all", "adamw"), ("head", "muon"), (1, "adamw")])
def test_fine_tuning_gives_the_weights_of_the_cpu(tmp_path, data, part, optimizer):
    design = DESIGNS["resnet"].model_copy(
        update={"weights": str(tmp_path / "given.safetensors"), "training": {"a": 1}}
    )
    given = described("given", design.description(32))
    write_member(tmp_path / "given", build(given, 5, seed=1), given)
    (tmp_path / "given/weights.safetensors").rename(design.files[0])
    settings = FineTuning(
        train=part, optimizer=optimizer, epochs=1, batch_size=8, shift=2, flip=True
    )
    settings = settings.model_dump() | {"precision": "float32"}
    arguments = (
        design.description(32),
        settings,
        data | design.inputs(0),
        (0, "train", "a", 0),
        0,
        "",
    )
    with cuda_device():
        fine_tune(str(tmp_path / "there"), *arguments)
    with no_gpu():
        fine_tune(str(tmp_path / "here"), *arguments)
    there, here = (
        load_file(tmp_path / place / "weights.safetensors") for place in ("there", "here")
    )
    for name, tensor in here.items():
        torch.testing.assert_close(there[name], tensor, atol=1e-3, rtol=1e-2)


@pytest.mark.usefixtures("gpu")
def test_muon_multiplies_in_tf32_on_a_gpu_and_nothing_else_does(monkeypatch):
    precisions, exact, products = [], optimizer._multiplied, torch.backends.cuda.matmul

    def multiplied(stacks, coefficients):
        precisions.append((stacks[0].dtype, products.allow_tf32))
        return exact(stacks, coefficients)

    monkeypatch.setattr(optimizer, "_multiplied", multiplied)
    stacks = [torch.randn(2, 8, 40), torch.randn(1, 40, 8), torch.randn(3, 160, 200)]
    there = optimizer.orthogonalised([stack.cuda() for stack in stacks])
    assert {*precisions} == {(torch.float32, True)}
    assert not products.allow_tf32
    monkeypatch.setattr(optimizer, "bfloat16_in_hardware", lambda: False)
    for one, other in zip(there, optimizer.orthogonalised(stacks), strict=True):
        torch.testing.assert_close(one.cpu(), other, atol=1e-3, rtol=0)


@pytest.mark.usefixtures("gpu")
@pytest.mark.parametrize(("family", "recipe"), [("resnet", "muon"), ("vit", "all")])
def test_an_interrupted_training_ends_with_the_same_weights(
    tmp_path, data, monkeypatch, family, recipe
):
    """On a real device this also tells whether two trainings give the same bytes."""
    monkeypatch.setattr(engine, "PAUSE", 0)
    (whole,) = train_files(tmp_path / "whole", data, DESIGNS[family], SINGLE, **RECIPES[recipe])
    with pytest.raises(Killed):
        train_files(
            tmp_path / "again", data, DESIGNS[family], killed_at(3, SINGLE), **RECIPES[recipe]
        )
    (again,) = train_files(tmp_path / "again", data, DESIGNS[family], SINGLE, **RECIPES[recipe])
    assert (again / "weights.safetensors").read_bytes() == (
        whole / "weights.safetensors"
    ).read_bytes()


def test_a_checkpoint_of_the_cpu_goes_on_on_the_device(tmp_path, data, monkeypatch, capsys):
    monkeypatch.setattr(engine, "PAUSE", 0)
    with no_gpu(), pytest.raises(Killed):
        train_files(tmp_path, data, DESIGNS["resnet"], killed_at(3, SINGLE), precision="float32")
    with cuda_device():
        (folder,) = train_files(tmp_path, data, DESIGNS["resnet"], SINGLE, precision="float32")
        name = torch.cuda.get_device_name()
    assert read_json(folder / "member.json")["device"].endswith(f", then {name}")
    assert f"resuming on {name}" in capsys.readouterr().out


@pytest.mark.parametrize("family", ["resnet", "vit"])
def test_nothing_waits_for_the_device_in_what_is_compiled(tmp_path, data, waits, family):
    """A wait, or a copy from the host, would divide the CUDA graph."""
    noted = []

    def compile_loss(loss, mode):
        assert mode == "reduce-overhead"

        def watched(*batch):
            before = waits.copy()
            value = loss(*batch)
            noted.append(waits - before)
            return value

        return watched

    with mock.patch.object(torch, "compile", compile_loss):
        train_files(tmp_path, data, DESIGNS[family], SINGLE, mixup=0.2)
    assert noted == [{}] * 4


@ON_GPU
def test_a_study_trains_and_explains_on_the_gpu(tmp_path, workflow_in):
    study = workflow_in(tmp_path)
    study.finish("--cores", "2", "results/tiny/attributions/convnext-s0/skipped.json")
    assert {read_json(path)["device"] for path in study.results.glob("members/*/member.json")} == {
        torch.cuda.get_device_name()
    }
