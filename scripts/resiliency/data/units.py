"""Images that are alike or belong together: copies, near duplicates, and units of test images."""

import hashlib
import zlib
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterator
from itertools import chain
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from resiliency.base.faults import Fault, excerpt, expected
from resiliency.base.names import FEWEST_UNITS
from resiliency.base.progress import Progress
from resiliency.data.pictures import FileImages, chunks, files_of, printable, read_images
from resiliency.data.source import ALL, Images, Part, Source
from resiliency.data.split import is_table, with_groups
from resiliency.statistics.resampling import Units
from resiliency.storage.files import read_array, write_array, write_json

EXAMPLES = 3
TAIL = 4096
DIGEST = 16  # bytes of a digest
MOST_DECODED = 100_000  # number of images that are decoded only for comparison: 3 ms each at 500x375 px
REMEDY = "set dataset.allow_duplicates: true"

Splits = dict[str, tuple[Part, np.ndarray]]
Visit = Callable[[str, np.ndarray], None]


def check_duplicates(
    chosen: Splits, contents: dict[str, list[Hashable]], classes: list[str], refused: bool
) -> dict[str, int]:
    """Print how many images are in more than one split, and how many are twice in one, and name the first few.

    Args:
        chosen: split -> part and indices in it, as from `draw_splits`.
        contents: split -> value for each image that only identical images share, as from `image_contents`.
        refused: whether it is a fault if an image is in more than one split, or a class only has images of others.

    Returns:
        `between_splits`: images that an earlier split has too; `within_splits`: images that their own split has before.

    Raises:
        Fault: an image is in more than one split, or a class only has copies, and this is refused.
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
        count = sum(place[2] != earlier[2] for place, earlier in within)
        labels = f", {count:,} of them in two classes" if count else ""
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
    """Print how many images of the additional test set `name` are training or validation images, and the first few.

    Args:
        contents: value for each image that only identical images share, as from `image_contents`.
        classes: names of the classes of the dataset.
        training_digests: uint8 N x `DIGEST`, digests of the training and validation images.
        refused: whether it is a fault if there is such an image, or a class that only has images of others.

    Raises:
        Fault: there is such an image or class, and this is refused.
    """
    training_contents = {row.tobytes() for row in training_digests}
    leaks = [image_label(part, index) for index, content in enumerate(contents) if content in training_contents]
    text = f"{len(leaks):,} images are training or validation images, e.g. {excerpt(leaks, EXAMPLES)}; remove them"
    copied = _copied_classes(name, contents, part.labels, classes)
    _refuse_or_warn(f"test_sets.{name}", [text, *copied] if leaks else copied, refused)


def image_contents(chosen: Splits, side: int, decoded: bool, visit: Visit | None = None) -> dict[str, list[Hashable]]:
    """Split -> a value for each image that only identical images share.

    That is a digest of its pixels, or of files that are not decoded, of their bytes.

    Args:
        chosen: split -> part and indices in it.
        side: height and width of the images in pixels.
        decoded: whether files are decoded; there must be at most `MOST_DECODED`.
        visit: called with the split and its next decoded images.
    """
    count = sum(len(indices) for _, indices in chosen.values())
    in_files = all(isinstance(part.images, FileImages) for part, _ in chosen.values())
    if in_files and decoded and count > MOST_DECODED:
        print(f"{count:,} images, more than {MOST_DECODED:,}: compared byte for byte, not pixel for pixel")
    if in_files and not (decoded and count <= MOST_DECODED):
        return file_contents(
            {split: [files_of(part.images)[i] for i in indices] for split, (part, indices) in chosen.items()}
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
    """uint8 N x `DIGEST` of the digests in `contents`; N is 0 if files were compared."""
    rows = [content for split_contents in contents for content in split_contents if isinstance(content, bytes)]
    return np.frombuffer(b"".join(rows), np.uint8).reshape(-1, DIGEST)


def file_contents(files: dict[str, list[str]]) -> dict[str, list[Hashable]]:
    """Group -> a value for each of its files that only identical files share."""
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
    """Length of a file, and CRC-32 of its end, which distinguish nearly all files without reading them whole."""
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


SIDE = 8
# Correlation of two thumbnails. Traffic signs (gtsrb) split at random: 6.0% of the images held out have such an image
# of their class in an earlier split; split by tracks: 0.03%; CIFAR-10: 0.02%; digits: none of 539.
ALIKE = 0.995
FLATTEST = 1  # standard deviation of a thumbnail, in grey levels, below which it shows nothing to compare
SHARE, FEWEST = 0.01, 3  # share and number of a split's images that are worth a caution
BLOCK = 500
NEAR_EXAMPLES = 3


class Pair(NamedTuple):
    """Indices of an image in its part, and in the part of an earlier split of one that looks almost the same."""

    split: str
    index: int  # type: ignore[assignment]  # hides the method of tuples
    earlier_split: str
    earlier: int


class Thumbnails:
    """Thumbnails of the images of each split, in the order of the splits and of the images."""

    def __init__(self) -> None:
        self.pieces: dict[str, list[np.ndarray]] = {}

    def add(self, split: str, images: np.ndarray) -> None:
        """The thumbnails of further images, uint8 N x side x side x 3, of `split`."""
        self.pieces.setdefault(split, []).append(thumbnails(images))

    def pairs(self, chosen: Splits) -> list[Pair]:
        """For each image that is almost one of its class in an earlier split, that image and the most similar one.

        Args:
            chosen: split -> part and indices of the images that were added, as from `draw_splits`.
        """
        patterns = np.concatenate([normalised(np.concatenate(self.pieces[split])) for split in chosen])
        labels = np.concatenate([part.labels[indices] for part, indices in chosen.values()])
        places = [(split, int(index)) for split, (_, indices) in chosen.items() for index in indices]
        split_numbers = np.repeat(np.arange(len(chosen)), [len(indices) for _, indices in chosen.values()])
        pairs = []
        for label in np.unique(labels):
            for split in range(1, len(chosen)):
                own = np.flatnonzero((labels == label) & (split_numbers == split))
                earlier = np.flatnonzero((labels == label) & (split_numbers < split))
                pairs += _nearest_pairs(patterns, own, earlier)
        return [Pair(*places[one], *places[other]) for one, other in sorted(pairs)]


def thumbnails(images: np.ndarray) -> np.ndarray:
    """uint8 N x `SIDE`²: grey values of `images`, uint8 N x side x side x 3, averaged over a grid of cells."""
    grey = [Image.fromarray(image).convert("L").resize((SIDE, SIDE), Image.Resampling.BOX) for image in images]
    return np.stack([np.asarray(image).ravel() for image in grey])


def count_near_duplicates(chosen: Splits, pairs: list[Pair]) -> dict[str, int]:
    """Split -> how many of its images look almost like one in an earlier split; printed where it is worth telling.

    Args:
        chosen, pairs: arguments and result of `Thumbnails.pairs`.
    """
    counts = {split: sum(pair.split == split for pair in pairs) for split in list(chosen)[1:]}
    for split, count in counts.items():
        if worth_a_warning(count, len(chosen[split][1])):
            examples = [_example(chosen, pair) for pair in pairs if pair.split == split][:NEAR_EXAMPLES]
            print(
                f"warning: dataset: {count:,} of {len(chosen[split][1]):,} {split} images look almost like one of "
                f"their class in another split, as {', '.join(examples)}; keep such images together, see dataset.groups"
            )
    return counts


def _example(chosen: Splits, pair: Pair) -> str:
    own = image_label(chosen[pair.split][0], pair.index)
    return f"{own} = {image_label(chosen[pair.earlier_split][0], pair.earlier)} ({pair.earlier_split})"


def worth_a_warning(alike: int, images: int) -> bool:
    """Whether `alike` of a split's `images` are more than chance and a few mistakes."""
    return alike >= max(FEWEST, SHARE * images)


