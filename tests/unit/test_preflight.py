"""What a study needs of its data and its networks is known before the first job."""

import copy
import os
import shutil
from pathlib import Path

import pytest
from attacks.factories import FACTORIES
from default_study import CONFIG
from edits import forget, with_edit
from fault_messages import lines_of
from PIL import Image

from resiliency.base.faults import Fault
from resiliency.designs.settings import Design
from resiliency.study import preflight as preflight_module
from resiliency.study.files import load
from resiliency.study.network_trial import trial
from resiliency.study.preflight import _key, _request, preflight


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RESILIENCY_CACHE", str(tmp_path / "cache"))
    Path("factories_to_try.py").write_text(FACTORIES)
    return tmp_path


@pytest.mark.usefixtures("forked_trials")
def test_what_passed_once_is_not_tried_again(here, monkeypatch):
    small = copy.deepcopy(CONFIG) | {"joint": None, "search": None, "ensembles": {"sizes": [2]}}
    small["members"] = {"designs": ["mine"], "baseline": "mine-s0"}
    small["designs"]["mine"] = {"factory": "factories_to_try:plain"}
    preflight(load(small))
    monkeypatch.setattr("resiliency.study.preflight.trial", lambda designs: {name: "tried" for name in designs})
    preflight(load(small))
    Path("factories_to_try.py").write_text(FACTORIES + "\nEDITED = 1\n")
    forget()
    with pytest.raises(Fault, match=r"designs\.mine: tried"):
        preflight(load(small))


DESIGNS = [f"designs/{module}" for module in ("checks", "networks", "weights")]


@pytest.mark.parametrize("module", ["study/network_trial", *DESIGNS])
def test_designs_are_tried_again_when_what_tries_them_changed(here, module):
    """Whatever module the trial imports, none being listed by hand."""
    study = load(copy.deepcopy(CONFIG))
    request = _request(study, "vit")
    before = _key(study, "vit", request)
    with with_edit(Path(preflight_module.LIBRARY, f"{module}.py")):
        assert _key(study, "vit", request) != before


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
        ({}, ["probe.images: 13 is more than the 12 test images", "designs.resnet18: batch_size 18 is more than"]),
        (
            {"images_per_class": {"test": 3}, "validation_fraction": 0.01},
            ["probe.images: 13 is more than the 6 test", "images for validation, got 0;", "images for test, got 6;"],
        ),
        (
            {"images": "list.txt"},
            ["13 is more than the 2 test images in photos", "designs.resnet18: ", "images for test, got 2; add images"],
        ),
        ({"groups": "<number>.*", "validation_fraction": 0.01}, ["probe.images: 13 is more than the 12 test images"]),
        (
            {"folder": "photos/train", "test_fraction": 0.5},
            ["than the 14 test images", "more than the 3 training", "images for train, got 3; add images"],
        ),
    ],
)  # fmt: skip
def test_folders_are_counted(photos, monkeypatch, dataset, faults):
    photos.with_name("list.txt").write_text("cat/0.png\n\ndog/1.png\n")
    monkeypatch.setattr("resiliency.study.preflight.trial", lambda designs: {})
    config = CONFIG | {"joint": None, "search": None, "training": CONFIG["training"] | {"batch_size": 18}}
    config["members"] = {"designs": ["resnet18"], "baseline": "resnet18-s0"}
    config["ensembles"] = {"sizes": [2]}
    config["probe"] = {"images": 15 if "test_fraction" in dataset else 13}
    own = {"name": "image_folder", "folder": "photos", "image_size": 32, "validation_fraction": 0.4}
    config["dataset"] = own | dataset
    for line, words in zip(lines_of(preflight, load(config)), faults, strict=True):
        assert words in line


def test_pictures_that_cannot_be_decoded_are_named_at_once_and_decoded_once(photos, monkeypatch):
    monkeypatch.setattr("resiliency.study.preflight.trial", lambda designs: {})
    config = CONFIG | {"joint": None, "search": None, "ensembles": {"sizes": [2]}, "probe": {"images": 12}}
    config |= {"members": {"designs": ["resnet18", "resnet34"], "baseline": "resnet18-s0"}}
    config["training"] = CONFIG["training"] | {"batch_size": 4}
    config["designs"] = CONFIG["designs"] | {"resnet34": {"architecture": "resnet34"}}
    config["dataset"] = {"name": "image_folder", "folder": "photos", "image_size": 32, "validation_fraction": 0.4}
    config["test_sets"] = {"field": {"folder": "field"}}
    shutil.copytree(photos / "val", photos.with_name("field"))
    sound = [photos / "train/cat/3.png", photos / "val/dog/1.png", photos.with_name("field") / "cat/5.png"]
    contents = [file.read_bytes() for file in sound]
    for file, content in zip(sound, contents, strict=True):
        file.write_bytes(content[:-30])
    lines = lines_of(preflight, load(config))
    named = sorted(line.partition(": ")[0] for line in lines)
    assert named == ["field/cat/5.png", "photos/train/cat/3.png", "photos/val/dog/1.png"]
    assert all(": cannot be decoded (" in line for line in lines)
    for file, content in zip(sound, contents, strict=True):
        file.write_bytes(content)
    preflight(load(config))
    monkeypatch.setattr("resiliency.data.folder.decoding_fault", lambda file: f"{file}: decoded again")
    preflight(load(config))
    os.utime(sound[1], ns=(0, 0))
    assert lines_of(preflight, load(config)) == ["photos/val/dog/1.png: decoded again"]
    config["dataset"]["images_per_class"] = {"test": 6}  # of the others, some may be broken
    preflight(load(config))


