"""Calls from Python: samples that a transform must corrupt or refuse, and evaluations that are no baseline."""

from collections.abc import Callable
from functools import cache, partial
from pathlib import Path

import numpy as np
import torch
from attacks.cases import ACCEPTED, EITHER, Area, Wrong
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
    "array": lambda: ARRAY,
    "array of channels first": lambda: TENSOR.numpy(),
    "array of grey": lambda: ARRAY[..., 0],
    "floats in an array": lambda: ARRAY / 255,
    "floats": lambda: TENSOR / 255,
    "int16": lambda: TENSOR.short(),
    "bool": lambda: TENSOR > 0,
    "grey": lambda: TENSOR[:1],
    "four channels": lambda: TENSOR[[0, 1, 2, 0]],
    "no channels": lambda: TENSOR[0],
    "tiny": lambda: TENSOR[:, :8],
    "empty": lambda: TENSOR[:, :0],
    **{f"PIL {mode}": partial(Image.fromarray(ARRAY).convert, mode) for mode in ("1", "L", "P", "RGB", "RGBA", "CMYK")},
    **{f"PIL {mode}": partial(Image.new, mode, (SIDE, SIDE)) for mode in ("LA", "PA", "LAB")},
    "PIL I;16": lambda: Image.fromarray(np.full((SIDE, SIDE), 25_000, np.uint16)),
    "PIL F": lambda: Image.fromarray(np.full((SIDE, SIDE), 25_000, np.float32)),
    "nothing": lambda: None,
    "with a label": lambda: (TENSOR, 3),
    "with a label as a tensor": lambda: (TENSOR, torch.tensor(3)),
    "with a label as an array": lambda: (ARRAY, np.array(3)),
    "with a mask": lambda: {"image": TENSOR, "mask": tv_tensors.Mask(TENSOR[:1])},
    "in a list": lambda: [[TENSOR]],
}


def _corrupted(_: Path, make: Callable[[], object]) -> None:
    leaf = torch.utils._pytree.tree_leaves
    before, after = leaf(make())[0], leaf(RandomCorruption(["brightness"], table="cifar-10-c")(make()))[0]
    rgb, image = before.convert("RGB") if isinstance(before, Image.Image) else before, np.asarray(after).astype(float)
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
    """Arguments of the evaluation that is the baseline of the same classifier."""
    whole = _evaluated()
    compared = _evaluated(baseline=_evaluated(**changed))
    if not np.isclose(compared.mce, 1) or not compared.by_corruption.error.equals(whole.by_corruption.error):
        raise Wrong(f"mCE {compared.mce} of a classifier relative to itself")


OTHER = "baseline: "
BASELINES: dict[str, tuple[dict, object]] = {
    "another table": ({"table": "imagenet-c"}, OTHER),
    "fewer severities": ({"severities": [3]}, OTHER),
    "more severities": ({"severities": [1, 3, 5]}, OTHER),
    "fewer corruptions": ({"corruptions": ["contrast"]}, OTHER),
    "a bit of the last pixel": ({"images": _with_a_bit_turned}, OTHER),
    "mirrored images": ({"images": lambda images: images[:, :, ::-1]}, OTHER),
    "larger images": ({"images": lambda images: images.repeat(2, axis=1).repeat(2, axis=2)}, OTHER),
    "fewer images": ({"images": lambda images: images[:-1], "labels": lambda labels: labels[:-1]}, OTHER),
    "another order": ({"images": lambda images: images[::-1], "labels": lambda labels: labels[::-1]}, OTHER),
    "other labels": ({"labels": lambda labels: labels[::-1]}, OTHER),
    "the same in other batches": ({"batch_size": 7}, ACCEPTED),
    "more corruptions": ({"corruptions": ["fog", "contrast", "glass_blur"]}, ACCEPTED),
    "a copy in another layout": ({"images": np.asfortranarray}, ACCEPTED),
    "labels of another type": ({"labels": lambda labels: labels.astype(np.uint8)}, ACCEPTED),
}
AREAS = (
    Area("samples for the transform", _corrupted, {name: (make, EITHER) for name, make in SAMPLES.items()}),
    Area("baselines of evaluations", _compared, BASELINES),
)
