"""Image files come out as a viewer shows them, and are indexed as arrays are."""

import os

import numpy as np
import pytest
import torch
from picture_files import NOISE, pixels, saved
from PIL import Image

from resiliency.data.loading import several_batches
from resiliency.data.pictures import FileImages, fitted

RANDOM = np.random.default_rng(7)


def test_sixteen_bits_are_scaled(tmp_path):
    values = np.arange(64 * 48, dtype=np.uint16).reshape(48, 64) * 21
    values[0, :4] = 0, 255, 256, 65535
    path = saved(tmp_path / "deep.png", Image.fromarray(values))
    assert Image.open(path).mode.startswith("I")
    rgb = pixels(path)
    assert rgb[0, :4, 0].tolist() == [0, 0, 1, 255]
    np.testing.assert_array_equal(rgb, np.repeat((values // 256)[..., None], 3, axis=2))


def test_transparent_colours_of_a_palette_show_white(tmp_path):
    image = Image.new("P", (40, 40), 0)
    image.putpalette([10, 20, 30, 200, 100, 0, 90, 90, 90])
    image.paste(1, (0, 0, 40, 10))
    image.paste(2, (0, 10, 40, 20))
    path = saved(tmp_path / "palette.png", image, transparency=bytes([255, 0, 128]))
    rgb = pixels(path)
    assert rgb[30, 0].tolist() == [10, 20, 30]
    assert rgb[5, 0].tolist() == [255, 255, 255]
    np.testing.assert_allclose(rgb[15, 0], 255 + (90 - 255) * 128 / 255, atol=1)


def test_alpha_is_shown_on_white(tmp_path):
    alpha = np.tile(np.arange(0, 256, 4, dtype=np.uint8), (48, 1))
    image = np.dstack([np.full((48, 64, 3), (200, 30, 90), np.uint8), alpha])
    rgb = pixels(saved(tmp_path / "a.png", Image.fromarray(image)))
    np.testing.assert_allclose(rgb, 255 + (image[..., :3] - 255.0) * alpha[..., None] / 255, atol=1)


def test_cmyk(tmp_path):
    path = saved(tmp_path / "cmyk.jpg", Image.new("CMYK", (40, 36), (0, 255, 255, 0)), quality=100)
    assert Image.open(path).mode == "CMYK"
    np.testing.assert_allclose(pixels(path), np.broadcast_to([255, 0, 0], (36, 40, 3)), atol=3)


UPRIGHT = {
    1: lambda stored: stored,
    2: lambda stored: stored[:, ::-1],
    3: lambda stored: stored[::-1, ::-1],
    4: lambda stored: stored[::-1],
    5: lambda stored: stored.transpose(1, 0, 2),
    6: lambda stored: np.rot90(stored, -1),
    7: lambda stored: stored[::-1, ::-1].transpose(1, 0, 2),
    8: lambda stored: np.rot90(stored, 1),
}


@pytest.mark.parametrize("orientation", UPRIGHT)
@pytest.mark.parametrize("suffix", ["png", "jpg", "webp"])
def test_images_are_turned_upright(tmp_path, orientation, suffix):
    exif = Image.Exif()
    exif[0x0112] = orientation
    plain = pixels(saved(tmp_path / f"plain.{suffix}", Image.fromarray(NOISE)))
    path = saved(tmp_path / f"turned.{suffix}", Image.fromarray(NOISE), exif=exif)
    np.testing.assert_array_equal(pixels(path), UPRIGHT[orientation](plain))


def test_files_are_indexed_as_arrays_are(tmp_path):
    arrays = RANDOM.integers(0, 256, (5, 40, 40, 3), dtype=np.uint8)
    files = [str(saved(tmp_path / f"{index}.png", Image.fromarray(array))) for index, array in enumerate(arrays)]
    images = FileImages(files, size=40, margin=1)
    assert len(images) == 5
    for chosen in (slice(1, 4), slice(2, 2), slice(3, 99), np.array([4, 0, 0, 2])):
        np.testing.assert_array_equal(images[chosen], arrays[chosen], strict=True)
    smaller = FileImages(files, size=32, margin=0.9)
    np.testing.assert_array_equal(smaller[1:2][0], fitted(Image.fromarray(arrays[1]), 32, 0.9))


@pytest.mark.parametrize("in_files", [True, False])
def test_files_are_read_by_workers_and_arrays_here(in_files):
    images = FileImages(["a.png"], 32, 1) if in_files else np.zeros((1, 32, 32, 3), np.uint8)
    ((process,),) = several_batches(images, [[0]], torch.device("cpu"), 1, lambda _: [np.array(os.getpid())])
    assert (process.item() != os.getpid()) == in_files