def test_members_with_the_same_weights_are_named(here, monkeypatch):
    monkeypatch.setattr("resiliency.study.preflight.trial", lambda designs: {})
    for name, content in (("a", b"1"), ("b", b"2"), ("c", b"1")):
        Path(f"{name}.pt").write_bytes(content * 9000)
    loaded = {"architecture": "resnet18", "mean": [0.5] * 3, "std": [0.2] * 3}
    designs = {
        "one": loaded | {"weights": ["a.pt", "b.pt"]},
        "other": loaded | {"weights": "c.pt", "family": "mine"},
        "seen_differently": loaded | {"weights": "c.pt", "mean": [0.4] * 3},
        "hub": {"architecture": "resnet18.a1_in1k", "weights": "pretrained"},
        "hub_again": {"architecture": "resnet18.a1_in1k", "weights": "pretrained"},
    }
    config = CONFIG | {"designs": designs, "joint": None, "search": None, "ensembles": {"sizes": [2]}}
    config["members"] = {"designs": [*designs], "baseline": "one-s0"}
    config["dataset"] = {"name": "imagenette"}
    assert lines_of(preflight, load(config)) == [
        "designs.other.weights: c.pt has the same weights as a.pt (designs.one); name another file, or remove it",
        "designs.hub_again.weights: pretrained resnet18.a1_in1k has the same weights as pretrained resnet18.a1_in1k "
        "(designs.hub); name another file, or remove it",
    ]


@pytest.mark.slow
def test_weights_that_are_not_there_are_named_while_offline(here, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HF_HOME", str(here / "empty"))
    names = {"a": "test_resnet.r160_in1k", "b": "test_vit.r160_in1k", "c": "vit_small_patch14_dinov2"}
    designs = {
        name: {"description": Design(architecture=architecture).description(160) | {"revision": None}, "outputs": None}
        | {"fetched": True}
        for name, architecture in names.items()
    }
    (here / "cache/hub/test_vit.r160_in1k").mkdir(parents=True)
    (here / "cache/hub/test_vit.r160_in1k/model.safetensors").touch()
    faults = trial(designs)
    assert list(faults) == ["a", "c"]
    assert faults["a"].startswith("weights: timm/test_resnet.r160_in1k: not downloaded (OfflineModeIsEnabled: ")
    place = here / "cache/hub/test_resnet.r160_in1k"
    assert f"without a network, put its model.safetensors into {place}, or set HF_HOME to a cache" in faults["a"]
    assert faults["c"].startswith("weights: timm has no pretrained classifier vit_small_patch14_dinov2")


def test_what_needs_training_images_is_named_where_there_are_none(photos, monkeypatch):
    monkeypatch.setattr("resiliency.study.preflight.trial", lambda designs: {})
    (photos / "train").rename(photos.with_name("away"))
    config = CONFIG | {"dataset": {"name": "image_folder", "folder": "photos"}, "probe": {"images": 12}}
    config |= {"ensembles": {"sizes": [2]}, "joint": None, "search": None}
    config |= {"members": {"designs": ["mine", "other"], "baseline": "mine-s0"}}
    loaded = {"mine": "resnet18", "other": "resnet34"}
    loaded = {name: {"architecture": of, "weights": "pretrained"} for name, of in loaded.items()}
    config["designs"] = CONFIG["designs"] | loaded
    preflight(load(config))
    missing = "photos: found val/ but no train/; add train/ with the same classes"
    for changes, keys in (
        ({"joint": CONFIG["joint"], "search": CONFIG["search"]}, "joint, search: needs training images"),
        ({"members": {"designs": ["vit"], "baseline": "vit-s0"}}, "designs.vit: needs training images"),
        ({"ensembles": {"sizes": [2], "rules": ["weighted_mean"]}}, "ensembles.rules: weighted_mean: needs validation"),
    ):
        (line,) = [line for line in lines_of(preflight, load(config | changes)) if missing in line]
        assert line.startswith(keys)
