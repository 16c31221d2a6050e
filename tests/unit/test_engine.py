"""The corruption engine: its streams, its faults, and what the figures of CIFAR-10-C and of
ImageNet-C do to pixels."""

import cv2
import numpy as np
import pytest
import skimage.filters
from drawn_pictures import NAMES, pictures
from PIL import Image
from scipy.stats import norm, poisson
from shared import EXPERIMENTS

from resiliency.base.streams import stream
from resiliency.corruptions import blur, digital, engine, filters, noise, weather
from resiliency.corruptions.engine import CORRUPTIONS, corrupt
from resiliency.corruptions.registry import TABLES


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("corruption", NAMES)
def test_batch_shard_order_and_strides_change_nothing(corruption, table, monkeypatch):
    images = pictures(5, 64, 80)[:, ::2, ::-2]
    before = images.copy()
    whole = corrupt(images, corruption, 4, table=table, seed=3)
    np.testing.assert_array_equal(corrupt(before, corruption, 4, table=table, seed=3), whole)
    order = [3, 0, 4, 2, 1]
    shuffled = corrupt(images[order], corruption, 4, table=table, seed=3, indices=order)
    np.testing.assert_array_equal(shuffled, whole[order])
    shard = corrupt(images[2:4], corruption, 4, table=table, seed=3, indices=np.arange(2, 4))
    np.testing.assert_array_equal(shard, whole[2:4])
    monkeypatch.setattr(engine, "_CHUNK", 2 * 32 * 40)
    np.testing.assert_array_equal(corrupt(images, corruption, 4, table=table, seed=3), whole)
    np.testing.assert_array_equal(images, before)
    assert (whole.shape, whole.dtype) == (images.shape, np.uint8)


@pytest.mark.parametrize("table", TABLES)
def test_extreme_images_survive(table):
    """Black, white and fully saturated images, under every corruption, without a warning."""
    images = np.zeros((3, 32, 33, 3), np.uint8)
    images[1], images[2, ..., 1] = 255, 255
    for corruption in NAMES:
        for severity in (1, 5):
            corrupt(images, corruption, severity, table=table, seed=0)


@pytest.mark.parametrize("shape", [(4, 5, 3), (32, 33, 3), (7,)])
def test_draws_are_those_of_the_generator(shape):
    """Steps, the middles of as many equal parts of -1 to 1, and the quantiles of a normal
    distribution there."""
    steps = np.array(
        [stream(0, "a", index).integers(0, filters.STEPS, shape, np.uint16) for index in range(3)]
    )
    expected = (
        steps,
        (2 * steps.astype(float) + 1) / filters.STEPS - 1,
        filters.normal_quantiles()[steps],
    )
    for draw, values in zip(
        (filters.random_steps, filters.uniforms, filters.normals), expected, strict=True
    ):
        drawn = draw(filters.Streams(0, ("a",), range(3)), shape)
        assert drawn.dtype == (np.uint16 if draw is filters.random_steps else np.float32)
        np.testing.assert_array_equal(drawn, values)


def test_quantiles_are_those_of_the_normal_distribution():
    quantiles = filters.normal_quantiles()
    steps = np.arange(filters.STEPS)
    below = norm.cdf(quantiles.astype(float))
    assert (steps / filters.STEPS < below).all()
    assert (below < (steps + 1) / filters.STEPS).all()
    np.testing.assert_array_equal(quantiles, -quantiles[::-1])
    assert quantiles.astype(float).std() == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize("photons", [3, 60, 500])
