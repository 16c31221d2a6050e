"""Image files come out as a viewer shows them, and are indexed as arrays are; broken ones are named
in one line.

Loaded members see images as their weights were trained to: as `timm.data` shows them to the same
network.
"""

import io
import os
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import timm
import torch
from fault_messages import fault_of
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from safetensors.torch import save_file

from resiliency.base.faults import Fault
from resiliency.data import pictures
from resiliency.data.loading import several_batches
from resiliency.data.pictures import (
    FileImages,
    View,
    decode,
    fitted,
    header_fault,
    images_in_views,
    read_images,
    write_list,
)
from resiliency.designs.settings import Design
from resiliency.designs.weights import load_member
from resiliency.prediction.attributions import attribution_maps
from resiliency.prediction.writing import features, logits, predict_parts, stage_grams, write_logits

NOISE = np.random.default_rng(7).integers(0, 256, (48, 64, 3), dtype=np.uint8)


def pixels(path) -> np.ndarray:
    image = decode(path)
    assert image.mode == "RGB"
    return np.asarray(image)


def saved(path, image: Image.Image, **options):
    image.save(path, **options)
    return path


def test_sixteen_bits_are_scaled(tmp_path):
    values = np.arange(64 * 48, dtype=np.uint16).reshape(48, 64) * 21
    values[0, :4] = 0, 255, 256, 65535
    path = saved(tmp_path / "deep.png", Image.fromarray(values))
    assert Image.open(path).mode.startswith("I")
    rgb = pixels(path)
    assert rgb[0, :4, 0].tolist() == [0, 0, 1, 255]
    np.testing.assert_array_equal(rgb, np.repeat((values // 256)[..., None], 3, axis=2))


@pytest.mark.parametrize("mode", ["P", "RGBA"])
def test_transparent_colours_show_white(tmp_path, mode):
    image = Image.new("P", (40, 40), 0)
    image.putpalette([10, 20, 30, 200, 100, 0, 90, 90, 90])
    image.paste(1, (0, 0, 40, 10))
    image.paste(2, (0, 10, 40, 20))
    image.info["transparency"] = bytes([255, 0, 128])
    rgb = pixels(saved(tmp_path / "transparent.png", image.convert(mode)))
    assert rgb[30, 0].tolist() == [10, 20, 30]
    assert rgb[5, 0].tolist() == [255, 255, 255]
    np.testing.assert_allclose(rgb[15, 0], 255 + (90 - 255) * 128 / 255, atol=1)


def test_cmyk(tmp_path):
    path = saved(tmp_path / "cmyk.jpg", Image.new("CMYK", (40, 36), (0, 255, 255, 0)), quality=100)
    assert Image.open(path).mode == "CMYK"
    np.testing.assert_allclose(pixels(path), np.broadcast_to([255, 0, 0], (36, 40, 3)), atol=3)


@pytest.mark.parametrize("suffix", ["png", "jpg", "webp"])
def test_images_are_turned_upright(tmp_path, suffix):
    exif = Image.Exif()
    exif[0x0112] = 6  # stored a quarter turn to the left
    plain = pixels(saved(tmp_path / f"plain.{suffix}", Image.fromarray(NOISE)))
    path = saved(tmp_path / f"turned.{suffix}", Image.fromarray(NOISE), exif=exif)
    np.testing.assert_array_equal(pixels(path), np.rot90(plain, -1))


def test_files_are_indexed_as_arrays_are(tmp_path):
    arrays = np.random.default_rng(7).integers(0, 256, (5, 40, 40, 3), dtype=np.uint8)
    files = [
        str(saved(tmp_path / f"{index}.png", Image.fromarray(array)))
        for index, array in enumerate(arrays)
    ]
    images = FileImages(files, size=40, margin=1)
    assert len(images) == 5
    for chosen in (slice(1, 4), slice(2, 2), slice(3, 99), np.array([4, 0, 0, 2])):
        np.testing.assert_array_equal(images[chosen], arrays[chosen], strict=True)
    smaller = FileImages(files, size=32, margin=0.9)
    np.testing.assert_array_equal(smaller[1:2][0], fitted(Image.fromarray(arrays[1]), 32, 0.9))


@pytest.mark.parametrize("in_files", [True, False])
def test_files_are_read_by_workers_and_arrays_here(in_files):
    images = FileImages(["a.png"], 32, 1) if in_files else np.zeros((1, 32, 32, 3), np.uint8)
    ((process,),) = several_batches(
        images, [[0]], torch.device("cpu"), 1, lambda _: [np.array(os.getpid())]
    )
    assert (process.item() != os.getpid()) == in_files


def encoded(suffix: str) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(NOISE).save(buffer, format={"jpg": "JPEG"}.get(suffix, suffix))
    return buffer.getvalue()


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("suffix", ["jpg", "png", "webp"])
@settings(deadline=None)
@given(
    changes=st.lists(st.tuples(st.integers(0, 599), st.integers(0, 255)), min_size=1, max_size=8)
)
def test_damaged_files_decode_or_are_named(tmp_path_factory, suffix, changes):
    content = bytearray(encoded(suffix))
    for position, value in changes:
        content[position] = value
    path = tmp_path_factory.getbasetemp() / f"damaged.{suffix}"
    path.write_bytes(content)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Image, "MAX_IMAGE_PIXELS", 10**6)
        try:
            outcome = decode(path).mode
        except Fault as fault:
            outcome = str(fault)
    assert re.fullmatch(rf"RGB|{re.escape(str(path))}: .*; replace or remove it", outcome)


@pytest.mark.parametrize(
    "content", [b"", b"not an image\n", b"GIF89a" + bytes(50), b"RIFF\0\0\0\0WEBP", encoded("bmp")]
)
def test_what_is_no_image_is_named(tmp_path, content):
    path = tmp_path / "text.jpg"
    path.write_bytes(content)
    assert fault_of(decode, path) == f"{path}: not a JPEG, PNG or WebP image; replace or remove it"
    assert header_fault(path) == f"{path}: not a JPEG, PNG or WebP image; replace or remove it"


CLASSES = ["ant", "bee", "cat"]
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
    """A network with random weights, loaded from a file, and what is known of it; the data set has
    224 px."""
    torch.manual_seed(0)
    architecture, arguments = settings["architecture"], settings.get("arguments", {})
    network = timm.create_model(architecture, num_classes=3, **arguments).train()
    for _ in range(20):  # statistics of batch norm, so that logits depend on the images
        network(torch.randn(4, 3, 96, 96))
    path = folder / f"{architecture}.safetensors"
    save_file({name: weights.contiguous() for name, weights in network.state_dict().items()}, path)
    design = Design(weights=str(path), **settings)
    return load_member("a", design.description(224, margin), CLASSES, 224, design.inputs(0))


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
    """They were cropped when they were made: a file of 224 px becomes one of 96 px, and nothing is
    cut off."""
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
    assert (
        np.abs(
            FileImages(side, 224, 0.875).in_views(slice(None), [view])[0].astype(int) - resized
        ).mean()
        > 1
    )


def test_members_of_several_views_are_predicted_in_one_pass(tmp_path, files, monkeypatch):
    """Each as alone, and each image decoded once."""
    networks = [member(tmp_path, **settings) for settings in (BILINEAR_224, BICUBIC_160)]
    networks += [(networks[0][0], replace(networks[0][1], view=None)), networks[1]]
    images, decode, decoded = FileImages(files, 224, 0.875), pictures.decode, []
    monkeypatch.setattr(pictures, "decode", lambda *file: (decoded.append(file), decode(*file))[1])
    paths = [str(tmp_path / f"{index}" / "clean.npy") for index in range(4)]
    keys = ["0" * 16] * 4
    predict_parts(paths, networks, [images], 0, keys)
    assert len(decoded) == len(files)
    for path, (network, card), key in zip(paths, networks, keys, strict=True):
        write_logits(path, (network, card), [images], 0, key)
        np.testing.assert_array_equal(np.load(path)[0], logits((network, card), images))


def test_attributions_and_activations_are_of_the_same_pixels(tmp_path, files):
    network, card = member(tmp_path, **BICUBIC_160)
    images = FileImages(files, 224, 0.875)[:]
    smaller = np.stack(
        [Image.fromarray(image).resize((160, 160), Image.Resampling.BICUBIC) for image in images]
    )
    fits = network, replace(card, view=None)
    job = np.zeros(4, np.int64), "label", 4
    maps = attribution_maps("saliency", network, card, images, *job)
    assert maps.shape == (4, 224, 224)
    own = torch.from_numpy(attribution_maps("saliency", *fits, smaller, *job).astype(np.float32))
    expected = torch.nn.functional.interpolate(
        own[:, None], (224, 224), mode="bilinear", antialias=True
    )[:, 0]
    expected /= expected.amax((1, 2), keepdim=True)
    np.testing.assert_allclose(maps, expected, atol=2e-3)
    np.testing.assert_array_equal(features((network, card), images), features(fits, smaller))
    np.testing.assert_array_equal(stage_grams((network, card), images), stage_grams(fits, smaller))
