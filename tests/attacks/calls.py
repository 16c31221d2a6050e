"""Calls from Python: samples that a transform must corrupt or refuse, and evaluations that are no baseline."""

from collections.abc import Callable, Iterator
from functools import cache, partial
from itertools import product
from pathlib import Path

import numpy as np
import torch
from attacks.cases import Case, Wrong, allowed
from PIL import Image
from torchvision import tv_tensors

from resiliency.api import Evaluation, RandomCorruption, evaluate

SIDE = 32
ARRAY = np.full((SIDE, SIDE, 3), 100, np.uint8)
TENSOR = torch.from_numpy(ARRAY).permute(2, 0, 1)
# Samples with an image, which must not be returned as they are.
SAMPLES: dict[str, Callable[[], object]] = {
    "tensor": lambda: TENSOR,
    "batch": lambda: torch.stack([TENSOR] * 3),
    "image": lambda: tv_tensors.Image(TENSOR),
    "video": lambda: tv_tensors.Video(torch.stack([TENSOR] * 3)),
    "videos": lambda: tv_tensors.Video(torch.stack([TENSOR] * 4).reshape(2, 2, 3, SIDE, SIDE)),
    "array": lambda: ARRAY,
    "array of channels first": lambda: TENSOR.numpy(),
    "array of grey": lambda: ARRAY[..., 0],
    "batch of arrays": lambda: np.stack([ARRAY] * 3),
    "floats in an array": lambda: ARRAY / 255,
    "floats": lambda: TENSOR / 255,
    "int16": lambda: TENSOR.short(),
    "uint16": lambda: TENSOR.to(torch.uint16),
    "bool": lambda: TENSOR > 0,
    "grey": lambda: TENSOR[:1],
    "four channels": lambda: TENSOR[[0, 1, 2, 0]],
    "no channels": lambda: TENSOR[0],
    "tiny": lambda: TENSOR[:, :8],
    "empty": lambda: TENSOR[:, :0],
    **{f"PIL {mode}": partial(Image.fromarray(ARRAY).convert, mode) for mode in ("1", "L", "P", "RGB", "RGBA")},
    **{f"PIL {mode}": partial(Image.fromarray(ARRAY).convert, mode) for mode in ("CMYK", "YCbCr", "HSV")},
    **{f"PIL {mode}": partial(Image.new, mode, (SIDE, SIDE)) for mode in ("LA", "La", "PA", "LAB")},
    "PIL I;16": lambda: Image.fromarray(np.full((SIDE, SIDE), 25_000, np.uint16)),
    "PIL I": lambda: Image.fromarray(np.full((SIDE, SIDE), 25_000, np.int32)),
    "PIL F": lambda: Image.fromarray(np.full((SIDE, SIDE), 25_000, np.float32)),
    "nothing": lambda: None,
    "a path": lambda: "cat.png",
}
WITHIN: dict[str, Callable[[object], object]] = {
    "alone": lambda image: image,
    "with a label": lambda image: (image, 3),
    "with a label as a tensor": lambda image: (image, torch.tensor(3)),
    "with a label as an array": lambda image: (image, np.array(3)),
    "with a mask": lambda image: {"image": image, "mask": tv_tensors.Mask(TENSOR[:1])},
    "in a list": lambda image: [[image]],
}
# Arguments of the evaluation that is the baseline: other images, and the same.
OTHERS = {
    "another table": {"table": "imagenet-c"},
    "other severities": {"severities": [1]},
    "fewer severities": {"severities": [3]},
    "more severities": {"severities": [1, 3, 5]},
    "other corruptions": {"corruptions": ["fog"]},
    "fewer corruptions": {"corruptions": ["contrast"]},
    "other images": {"images": lambda images: 255 - images},
    "a bit of the last pixel": {"images": lambda images: _with_a_bit_turned(images)},
    "mirrored images": {"images": lambda images: images[:, :, ::-1]},
    "swapped channels": {"images": lambda images: images[..., ::-1]},
    "larger images": {"images": lambda images: images.repeat(2, axis=1).repeat(2, axis=2)},
    "transposed images": {"images": lambda images: np.pad(images, ((0, 0), (0, 8), (0, 0), (0, 0)))},
    "fewer images": {"images": lambda images: images[:-1], "labels": lambda labels: labels[:-1]},
    "images in another order": {"images": lambda images: images[::-1], "labels": lambda labels: labels[::-1]},
    "other labels": {"labels": lambda labels: labels[::-1]},
}
SAME = {
    "the same": {},
    "other batches": {"batch_size": 7},
    "another confidence": {"confidence": 0.5},
    "more corruptions": {"corruptions": ["fog", "contrast", "glass_blur"]},
    "a copy in another layout": {"images": np.asfortranarray},
    "labels of another type": {"labels": lambda labels: labels.astype(np.uint8)},
}


def calls() -> Iterator[Case]:
    """Each sample alone and beside others; each baseline for two classifiers."""
    for (name, make), (where, put), several in product(SAMPLES.items(), WITHIN.items(), (False, True)):
        corruptions = ["gaussian_noise", "impulse_noise"] if several else ["brightness"]
        yield Case(f"{name}, {where}, {corruptions[0]}", partial(_corrupted, make, put, corruptions), None)
    for name, changed in OTHERS.items():
        yield Case(f"baseline: {name}", partial(_compared, changed=changed), "baseline: ")
    for name, changed in SAME.items():
        yield Case(f"baseline: {name}", allowed(partial(_compared, changed=changed)), None)


def _corrupted(make: Callable, put: Callable, corruptions: list[str], _: Path) -> None:
    before, after = make(), RandomCorruption(corruptions, table="cifar-10-c")(put(make()))
    leaves = torch.utils._pytree.tree_leaves(after)
    image = np.asarray(leaves[0]).astype(float)
    rgb = before.convert("RGB") if isinstance(before, Image.Image) else before
    if image.shape == np.shape(rgb) and (image == np.asarray(rgb)).all():
        raise Wrong(f"{type(before).__name__}: returned as it is")
    if isinstance(before, Image.Image) and before.mode[0] in "IF" and image.mean() > 200:
        raise Wrong("clipped to white")


def _with_a_bit_turned(images: np.ndarray) -> np.ndarray:
    turned = images.copy()
    turned.flat[-1] ^= 1
    return turned


@cache
def _data() -> tuple[np.ndarray, np.ndarray]:
    images = np.random.default_rng(0).integers(0, 256, (20, SIDE, SIDE, 3), np.uint8)
    return images, np.arange(20) % 3


def _evaluated(**changed) -> Evaluation:
    images, labels = _data()
    arguments = {"corruptions": ["glass_blur", "contrast"], "severities": [3, 5], "table": "cifar-10-c"} | changed
    images, labels = arguments.pop("images", np.array)(images), arguments.pop("labels", np.array)(labels)
    return evaluate(lambda batch: batch.mean(axis=(1, 2)), images, labels, progress=False, **arguments)


def _compared(_: Path, changed: dict) -> None:
    whole = _evaluated()
    compared = _evaluated(baseline=_evaluated(**changed))
    if not np.isclose(compared.mce, 1) or not compared.by_corruption.error.equals(whole.by_corruption.error):
        raise Wrong(f"mCE {compared.mce} of a classifier relative to itself")
