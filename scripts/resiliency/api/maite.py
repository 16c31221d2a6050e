"""Models, datasets and augmentations of image classification by the protocols of the package MAITE.

They are structural types, so that MAITE need not be installed: a dataset has `len` and gives for each index an image
3 x H x W, a target with a number for each class, and metadata with an id; a model takes a sequence of images and gives
one of logits or probabilities; an augmentation takes a batch of all three and returns another.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from resiliency.api.corrupting import IMAGENET_C, corrupt
from resiliency.api.evaluation import as_array
from resiliency.base.faults import Fault, expected, short

Batch = tuple[Sequence[Any], Sequence[Any], Sequence[Mapping[str, Any]]]


class MaiteAugmentation:
    """A corruption as an augmentation of MAITE; it corrupts images as `evaluate` does at the same table and seed.

    Images are arrays or tensors 3 x H x W, RGB, uint8 or floats from 0 to 1, sides of at least 32 pixels; they come
    back as they came, in steps of 1/255. Targets and metadata pass through. The random stream of an image is named by
    its id, so that no image depends on its batch: a number of 0 or more, such as its position, or else a text.

    Args:
        corruption: name of a corruption, one of CORRUPTIONS.
        severity: integer from 1 to 5.
        table: the published severity parameters: "cifar-10-c" suits images of up to 64 pixels, "imagenet-c" larger
            ones.
        seed: seed of the random streams.

    Attributes:
        metadata: metadata with an id that names all arguments, for caches of predictions.

    Raises:
        Fault: an argument, an image or an id has another shape, type or range.

    >>> augmentation = MaiteAugmentation("contrast", 2)
    >>> augmentation.metadata
    {'id': 'contrast-2-imagenet-c-0'}
    >>> images, _, _ = augmentation(([np.full((3, 32, 32), 0.5, np.float32)], [np.eye(10)[0]], [{"id": 0}]))
    >>> images[0].shape, images[0].dtype
    ((3, 32, 32), dtype('float32'))
    """

    def __init__(self, corruption: str, severity: int, *, table: str = IMAGENET_C, seed: int = 0):
        self._arguments = {"corruption": corruption, "severity": severity, "table": table, "seed": seed}
        corrupt(np.zeros((1, 32, 32, 3), np.uint8), **self._arguments)  # checks the arguments
        self.metadata = {"id": "-".join(map(str, self._arguments.values()))}

    def __call__(self, batch: Batch, /) -> Batch:
        """The batch with its images corrupted."""
        images, targets, metadata = batch
        return [self._corrupted(*of) for of in zip(images, metadata, strict=True)], targets, metadata

    def _corrupted(self, image: Any, metadata: Mapping[str, Any]) -> Any:
        if "id" not in metadata:
            raise Fault(f"metadata: {expected('an id for each image', short(dict(metadata)))}")
        pixels = pixels_of(image, f"image {short(metadata['id'])}")
        return _as_given(corrupt(pixels[None], **self._arguments, indices=[_stream(metadata["id"])])[0], image)


class MaiteImages:
    """Images of a dataset of MAITE, read where they are indexed by slices: uint8 N x H x W x 3."""

    def __init__(self, data_set: Any):
        self._data_set = data_set
        self._shape = pixels_of(data_set[0][0], "image 0").shape

    def __len__(self) -> int:
        return len(self._data_set)

    def __getitem__(self, chosen: slice) -> np.ndarray:
        positions = range(len(self))[chosen]
        images = np.empty((len(positions), *self._shape), np.uint8)
        for place, position in enumerate(positions):
            image = pixels_of(self._data_set[position][0], f"image {position}")
            if image.shape != self._shape:
                size, first = ("x".join(map(str, shape[:2])) for shape in (image.shape, self._shape))
                raise Fault(
                    f"image {position}: {expected(f'{first} pixels as image 0', size)}; resize them to one size"
                )
            images[place] = image
        return images


def of_maite(model: Callable, data_set: Any) -> tuple[Callable[[np.ndarray], np.ndarray], MaiteImages, np.ndarray]:
    """A model and a dataset of MAITE as `evaluate` takes them: a function, images, and labels int64 N.

    Raises:
        Fault: the dataset does not follow the protocol, a target is not one class among all, or a class has another
            number in the dataset than in the model.
    """
    if not callable(getattr(data_set, "__getitem__", None)) or not hasattr(data_set, "__len__") or not len(data_set):
        got = type(data_set).__name__
        raise Fault(f"labels: {expected('labels of the images, or a data set of MAITE with images', got)}")
    first = data_set[0]
    if not isinstance(first, tuple | list) or len(first) != 3:
        got = type(first).__name__
        raise Fault(f"labels: {expected('labels, or a data set of (image, target, metadata)', got)}; give labels")
    _check_classes(model, data_set)
    target_of = getattr(data_set, "get_target", lambda position: data_set[position][1])
    targets = [as_array(target_of(position), f"target {position}") for position in range(len(data_set))]
    labels = [_label(target, len(targets[0]), position) for position, target in enumerate(targets)]

    def predict(images: np.ndarray) -> np.ndarray:
        answers = [as_array(answer, "model") for answer in model([_as_given(image, first[0]) for image in images])]
        if len({answer.shape for answer in answers}) != 1:
            raise Fault(f"model: {expected('answers of one shape', short([of.shape for of in answers]))}")
        return np.stack(answers)

    return predict, MaiteImages(data_set), np.array(labels)


def pixels_of(image: Any, name: str) -> np.ndarray:
    """An image of MAITE, 3 x H x W, as uint8 H x W x 3.

    Raises:
        Fault: the image has another shape, type or range; the message begins with `name`.
    """
    values = as_array(image, name)
    if values.ndim != 3 or values.shape[0] != 3 or not values.size:
        hint = "; put the channels first" if values.ndim == 3 and values.shape[2] == 3 else ""
        raise Fault(f"{name}: {expected('shape 3 x height x width', values.shape)}{hint}")
    if values.dtype != np.uint8:
        if values.dtype.kind != "f" or not (values.min() >= 0 and values.max() <= 1):
            got = f"{values.dtype} from {values.min():.4g} to {values.max():.4g}"
            raise Fault(f"{name}: {expected('uint8, or floats from 0 to 1', got)}; let the model normalise")
        values = np.rint(255 * values.astype(np.float64)).astype(np.uint8)
    return np.ascontiguousarray(values.transpose(1, 2, 0))


def _as_given(pixels: np.ndarray, given: Any) -> Any:
    """Pixels, uint8 H x W x 3, in the shape, type and range of an image of MAITE."""
    values, kind = np.ascontiguousarray(pixels.transpose(2, 0, 1)), as_array(given, "image").dtype
    if kind != np.uint8:
        values = values.astype(kind) / kind.type(255)
    if hasattr(given, "detach"):
        import torch

        return torch.from_numpy(values).to(given)
    return values


def _stream(identity: object) -> int:
    """The number of the random stream of an image."""
    if isinstance(identity, int | np.integer) and identity >= 0:
        return int(identity)
    return int.from_bytes(hashlib.sha256(str(identity).encode()).digest()[:4], "big")


def _label(target: np.ndarray, classes: int, position: int) -> int:
    chosen = np.flatnonzero(target == target.max()) if target.shape == (classes,) and target.size > 1 else []
    if len(chosen) != 1:
        got = short(target.tolist())
        raise Fault(f"target {position}: {expected('numbers for each class, the largest for its own', got)}")
    return int(chosen[0])


def _check_classes(*parts: Any) -> None:
    """Refuse a model and a dataset that both have a class of one name under different numbers."""
    ours, theirs = (dict(getattr(part, "metadata", None) or {}).get("index2label") or {} for part in parts)
    numbers = {name: number for number, name in ours.items()}
    for number, name in theirs.items():
        if numbers.get(name, number) != number:
            wanted = expected(f"class {name!r} as {numbers[name]}, as in the model", number)
            raise Fault(f"data set: index2label: {wanted}; give both the same order")
