"""The corruption engine against the package imagecorruptions, its streams, its tables and its faults."""

import subprocess
import sys
from functools import cache

import cv2
import numpy as np
import pytest
import scipy.ndimage
import skimage.filters
from PIL import Image

from resiliency.corruptions import blur, engine, reference, weather
from resiliency.corruptions.engine import corrupt
from resiliency.corruptions.filters import gaussian_kernel
from resiliency.corruptions.settings import HELD_OUT, MAIN, SEVERITIES
from resiliency.corruptions.tables import TABLES, VARIANTS
from resiliency.faults import Fault

NAMES = MAIN + HELD_OUT
DETERMINISTIC = (
    "defocus_blur", "zoom_blur", "gaussian_blur", "brightness", "contrast", "pixelate", "jpeg_compression", "saturate"
)  # fmt: skip
RANDOM = tuple(name for name in NAMES if name not in DETERMINISTIC)

# Severities whose mean absolute change need not grow. glass_blur: fewer iterations follow a larger shift; frost: the
# image's weight falls; fog: the brightest value is scaled back; saturate: two severities pale and three deepen; snow:
# the two figures of severities 2 and 3 offset each other; motion_blur: radius grows where sigma stays; spatter: mud
# follows water; elastic_transform: the affine step shrinks.
NOT_MONOTONE = {
    "imagenet-c": {"glass_blur", "frost", "fog", "saturate", "snow", "spatter"},
    "cifar-10-c": {"glass_blur", "frost", "saturate", "motion_blur", "spatter", "elastic_transform"},
}


