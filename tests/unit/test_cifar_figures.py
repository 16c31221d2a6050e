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
    figures = CORRUPTIONS[name].figures["cifar-10-c"]
    expected = np.clip(solved(image / 255, figures[severity - 1]), 0, 1) * 255
    assert np.abs(ours - expected).max() <= 1.01
    others = [figure for figure in figures if figure != figures[severity - 1]]
    assert all(np.abs(ours - np.clip(solved(image / 255, other), 0, 1) * 255).max() > 2 for other in others)
