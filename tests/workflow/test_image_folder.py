"""A study of pictures in folders, too large to be stored as one array, through Snakemake."""

import csv
import os
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from PIL import Image
from replacing import replaced

from resiliency.analysis.contenders import best_member
from resiliency.corruptions.engine import corrupt
from resiliency.data.pictures import read_images, read_items

STUDY = yaml.safe_load("""
study: photos
dataset: {name: image_folder, folder: photos, image_size: 72, validation_fraction: 0.2, groups: groups.csv,
  classes: names.txt}
corruptions: {names: [gaussian_noise, contrast], severities: [1, 4]}
training: {epochs: 1, warmup_epochs: 0.5, batch_size: 16, flip: true}
designs: {small: {architecture: resnet18, arguments: {channels: [8, 8, 8, 16]}}}
members: {designs: [small], seeds: 2, baseline: small-s0}
joint: null
search: null
probe: {n_images: 12}
attribution: {methods: [saliency]}
ensembles: {sizes: [2]}
statistics: {resamples: 200}
costs: costs.csv
deployment: {objective: cost}
""")  # noqa: E501
MADE = ("tables", "results/photos/data/gallery.parquet")
NAMED = ["small birds", "cats, and 'dogs'"]
COSTS = [("true", NAMED[0]), (NAMED[1], "7")]


def make_photos(folder: Path) -> None:
    """Smooth pictures of several sizes and formats, in train and val; beside them the groups of
    three in a row."""
    random, groups = np.random.default_rng(0), [("image", "group")]
    for split, count in (("train", 30), ("val", 10)):
        for name in ("cats, and 'dogs'", "birds"):
            (folder / split / name).mkdir(parents=True)
            for index in range(count):
                suffix = ("jpg", "png", "webp")[index % 3]
                width, height = random.integers(70, 130, 2).tolist()
                if split == "train":
                    groups.append((f"{name}/{index}.{suffix}", f"{name} {index // 3}"))
                coarse = Image.fromarray(random.integers(0, 256, (6, 6, 3), dtype=np.uint8))
                coarse.resize((width, height), Image.Resampling.BICUBIC).save(
                    folder / split / name / f"{index}.{suffix}"
                )

    (folder.parent / "names.txt").write_text("\n".join(NAMED), encoding="utf-8")
    for name, rows in (("groups", groups), ("costs", COSTS)):
        with (folder.parent / f"{name}.csv").open("w", newline="") as file:
            csv.writer(file).writerows(rows)


@pytest.fixture(scope="module")
def photos(workflow_in, tmp_path_factory):
    directory = tmp_path_factory.mktemp("photos")
    make_photos(directory / "photos")
    study = workflow_in(directory, STUDY)
    study.finish(*MADE, "--cores", "2", "--set-threads", "train=2", "predict=2")
    return study


def test_the_model_is_chosen_by_its_costs(photos):
    deployment, costs = (
        pd.read_csv(photos.results / f"tables/{name}.csv") for name in ("deployment", "costs")
    )
    assert set(deployment.objective) == {"cost"}
    best = (
        costs[(costs.role == "best member") & (costs.images == "corrupted")]
        .set_index("members")
        .cost
    )
    of_table = deployment.set_index("members").cost
    assert of_table[best.index].to_dict() == pytest.approx(best.to_dict(), abs=1e-6)
    assert best.index[0] == best_member(deployment).members
    with replaced(photos.directory / "costs.csv", b"7", b"8"):
        planned = photos.planned(*MADE)
    assert {"choose_ensembles", "assess_ensembles"} <= set(planned)
    assert "score_ensembles" not in planned


def test_one_core_gives_the_bytes_that_two_gave(photos, tmp_path):
    """The training and the predictions of one member; on two cores, a process of its own decoded
    the pictures."""
    again = photos.copied(tmp_path / "again")
    files = [f"members/small-s{seed}/weights.safetensors" for seed in (0, 1)] + [
        "predictions/small-s1/clean.npy"
    ]
    for file in files:
        (again.results / file).unlink()
    rules = "--allowed-rules", "train", "predict"
    again.finish("--cores", "1", *(f"results/photos/{file}" for file in files), *rules)
    for file in files:
        assert (again.results / file).read_bytes() == (photos.results / file).read_bytes(), file


def test_corrupted_pictures_lie_as_in_imagenet_c(photos, monkeypatch):
    monkeypatch.chdir(photos.directory)
    clean = read_images("results/photos/data/test/images.json")
    listed = read_images("results/photos/corrupted/contrast.json")
    items = read_items("results/photos/data/test/items.csv")
    places = [f"{name_of_class}/{name}" for name_of_class, name in zip(*items, strict=True)]
    assert listed.files == [
        f"results/photos/corrupted/contrast/{s}/{place}.JPEG" for s in (1, 4) for place in places
    ]
    expected = corrupt(clean[:], "contrast", 4, table="imagenet-c", seed=0).astype(int)
    assert np.abs(listed[20:].astype(int) - expected).mean() < 2
    with Image.open(listed.files[0]) as picture:
        assert picture.format == "JPEG"
        assert picture.quantization[0][0] == 5  # the luminance table of quality 85


def test_a_source_image_that_changed_makes_the_data_set_stale(photos):
    assert photos.planned(*MADE) == {}
    path = photos.directory / "photos/val/birds/4.png"
    before, status = path.read_bytes(), path.stat()
    shutil.copy(photos.directory / "photos/val/birds/1.png", path)
    assert {"dataset", "corrupt", "train", "predict", "report"} <= set(photos.planned())
    path.write_bytes(before)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def test_a_published_set_of_the_same_pictures_gives_the_same_predictions(photos, workflow_in):
    settings = STUDY["corruptions"] | {
        "source": "precomputed",
        "folder": "results/photos/corrupted",
    }
    study = workflow_in(photos.directory, STUDY | {"study": "published", "corruptions": settings})
    study.finish("--cores", "2", "results/published/predictions/small-s1/clean.npy")
    one, other = (
        results / "predictions/small-s1/clean.npy" for results in (photos.results, study.results)
    )
    assert one.read_bytes() == other.read_bytes()
    target = "results/published/data/gallery.parquet"
    study.finish("--cores", "2", target)
    picture = next((photos.results / "corrupted/contrast/4").rglob("*.JPEG"))
    end = picture.read_bytes()[-20:]
    with replaced(picture, end, end[::-1]):
        assert study.planned(target)["corrupt"] == 1
    assert study.planned(target) == {}
