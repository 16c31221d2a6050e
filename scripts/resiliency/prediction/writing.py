"""Logits and features of members for images, and Gram matrices of their feature stages."""

import hashlib
import json
import re
import shutil
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from resiliency.base.faults import Fault, Progress
from resiliency.data.loading import batches, in_order, several_batches
from resiliency.data.pictures import FileImages, View, images_in_views
from resiliency.data.source import Images
from resiliency.designs.device import device_name, inference
from resiliency.designs.layers import feature_stages, watched_stages
from resiliency.designs.members import Member, view_of
from resiliency.designs.networks import logits_and_features, normalised
from resiliency.statistics.correlation import gram
from resiliency.storage import appending, read_array, write_array

# Bytes of a batch of images as float32, at least so many images: small networks spend much of a
# small batch in calls.
BATCH_BYTES, FEWEST = 2**24, 64
KEY_LENGTH = 16
ALL_IMAGES = slice(None)
# Up to here float16 is exact to 1/64; if a logit is larger, the image's largest is subtracted from
# all.
LARGEST_STORED = 64

Classifier = tuple[nn.Module, Member]


def write_logits(
    path: str, member: Classifier, conditions: list[Images], workers: int, key: str
) -> None:
    """Write the logits of a member under all conditions of one test set: float16 CxNxK.

    Each condition is kept as soon as it is predicted. The next process with the same `key` resumes
    after one that was killed, and the file has the same bytes as without an interruption.

    Args:
        path: path of the `.npy` file.
        conditions: N images per condition.
        workers: number of processes that decode image files, for all conditions.
        key: hash of all that determines the logits, as from `prediction_key`.
    """
    predict_parts([path], [member], conditions, workers, [key])
    classes, folder = member[1].classes, _parts_folder(Path(path), key)
    assert classes is not None
    with appending(path, (len(conditions), len(conditions[0]), len(classes)), np.float16) as append:
        for condition in range(len(conditions)):
            append(read_array(_part_path(folder, condition)))
    _key_path(Path(path)).write_text(key, encoding="ascii")
    shutil.rmtree(folder)


def is_written(path: str | Path, key: str) -> bool:
    """Whether `write_logits` has written `path` by `key`."""
    path = Path(path)
    return (
        path.exists()
        and _key_path(path).exists()
        and _key_path(path).read_text(encoding="ascii") == key
    )


def _key_path(path: Path) -> Path:
    return path.with_name(f".{path.stem}.key")


def predict_parts(
    paths: list[str],
    members: list[Classifier],
    conditions: list[Images],
    workers: int,
    keys: list[str],
) -> None:
    """Predict the conditions that are not stored yet, decoding each image once for all members; see
    `write_logits`."""
    folders = [_parts_folder(Path(path), key) for path, key in zip(paths, keys, strict=True)]
    pending = [
        c
        for c in range(len(conditions))
        if not all(_part_path(folder, c).exists() for folder in folders)
    ]
    if len(pending) < len(conditions):
        print(f"resuming after {len(conditions) - len(pending)} of {len(conditions)} conditions")
    progress = Progress(len(pending), pause=5)
    order = batches_of(conditions[0], members)
    loaded = _load_batches(
        members, conditions, [(condition, some) for condition in pending for some in order], workers
    )
    for condition in pending:
        parts = [_batch_logits(members, next(loaded)) for _ in order]
        for folder, of_member in zip(folders, zip(*parts, strict=True), strict=True):
            write_array(_part_path(folder, condition), np.concatenate(of_member))
        progress.step("conditions predicted")


def prediction_key(code: str, images: Iterable[str | Path], member: str | Path) -> str:
    """A hash of all that the predictions of a member depend on, among it the device and the version
    of torch.

    Args:
        code: fingerprint of the code that predicts.
        images: files that hold the images, or list them; their path, size and modification time are
            hashed.
        member: folder of the member, whose weights and description are hashed in the same way.

    Returns:
        `KEY_LENGTH` hexadecimal digits.
    """
    files = [*images, Path(member, "weights.safetensors"), Path(member, "member.json")]
    states = [
        (str(path), (state := Path(path).stat()).st_size, state.st_mtime_ns) for path in files
    ]
    content = json.dumps([code, states, device_name(), torch.__version__])
    return hashlib.sha256(content.encode()).hexdigest()[:KEY_LENGTH]


def _parts_folder(path: Path, key: str) -> Path:
    """The folder of the conditions predicted so far for the file `path`; those of other keys are
    removed."""
    names = re.compile(rf"\.{re.escape(path.stem)}\.[0-9a-f]{{{KEY_LENGTH}}}")
    for other in path.parent.glob(".*"):
        if names.fullmatch(other.name) and not other.name.endswith(key):
            shutil.rmtree(other)
    return path.with_name(f".{path.stem}.{key}")


def _part_path(folder: Path, condition: int) -> Path:
    return folder / f"{condition}.npy"


def _load_batches(
    members: list[Classifier],
    conditions: list[Images],
    places: list[tuple[int, np.ndarray]],
    workers: int,
) -> Iterator[list[Tensor]]:
    """Images at each of `places`, a condition and indices in it, in each of `views_of` the
    members."""
    device = next(members[0][0].parameters()).device
    return several_batches(
        conditions[0], places, device, workers, partial(_read_views, conditions, views_of(members))
    )


