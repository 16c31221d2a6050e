"""The figures of CIFAR-10-C: those of its published generator, and the effect that they have."""

import io

import numpy as np
import pytest
from drawn_pictures import pictures
from PIL import Image
from skimage.color import hsv2rgb, rgb2hsv

from resiliency.corruptions.engine import CORRUPTIONS, corrupt
from resiliency.corruptions.settings import SEVERITIES

# Severities 1 to 5 of `make_cifar_c.py` in github.com/hendrycks/robustness at ca36008, read and compared by hand.
CIFAR_10_C = {
    "gaussian_noise": (0.04, 0.06, 0.08, 0.09, 0.10),
    "shot_noise": (500, 250, 100, 75, 50),
    "impulse_noise": (0.01, 0.02, 0.03, 0.05, 0.07),
    "speckle_noise": (0.06, 0.1, 0.12, 0.16, 0.2),
    "gaussian_blur": (0.4, 0.6, 0.7, 0.8, 1),
    "defocus_blur": ((0.3, 0.4), (0.4, 0.5), (0.5, 0.6), (1, 0.2), (1.5, 0.1)),
    "glass_blur": ((0.05, 1, 1), (0.25, 1, 1), (0.4, 1, 1), (0.25, 1, 2), (0.4, 1, 2)),
    "motion_blur": ((6, 1), (6, 1.5), (6, 2), (8, 2), (9, 2.5)),
    "zoom_blur": ((1.06, 0.01), (1.11, 0.01), (1.16, 0.01), (1.21, 0.01), (1.26, 0.01)),
    "snow": (
        (0.1, 0.2, 1, 0.6, 8, 3, 0.95),
        (0.1, 0.2, 1, 0.5, 10, 4, 0.9),
        (0.15, 0.3, 1.75, 0.55, 10, 4, 0.9),
        (0.25, 0.3, 2.25, 0.6, 12, 6, 0.85),
        (0.3, 0.3, 1.25, 0.65, 14, 12, 0.8),
    ),
    "frost": ((1, 0.2), (1, 0.3), (0.9, 0.4), (0.85, 0.4), (0.75, 0.45)),
    "fog": ((0.2, 3), (0.5, 3), (0.75, 2.5), (1, 2), (1.5, 1.75)),
    "spatter": (
        (0.62, 0.1, 0.7, 0.7, 0.5, 0),
        (0.65, 0.1, 0.8, 0.7, 0.5, 0),
        (0.65, 0.3, 1, 0.69, 0.5, 0),
        (0.65, 0.1, 0.7, 0.69, 0.6, 1),
        (0.65, 0.1, 0.5, 0.68, 0.6, 1),
    ),
    "brightness": (0.05, 0.1, 0.15, 0.2, 0.3),
    "contrast": (0.75, 0.5, 0.4, 0.3, 0.15),
    "saturate": ((0.3, 0), (0.1, 0), (1.5, 0), (2, 0.1), (2.5, 0.2)),
    "elastic_transform": ((0, 0, 0.08), (0.05, 0.2, 0.07), (0.08, 0.06, 0.06), (0.1, 0.04, 0.05), (0.1, 0.03, 0.03)),
    "pixelate": (0.95, 0.9, 0.85, 0.75, 0.65),
    "jpeg_compression": (80, 65, 58, 50, 40),
}


def test_figures_are_the_published_ones():
    assert {name: corruption.figures["cifar-10-c"] for name, corruption in CORRUPTIONS.items()} == CIFAR_10_C


def brightness(image: np.ndarray, added: float) -> np.ndarray:
    hsv = rgb2hsv(image)
    hsv[..., 2] = np.clip(hsv[..., 2] + added, 0, 1)
    return hsv2rgb(hsv)


def saturate(image: np.ndarray, factor_and_added: tuple[float, float]) -> np.ndarray:
    hsv, (factor, added) = rgb2hsv(image), factor_and_added
    hsv[..., 1] = np.clip(hsv[..., 1] * factor + added, 0, 1)
    return hsv2rgb(hsv)


def contrast(image: np.ndarray, share: float) -> np.ndarray:
    mean = image.mean(axis=(0, 1))
    return (image - mean) * share + mean


def jpeg_compression(image: np.ndarray, quality: int) -> np.ndarray:
    file = io.BytesIO()
    Image.fromarray(np.uint8(np.round(image * 255))).save(file, "JPEG", quality=quality)
    return np.asarray(Image.open(file)) / 255


@pytest.mark.parametrize("severity", SEVERITIES)
@pytest.mark.parametrize("solved", [brightness, saturate, contrast, jpeg_compression], ids=lambda one: one.__name__)
def test_what_draws_nothing_has_the_effect_of_its_figure(solved, severity):
    image, name = pictures(1, 32, 40)[0], solved.__name__
    ours = corrupt(image[None], name, severity, table="cifar-10-c", seed=0)[0].astype(float)
    expected = np.clip(solved(image / 255, CIFAR_10_C[name][severity - 1]), 0, 1) * 255
    assert np.abs(ours - expected).max() <= 1.01
    others = [figure for figure in CIFAR_10_C[name] if figure != CIFAR_10_C[name][severity - 1]]
    assert all(np.abs(ours - np.clip(solved(image / 255, other), 0, 1) * 255).max() > 2 for other in others)
