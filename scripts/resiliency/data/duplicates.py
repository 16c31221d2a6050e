"""Images that a data set holds more than once, pixel for pixel or byte for byte."""

import hashlib
import zlib
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable
from itertools import chain
from pathlib import Path

import numpy as np

from resiliency.base.faults import Fault, excerpt
from resiliency.base.progress import Progress
from resiliency.data.images import chunks
from resiliency.data.pictures import FileImages, printable
from resiliency.data.source import Part

EXAMPLES = 3
TAIL = 4096
DIGEST = 16  # bytes
MOST_DECODED = 100_000  # images that are decoded for nothing but this: 3 ms each, of 500x375 px
REMEDY = "set dataset.allow_duplicates: true"

Splits = dict[str, tuple[Part, np.ndarray]]
Visit = Callable[[str, np.ndarray], None]


def check_duplicates(
    chosen: Splits, contents: dict[str, list[Hashable]], classes: list[str], refused: bool
) -> dict[str, int]:
    """Print how many images are in more than one split, and how many are twice in one, and name the first few.

    Args:
        chosen: split -> part and indices in it, as from `draw_splits`.
        contents: split -> for each image what only the same image has too; see `image_contents`.
        classes: names of the classes.
        refused: whether an image in more than one split is a fault, and a class of nothing but images of others.

    Returns:
        `between_splits`: images that an earlier split has too; `within_splits`: images that their own split has before.

    Raises:
        Fault: an image is in more than one split, or a class is a copy, and that is refused.
    """
    owner: dict[Hashable, tuple[str, str, int]] = {}
    between, within = [], []
    for split, (part, indices) in chosen.items():
        for index, content in zip(indices, contents[split], strict=True):
            place = split, image_label(part, index), int(part.labels[index])
            earlier = owner.setdefault(content, place)
            if earlier is not place:
                (within if earlier[0] == split else between).append((place, earlier))
    if within:
        labels = sum(place[2] != earlier[2] for place, earlier in within)
        labels = f", {labels:,} of them in two classes" if labels else ""
        print(f"warning: {len(within):,} images are in their split twice{labels}, e.g. {_examples(within)}")
    leaks = f"{len(between):,} images are in more than one split, e.g. {_examples(between)}; remove them from one"
    messages = [leaks] if between else []
    for split, (part, indices) in chosen.items():
        messages += _copied_classes(split, contents[split], part.labels[indices], classes)
    _refuse_or_warn("dataset", messages, refused)
    return {"between_splits": len(between), "within_splits": len(within)}


def check_test_set(
    name: str, part: Part, contents: list[Hashable], classes: list[str], training_digests: np.ndarray, refused: bool
) -> None:
    """Print how many images of the further test set `name` are training or validation images, and the first few.

    Args:
        contents: as from `image_contents`.
        classes: names of the classes of the data set.
        training_digests: uint8 N x `DIGEST`, digests of the training and validation images.
        refused: whether such an image is a fault, and a class of nothing but images of others.

    Raises:
        Fault: there is such an image or class, and that is refused.
    """
    training_contents = {row.tobytes() for row in training_digests}
    leaks = [image_label(part, index) for index, content in enumerate(contents) if content in training_contents]
    text = f"{len(leaks):,} images are training or validation images, e.g. {excerpt(leaks, EXAMPLES)}; remove them"
    copied = _copied_classes(name, contents, part.labels, classes)
    _refuse_or_warn(f"test_sets.{name}", [text, *copied] if leaks else copied, refused)


