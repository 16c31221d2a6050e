"""What a study needs of its data is known before the first job, and what its jobs ask of a cluster."""

import os
import shutil
from pathlib import Path

import pytest
from default_study import CONFIG
from fault_messages import fault_of, lines_of
from PIL import Image
from snakemake.utils import update_config

from resiliency.study.checks import preflight
from resiliency.study.files import load, read_merged
from resiliency.study.plan import minutes

SMALL = CONFIG | {"joint": None, "search": None, "ensembles": {"sizes": [2]}}
SMALL |= {"members": {"designs": ["resnet18"], "baseline": "resnet18-s0"}}
PHOTOS = {"name": "image_folder", "folder": "photos", "image_size": 32, "validation_fraction": 0.4}


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RESILIENCY_CACHE", str(tmp_path / "cache"))
    return tmp_path


@pytest.fixture
def photos(here):
    for split, count in (("train", 14), ("val", 6)):
        for name in ("cat", "dog"):
            (here / "photos" / split / name).mkdir(parents=True)
            for index in range(count):
                Image.new("RGB", (32, 32), (index, 0, 0)).save(here / f"photos/{split}/{name}/{index}.png")
    return here / "photos"


@pytest.mark.parametrize(
    ("dataset", "faults"),
    [
        ({"folder": "photo"}, ["dataset.folder: there is no folder photo (relative to "]),
        ({"folder": "untrained"}, ["designs.resnet18: needs training images, but untrained: found val/ but no train/"]),
        ({}, ["probe.n_images: 13 is more than the 12 test images", "designs.resnet18: batch_size 18 is more than"]),
        (
            {"images_per_class": {"test": 3}, "validation_fraction": 0.01},
            ["probe.n_images: 13 is more than the 6 test", "images for validation, got 0;", "images for test, got 6;"],
        ),
        (
            {"images": "list.txt"},
            ["13 is more than the 2 test images in photos", "designs.resnet18: ", "images for test, got 2; add images"],
        ),
        ({"groups": "<number>.*", "validation_fraction": 0.01}, ["probe.n_images: 13 is more than the 12 test images"]),
        (
            {"folder": "photos/train", "test_fraction": 0.5},
            ["than the 14 test images", "more than the 3 training", "images for train, got 3; add images"],
        ),
    ],
)  # fmt: skip
def test_folders_are_counted(photos, dataset, faults):
    shutil.copytree(photos / "val", photos.with_name("untrained") / "val")
    photos.with_name("list.txt").write_text("cat/0.png\n\ndog/1.png\n")
    config = SMALL | {"dataset": PHOTOS | dataset, "training": CONFIG["training"] | {"batch_size": 18}}
    config["probe"] = {"n_images": 15 if "test_fraction" in dataset else 13}
    for line, words in zip(lines_of(preflight, load(config)), faults, strict=True):
        assert words in line


def test_pictures_that_cannot_be_decoded_are_named_where_all_are_used(photos):
    config = SMALL | {"dataset": PHOTOS, "training": CONFIG["training"] | {"batch_size": 4}, "probe": {"n_images": 12}}
    config["test_sets"] = {"field": {"folder": "field"}}
    shutil.copytree(photos / "val", photos.with_name("field"))
    broken = ["field/cat/5.png", "photos/val/dog/1.png"]
    for name in broken:
        os.truncate(name, 60)
    lines = sorted(lines_of(preflight, load(config)))
    assert [line.partition(" (")[0] for line in lines] == [f"{name}: cannot be decoded" for name in broken]
    config["dataset"] = PHOTOS | {"images_per_class": {"test": 6}}  # some of the others may be broken
    assert fault_of(preflight, load(config)) == lines[0]


def minutes_of_cifar10(**changes) -> dict[str, int]:
    repository = Path(__file__).parents[2]
    config = read_merged([repository / "config.yaml", repository / "studies/cifar10.yaml"])
    update_config(config, changes)
    return minutes(load(config))


def test_minutes_of_cifar10_by_hand(tmp_path):
    """45,000 training, 5,000 validation and 10,000 test images of 32 px, clean and under 75 corruptions.

    An explanation takes 3 + 3 x 50 + 3 predictions: saliency, 50 steps of integrated gradients, Grad-CAM. There are 36
    members, 15 ensembles of three and 5 members of the search: 86 members, 685 pairs, and 630 + 7,140 + 10 + 10
    ensembles, by two rules; 8 x 41 more are tried. They have 7.6 million probabilities.
    """
    assert minutes_of_cifar10() == {
        "corrupt": 11,
        "train": 60 + 30,
        "train_jointly": 60 + 90,
        "train_supernet": 60 + 90,
        "search": 60 + 1_100,
        "predict": 30 + 25,
        "predict_test_set": 30 + 3,
        "attribute": 60 + 5,
        "gallery": 60 + 1,
        "score_members": 60,
        "pairwise_diversity": 60,
        "score_ensembles": 60 + 11,
        "choose_ensembles": 60 + 6,
    }
    large = minutes_of_cifar10(dataset={"name": "image_folder", "folder": str(tmp_path)})
    assert large["attribute"] == 60 + 64  # 12.25 times the area of 64 x 64 px
    assert (large["score_members"], large["pairwise_diversity"]) == (60 + 435, 60 + 520)  # 7.6 billion probabilities
    assert minutes_of_cifar10(attribution={"methods": ["occlusion"]})["attribute"] == 60 + 2