def pictures(count: int, height: int, width: int, seed: int = 0, patches: bool = True) -> np.ndarray:
    """uint8 NxHxWx3: smooth gradients of colour, waves of falling amplitude, grain, and three flat patches."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width][..., None] / np.float64([height, width]).reshape(2, 1, 1, 1)
    images = np.empty((count, height, width, 3), np.uint8)
    for image in images:
        values = random.uniform(70, 170, 3) + random.uniform(-50, 50, 3) * y + random.uniform(-50, 50, 3) * x
        for frequency in (3, 8, 20):
            direction = random.normal(size=2)
            phase = random.uniform(0, 6)
            values += (
                random.uniform(-60, 60, 3)
                / frequency**0.5
                * np.sin(frequency * (direction[0] * y + direction[1] * x) + phase)
            )
        image[...] = np.clip(values + random.normal(0, 4, (height, width, 1)), 0, 255)
        if patches:
            image[:6, :6], image[-5:, 8:16], image[8:12, -6:] = 0, 255, 90
    return images


# --- parity with the reference -----------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [(32, 32), (48, 64), (224, 224)])
@pytest.mark.parametrize("corruption", DETERMINISTIC)
def test_what_draws_nothing_equals_the_reference_within_a_grey_level(corruption, size):
    images = pictures(1 if size[0] > 64 else 4, *size)
    for severity in SEVERITIES:
        ours = corrupt(images, corruption, severity, table="imagenet-c", seed=0).astype(int)
        theirs = reference.corrupt(images, corruption, severity, seed=0)
        assert np.abs(ours - theirs).max() <= 1
        assert (ours != theirs).mean() < 0.25


def features(residuals: np.ndarray) -> np.ndarray:
    """NxF: mean, standard deviation and the logarithms of four bands of the radial spectrum of each residual."""
    height, width = residuals.shape[1:3]
    power = np.abs(np.fft.fft2(residuals.mean(axis=-1), axes=(1, 2))) ** 2 / (height * width)
    radius = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.fftfreq(width))
    bands = [(radius > low) & (radius <= high) for low, high in ((0, 0.1), (0.1, 0.2), (0.2, 0.35), (0.35, 0.5))]
    spectrum = np.stack([np.log(power[:, band].mean(axis=-1) + 1e-3) for band in bands], axis=1)
    return np.column_stack([residuals.mean(axis=(1, 2, 3)), residuals.std(axis=(1, 2, 3)), spectrum])


@cache
def reference_features(corruption: str, severity: int, size: tuple[int, int], count: int) -> np.ndarray:
    images = np.repeat(pictures(1, *size), count, axis=0)
    with np.errstate(invalid="ignore"):
        corrupted = reference.corrupt(images, corruption, severity, seed=1)
    corrupted = corrupted[corrupted.any(axis=(1, 2, 3))]  # without the black images of its spatter
    return features(corrupted.astype(float) - images[0])


def our_features(corruption: str, severity: int, size: tuple[int, int], count: int) -> np.ndarray:
    images = np.repeat(pictures(1, *size), count, axis=0)
    residuals = corrupt(images, corruption, severity, table="imagenet-c", seed=0).astype(float) - images
    return features(residuals[residuals.any(axis=(1, 2, 3))])


def distances(ours: np.ndarray, theirs: np.ndarray) -> np.ndarray:
    """F: differences of the features' means, beyond what rounding may cost, in standard errors.

    Rounding: 0.05 grey levels of the mean, 0.05 of the standard deviation, 2 % of a band's power.
    """
    error = np.sqrt(ours.var(axis=0, ddof=1) / len(ours) + theirs.var(axis=0, ddof=1) / len(theirs))
    slack = np.array([0.05, 0.05, 0.02, 0.02, 0.02, 0.02])
    return np.maximum(np.abs(ours.mean(axis=0) - theirs.mean(axis=0)) - slack, 0) / error


# Five standard errors: with about 400 comparisons, a difference by chance is expected in 2 of 10,000 choices of seeds.
LIMIT = 5


@pytest.fixture
def five_pictures(monkeypatch):
    """Frost from the five pictures that the reference picks from."""
    monkeypatch.setattr(weather, "PICTURES", weather.PICTURES[:5])


@pytest.mark.usefixtures("five_pictures")
@pytest.mark.parametrize("severity", SEVERITIES)
@pytest.mark.parametrize("corruption", RANDOM)
def test_what_draws_agrees_with_the_reference_in_distribution(corruption, severity):
    size = (32, 32)
    ours, theirs = our_features(corruption, severity, size, 300), reference_features(corruption, severity, size, 60)
    assert distances(ours, theirs).max() < LIMIT


@pytest.mark.usefixtures("five_pictures")
@pytest.mark.parametrize("corruption", RANDOM)
def test_the_distributions_agree_on_a_larger_oblong(corruption):
    size = (48, 80)
    ours, theirs = our_features(corruption, 4, size, 120), reference_features(corruption, 4, size, 30)
    assert distances(ours, theirs).max() < LIMIT


@pytest.mark.parametrize("corruption", RANDOM)
def test_the_comparison_of_distributions_tells_severities_apart(corruption):
    ours, theirs = our_features(corruption, 1, (32, 32), 300), reference_features(corruption, 2, (32, 32), 60)
    assert distances(ours, theirs).max() > LIMIT


# --- the parts that are solved differently from the reference ----------------------------------------------------


@pytest.mark.parametrize(("shift", "size"), [(1, (32, 32)), (2, (35, 40)), (4, (40, 33))])
def test_waves_of_copies_equal_copies_made_one_after_the_other(shift, size):
    images = pictures(3, *size)
    order, ends = blur._waves(*size, shift)
    streams = [np.random.default_rng(index) for index in range(3)]
    offsets = blur._offsets(streams, size[1], shift, len(order))
    expected = images.reshape(3, -1, 3).copy()
    for k in np.argsort(-order):  # from the bottom right to the top left
        for image, offset in zip(expected, offsets[k], strict=True):
            image[order[k]] = image[order[k] + offset]
    streams = [np.random.default_rng(index) for index in range(3)]
    np.testing.assert_array_equal(blur._scattered(images, streams, shift, 1), expected.reshape(images.shape))
    assert (ends[0], ends[-1]) == (0, len(order))
    assert sorted(order) == sorted(
        y * size[1] + x for y in range(shift + 1, size[0] - shift + 1) for x in range(shift + 1, size[1] - shift + 1)
    )


@pytest.mark.parametrize("sigma", TABLES["cifar-10-c"]["gaussian_blur"])
def test_gaussian_blur_equals_scikit_image_at_the_figures_of_cifar(sigma):
    image = pictures(1, 32, 48)[0]
    ours = blur.gaussian_blur(image[None], [], sigma)[0].astype(int)
    theirs = skimage.filters.gaussian(image / 255, sigma, channel_axis=-1) * 255
    assert np.abs(ours - theirs).max() <= 1.01


def test_shot_noise_is_poisson():
    grey = np.full((200, 32, 32, 3), 100, np.uint8)
    noisy = corrupt(grey, "shot_noise", 1, table="cifar-10-c", seed=0)
    photons = 500 * 100 / 255
    assert noisy.mean() == pytest.approx(100 - 0.5, abs=0.1)  # truncation costs half a level
    assert noisy.std() == pytest.approx(np.sqrt(photons) / 500 * 255, rel=0.01)
    dark = corrupt(np.zeros((1, 32, 32, 3), np.uint8), "shot_noise", 5, table="imagenet-c", seed=0)
    assert not dark.any()


def test_constant_images_keep_their_level_under_a_blur():
    grey = np.full((1, 40, 32, 3), 201, np.uint8)
    for table in TABLES:
        for corruption in ("gaussian_blur", "defocus_blur", "glass_blur", "zoom_blur", "elastic_transform", "contrast"):
            for severity in SEVERITIES:
                blurred = corrupt(grey, corruption, severity, table=table, seed=0)
                # The published disk of severities 4 and 5 sums to 1.01: its antialiasing mirrors it at its border.
                level = 203 if (table, corruption) == ("imagenet-c", "defocus_blur") and severity > 3 else 201
                assert (blurred == level).all(), (corruption, severity)


# --- what CIFAR-10-C does differently ----------------------------------------------------------------------------


def test_pixelate_of_cifar_enlarges_by_averaging():
    image = pictures(1, 32, 32)[0]
    small = Image.fromarray(image).resize((20, 20), Image.Resampling.BOX)
    expected = {
        "cifar-10-c": np.asarray(small.resize((32, 32), Image.Resampling.BOX)),
        "imagenet-c": np.asarray(Image.fromarray(image).resize((19, 19), 4).resize((32, 32), Image.Resampling.NEAREST)),
    }
    for table, severity in (("cifar-10-c", 5), ("imagenet-c", 1)):
        np.testing.assert_array_equal(
            corrupt(image[None], "pixelate", severity, table=table, seed=0)[0], expected[table]
        )


def test_defocus_of_cifar_below_one_pixel_is_its_antialiasing_alone():
    image = pictures(1, 32, 32)
    kernel = cv2.getGaussianKernel(3, 0.4, cv2.CV_32F)
    expected = cv2.sepFilter2D(image[0].astype(np.float32), -1, kernel, kernel)
    ours = corrupt(image, "defocus_blur", 1, table="cifar-10-c", seed=0)[0]
    assert np.abs(ours - expected).max() <= 1


def test_zooms_of_cifar_are_cut_in_their_middle():
    image = pictures(1, 32, 32)[0]
    factors = np.arange(1, 1.26, 0.01)
    total = image.astype(float)
    for factor in factors:
        part = int(np.ceil(32 / factor))
        top = (32 - part) // 2
        larger = scipy.ndimage.zoom(
            image[top : top + part, top : top + part].astype(float), (factor, factor, 1), order=1
        )
        trim = (len(larger) - 32) // 2
        total += larger[trim : trim + 32, trim : trim + 32]
    ours = corrupt(image[None], "zoom_blur", 5, table="cifar-10-c", seed=0)[0]
    assert np.abs(ours - total / (len(factors) + 1)).max() <= 1


def test_elastic_of_cifar_starts_as_an_affine_map():
    y, x = np.mgrid[:32, :32]
    ramp = np.repeat((x * 4 + y * 3)[..., None], 3, axis=-1).astype(np.uint8)
    middle = corrupt(ramp[None], "elastic_transform", 1, table="cifar-10-c", seed=0)[0, 12:20, 12:20, 0].astype(float)
    points = np.column_stack([np.ones(64), y[:8, :8].ravel(), x[:8, :8].ravel()])
    residual = middle.ravel() - points @ np.linalg.lstsq(points, middle.ravel(), rcond=None)[0]
    assert np.abs(residual).max() < 1
    assert np.abs(middle - ramp[12:20, 12:20, 0]).max() > 1


def test_frost_of_cifar_is_finer():
    """Its pictures are a fifth of their size, or as large as they must be."""
    for number in range(6):
        large, small = (weather._picture(number, 32, 32, **VARIANTS[table]["frost"]) for table in TABLES)
        assert small.shape[0] == pytest.approx(large.shape[0] * 0.2 / 1.1, abs=1)
        assert min(weather._picture(number, 300, 200, **VARIANTS["cifar-10-c"]["frost"]).shape[:2]) >= 200


# --- faults of the reference that are not here -------------------------------------------------------------------


def test_spatter_never_turns_an_image_black():
    image = np.full((1, 32, 32, 3), 120, np.uint8)
    images = np.broadcast_to(image, (4000, 32, 32, 3))
    spattered = corrupt(images, "spatter", 1, table="imagenet-c", seed=0)
    assert spattered.min() >= 120
    unchanged = (spattered == 120).all(axis=(1, 2, 3)).mean()
    assert 0.002 < unchanged < 0.05  # 75 of 5,000 are black in the reference


def test_all_six_pictures_of_frost_appear(monkeypatch):
    real = [weather._picture(number, 32, 32, scale=1.1, smooth=True) for number in range(6)]
    assert len({picture.tobytes() for picture in real}) == 5  # the package ships one picture twice
    monkeypatch.setattr(weather, "_picture", lambda number, *_: np.full((40, 40, 3), 100 + 20 * number, np.uint8))
    frosted = corrupt(np.zeros((200, 32, 32, 3), np.uint8), "frost", 1, table="cifar-10-c", seed=0)
    values, counts = np.unique(frosted[:, 0, 0, 0], return_counts=True)
    assert values.tolist() == [20, 24, 28, 32, 36, 40]
    assert counts.min() > 15


def test_pictures_of_frost_are_read_once(monkeypatch):
    image = pictures(1, 32, 32)
    for _ in range(2):
        once = corrupt(np.repeat(image, 100, axis=0), "frost", 1, table="imagenet-c", seed=0)
        monkeypatch.setattr(cv2, "imread", lambda *_: pytest.fail("read again"))
    assert once.any()


# --- streams -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("corruption", NAMES)
def test_batch_shard_and_order_change_nothing(corruption, table, monkeypatch):
    images = pictures(5, 32, 40)
    before = images.copy()
    whole = corrupt(images, corruption, 4, table=table, seed=3)
    order = [3, 0, 4, 2, 1]
    shuffled = corrupt(images[order], corruption, 4, table=table, seed=3, indices=order)
    np.testing.assert_array_equal(shuffled, whole[order])
    shard = corrupt(images[2:4], corruption, 4, table=table, seed=3, indices=np.arange(2, 4))
    np.testing.assert_array_equal(shard, whole[2:4])
    monkeypatch.setattr(engine, "_CHUNK", 2 * 32 * 40)
    np.testing.assert_array_equal(corrupt(images, corruption, 4, table=table, seed=3), whole)
    np.testing.assert_array_equal(images, before)
    assert (whole.shape, whole.dtype) == (images.shape, np.uint8)


@pytest.mark.parametrize("corruption", RANDOM)
def test_images_severities_and_seeds_have_streams_of_their_own(corruption):
    twins = np.repeat(pictures(1, 32, 32), 3, axis=0)
    first, second, third = corrupt(twins, corruption, 5, table="imagenet-c", seed=0, indices=[7, 8, 7])
    assert (first != second).any()
    np.testing.assert_array_equal(first, third)
    assert (first != corrupt(twins[:1], corruption, 5, table="imagenet-c", seed=1, indices=[7])[0]).any()


def test_memory_mapped_and_strided_images_are_fine(tmp_path):
    images = pictures(4, 64, 64)
    np.save(tmp_path / "images.npy", images)
    mapped = np.load(tmp_path / "images.npy", mmap_mode="r")
    for corruption in NAMES:
        whole = corrupt(mapped, corruption, 2, table="cifar-10-c", seed=0)
        assert whole.flags.c_contiguous
        np.testing.assert_array_equal(whole, corrupt(images, corruption, 2, table="cifar-10-c", seed=0))
        strided = corrupt(images[:, ::2, ::-2], corruption, 2, table="cifar-10-c", seed=0)
        copied = corrupt(images[:, ::2, ::-2].copy(), corruption, 2, table="cifar-10-c", seed=0)
        np.testing.assert_array_equal(strided, copied)


def test_no_image_is_an_empty_batch():
    empty = np.empty((0, 32, 32, 3), np.uint8)
    for corruption in NAMES:
        assert corrupt(empty, corruption, 1, table="imagenet-c", seed=0).shape == empty.shape


# --- tables ------------------------------------------------------------------------------------------------------


def test_tables_hold_every_corruption_at_every_severity():
    assert list(TABLES) == ["imagenet-c", "cifar-10-c"]
    for table in TABLES.values():
        assert sorted(table) == sorted(NAMES)
        assert {len(figures) for figures in table.values()} == {5}


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("corruption", NAMES)
def test_severity_grows_the_change(corruption, table):
    images = pictures(100, 32, 32, patches=False)
    changes = [
        np.abs(corrupt(images, corruption, severity, table=table, seed=0).astype(int) - images).mean()
        for severity in SEVERITIES
    ]
    assert min(changes) > 0.2
    if corruption not in NOT_MONOTONE[table]:
        assert changes == sorted(changes)


def test_extreme_images_survive():
    """Black, white and fully saturated images, at every corruption, severity and table, without a warning."""
    images = np.zeros((3, 32, 33, 3), np.uint8)
    images[1], images[2, ..., 1] = 255, 255
    for table in TABLES:
        for corruption in NAMES:
            for severity in SEVERITIES:
                corrupt(images, corruption, severity, table=table, seed=0)


def test_kernels_sum_to_one():
    for sigma in (0, 0.05, 0.4, 6):
        assert gaussian_kernel(sigma).sum() == pytest.approx(1, abs=1e-6)


# --- faults and imports ------------------------------------------------------------------------------------------

GOOD = {"images": np.zeros((2, 32, 32, 3), np.uint8), "corruption": "fog", "severity": 1, "table": "imagenet-c"}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"images": np.zeros((2, 32, 32, 3))}, "images: float64 given, a uint8 array needed"),
        ({"images": [[0]]}, "images: list given, a uint8 array needed"),
        ({"images": np.zeros((2, 32, 32), np.uint8)}, "images: shape (2, 32, 32) given, (N, height, width, 3) needed"),
        ({"images": np.zeros((2, 32, 32, 1), np.uint8)}, "images: shape (2, 32, 32, 1) given"),
        ({"images": np.zeros((2, 64, 28, 3), np.uint8)}, "images: 64x28 pixels given, at least 32x32 needed"),
        ({"corruption": "gausian_noise"}, "corruption: 'gausian_noise' is unknown; did you mean 'gaussian_noise'?"),
        ({"corruption": "?"}, "corruption: '?' is unknown; it is one of gaussian_noise, shot_noise"),
        ({"table": "cifar10-c"}, "table: 'cifar10-c' is unknown; did you mean 'cifar-10-c'?"),
        ({"severity": 0}, "severity: 0 is not a whole number from 1 to 5"),
        ({"severity": 6}, "severity: 6 is not"),
        ({"severity": 2.0}, "severity: 2.0 is not"),
        ({"severity": "3"}, "severity: '3' is not"),
        ({"indices": [0]}, "indices: 2 whole numbers from 0 up needed, one for each image"),
        ({"indices": [0, -1]}, "indices: 2 whole numbers"),
        ({"indices": [0.0, 1.0]}, "indices: 2 whole numbers"),
    ],
)
def test_bad_input_is_told_in_one_line(change, message):
    with pytest.raises(Fault) as caught:
        corrupt(**(GOOD | change), seed=0)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_settings_stay_cheap_and_the_door_is_open():
    program = (
        "import sys\n"
        "import resiliency.corruptions.settings, resiliency.corruptions.tables\n"
        "assert not {'cv2', 'scipy', 'PIL'} & set(sys.modules)\n"
        "from resiliency.corruptions import corrupt\n"
        "import resiliency.corruptions.engine as engine\n"
        "assert corrupt is engine.corrupt\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
