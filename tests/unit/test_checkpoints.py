"""Checkpoints: a training that is interrupted goes on to the same weights."""

import re
import signal
import subprocess
import sys
import time

import pytest
import torch
from small_training import RECIPE, network, separable, single, train, weights
from torch import nn
from trainings import Killed, killed_at, stored

from resiliency.storage.files import read_json, write_json
from resiliency.training import checkpoints
from resiliency.training.checkpoints import Checkpoint


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


TRAIN_ALONE = """
import sys
from functools import partial
from resiliency.designs.settings import Design
from resiliency.training import checkpoints
from resiliency.training.engine import cross_entropy
from resiliency.training.member import train_members
from resiliency.training.settings import Recipe
checkpoints.PAUSE = 0
folder, data = sys.argv[1], dict(pair.split("=", 1) for pair in sys.argv[2:])
train_members(
    [folder],
    [Design(architecture="resnet18", arguments={"channels": [4, 4, 4, 8]}).description(32) | dict(design="r", seed=0)],
    Recipe(epochs=6, batch_size=8, shift=2, flip=True).model_dump(),
    partial(cross_entropy, smoothing=0),
    data,
    (0, "train", "r", 0),
    workers=0,
    code="",
)
"""


@pytest.mark.slow
def test_training_starts_anew_if_its_images_are_normalised_in_another_way(tmp_path, start_script):
    data, script = stored(tmp_path, 120), tmp_path / "train_alone.py"
    script.write_text(TRAIN_ALONE)
    arguments = [tmp_path / "r-s0", *(f"{name}={path}" for name, path in data.items())]
    process = start_script(script, *arguments)
    while not (tmp_path / "r-s0" / "checkpoint.pt").exists():
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait(60)
    write_json(data["card"], read_json(data["card"]) | {"mean": [0.1, 0.2, 0.3]})
    again = start_script(script, *arguments, stdout=subprocess.PIPE, text=True)
    assert "checkpoint has different settings; training from scratch" in again.communicate(timeout=600)[0]
    assert again.returncode == 0


def test_a_process_killed_in_the_middle_of_an_epoch_goes_on_to_the_same_files(tmp_path, start_script):
    data, script = stored(tmp_path, 120), tmp_path / "train_alone.py"
    script.write_text(TRAIN_ALONE)

    def start(folder):
        arguments = [f"{name}={path}" for name, path in data.items()]
        return start_script(script, folder, *arguments, stdout=subprocess.PIPE, text=True)

    process = start(tmp_path / "killed" / "r-s0")
    checkpoint = tmp_path / "killed" / "r-s0" / "checkpoint.pt"
    for wait in (0.2, 0.5):
        while not checkpoint.exists():
            assert process.poll() is None
            time.sleep(0.01)
        time.sleep(wait)
        process.send_signal(signal.SIGKILL)
        process.wait(60)
        process = start(tmp_path / "killed" / "r-s0")
    output = process.communicate(timeout=600)[0]
    assert process.returncode == 0
    assert "resuming at step" in output
    assert start(tmp_path / "whole" / "r-s0").wait(120) == 0
    one, other = (
        {p.name: p.read_bytes() for p in (tmp_path / run / "r-s0").glob("[!.]*")} for run in ("whole", "killed")
    )
    assert sorted(one) == ["history.csv", "member.json", "weights.safetensors"]
    assert one == other


@pytest.mark.slow
def test_a_process_asked_to_end_keeps_a_checkpoint_first(tmp_path, python):
    """SLURM sends SIGTERM to a job at the end of its time, and when it is preempted."""
    data = stored(tmp_path, 200)
    arguments = [str(tmp_path / "r-s0"), *(f"{name}={path}" for name, path in data.items())]
    code = TRAIN_ALONE.replace("PAUSE = 0", "PAUSE = 1000")
    command = [sys.executable, "-u", "-c", code, *arguments]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    while not process.stdout.readline().startswith("[1/6"):
        assert process.poll() is None
    process.send_signal(signal.SIGTERM)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 1
    lines = errors.splitlines()  # libraries may add some of their own where a process ends
    assert lines.count(f"interrupted; run again to resume from {tmp_path}/r-s0/checkpoint.pt") == 1
    assert not any("Traceback" in line for line in lines)
    again = python(code, tmp_path, *arguments)
    assert again.returncode == 0, again.stdout
    assert re.search(r"^resuming at step \d+ \(epoch [2-6]\)$", again.stdout, re.MULTILINE)
    assert not (tmp_path / "r-s0" / "checkpoint.pt").exists()
