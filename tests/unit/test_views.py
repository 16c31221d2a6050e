"""Loaded members see images as their weights were trained to: as `timm.data` shows them to the same network."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import timm
import torch
from PIL import Image
from safetensors.torch import save_file

from resiliency.data import pictures
from resiliency.data.pictures import FileImages, View, fitted, images_in_views, read_images, write_list
from resiliency.designs.members import Member
from resiliency.designs.settings import Design
from resiliency.designs.weights import load_member
from resiliency.prediction.attributions import attribution_maps
from resiliency.prediction.writing import features, logits, stage_grams, write_logits

CLASSES = ["ant", "bee", "cat"]
CARD = {"image_shape": [224, 224, 3], "classes": CLASSES, "mean": [0.5] * 3, "std": [0.2] * 3}
SMALL = {"channels": [4, 4, 4, 8], "zero_init_last": False}
BILINEAR_224 = {"architecture": "resnet18.tv_in1k", "arguments": SMALL}
BICUBIC_160 = {"architecture": "test_efficientnet.r160_in1k"}


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Smooth photographs of several shapes."""
    folder, random = tmp_path_factory.mktemp("photos"), np.random.default_rng(0)
    for index, size in enumerate([(300, 200), (233, 311), (224, 224), (320, 480)]):
        coarse = Image.fromarray(random.integers(0, 256, (12, 12, 3), dtype=np.uint8))
        coarse.resize(size, Image.Resampling.BICUBIC).save(folder / f"{index}.png")
    return [str(path) for path in sorted(folder.iterdir())]


def member(folder: Path, margin: float | None = 0.875, **settings):
    """A network with random weights, loaded from a file, and what is known of it; the data set has 224 px."""
    torch.manual_seed(0)
    architecture, arguments = settings["architecture"], settings.get("arguments", {})
    network = timm.create_model(architecture, num_classes=3, **arguments).train()
    for _ in range(20):  # statistics of batch norm, so that logits depend on the images
        network(torch.randn(4, 3, 96, 96))
    path = folder / f"{architecture}.safetensors"
    save_file({name: weights.contiguous() for name, weights in network.state_dict().items()}, path)
    design = Design(weights=str(path), **settings)
    network, described = load_member(design.description(224, margin), CARD, design.inputs(0))
    return network, Member("a", **described)


@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic"])
@pytest.mark.parametrize("mode", ["center", "squash"])
@pytest.mark.parametrize(("size", "margin"), [(96, 0.875), (240, 0.95), (99, 0.7), (64, 1.0)])
def test_pixels_are_those_of_timms_transform(files, interpolation, mode, size, margin):
    options = {"interpolation": interpolation, "crop_pct": margin, "crop_mode": mode}
    transform = timm.data.create_transform((3, size, size), normalize=False, **options)
    for file in files:
        image = Image.open(file).convert("RGB")
        pixels = fitted(image, size, margin, interpolation, squash=mode == "squash")
        np.testing.assert_array_equal(pixels, transform(image).permute(1, 2, 0).numpy())


def test_corrupted_images_are_resized_whole(tmp_path, files):
    """They were cropped when they were made: a file of 224 px becomes one of 96 px, and nothing is cut off."""
    side = [files[2]]
    view = View(96, 0.875, "bicubic")
    write_list(tmp_path / "a.json", side, 224, 1, cropped=True)
    whole = np.asarray(Image.open(side[0]).resize((96, 96), Image.Resampling.BICUBIC))
    corrupted = read_images(tmp_path / "a.json")
    kept, resized = images_in_views(corrupted, slice(None), [None, view])
    np.testing.assert_array_equal(kept[0], np.asarray(Image.open(side[0])))
    np.testing.assert_array_equal(resized[0], whole)
    np.testing.assert_array_equal(corrupted.at([0]).in_views(slice(None), [view])[0], resized)
    np.testing.assert_array_equal(images_in_views(kept, slice(None), [view])[0], resized)
    assert np.abs(FileImages(side, 224, 0.875).in_views(slice(None), [view])[0].astype(int) - resized).mean() > 1


def test_members_of_several_views_are_predicted_in_one_pass(tmp_path, files, monkeypatch):
    """Each as alone, the first two as by timm's transform, and each image decoded once."""
    networks = [member(tmp_path, **settings) for settings in (BILINEAR_224, BICUBIC_160)]
    networks += [(networks[0][0], replace(networks[0][1], view=None)), networks[1]]
    images, decode, decoded = FileImages(files, 224, 0.875), pictures.decode, []
    monkeypatch.setattr(pictures, "decode", lambda *file: (decoded.append(file), decode(*file))[1])
    paths = [str(tmp_path / f"{index}" / "clean.npy") for index in range(4)]
    write_logits(paths, networks, [images], 0, ["0" * 16] * 4)
    assert len(decoded) == len(files)
    for path, (network, card) in zip(paths, networks, strict=True):
        ((alone,),) = logits([(network, card)], images)
        np.testing.assert_array_equal(np.load(path)[0], alone)
        if card.view:
            assert card.input_size == [card.view["size"], card.view["size"], 3]
            config = timm.data.resolve_data_config(pretrained_cfg=timm.get_pretrained_cfg(card.architecture).to_dict())
            transform = timm.data.create_transform(**config)
            with torch.inference_mode():
                expected = network(torch.stack([transform(Image.open(file).convert("RGB")) for file in files]))
            np.testing.assert_allclose(alone, expected, rtol=2e-3, atol=1e-3)


def test_attributions_and_activations_are_of_the_same_pixels(tmp_path, files):
    network, card = member(tmp_path, **BICUBIC_160)
    images = FileImages(files, 224, 0.875)[:]
    smaller = np.stack([Image.fromarray(image).resize((160, 160), Image.Resampling.BICUBIC) for image in images])
    fits = network, replace(card, view=None)
    job = np.zeros(4, np.int64), "label", 4
    maps = attribution_maps("saliency", network, card, images, *job)
    assert maps.shape == (4, 224, 224)
    own = torch.from_numpy(attribution_maps("saliency", *fits, smaller, *job).astype(np.float32))
    expected = torch.nn.functional.interpolate(own[:, None], (224, 224), mode="bilinear", antialias=True)[:, 0]
    expected /= expected.amax((1, 2), keepdim=True)
    np.testing.assert_allclose(maps, expected, atol=2e-3)
    np.testing.assert_array_equal(features((network, card), images), features(fits, smaller))
    np.testing.assert_array_equal(stage_grams((network, card), images), stage_grams(fits, smaller))