def normalised(small: np.ndarray) -> np.ndarray:
    """`small` thumbnails, uint8 N x `SIDE`², as float32 of mean 0 and length 1; 0 if one is flat.

    Products of two are their correlations.
    """
    centred = small - small.mean(axis=1, dtype=np.float32, keepdims=True)
    length = np.sqrt((centred**2).sum(axis=1, keepdims=True))
    return np.where(length < FLATTEST * SIDE, 0, centred / np.maximum(length, 1e-6))


def _nearest_pairs(patterns: np.ndarray, own: np.ndarray, others: np.ndarray) -> Iterator[tuple[int, int]]:
    """Each of `own` that is almost one of `others`, with the most similar of them; all are rows of `patterns`."""
    for start in range(0, len(own) if len(others) else 0, BLOCK):
        block = own[start : start + BLOCK]
        correlations = patterns[block] @ patterns[others].T
        nearest = correlations.argmax(axis=1)
        is_near = correlations.max(axis=1) >= ALIKE
        yield from zip(block[is_near].tolist(), others[nearest[is_near]].tolist(), strict=True)


class Grouped(NamedTuple):
    """The units of a test set, and what to say of them.

    Attributes:
        units: units of the images.
        by: pattern, table or `near_duplicates` that defines the units; empty if each image is a unit.
        not_by: why the groups of the images that the study splits do not define them; else empty.
        alike: numbers of sets of similar images, and of images in these, if each image is a unit.
    """

    units: Units
    by: str = ""
    not_by: str = ""
    alike: tuple[int, int] = (0, 0)


def units_of_part(part: Part, others: Source, groups: str, key: str) -> Units:
    """The units of all images of a test set by a pattern or a table.

    Args:
        others: source of the dataset, whose images a table may name too.
        key: key of the study that names `groups`, for messages.

    Raises:
        Fault: as `with_groups`.
    """
    parts = {name: of for name, of in others.parts.items() if of is not part} | {ALL: part}
    try:
        grouped = with_groups(others._replace(parts=parts), groups, ())
    except Fault as fault:
        raise Fault(str(fault).replace("dataset.groups", key)) from fault
    return Units.numbered(grouped.parts[ALL].groups)


