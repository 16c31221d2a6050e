"""The example of docs/python.md with a model and a dataset of MAITE, run by MAITE: the same answers
by both roads."""

import re
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest

from resiliency.api import evaluate

PAGE = Path(__file__).parents[2] / "docs/python.md"
(EXAMPLE,) = re.findall(
    r"of MAITE\n.*?```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL
)
IMAGES = np.random.default_rng(0).integers(0, 256, (6, 72, 72, 3), np.uint8)
LABELS = np.random.default_rng(1).integers(0, 3, 6)


class Dataset:
    """Images 3 x H x W as floats from 0 to 1, targets with a number for each class, and
    metadata."""

    metadata: ClassVar = {"id": "colours"}

    def __len__(self):
        return len(IMAGES)

    def __getitem__(self, index):
        return (
            IMAGES[index].transpose(2, 0, 1) / np.float32(255),
            np.eye(3)[LABELS[index]],
            {"id": index},
        )


class Model:
    """Names the brightest channel, and is not sure of it."""

    metadata: ClassVar = {"id": "brightest"}

    def __call__(self, batch):
        return [8 * image.astype(np.float64).mean(axis=(1, 2)) for image in batch]


def test_maite_runs_the_example_to_the_same_answers(capsys):
    protocols, tasks = (
        pytest.importorskip(f"maite.{name}") for name in ("protocols.image_classification", "tasks")
    )
    given = {"dataset": Dataset(), "model": Model()}
    assert len(EXAMPLE.splitlines()) <= 24
    assert isinstance(given["dataset"], protocols.Dataset)
    assert isinstance(given["model"], protocols.Model)
    exec(EXAMPLE, given)
    assert "glass_blur" in capsys.readouterr().out
    fog = given["Fog"]()
    assert isinstance(fog, protocols.Augmentation)
    answers, _ = tasks.predict(
        model=given["model"], dataset=given["dataset"], augmentation=fog, batch_size=2
    )
    wrong = np.argmax(np.concatenate(answers), axis=1) != LABELS
    alike = evaluate(
        lambda images: 8 * images.mean(axis=(1, 2)) / 255,
        IMAGES,
        LABELS,
        corruptions=["fog"],
        severities=[3],
    )
    assert alike.errors.error.tolist()[1] == wrong.mean()
