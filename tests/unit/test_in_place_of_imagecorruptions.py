"""`corrupt` in the place of imagecorruptions, and corruptions in a pipeline of torchvision."""

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision import tv_tensors

from resiliency.api import CORRUPTIONS, RandomCorruption, corrupt, get_corruption_names
from resiliency.corruptions import engine, reference
from resiliency.corruptions.settings import Corruptions

PACKAGE = reference._package  # imagecorruptions, mended
IMAGE = np.random.default_rng(0).integers(0, 256, (40, 36, 3), np.uint8)
CALLS = [
    ((IMAGE, 3, "contrast"), {}),
    ((IMAGE,), {"corruption_name": "pixelate", "severity": 4}),
    ((IMAGE, 2, None, 11), {}),
    ((), {"image": IMAGE, "corruption_name": "brightness"}),
    ((IMAGE[..., 0], 1, "defocus_blur"), {}),
]


@pytest.mark.parametrize(("arguments", "named"), CALLS)
def test_calls_of_imagecorruptions_give_its_images(arguments, named):
    ours = corrupt(*arguments, **named, table="imagenet-c")
    assert ours.shape == IMAGE.shape
    assert np.abs(ours.astype(int) - PACKAGE.corrupt(*arguments, **named)).max() <= 1


@pytest.mark.parametrize("side", [32, 64, 65])
def test_images_have_the_severities_of_their_size_as_in_studies(side):
    image = np.random.default_rng(0).integers(0, 256, (side, 32, 3), np.uint8)
    expected = engine.corrupt(
        image[None], "contrast", 3, table=Corruptions().table_at(side), seed=0
    )[0]
    np.testing.assert_array_equal(corrupt(image, 3, "contrast"), expected)
    transformed = RandomCorruption(["contrast"], severities=[3])(
        torch.from_numpy(image).permute(2, 0, 1)
    )
    np.testing.assert_array_equal(transformed.permute(1, 2, 0), expected)


def test_it_draws_from_the_generator_that_imagecorruptions_draws_from():
    np.random.seed(0)
    first, second = (corrupt(IMAGE, 3, "gaussian_noise") for _ in range(2))
    np.random.seed(0)
    np.testing.assert_array_equal(corrupt(IMAGE, 3, "gaussian_noise"), first)
    assert (first != second).any()


@pytest.mark.parametrize(
    "subset", ["common", "validation", "all", "noise", "blur", "weather", "digital"]
)
def test_subsets_of_names_are_those_of_imagecorruptions(subset):
    """Those that it lacks come after its own, so that numbers stay."""
    names = PACKAGE.get_corruption_names(subset)
    assert get_corruption_names(subset)[: len(names)] == names


def drawn(seed: int) -> torch.Tensor:
    torch.manual_seed(seed)
    transform, image = RandomCorruption(p=0.9), torch.from_numpy(IMAGE).permute(2, 0, 1)
    return torch.stack([transform(image) for _ in range(8)])


def test_seeds_of_torch_repeat_corruptions():
    """Those of the workers of a DataLoader among them."""
    first = drawn(0)
    torch.testing.assert_close(drawn(0), first, rtol=0, atol=0)
    assert (drawn(1) != first).any()
    assert len({image.numpy().tobytes() for image in first}) > 4


def test_each_corruption_and_severity_is_drawn():
    transform, drawn = RandomCorruption(CORRUPTIONS[:3], severities=[1, 5]), set()
    for _ in range(60):
        drawn.add(tuple(transform.make_params([])["condition"]))
    assert drawn == {(name, severity) for name in CORRUPTIONS[:3] for severity in (1, 5)}


def test_it_returns_the_kind_that_it_gets_and_leaves_labels_and_masks():
    transform, image = (
        RandomCorruption(["gaussian_noise"]),
        torch.from_numpy(IMAGE).permute(2, 0, 1),
    )
    noisy, mask, label = transform(
        tv_tensors.Image(image), tv_tensors.Mask(image[:1]), np.array([3])
    )
    assert isinstance(noisy, tv_tensors.Image)
    assert torch.equal(mask, image[:1])
    assert label == 3
    video = transform({"video": tv_tensors.Video(torch.stack([image, image]))})["video"]
    assert isinstance(video, tv_tensors.Video)
    assert all((frame != image).any() for frame in video)
    assert torch.equal(RandomCorruption(p=0)(image), image)
    assert {
        transform(Image.new(mode, (32, 32))).mode for mode in ("L", "P", "RGB", "RGBA", "CMYK")
    } == {"RGB"}