def image_contents(chosen: Splits, side: int, decoded: bool, visit: Visit | None = None) -> dict[str, list[Hashable]]:
    """Split -> for each image what only the same image has too.

    That is a digest of its pixels, or of files that are not decoded, of their bytes.

    Args:
        chosen: split -> part and indices in it.
        side: of the images, in pixels.
        decoded: whether files are decoded, of which there must not be more than `MOST_DECODED`.
        visit: called with each split and further images of it that are decoded.
    """
    count = sum(len(indices) for _, indices in chosen.values())
    in_files = all(isinstance(part.images, FileImages) for part, _ in chosen.values())
    if in_files and decoded and count > MOST_DECODED:
        print(f"{count:,} images, more than {MOST_DECODED:,}: compared byte for byte, not pixel for pixel")
    if in_files and not (decoded and count <= MOST_DECODED):
        return file_contents(
            {split: [part.images.files[i] for i in indices] for split, (part, indices) in chosen.items()}
        )
    pieces = {split: chunks(indices, side) for split, (_, indices) in chosen.items()}
    progress = Progress(sum(map(len, pieces.values())), pause=5)
    contents: dict[str, list[Hashable]] = {split: [] for split in chosen}
    for split, (part, _) in chosen.items():
        for piece in pieces[split]:
            images = part.images[piece]
            contents[split] += digests(images)
            if visit:
                visit(split, images)
            progress.step(f"{split}: comparing images")
    return contents


def digests(images: np.ndarray) -> list[bytes]:
    """`DIGEST` bytes of each of `images`, uint8 N x side x side x 3."""
    return [hashlib.blake2b(np.ascontiguousarray(image), digest_size=DIGEST).digest() for image in images]


def digest_array(contents: list[list[Hashable]]) -> np.ndarray:
    """uint8 N x `DIGEST` of the digests in `contents`; N is 0 where files were compared."""
    rows = [content for split_contents in contents for content in split_contents if isinstance(content, bytes)]
    return np.frombuffer(b"".join(rows), np.uint8).reshape(-1, DIGEST)


def file_contents(files: dict[str, list[str]]) -> dict[str, list[Hashable]]:
    """Group -> for each of its files what only files of the same bytes have too."""
    ends = {group: [_length_and_end(file) for file in paths] for group, paths in files.items()}
    counts = Counter(chain.from_iterable(ends.values()))
    return {
        group: [
            hashlib.blake2b(Path(file).read_bytes()).hexdigest() if counts[end] > 1 else end
            for file, end in zip(paths, ends[group], strict=True)
        ]
        for group, paths in files.items()
    }


def _length_and_end(file: str) -> tuple[int, int]:
    """Length of a file, and CRC-32 of its end: what tells nearly all files apart without reading them whole."""
    path = Path(file)
    length = path.stat().st_size
    with path.open("rb") as opened:
        opened.seek(max(0, length - TAIL))
        return length, zlib.crc32(opened.read())


def image_label(part: Part, index: int) -> str:
    """The path of an image, or its name where it is in no file of its own."""
    return printable(part.images.files[index]) if isinstance(part.images, FileImages) else f"image {part.names[index]}"


def _refuse_or_warn(key: str, messages: list[str], refused: bool) -> None:
    """Refuse the first of `messages`, or print all, without what would have to be done."""
    for message in messages:
        if refused:
            raise Fault(f"{key}: {message}, or {REMEDY}")
        print(f"warning: {key}: {message.rpartition(';')[0]}")


def _examples(pairs: list[tuple[tuple[str, str, int], tuple[str, str, int]]]) -> str:
    return excerpt(
        [f"{image} ({split}) = {other} ({earlier})" for (split, image, _), (earlier, other, _) in pairs], EXAMPLES
    )


def _copied_classes(split: str, contents: list[Hashable], labels: np.ndarray, classes: list[str]) -> list[str]:
    """A line if there is a class all of whose images in a split are images of other classes too, else none."""
    labels_of = defaultdict(set)
    for content, label in zip(contents, labels.tolist(), strict=True):
        labels_of[content].add(label)
    shared = np.array([len(labels_of[content]) > 1 for content in contents])
    for label in np.unique(labels) if shared.any() else ():
        own = labels == label
        if shared[own].all():
            other = min(labels_of[contents[own.argmax()]] - {label})
            return [
                f"all {own.sum():,} images of class {classes[label]!r} ({split}) are images of other classes too, as "
                f"of {classes[other]!r}; remove them from one"
            ]
    return []