def look_alikes(images: Images, labels: np.ndarray) -> Units:
    """Images of a class that look almost the same, or are linked by others that do, are one unit.

    Two do if their thumbnails correlate at `ALIKE` or above.

    Args:
        labels: int N, their classes.
    """
    from scipy.sparse import coo_array  # takes long to load
    from scipy.sparse.csgraph import connected_components

    side = np.asarray(images[:1]).shape[1]
    small = np.concatenate([thumbnails(images[piece]) for piece in chunks(np.arange(len(labels)), side)])
    patterns = normalised(small)
    links = [pairs for label in np.unique(labels) for pairs in _links(patterns, np.flatnonzero(labels == label))]
    first, second = np.concatenate([np.empty((2, 0), np.int64), *links], axis=1)
    graph = coo_array((np.ones(len(first), bool), (first, second)), shape=(len(labels), len(labels)))
    return Units.numbered(connected_components(graph, directed=False)[1])


def _links(patterns: np.ndarray, own: np.ndarray) -> Iterator[np.ndarray]:
    """Pairs of `own`, rows of `patterns`, that look alike: int 2 x P."""
    for start in range(0, len(own), BLOCK):
        block = own[start : start + BLOCK]
        first, second = np.nonzero(patterns[block] @ patterns[own[start:]].T >= ALIKE)
        yield np.stack([block[first], own[start:][second]])


def by_look(images: str, labels: str, groups: str | None, looked_at: bool) -> Grouped:
    """Units of one image each; or, for the groups `near_duplicates`, units of similar images.

    Args:
        images, labels: paths of the images and of their labels.
        looked_at: whether images are compared even if each is a unit; more than `MOST_DECODED` files are not.
    """
    of_class, stored = read_array(labels), read_images(images)
    looked_at &= isinstance(stored, np.ndarray) or len(of_class) <= MOST_DECODED
    similar = look_alikes(stored, of_class) if looked_at or groups else Units.single(len(of_class))
    if groups:
        return Grouped(similar, groups)
    return Grouped(Units.single(len(of_class)), alike=alike(similar))


def alike(units: Units) -> tuple[int, int]:
    """Numbers of units of several images, and of images in these."""
    several = units.sizes[units.sizes > 1]
    return len(several), int(several.sum())


def check_number(test_set: str, grouped: Grouped, fewest: int = FEWEST_UNITS) -> None:
    """Check that there are enough units.

    Args:
        fewest: least number of units: of two, one can be compared with the other; others leave out groups of them.

    Raises:
        Fault: there are fewer units than `fewest`, though enough images.
    """
    units = grouped.units
    if units.number < fewest <= units.images:
        got = f"{units.images:,} images of {test_set} in {units.number} unit{'s' if units.number > 1 else ''}"
        raise Fault(
            f"{grouped.by}: {expected(f'{fewest} units or more', got)}; add images of others, or name finer ones"
        )


def write_units(folder: Path, test_set: str, grouped: Grouped, fewest: int = FEWEST_UNITS) -> None:
    """Write `units.npy` (int32 N) and `units.json` (what they are) of a test set.

    Raises:
        Fault: as `check_number`, which has the arguments.
    """
    units = grouped.units
    check_number(test_set, grouped, fewest)
    by = f", by {grouped.by}" if grouped.by else ""
    print(f"{test_set}: {units.images:,} images in {units.number:,} units{by}")
    if grouped.not_by:
        print(f"warning: {test_set}: each image is a unit of its own: {grouped.not_by}")
    write_array(folder / "units.npy", units.of_image.astype(np.int32))
    described = {"images": units.images, "units": units.number, "by": grouped.by, "not_by": grouped.not_by}
    write_json(folder / "units.json", described | dict(zip(("alike_sets", "alike_images"), grouped.alike, strict=True)))


def units_of_data_set(
    source: Source, test: tuple[Part, np.ndarray], groups: str | None, test_groups: str | None
) -> Grouped:
    """The units of the test images of a dataset by a pattern or a table.

    Args:
        source: source of the dataset, with groups if the study splits it by them.
        test: part with the test images, and their indices in it.
        groups, test_groups: pattern or table for the images that the study splits, and for the test images. Without the
            second, a pattern that all test images of the dataset match counts for them too.

    Raises:
        Fault: as `with_groups`, of `test_groups`.
    """
    part, indices = test
    if test_groups:
        return Grouped(units_of_part(part, source, test_groups, "dataset.test_groups").of(indices), test_groups)
    if part.groups is not None:
        return Grouped(Units.numbered(part.groups[indices]), groups or "the groups of the data set")
    if is_table(groups):
        return _single(indices, f"{groups} is a table of the images that the study splits")
    try:
        return Grouped(units_of_part(part, source, groups, "dataset.groups").of(indices), groups)
    except Fault as fault:
        return _single(indices, str(fault).partition(";")[0])


def _single(indices: np.ndarray, reason: str) -> Grouped:
    return Grouped(Units.single(len(indices)), not_by=f"{reason}; set dataset.test_groups")
