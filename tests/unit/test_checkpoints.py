"""Checkpoints: a training that is interrupted goes on to the same weights."""

import pytest
import torch
from small_training import RECIPE, network, separable, single, train, weights
from torch import nn
from trainings import Killed, killed_at, stored

from resiliency.designs.settings import Design
from resiliency.storage.files import read_json, write_json
from resiliency.training import checkpoints
from resiliency.training.checkpoints import Checkpoint
from resiliency.training.member import train_members
from resiliency.training.settings import Recipe


@pytest.mark.parametrize(
    "change", [{}, {"ema": 0.9, "optimizer": "sgd"}, {"mixup": 0.2}, {"optimizer": "muon"}], ids=str
)
@pytest.mark.parametrize("step", [3, 5, 14])
def test_an_interrupted_training_ends_with_the_same_weights(tmp_path, monkeypatch, change, step):
    monkeypatch.setattr(checkpoints, "PAUSE", 0)
    recipe = RECIPE.model_copy(update=change)
    with_dropout = nn.Sequential(network(), nn.Dropout(0.3))
    expected = train([with_dropout], single, recipe, separable(), separable(32))
    checkpoint = Checkpoint(tmp_path / "checkpoint.pt", {"of": "this"})
    member = nn.Sequential(network(), nn.Dropout(0.3))
    with pytest.raises(Killed):
        train([member], killed_at(step, single), recipe, separable(), separable(32), None, 0, checkpoint)
    again, calls = nn.Sequential(network(seed=5), nn.Dropout(0.3)), []

    def counted(networks, images, labels):
        calls.append(1)
        return single(networks, images, labels)

    history = train([again], counted, recipe, separable(), separable(32), None, 0, checkpoint)
    assert len(calls) == 16 - (step - 1)
    assert torch.equal(weights([again]), weights([with_dropout]))
    assert history == expected
    assert [path.name for path in tmp_path.glob("[!.]*")] == ["checkpoint.pt"]


def test_a_checkpoint_of_other_settings_or_cut_short_is_not_used(tmp_path, capsys):
    Checkpoint(tmp_path / "a.pt", {"epochs": 4}).save({"done": 3})
    assert Checkpoint(tmp_path / "a.pt", {"epochs": 4}).load()["done"] == 3
    assert Checkpoint(tmp_path / "a.pt", {"epochs": 5}).load() is None
    assert "a.pt: checkpoint has different settings; training from scratch" in capsys.readouterr().out
    content = (tmp_path / "a.pt").read_bytes()
    (tmp_path / "a.pt").write_bytes(content[: len(content) // 2])
    assert Checkpoint(tmp_path / "a.pt", {"epochs": 4}).load() is None
    assert "a.pt: cannot be read" in capsys.readouterr().out
    assert Checkpoint(tmp_path / "none.pt", {}).load() is None


def train_files(folder, data, loss=single) -> bytes:
    """Train a member on files; its weights."""
    design = Design(architecture="resnet18", arguments={"channels": [4, 4, 4, 8]}).description(32)
    settings = Recipe(epochs=2, batch_size=8, shift=2, flip=True).model_dump()
    job = [str(folder)], [design | {"design": "r", "seed": 0}], settings, loss, data, (0, "train", "r", 0)
    train_members(*job, workers=0, code="")
    return (folder / "weights.safetensors").read_bytes()


@pytest.mark.slow
def test_a_training_of_files_goes_on_or_anew_if_its_images_are_normalised_in_another_way(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(checkpoints, "PAUSE", 0)
    data = stored(tmp_path, 24)
    whole = train_files(tmp_path / "whole", data)
    for folder in ("same", "other"):
        with pytest.raises(Killed):
            train_files(tmp_path / folder, data, killed_at(3, single))
    assert train_files(tmp_path / "same", data) == whole
    assert "resuming at step" in capsys.readouterr().out
    write_json(data["card"], read_json(data["card"]) | {"mean": [0.1, 0.2, 0.3]})
    assert train_files(tmp_path / "other", data) != whole
    assert "checkpoint has different settings; training from scratch" in capsys.readouterr().out
