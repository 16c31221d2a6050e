"""What charts say in numbers, and pictures in galleries; golden texts show the words."""

import base64
from io import BytesIO

import numpy as np
import pandas as pd
import pytest
from finding_cases import DOWN, OPEN, correlations, sizes
from PIL import Image
from synthetic import MAIN, synthetic_tables

from resiliency.analysis.pictures import distance_table, gallery_table, map_of, map_url
from resiliency.report.charts.ensembles import errors_of
from resiliency.report.charts.galleries import map_picture
from resiliency.report.drawing import draw, finding_of
from resiliency.report.words import label


def test_as_many_members_are_enough_as_after_which_no_step_is_significant():
    assert finding_of("ensemble_size", *sizes(DOWN, OPEN, DOWN)).startswith("At least 4; ")
    assert finding_of("ensemble_size", *sizes()) == ""


@pytest.mark.parametrize(
    ("images", "enough", "ends"),
    [("corrupted", "As few as 2", "[−3.0, 0.5]"), ("shifted", "At least 3", "[−3.0, −1.0]")],
)
def test_a_step_has_one_interval_on_the_page(images, enough, ends):
    """That of the exchange rate of a third member, on the same images."""
    rates = pd.DataFrame(
        {"exchange": ["third_member"], "points_low": [-0.5], "points_high": [3.0], "images": images}
    )
    said = finding_of("ensemble_size", *sizes(DOWN, DOWN)[:2], rates)
    assert said.startswith(enough)
    assert ends in said


def test_clean_accuracy_is_turned_into_an_error():
    accuracies = sizes((0.01, 0.09))[0].assign(measure="clean_accuracy", change=0.05)
    errors = errors_of(accuracies).iloc[1]
    assert errors[["error", "low", "high"]].tolist() == pytest.approx([0.74, 0.7, 0.9])
    assert errors[["change", "change_low", "change_high"]].tolist() == pytest.approx(
        [-0.05, -0.09, -0.01]
    )


def test_designs_and_settings_that_gain_at_the_end_are_counted():
    curves = {"vit": [0.5, 0.8, 0.8, 0.8, 0.85], "resnet": [0.5, 0.505], "short": [0.4]}
    rows = [
        (design, i + 1, accuracy)
        for design, curve in curves.items()
        for i, accuracy in enumerate(curve)
    ]
    histories = pd.DataFrame(rows, columns=["design", "epoch", "validation_accuracy"])
    histories = histories.assign(origin="independent", objective=np.nan, loss_weight=np.nan)
    said = finding_of("learning_curves", histories)
    assert said.startswith("Not entirely: 1 of 2 designs gained a percentage point")
    assert said.endswith("With fewer than five epochs, the last one counts.")
    assert finding_of("learning_curves", histories[histories["design"] == "short"]) == ""
    joint = histories[histories["design"] == "vit"].assign(origin="joint", objective="balanced")
    both = pd.concat(
        [joint.assign(loss_weight=1.0), joint.assign(loss_weight=0.5, validation_accuracy=0.3)]
    )
    assert "1 of 2 designs and settings of joint training" in finding_of("learning_curves", both)


def shifted(residuals: list[float], r_squared: float, references: list[bool]) -> pd.DataFrame:
    rows = pd.DataFrame(
        {"member": list("abc"), "effective_robustness": residuals, "is_reference": references}
    )
    return rows.assign(
        images="corrupted", accuracy=0.5, low=np.nan, high=np.nan, r_squared=r_squared
    )


def test_robustness_is_effective_only_against_reference_members():
    furthest = "Furthest above the line, in percentage points of accuracy: "
    for r_squared, references, start in (
        (0.8, [True, False, False], f"{furthest}c on corrupted images ("),
        (0.8, [True] * 3, f"{furthest}a on corrupted images ("),
        (0.49, [True] * 3, "No member can be named on corrupted images"),
    ):
        assert finding_of(
            "effective_robustness", shifted([0.3, 0.1, 0.2], r_squared, references)
        ).startswith(start)


FALLS = [(-0.9, -0.1), (-0.5, -0.3)]  # intervals at two sizes


def test_only_what_is_significant_at_every_size_and_without_labels_is_said():
    metrics = {
        "saliency_cosine": [(0.1, 0.5), (-0.1, 0.5)],
        "double_fault": [(0.5, 0.9), (0.6, 1.0)],
    }
    (table,) = correlations(corrupted=metrics | {"jensen_shannon": FALLS})
    said = finding_of("correlations", table)
    assert said.endswith("the less accurate ones by Jensen–Shannon divergence (mean r −0.45).")
    uncorrected = finding_of("correlations", table.assign(p_holm=0.06))
    assert uncorrected.startswith(
        "Not significantly on corrupted images: none of the 2 label-free metrics"
    )


def test_failing_images_stand_once_by_their_most_confident_failure():
    failures = synthetic_tables()["failure_pictures"]
    twice = pd.concat([failures, failures.assign(corruption="fog", severity=5, confidence=0.1)])
    (cells,) = draw("failure_gallery", {"failure_pictures": twice}, [])["datasets"].values()
    rows = pd.DataFrame(cells)
    assert sorted(rows.groupby("words").image.first()) == sorted(set(failures.image))
    assert not rows.words.str.contains("fog").any()
    # Of which only the first is wrong as it is.
    assert rows.groupby("image").place.count()[[0, 1]].tolist() == [1, 2]
    assert rows.words.iloc[0] == "class 0 → class 3, 90%|image 0, clean|1 of 2 members wrong"


def test_errors_of_the_first_role_are_said_also_under_extra_corruptions():
    corruptions = [*MAIN[:3], "corrupted", "held_out"]
    first = pd.DataFrame(
        {"role": "best ensemble", "corruption": corruptions, "error": [0.1, 0.2, 0.1, 0.15, 0.3]}
    )
    rows = pd.concat([first, first.assign(role="baseline", error=0.9)]).assign(low=0.1, high=0.4)
    said = finding_of("under_corruptions", rows)
    assert said.startswith(f"Most under {label(MAIN[1])}: the best ensemble has an error of 20.0%")
    assert "and of 15.0% [10.0, 40.0] on average" in said
    assert said.endswith("took no part in the selection, its error is 30.0% [10.0, 40.0].")


def decoded(url: str) -> Image.Image:
    return Image.open(BytesIO(base64.b64decode(url.partition(",")[2])))


def test_small_pictures_of_the_gallery_lose_nothing_and_large_ones_shrink():
    noise = np.random.default_rng(0).integers(0, 256, (2, 32, 40, 3), np.uint8)
    table = gallery_table(noise[0], [("fog", 2, noise[1])], 7, "a", "cifar-10-c")
    assert list(table[["corruption", "severity"]].itertuples(index=False, name=None)) == [
        ("clean", 0),
        ("fog", 2),
    ]
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
    """Of two images: the maps are equal and orthogonal on clean images, opposite and equal on
    corrupted ones."""
    one = np.array([[[1.0, 0.0]], [[0.0, 1.0]]])
    maps = {
        "clean": np.stack([one, one[[0, 0]]]),
        "corrupted": np.stack([one, one * [[[-1]], [[1]]]]),
    }
    table = distance_table(maps, ["a", "b"])
    assert table["distance"].tolist() == pytest.approx([0.5, 1.0])
    skipped = {
        name: np.concatenate([of_name, of_name[:1] * np.nan]) for name, of_name in maps.items()
    }
    pd.testing.assert_frame_equal(distance_table(skipped, ["a", "b", "c"]), table)
