"""`corrupt` in the place of imagecorruptions, and corruptions in a pipeline of torchvision."""

import pickle

import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import DataLoader, Dataset
from torchvision import tv_tensors
from torchvision.transforms import v2

from resiliency.api import CORRUPTIONS, RandomCorruption, corrupt, get_corruption_names
from resiliency.api.transforms import EIGHT_BITS
from resiliency.base.faults import Fault
from resiliency.corruptions import engine, reference

PACKAGE = reference._package  # imagecorruptions, mended
IMAGE = np.random.default_rng(0).integers(0, 256, (40, 36, 3), np.uint8)
CALLS = [
    ((IMAGE, 3, "contrast"), {}),
    ((IMAGE,), {"corruption_name": "pixelate", "severity": 4}),
    ((IMAGE,), {"corruption_number": 11, "severity": 2}),
    ((IMAGE, 2, None, 11), {}),
    ((IMAGE, 2), {"corruption_name": "saturate"}),
    ((), {"image": IMAGE, "corruption_name": "brightness"}),
    ((IMAGE[..., 0], 1, "defocus_blur"), {}),
    ((IMAGE[..., :1], 1, "jpeg_compression"), {}),
]


@pytest.mark.parametrize(("arguments", "named"), CALLS)
def test_calls_of_imagecorruptions_give_its_images(arguments, named):
    ours = corrupt(*arguments, **named)
    assert ours.shape == IMAGE.shape
    assert np.abs(ours.astype(int) - PACKAGE.corrupt(*arguments, **named)).max() <= 1


def test_it_draws_from_the_generator_that_imagecorruptions_draws_from():
    np.random.seed(0)
    first, second = (corrupt(IMAGE, 3, "gaussian_noise") for _ in range(2))
    np.random.seed(0)
    np.testing.assert_array_equal(corrupt(IMAGE, 3, "gaussian_noise"), first)
    assert (first != second).any()


def test_calls_of_this_project_work_as_before():
    images = np.stack([IMAGE, IMAGE])
    expected = engine.corrupt(images, "fog", 3, table="cifar-10-c", seed=7, indices=[4, 9])
    same = {"table": "cifar-10-c", "seed": 7, "indices": [4, 9]}
    for given in (
        corrupt(images, "fog", 3, **same),
        corrupt(images, "fog", severity=3, **same),
        corrupt(images=images, corruption="fog", severity=3, **same),
        corrupt(images, 3, "fog", **same),
    ):
        np.testing.assert_array_equal(given, expected)


@pytest.mark.parametrize("subset", ["common", "validation", "all", "noise", "blur", "weather", "digital"])
def test_subsets_of_names_are_those_of_imagecorruptions(subset):
    assert get_corruption_names(subset) == PACKAGE.get_corruption_names(subset)


@pytest.mark.parametrize(
    ("named", "message"),
    [
        ({"severity": 3}, "corruption: expected a name, or a corruption_number from 0 to 18, got neither; give one"),
        ({"corruption_number": 19}, "corruption: .* got corruption_number 19"),
        ({"corruption_name": "fogg"}, "corruption: corruption 'fogg' not found; did you mean fog"),
        ({"corruption_name": "fog", "severity": 6}, "severity: expected an integer from 1 to 5, got 6"),
        ({"corruption_name": "fog", "image": IMAGE / 255}, "images: expected a uint8 array, got float64"),
        ({"corruption_name": "fog", "image": IMAGE[:20]}, "images: expected at least 32x32 pixels, got 20x36"),
    ],
)
def test_calls_that_cannot_be_answered_are_refused(named, message):
    with pytest.raises(Fault, match=message):
        corrupt(**{"image": IMAGE} | named)
    with pytest.raises(Fault, match="subset: subset 'noises' not found; did you mean noise"):
        get_corruption_names("noises")


class Pictures(Dataset):
    """Eight equal pictures through a pipeline, each with its number as label."""

    def __init__(self, transform: torch.nn.Module):
        self.transform = transform

    def __len__(self) -> int:
        return 8

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        return self.transform(Image.fromarray(IMAGE)), index


def loaded(seed: int, workers: int) -> torch.Tensor:
    transform = v2.Compose([RandomCorruption(p=0.9), v2.ToImage(), v2.ToDtype(torch.float32, scale=True)])
    generator = torch.Generator().manual_seed(seed)
    return torch.cat(
        [images for images, _ in DataLoader(Pictures(transform), 2, num_workers=workers, generator=generator)]
    )


def test_workers_of_a_seeded_loader_repeat_their_corruptions():
    first = loaded(0, workers=2)
    torch.testing.assert_close(loaded(0, workers=2), first, rtol=0, atol=0)
    assert (loaded(1, workers=2) != first).any()
    assert len({image.numpy().tobytes() for image in first}) > 4


