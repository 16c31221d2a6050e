"""Pictures and maps in galleries are those of the tables, drawn large enough."""

import base64
from io import BytesIO

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from resiliency.analysis.pictures import distance_table, gallery_table, map_of, map_url
from resiliency.report.charts.galleries import map_picture


def decoded(url: str) -> Image.Image:
    return Image.open(BytesIO(base64.b64decode(url.partition(",")[2])))


def test_small_pictures_of_the_gallery_lose_nothing_and_large_ones_shrink():
    noise = np.random.default_rng(0).integers(0, 256, (2, 32, 40, 3), np.uint8)
    table = gallery_table(noise[0], [("fog", 2, noise[1])], 7, "a", "cifar-10-c")
    assert list(table[["corruption", "severity"]].itertuples(index=False, name=None)) == [("clean", 0), ("fog", 2)]
    for image, url in zip(noise, table["picture"], strict=True):
        np.testing.assert_array_equal(np.asarray(decoded(url)), image)
    image = np.repeat(np.arange(0, 240, dtype=np.uint8), 3).reshape(1, 240, 3).repeat(120, axis=0)
    thumbnail = decoded(gallery_table(image, [], 7, "a", "imagenet-c")["picture"][0])
    assert (thumbnail.format, thumbnail.size) == ("JPEG", (96, 48))
    assert abs(np.asarray(thumbnail)[:, 48].astype(int) - 121).max() < 5


def test_maps_are_drawn_in_two_colours_around_white():
    drawn = map_picture(np.array([[0, 1], [-1, 0.5]], np.float16))
    assert drawn[0].tolist() == [[255, 255, 255], [0xA6, 0x3D, 0x00]]
    assert drawn[1].tolist() == [[0x0B, 0x5F, 0xA5], [210, 158, 128]]  # half of the way to orange


def test_maps_survive_the_table_of_pictures():
    """To within a step of grey; 0, which is drawn white, and both ends exactly."""
    values = np.random.default_rng(0).uniform(-1, 1, (7, 5))
    values[0, :3] = -1, 0, 1
    restored = map_of(map_url(values.astype(np.float16)))
    np.testing.assert_allclose(restored, values, atol=1 / 254 + 1e-3)
    assert restored[0, :3].tolist() == [-1, 0, 1]


def test_distances_of_maps_by_hand():
    """Of two images: the maps are equal and orthogonal on clean images, opposite and equal on corrupted ones."""
    one = np.array([[[1.0, 0.0]], [[0.0, 1.0]]])
    maps = {"clean": np.stack([one, one[[0, 0]]]), "corrupted": np.stack([one, one * [[[-1]], [[1]]]])}
    table = distance_table(maps, ["a", "b"])
    assert table["distance"].tolist() == pytest.approx([0.5, 1.0])
    skipped = {name: np.concatenate([of_name, of_name[:1] * np.nan]) for name, of_name in maps.items()}
    pd.testing.assert_frame_equal(distance_table(skipped, ["a", "b", "c"]), table)
