"""Pictures and maps in galleries are those of the tables, drawn large enough."""

import base64
from io import BytesIO

import numpy as np
import pandas as pd
import pytest
import vl_convert
from drawn_charts import usual
from PIL import Image
from synthetic import picture, synthetic_tables

from resiliency.analysis.pictures import distance_table, gallery_table, map_of, map_url
from resiliency.report.charts.attribution_gallery import map_picture
from resiliency.report.drawing import VEGA_LITE, draw


def decoded(url: str) -> Image.Image:
    return Image.open(BytesIO(base64.b64decode(url.partition(",")[2])))


def test_small_pictures_of_the_gallery_lose_nothing():
    noise = np.random.default_rng(0).integers(0, 256, (2, 32, 40, 3), np.uint8)
    table = gallery_table(noise[0], [("fog", 2, noise[1])], 7, "a", "cifar-10-c")
    assert list(table[["corruption", "severity"]].itertuples(index=False, name=None)) == [("clean", 0), ("fog", 2)]
    for image, url in zip(noise, table["picture"], strict=True):
        np.testing.assert_array_equal(np.asarray(decoded(url)), image)


def test_large_pictures_of_the_gallery_shrink():
    image = np.repeat(np.arange(0, 240, dtype=np.uint8), 3).reshape(1, 240, 3).repeat(120, axis=0)
    thumbnail = decoded(gallery_table(image, [], 7, "a", "imagenet-c")["picture"][0])
    assert (thumbnail.format, thumbnail.size) == ("JPEG", (96, 48))
    assert abs(np.asarray(thumbnail)[:, 48].astype(int) - 121).max() < 5


def test_gallery_shows_every_picture_under_its_category():
    corruptions = ("spatter", "fog", "contrast", "gaussian_noise")
    cells = [(c, s, picture(10 * s)) for c in corruptions for s in (3, 1)]
    spec = draw("gallery", {"gallery": gallery_table(picture(0), cells, 1234, "bird", "cifar-10-c")}, [])
    panels = [panel for block in spec["hconcat"] for panel in block["vconcat"]]
    assert [panel["encoding"]["y"]["title"] for panel in panels] == [None, "noise", "weather", "digital", "held out"]
    assert [panel["encoding"]["x"]["scale"]["domain"] for panel in panels] == [[1, 3]] * 5
    assert not any(panel["mark"]["smooth"] for panel in panels)
    assert spec["title"]["subtitle"][0] == "Test image 1,234, of class bird"
    svg = vl_convert.vegalite_to_svg(spec, vl_version=VEGA_LITE)
    assert svg.count("<image") == svg.count("data:image/png") == 9
    assert 'aria-label="gaussian noise, severity 3"' in svg


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


def test_attribution_gallery_shows_each_map_of_each_image():
    tables, spec = synthetic_tables(), usual("attribution_gallery")
    cells = tables["attribution_gallery"]
    assert cells["what"].value_counts().to_dict() == {"image": 4, "resnet18-s0": 4, "resnet50-s0": 4}  # not of vit-s0
    assert spec["vconcat"][0]["encoding"]["y"]["scale"]["domain"][:2] == ["3 (a), clean", "3 (a), corrupted"]
    assert spec["title"]["subtitle"][1].endswith("under fog, severity 5")