def test_a_copy_by_pickle_draws_what_the_transform_draws():
    transform = RandomCorruption(["snow", "fog"], severities=[1, 5], table="cifar-10-c")
    image = torch.from_numpy(IMAGE).permute(2, 0, 1)
    results = []
    for one in (transform, pickle.loads(pickle.dumps(transform))):
        torch.manual_seed(0)
        results.append(one(image))
    assert torch.equal(*results)
    assert results[0].shape == image.shape
    assert (results[0] != image).any()


def test_it_returns_the_kind_that_it_gets_and_leaves_labels_and_masks():
    torch.manual_seed(0)
    transform, image = RandomCorruption(["contrast"]), torch.from_numpy(IMAGE).permute(2, 0, 1)
    masked, mask, label = transform(tv_tensors.Image(image), tv_tensors.Mask(image[:1]), 3)
    assert isinstance(masked, tv_tensors.Image)
    assert torch.equal(mask, image[:1])
    assert label == 3
    assert isinstance(transform(Image.fromarray(IMAGE)), Image.Image)
    batch, labels = transform(torch.stack([image, image]), torch.tensor([1, 2]))
    assert batch.shape == (2, *image.shape)
    assert labels.tolist() == [1, 2]
    assert torch.equal(RandomCorruption(p=0)(image), image)


def test_each_corruption_and_severity_is_drawn():
    transform, drawn = RandomCorruption(CORRUPTIONS[:3], severities=[1, 5]), set()
    for _ in range(60):
        drawn.add(transform.make_params([None])["condition"])
    assert drawn == {(name, severity) for name in CORRUPTIONS[:3] for severity in (1, 5)}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"corruptions": ["fogg"]}, "corruptions: corruption 'fogg' not found"),
        ({"severities": [9]}, "severities: expected integers from 1 to 5"),
        ({"p": 2}, "p: expected a probability from 0 to 1, got 2"),
        ({"table": "cifar"}, "table: table 'cifar' not found; did you mean cifar-10-c"),
    ],
)
def test_transforms_that_cannot_be_made_are_refused(arguments, message):
    with pytest.raises(Fault, match=message):
        RandomCorruption(**arguments)


@pytest.mark.parametrize("shape", [(4, 3), (2, 4, 3)])
def test_each_frame_of_a_video_is_corrupted(shape):
    video = tv_tensors.Video(torch.full((*shape, 40, 40), 100, dtype=torch.uint8))
    for sample in (video, {"video": video, "label": torch.tensor(3)}):
        corrupted = RandomCorruption(["gaussian_noise"])(sample)
        frames = corrupted["video"] if isinstance(sample, dict) else corrupted
        assert isinstance(frames, tv_tensors.Video)
        assert frames.shape == video.shape
        assert all((frame != 100).any() for frame in frames.reshape(-1, 3, 40, 40))


@pytest.mark.parametrize("mode", ["I", "I;16", "I;16B", "F", "LAB"])
def test_pil_images_of_more_bits_are_refused(mode):
    with pytest.raises(Fault, match=f"image: expected 8 bits per channel, got mode {mode}; scale its values"):
        RandomCorruption()(Image.new(mode, (32, 32)))


@pytest.mark.parametrize("mode", EIGHT_BITS)
def test_pil_images_of_8_bits_are_corrupted(mode):
    assert RandomCorruption(["fog"])(Image.new(mode, (32, 32))).mode == "RGB"


@pytest.mark.parametrize("p", [0.0, 1.0])
@pytest.mark.parametrize("sample", [IMAGE, (IMAGE, 3), {"image": IMAGE, "mask": torch.zeros(3)}, [IMAGE[..., 0]]])
def test_arrays_are_refused_and_not_passed_on(sample, p):
    with pytest.raises(Fault, match=r"image: expected a PIL image or a tensor, got a NumPy array uint8 .*ToImage"):
        RandomCorruption(p=p)(sample)


def test_labels_in_arrays_pass_and_samples_without_images_are_refused():
    image = torch.from_numpy(IMAGE).permute(2, 0, 1)
    _, label = RandomCorruption(["fog"])((image, np.array([1, 2])))
    assert label.tolist() == [1, 2]
    for sample in ("cat.png", {"label": 3}, tv_tensors.Mask(image[:1]), np.array([1])):
        with pytest.raises(Fault, match="image: expected a PIL image or a uint8 tensor in each sample, got none"):
            RandomCorruption()(sample)


def test_floats_are_refused():
    with pytest.raises(
        Fault, match=r"image: expected a uint8 tensor .* got torch.float32 .*; put this transform before"
    ):
        RandomCorruption()(torch.zeros(3, 32, 32))
