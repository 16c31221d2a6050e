"""Logits are kept a condition at a time: a process that was killed is gone on from, with the same
bytes."""

import multiprocessing
import os
import signal
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from resiliency.data.pictures import FileImages
from resiliency.designs.members import Member
from resiliency.prediction import writing
from resiliency.prediction.writing import (
    batches_of,
    is_written,
    logits,
    predict_parts,
    prediction_key,
    write_logits,
)

CLASSES, COUNT = 3, 5
KEY, OTHER = "0" * 16, "1" * 16
MEMBER = Member("a", classes=list("abc"), mean=[0.5] * 3, std=[0.25] * 3)


class Network(nn.Module):
    """Counts the batches that it predicts, and kills its process at one of them."""

    def __init__(self, seed: int, last: int | None = None):
        super().__init__()
        torch.manual_seed(seed)
        self.layer, self.last, self.batches = nn.Linear(3, CLASSES), last, 0

    def forward(self, images):
        if self.batches == self.last:
            os.kill(os.getpid(), signal.SIGKILL)
        self.batches += 1
        return self.layer(images.mean((2, 3)))


def members():
    return [(Network(0), MEMBER), (Network(1), MEMBER)]


@pytest.fixture
def conditions(monkeypatch):
    """Four conditions of five images, predicted in batches of two."""
    monkeypatch.setattr(writing, "FEWEST", 2)
    monkeypatch.setattr(writing, "BATCH_BYTES", 0)
    return list(np.random.default_rng(0).integers(0, 256, (4, COUNT, 32, 32, 3), dtype=np.uint8))


def paths(folder):
    return [str(folder / member / "clean.npy") for member in ("a", "b")]


def killed(path, conditions):
    """A process that is killed in the third condition, the seventh batch."""
    arguments = path, (Network(0, last=7), MEMBER), conditions, 0, KEY
    process = multiprocessing.get_context("fork").Process(target=write_logits, args=arguments)
    process.start()
    process.join(60)
    assert process.exitcode == -signal.SIGKILL


def test_what_a_killed_process_predicted_is_not_predicted_again(tmp_path, conditions, capsys):
    whole, again, (one, other) = Network(0), Network(0), paths(tmp_path)
    write_logits(one, (whole, MEMBER), conditions, 0, KEY)
    killed(other, conditions)
    assert not Path(other).exists()
    write_logits(other, (again, MEMBER), conditions, 0, KEY)
    assert "resuming after 2 of 4 conditions" in capsys.readouterr().out
    assert (whole.batches, again.batches) == (12, 6)
    assert Path(one).read_bytes() == Path(other).read_bytes()
    assert sorted(path.name for path in (tmp_path / "b").iterdir()) == [".clean.key", "clean.npy"]


def test_the_key_changes_with_code_files_and_member(tmp_path):
    for name in ("images", "a/weights.safetensors", "a/member.json"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("one")
    job = [tmp_path / "images"], tmp_path / "a"
    keys = [prediction_key("code", *job), prediction_key("code", *job)]
    assert keys[0] == keys[1]
    keys = [keys[0], prediction_key("other code", *job)]
    for name in ("images", "a/weights.safetensors", "a/member.json"):
        (tmp_path / name).write_text("other")
        keys.append(prediction_key("code", *job))
    assert len(set(keys)) == 5


def test_what_several_members_predicted_together_is_gone_on_from_by_each(tmp_path, conditions):
    """A new member beside them predicts only itself, and what was predicted of something else is
    predicted again."""
    together, later, others = members(), members(), members()
    predict_parts(paths(tmp_path), together, conditions, 0, [KEY] * 2)
    assert not any(is_written(path, KEY) for path in paths(tmp_path))
    for path, member, other in zip(paths(tmp_path), later, others, strict=True):
        write_logits(path, member, conditions, 0, KEY)
        assert is_written(path, KEY)
        assert not is_written(path, OTHER)
        write_logits(path, other, conditions, 0, OTHER)
    assert [network.batches for network, _ in (*together, *later, *others)] == [
        12,
        12,
        0,
        0,
        12,
        12,
    ]
    for path, member in zip(paths(tmp_path), members(), strict=True):
        for written, images in zip(np.load(path), conditions, strict=True):
            expected = logits(member, images)
            np.testing.assert_array_equal(written, expected, strict=True)


@pytest.mark.parametrize(
    ("side", "view", "size"), [(32, None, 1365), (32, 64, 341), (64, 32, 1365), (500, None, 64)]
)
def test_batches_are_as_large_as_the_largest_view_of_their_images_allows(side, view, size):
    seen = [
        (None, MEMBER),
        (None, replace(MEMBER, view={"size": view, "margin": 1.0} if view else None)),
    ]
    files = FileImages([""] * 3000, side, 1.0)
    for images in (files, np.broadcast_to(np.uint8(0), (3000, side, side, 3))):
        order = batches_of(images, seen[view == 32 :])
        assert len(order[0]) == size
        assert np.array_equal(np.concatenate(order), np.arange(3000))