def _read_views(
    conditions: list[Images], views: list[View | None], place: tuple[int, np.ndarray]
) -> list[np.ndarray]:
    condition, indices = place
    return images_in_views(conditions[condition], indices, views)


def views_of(members: list[Classifier]) -> list[View | None]:
    """The views of the members, each once."""
    return list(dict.fromkeys(view_of(member) for _, member in members))


def batches_of(images: Images, members: list[Classifier]) -> list[np.ndarray]:
    """Indices of all images in batches of about `BATCH_BYTES`, by the largest view in which a
    member sees them."""
    own = images.size if isinstance(images, FileImages) else images[:1].shape[1]
    side = max(view.size if view else own for view in views_of(members))
    return in_order(len(images), max(FEWEST, BATCH_BYTES // (side**2 * 3 * 4)))


def logits(member: Classifier, images: Images, workers: int = 0) -> np.ndarray:
    """Logits of N `images`, float16 NxK, as from `storable`.

    Args:
        workers: number of processes that decode image files.

    Raises:
        Fault: a logit is NaN or infinite.
    """
    places = [(0, indices) for indices in batches_of(images, [member])]
    loaded = _load_batches([member], [images], places, workers)
    return np.concatenate([_batch_logits([member], batch)[0] for batch in loaded])


def accuracy(member: Classifier, images: Images, labels: np.ndarray, workers: int) -> float:
    """Share of `images` that a member labels as in `labels`, int64 N."""
    return float((logits(member, images, workers).argmax(1) == labels).mean())


def _batch_logits(members: list[Classifier], view_images: list[Tensor]) -> list[np.ndarray]:
    """float16 BxK of each member; `view_images` are the images in each of `views_of`.

    Members that see images alike share the normalised ones: for a small network they cost a third
    as much as itself.
    """
    batch = dict(zip(views_of(members), view_images, strict=True))
    shared: dict[tuple, Tensor] = {}
    outputs = []
    with inference():
        for network, member in members:
            view = view_of(member)
            preprocessing = view, *map(tuple, member.normalising)
            if preprocessing not in shared:
                shared[preprocessing] = normalised(batch[view], *member.normalising)
            outputs.append(network(shared[preprocessing]))
    named = zip(members, outputs, strict=True)
    return [storable(values.float().cpu().numpy(), member.member) for (_, member), values in named]


def storable(logits: np.ndarray, member: str) -> np.ndarray:
    """`logits` float32 BxK as float16: of an image with a logit beyond `LARGEST_STORED`, less the
    largest of them.

    Neither order nor probabilities depend on what is subtracted, nor do means of logits in what
    they answer. Distances beyond float16's range, whose probability is zero, become its lowest
    number.

    Raises:
        Fault: a logit is NaN or infinite.
    """
    wrong = ~np.isfinite(logits).all(axis=1)
    if wrong.any():
        raise Fault(
            f"{member}: logits contain NaN or infinity for {wrong.sum():,} of {len(logits):,} "
            "images"
        )
    large = np.abs(logits).max(axis=1) > LARGEST_STORED
    if large.any():
        exact = logits[large].astype(np.float64)
        exact -= exact.max(axis=1, keepdims=True)
        logits = logits.copy()
        logits[large] = np.maximum(exact, np.finfo(np.float16).min)
    return logits.astype(np.float16)


def features(member: Classifier, images: np.ndarray) -> np.ndarray:
    """Penultimate features float32 NxD of `images` (uint8 NxHxWx3), resized where the member sees
    them in a view."""
    network, description = member
    (images,) = images_in_views(images, ALL_IMAGES, [view_of(description)])
    device = next(network.parameters()).device
    with inference():
        parts = [
            logits_and_features(network, normalised(batch, *description.normalising))[1]
            .float()
            .cpu()
            for batch in batches(images, batches_of(images, [member]), device, workers=0)
        ]
    return torch.cat(parts).numpy()


STAGE_BATCH = 64
PARTS = 3


def stage_grams(member: Classifier, images: np.ndarray) -> np.ndarray:
    """Gram matrices of the first, the middle and the last feature stage of a member, on the same
    images.

    Linear CKA needs no more, and does not depend on the size of maps, which differs between
    networks. The images go through the network once for each stage, so that the features of but one
    are in memory.

    Args:
        images: uint8 N x H x W x 3; resized if the member sees images in a view of its own.

    Returns:
        float32 3 x N x N, each scaled to a largest absolute value of 1; NaN for a network whose
        stages are unknown.
    """
    network, description = member
    (images,) = images_in_views(images, ALL_IMAGES, [view_of(description)])
    stages = feature_stages(network)
    names = list(stages)
    if not names:
        return np.full((PARTS, len(images), len(images)), np.nan, np.float32)
    device, order, grams = next(network.parameters()).device, in_order(len(images), STAGE_BATCH), []
    for name in (names[0], names[(len(names) - 1) // 2], names[-1]):
        features = np.empty((0, 0), np.float32)  # filled by parts, without a second copy in memory
        for chosen, batch in zip(order, batches(images, order, device, workers=0), strict=True):
            with inference(), watched_stages({"stage": stages[name]}) as outputs:
                network(normalised(batch, *description.normalising))
            part = outputs["stage"].flatten(1).float().cpu().numpy()
            if not features.size:
                features = np.empty((len(images), part.shape[1]), np.float32)
            features[chosen] = part
        inner = gram(features)
        grams.append(inner / max(np.abs(inner).max(), np.finfo(float).tiny))
    return np.stack(grams).astype(np.float32)
