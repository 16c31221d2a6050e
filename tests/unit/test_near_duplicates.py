"""Frames of one film that a random split parts are told; images that only share a class are not."""

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from resiliency.data.card import write_data_set
from resiliency.data.folder import image_folder
from resiliency.data.reading import digits
from resiliency.data.source import SPLITS
from resiliency.data.split import draw_splits, with_groups
from resiliency.data.units import Thumbnails
from resiliency.report.overview import data_cautions, pretraining_cautions
from resiliency.storage.files import read_json

FILMS, FRAMES = 10, 6


def film(number: int) -> list[Image.Image]:
    """Frames of a scene of its own, each shifted, lit and taken with noise of its own."""
    random = np.random.default_rng(number)
    scene = Image.fromarray(random.integers(0, 256, (5, 5, 3), np.uint8)).resize((80, 80), Image.Resampling.BICUBIC)
    frames = []
    for _ in range(FRAMES):
        left, top = random.integers(0, 2, 2)
        frame = np.asarray(scene.crop((left, top, left + 72, top + 72)), float) * random.uniform(0.5, 0.9)
        frames.append(Image.fromarray((frame + random.normal(0, 2, frame.shape)).clip(0, 255).astype(np.uint8)))
    return frames


@pytest.fixture(scope="module")
def films(tmp_path_factory):
    folder = tmp_path_factory.mktemp("films")
    for name, first in (("cat", 0), ("dog", FILMS)):
        (folder / name).mkdir()
        for number in range(FILMS):
            for index, frame in enumerate(film(first + number)):
                frame.save(folder / name / f"{number:02}_{index}.png")
    return folder


def card_of(out, films, groups: str | None, side: int, name: str = "image_folder") -> dict:
    source = with_groups(image_folder(films, side, 1), groups, SPLITS)
    write_data_set(out, name, source, draw_splits(source, 0.2, 0.3, {}, 0), side, on_the_fly=side > 64)
    return read_json(out / "card.json")


@pytest.mark.parametrize("side", [32, 72])
def test_frames_in_two_splits_are_told(tmp_path, films, capsys, side):
    card = card_of(tmp_path, films, None, side)
    assert list(card["near_duplicates"]) == ["validation", "test"]
    assert card["near_duplicates"]["test"] >= 24
    (line,) = (line for line in capsys.readouterr().out.splitlines() if " test images look almost like" in line)
    assert line.startswith(f"warning: dataset: {card['near_duplicates']['test']} of 36 test images look almost like")
    assert f"as {films}/cat/" in line
    (caution,) = data_cautions(card)
    assert f"{card['near_duplicates']['test']} of 36 test images look almost like" in caution
    assert "dataset.groups" in caution
    card["splits"]["test"]["groups"] = 6
    assert "dataset.groups" not in data_cautions(card)[0]


def test_digits_of_one_class_are_not_near_duplicates():
    source = digits(32)
    chosen, seen = draw_splits(source, 0.1, 0.3, {}, 0), Thumbnails()
    for split, (part, indices) in chosen.items():
        seen.add(split, part.images[indices])
    assert len(seen.pairs(chosen)) <= 3


@pytest.mark.parametrize(
    ("card", "source", "said"),
    [
        ({"name": "imagenette"}, "fine-tuned here from pretrained timm/a@1; mean", "at least 87% are"),
        ({"name": "imagenet"}, "pretrained timm/a@1", ""),
        ({"name": "imagenette", "classes": ["a", "b"]}, "pretrained timm/a@1", ""),
        ({"name": "imagenette"}, "a.pt (sha256 1)", ""),
    ],
)
def test_pretrained_weights_on_classes_of_imagenet_need_caution(card, source, said):
    members = pd.DataFrame({"member": ["a-s0", "b-s0"], "weights_source": [source, "trained"]})
    cautions = pretraining_cautions({"classes": ["n01440764", "n02102040"]} | card, members)
    assert [said in caution and "(a-s0)" in caution for caution in cautions] == [True] * bool(said)
