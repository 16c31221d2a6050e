"""What changes training images: shifts, flips, crops, mixing and policies."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from resiliency.data.pictures import FileImages
from resiliency.training.augmentation import flipped, mixup, random_crop, shifted, training_reader
from resiliency.training.settings import Recipe


@given(st.integers(0, 4), st.integers(0, 2**32))
@settings(max_examples=10, deadline=None)
def test_shifts_stay_within_bounds_and_repeat_edges(largest, seed):
    """Every pixel holds its own coordinates, so that a shifted image tells where each pixel came from."""
    rows, columns = torch.meshgrid(torch.arange(6.0), torch.arange(7.0), indexing="ij")
    images = torch.stack([rows, columns, rows], dim=2).expand(5, 6, 7, 3)
    for image in shifted(images, largest, torch.Generator().manual_seed(seed)).permute(0, 3, 1, 2):
        explained = [
            (dy, dx)
            for dy in range(-largest, largest + 1)
            for dx in range(-largest, largest + 1)
            if torch.equal(image[0], (rows + dy).clamp(0, 5)) and torch.equal(image[1], (columns + dx).clamp(0, 6))
        ]
        assert len(explained) == 1
        assert torch.equal(image[0], image[2])


def test_flips_mirror_about_half_of_the_images():
    images = torch.rand(400, 4, 5, 3)
    after = flipped(images, torch.Generator().manual_seed(0))
    same = (after == images).flatten(1).all(1)
    mirrored = (after == images.flip(2)).flatten(1).all(1)
    assert torch.equal(same, ~mirrored)
    assert 160 < same.sum() < 240


def test_random_crops_keep_share_and_aspect_and_reach_every_part():
    """Red grows along the columns and green along the rows, so that a crop tells where it was taken."""
    width, height = 200, 120
    ramp = np.zeros((height, width, 3), np.uint8)
    ramp[..., 0], ramp[..., 1] = np.arange(width), np.arange(height)[:, None]
    image = Image.fromarray(ramp)
    boxes = []
    for seed in range(300):
        crop = random_crop(image, 64, 0.25, np.random.default_rng(seed)).astype(float)
        assert crop.shape == (64, 64, 3)
        left, right = crop[:, 0, 0].mean(), crop[:, -1, 0].mean()
        top, bottom = crop[0, :, 1].mean(), crop[-1, :, 1].mean()
        boxes.append((right - left + 2, bottom - top + 2, left, top))
    w, h, left, top = np.array(boxes).T
    shares = w * h / (width * height)
    assert 0.2 < shares.min() < 0.32
    assert shares.max() > 0.75
    assert 0.65 < (w / h).min() < 0.85
    assert 1.2 < (w / h).max() < 1.45
    assert left.min() < 4
    assert (left + w).max() > width - 5
    assert top.min() < 4
    assert (top + h).max() > height - 5


@pytest.mark.parametrize(
    ("settings", "in_files"), [({"augment": "trivial"}, 0), ({"augment": "augmix"}, 0), ({"smallest_crop": 0.3}, 1)]
)
def test_images_change_alike_in_any_batch_and_anew_in_each_epoch(tmp_path, settings, in_files):
    images, recipe = np.random.default_rng(0).integers(0, 256, (8, 32, 32, 3), dtype=np.uint8), Recipe(**settings)
    if in_files:
        files = [str(tmp_path / f"{index}.png") for index in range(8)]
        for file, image in zip(files, images, strict=True):
            Image.fromarray(image).resize((60, 50)).save(file)
        images = FileImages(files, 32, 1)
    together = training_reader(images, recipe, 0, epoch=1)(np.arange(8))
    assert (together.shape, together.dtype) == ((8, 32, 32, 3), np.uint8)
    np.testing.assert_array_equal(together[[5, 3]], training_reader(images, recipe, 0, epoch=1)(np.array([5, 3])))
    for other in ((0, 2), (1, 1)):
        again = training_reader(images, recipe, other[0], epoch=other[1])(np.arange(8))
        assert (again != together).any(axis=(1, 2, 3)).sum() > 4


def test_mixed_images_and_labels_keep_their_shares():
    images, labels = torch.arange(6.0).view(6, 1, 1, 1).expand(6, 3, 2, 2), torch.tensor([0, 1, 2, 0, 1, 2])
    for seed in range(20):
        blend, shares = mixup(images, labels, 3, 0.5, seed)
        assert shares.shape == (6, 3)
        torch.testing.assert_close(shares.sum(1), torch.ones(6))
        for i in range(6):
            explained = [
                (share, j)
                for j in range(6)
                for share in [float((blend[i, 0, 0, 0] - j) / (i - j)) if i != j else 1.0]
                if 0 <= share <= 1.0001
                and torch.allclose(
                    shares[i], share * F.one_hot(labels[i], 3) + (1 - share) * F.one_hot(labels[j], 3), atol=1e-5
                )
            ]
            assert explained