def test_levels_of_shot_noise_are_quantiles_of_poisson(photons):
    starts, levels = noise._shot_quantiles(photons)
    steps = np.arange(filters.STEPS)
    for grey in (0, 1, 100, 255):
        drawn = levels[starts[grey * 256 + (steps >> 8)] + (steps & 255)]
        counts = np.clip(
            poisson.ppf((steps + 0.5) / filters.STEPS, grey / 255 * photons), 0, photons
        )
        np.testing.assert_array_equal(drawn, (counts * 255 // photons).astype(np.uint8))
    assert len(levels) < filters.STEPS * 256 / 4


def test_figures_of_cifar_are_those_that_were_compared_with_their_publisher():
    page = (EXPERIMENTS / "parity.md").read_text(encoding="utf-8")
    for name, corruption in CORRUPTIONS.items():
        figures = corruption.figures["cifar-10-c"]
        cells = [", ".join(f"{value:g}" for value in np.atleast_1d(figure)) for figure in figures]
        assert f"| {name} | {' | '.join(cells)} |" in page


@pytest.mark.parametrize(("shift", "size"), [(1, (32, 32)), (2, (35, 40)), (4, (40, 33))])
def test_rounds_of_copies_are_made_one_after_the_other(shift, size):
    images, (height, width) = pictures(3, *size), size
    streams, expected = filters.Streams(0, (), range(3)), images.copy()
    for _ in range(2):
        steps = filters.random_steps(streams, (height - 2 * shift, width - 2 * shift)).astype(int)
        down, right = np.divmod(steps * (2 * shift) ** 2 // filters.STEPS, 2 * shift) - np.int64(
            shift
        )
        for y in range(height - shift, shift, -1):
            for x in range(width - shift, shift, -1):
                for image, by, to in zip(expected, down, right, strict=True):
                    place = y - shift - 1, x - shift - 1
                    image[y, x] = image[y + by[place], x + to[place]]
    np.testing.assert_array_equal(
        blur.scattered(images, filters.Streams(0, (), range(3)), shift, 2), expected
    )


@pytest.mark.parametrize("sigma", CORRUPTIONS["gaussian_blur"].figures["cifar-10-c"])
def test_gaussian_blur_equals_scikit_image_at_the_figures_of_cifar(sigma):
    image = pictures(1, 32, 48)[0]
    ours = blur.gaussian_blur(image[None], [], sigma)[0].astype(int)
    theirs = skimage.filters.gaussian(image / 255, sigma, channel_axis=-1) * 255
    assert np.abs(ours - theirs).max() <= 1.01


@pytest.mark.parametrize(("table", "method"), [("imagenet-c", "NEAREST"), ("cifar-10-c", "BOX")])
@pytest.mark.parametrize(("height", "width"), [(32, 32), (33, 41), (45, 97), (224, 224)])
def test_pixelate_resizes_as_pillow_does(table, method, height, width):
    """Also where the middle of a pixel lies between two cells, as of 41 pixels in 20, and of 45 in
    18."""
    image = pictures(1, height, width)[0]
    for severity, scale in enumerate(CORRUPTIONS["pixelate"].figures[table], 1):
        small = Image.fromarray(image).resize(
            (int(width * scale), int(height * scale)), Image.Resampling.BOX
        )
        ours = corrupt(image[None], "pixelate", severity, table=table, seed=0)[0]
        np.testing.assert_array_equal(ours, small.resize((width, height), Image.Resampling[method]))


def zoom_line(side: int, factor: float, centred: bool) -> np.ndarray:
    before, weights = filters.zoom_line(side, factor, centred)
    return before.astype(np.float32) + weights


@pytest.mark.parametrize("table", TABLES)
def test_zooms_are_added_up_as_opencv_makes_them(table):
    images, further = pictures(2, 48, 61), CORRUPTIONS["zoom_blur"].further[table]
    for stop, step in CORRUPTIONS["zoom_blur"].figures[table]:
        factors, expected = np.arange(1, stop, step), []
        for image in images.astype(np.float32):
            maps = [
                np.meshgrid(*(zoom_line(side, factor, **further) for side in (61, 48)))
                for factor in factors[1:]
            ]
            zooms = [
                cv2.remap(image, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
                for x, y in maps
            ]
            expected.append(
                filters.grey_levels(sum(zooms, 2 * image) / np.float32(len(factors) + 1))
            )
        np.testing.assert_array_equal(blur.zoom_blur(images, [], stop, step, **further), expected)


@pytest.mark.parametrize("severity", [3, 4, 5])
@pytest.mark.parametrize("darkest", [0, 250])
def test_large_disks_are_summed_as_opencv_filters(severity, darkest):
    images = np.random.default_rng(severity).integers(darkest, 256, (3, 40, 800, 3), np.uint8)
    kernel = blur._disk(*CORRUPTIONS["defocus_blur"].figures["imagenet-c"][severity - 1])
    filtered = np.stack([cv2.filter2D(image.astype(np.float32), -1, kernel) for image in images])
    blurry = corrupt(images, "defocus_blur", severity, table="imagenet-c", seed=0)
    np.testing.assert_array_equal(blurry, filters.grey_levels(filtered))


def test_pixels_are_moved_as_opencv_does_and_mirrored_again_where_an_image_is_narrow():
    rng = np.random.default_rng(0)
    images, moves = (
        rng.integers(0, 256, (2, 33, 40, 3), np.uint8),
        rng.uniform(-33, 33, (2, 2, 33, 40)),
    )
    moved, moves = np.empty((2, 33, 40), np.int32), moves.astype(np.float32)
    digital._move(filters.packed(images), np.pad(moves, ((0, 0), (0, 0), (1, 1), (0, 0))), 1, moved)
    y, x = np.indices((33, 40), dtype=np.float32)
    for image, (down, across), got in zip(
        images.astype(np.float32), moves, filters.unpacked(moved), strict=True
    ):
        expected = cv2.remap(
            image, x + across, y + down, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT
        )
        np.testing.assert_array_equal(got, filters.grey_levels(expected))
    assert (
        corrupt(
            np.full((1, 300, 32, 3), 7, np.uint8),
            "elastic_transform",
            5,
            table="imagenet-c",
            seed=0,
        ).max()
        == 7
    )


def test_flakes_are_enlarged_and_pictures_whitened_as_opencv_does():
    noise, images = (
        np.random.default_rng(0).normal(0.5, 0.5, (40, 48)).astype(np.float32),
        pictures(1, 40, 48),
    )
    lines, flakes = (
        [filters.zoom_line(side, 1.1, True) for side in (40, 48)],
        np.empty((1, 40, 48), np.float32),
    )
    weather._enlarge(
        np.pad(noise, (0, 1), "edge")[None], *lines[0], *lines[1], np.float32(0.6), flakes
    )
    x, y = np.meshgrid(zoom_line(48, 1.1, True), zoom_line(40, 1.1, True))
    enlarged = cv2.remap(noise, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    np.testing.assert_array_equal(flakes[0], np.minimum(enlarged * (enlarged >= 0.6), 1))
    weight, values, pixels = np.float32(0.75), images.astype(np.float32), filters.packed(images)
    weather._whiten(pixels, flakes, weight, 1 - weight, np.float32(filters.ROUNDING_MARGIN))
    bright = cv2.cvtColor(values[0], cv2.COLOR_RGB2GRAY)[..., None] * np.float32(1.5) + np.float32(
        127.5
    )
    snow = np.rint(flakes * 255)[..., None]
    expected = (
        weight * values + (1 - weight) * np.maximum(values, bright) + (snow + snow[:, ::-1, ::-1])
    )
    np.testing.assert_array_equal(filters.unpacked(pixels), filters.grey_levels(expected))


def test_defocus_of_cifar_below_one_pixel_is_its_antialiasing_alone():
    image = pictures(1, 32, 32)
    kernel = cv2.getGaussianKernel(3, 0.4, cv2.CV_32F)
    expected = cv2.sepFilter2D(image[0].astype(np.float32), -1, kernel, kernel)
    ours = corrupt(image, "defocus_blur", 1, table="cifar-10-c", seed=0)[0]
    assert np.abs(ours - expected).max() <= 1


def test_zooms_of_cifar_are_cut_in_their_middle():
    """From the ninth on, 15 pixels become 34, of which the first and the last are left out."""
    np.testing.assert_allclose(
        zoom_line(32, 2.25, centred=True), np.linspace(8, 22, 34)[1:-1], rtol=1e-6
    )


def test_elastic_of_cifar_starts_as_an_affine_map():
    y, x = np.mgrid[:32, :32]
    ramp = np.repeat((x * 4 + y * 3)[..., None], 3, axis=-1).astype(np.uint8)
    middle = corrupt(ramp[None], "elastic_transform", 1, table="cifar-10-c", seed=0)[
        0, 12:20, 12:20, 0
    ].astype(float)
    points = np.column_stack([np.ones(64), y[:8, :8].ravel(), x[:8, :8].ravel()])
    residual = middle.ravel() - points @ np.linalg.lstsq(points, middle.ravel(), rcond=None)[0]
    assert np.abs(residual).max() < 1
    assert np.abs(middle - ramp[12:20, 12:20, 0]).max() > 1


def test_frost_is_added_in_float32():
    (image, part), weights = pictures(2, 32, 33).reshape(2, -1), (np.float32(0.8), np.float32(0.6))
    frosty = np.empty_like(image)
    weather._freeze(image, part, *weights, np.float32(filters.ROUNDING_MARGIN), frosty)
    np.testing.assert_array_equal(
        frosty, filters.grey_levels(image * weights[0] + part * weights[1])
    )


def test_frost_of_cifar_is_finer():
    """Its pictures are a fifth of their size, or as large as they must be."""
    further = CORRUPTIONS["frost"].further
    for number in range(6):
        large, small = (weather._picture(number, 32, 32, **further[table]) for table in TABLES)
        assert small.shape[0] == pytest.approx(large.shape[0] * 0.2 / 1.1, abs=1)
        assert min(weather._picture(number, 300, 200, **further["cifar-10-c"]).shape[:2]) >= 200


def test_all_six_pictures_of_frost_appear(monkeypatch):
    real = [weather._picture(number, 32, 32, scale=1.1, smooth=True) for number in range(6)]
    assert len({picture.tobytes() for picture in real}) == 5  # the package ships one picture twice
    monkeypatch.setattr(
        weather, "_picture", lambda number, *_: np.full((40, 40, 3), 100 + 20 * number, np.uint8)
    )
    frosted = corrupt(np.zeros((200, 32, 32, 3), np.uint8), "frost", 1, table="cifar-10-c", seed=0)
    values, counts = np.unique(frosted[:, 0, 0, 0], return_counts=True)
    assert values.tolist() == [20, 24, 28, 32, 36, 40]
    assert counts.min() > 15


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("severity", [1, 5])
def test_motion_blur_is_a_weighted_sum_along_a_line(table, severity):
    """Its steps out of the image are dropped, which darkens it."""
    radius, sigma = CORRUPTIONS["motion_blur"].figures[table][severity - 1]
    images, angles = pictures(2, 32, 36), (-10.0, -120.0)
    weights = np.exp(-0.5 * (np.arange(2 * radius + 1) / sigma) ** 2)
    y, x = np.indices((32, 36))
    expected = np.zeros(images.shape)
    for image, angle, total in zip(images, angles, expected, strict=True):
        for step, weight in enumerate(weights / weights.sum()):
            top, left = (
                np.ceil(step * f(np.radians(angle)) - 0.5).astype(int) for f in (np.sin, np.cos)
            )
            if abs(top) < 32 and abs(left) < 36:
                total += weight * image[np.clip(y + top, 0, 31), np.clip(x + left, 0, 35)]
    np.testing.assert_allclose(
        filters.motion_blurred(images, radius, sigma, angles), expected, atol=1e-3
    )
    grey = filters.motion_blurred(images[..., 1].astype(np.float32), radius, sigma, angles)
    np.testing.assert_allclose(grey, expected[..., 1], atol=1e-3)


def test_grey_levels_are_truncated_but_for_rounding():
    values = np.float32([[-3, -0.5, 0, 0.998], [0.9995, 254.998, 255.9, 1e6]])
    assert filters.grey_levels(values).tolist() == [[0, 0, 0, 0], [1, 254, 255, 255]]
