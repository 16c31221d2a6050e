"""Datasets in folders: a folder for each class, a file for each image.

Snakemake compares no folders of images, so that a hash of their files' states is a parameter of
what reads them.
"""

import hashlib
import os
import re
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from importlib.util import find_spec
from itertools import chain
from pathlib import Path

import numpy as np
from tqdm import tqdm

from resiliency.base.faults import FILES_NAMED, Fault, Progress, excerpt, hint
from resiliency.base.names import SYNSET
from resiliency.data.pictures import FileImages, file_state, files_of, header_fault, printable
from resiliency.data.source import ALL, SPLITS, Part, Source, cache_folder
from resiliency.storage import read_json, write_json

SUFFIXES = (".jpg", ".jpeg", ".png", ".webp")
LONGEST = 230  # bytes of a name; file systems allow 255, suffixes included


def images_in(folder: str) -> tuple[list[str], list[str]]:
    """Sorted paths, relative to the class folder `folder`, of the images in it, and the names of
    what else is in it.

    Raises:
        Fault: there are no images, or a folder cannot be listed.
    """
    images, left_out, pending = [], [], [folder]
    above = os.path.realpath(os.path.dirname(folder)), os.path.dirname(os.path.realpath(folder))
    visited = {str(path) for lowest in map(Path, above) for path in (lowest, *lowest.parents)}
    while pending:
        path = pending.pop()
        real = os.path.realpath(path)
        entries = [] if real in visited else entries_in(path)
        visited.add(real)
        for entry in entries:
            hidden = entry.name.startswith(".")
            if not hidden and _is_folder(entry):
                pending.append(entry.path)
            elif entry.name.lower().endswith(SUFFIXES) and not hidden:
                images.append(entry.path.removeprefix(folder + os.sep))
            else:
                left_out.append(entry.name)
    if not images:
        raise Fault(
            f"{printable(folder)}: no {' '.join(SUFFIXES)} file in this class folder; add images "
            "or remove it"
        )
    return sorted(images), left_out


def names_of(images: list[str]) -> list[str]:
    """A different name for each path in `images`: the path without suffix, with "_" for separators.

    Where several would be alike, their suffixes are appended, as in `cat_png`; then "_" until no
    two are. Of names of more than `LONGEST` bytes the end becomes a hash of all.
    """
    split = []
    for image in images:
        stem, suffix = os.path.splitext(image.replace(os.sep, "_"))
        if len(encoded := stem.encode()) > LONGEST:
            stem = (
                f"{encoded[: LONGEST - 17].decode(errors='ignore')}-"
                f"{hashlib.sha256(encoded).hexdigest()[:16]}"
            )
        split.append((stem, suffix[1:]))
    counts, names = Counter(stem for stem, _ in split), {}
    for stem, suffix in split:
        name = stem if counts[stem] == 1 else f"{stem}_{suffix}"
        while name in names:
            name += "_"
        names[name] = None
    return list(names)


def folders_in(folder: Path) -> list[str]:
    """Sorted names of the folders in `folder`, linked ones too, without hidden ones."""
    return [
        entry.name
        for entry in entries_in(folder)
        if _is_folder(entry) and not entry.name.startswith(".")
    ]


def entries_in(folder: str | Path) -> list[os.DirEntry[str]]:
    """The entries of `folder`, sorted by name.

    Raises:
        Fault: `folder` cannot be listed, or a name is not in UTF-8.
    """
    try:
        with os.scandir(folder) as scanned:
            entries = sorted(scanned, key=lambda entry: entry.name)
        for entry in entries:
            entry.name.encode()
    except OSError as error:
        remedy = (
            "make it readable"
            if isinstance(error, PermissionError)
            else "name a folder that is there"
        )
        raise Fault(
            f"{printable(folder)}: cannot be listed ({error.strerror}); {remedy}"
        ) from error
    except UnicodeEncodeError as error:
        raise Fault(
            f"{printable(folder)}: {error.object!r} in it is not named in UTF-8; rename it"
        ) from error
    return entries


def _is_folder(entry: os.DirEntry[str]) -> bool:
    return entry.is_dir(follow_symlinks=False) or (entry.is_symlink() and os.path.isdir(entry.path))


SPELLINGS = {
    "train": ("train", "training"),
    "validation": ("val", "valid", "validation"),
    "test": ("test", "testing"),
}
SYNSETS = 1000
THREADS = 16  # more than there are cores: on a network file system they wait
HEADERS_PER_STEP = 10_000


def image_folder(folder: Path, size: int, margin: float, needed: Sequence[str] = SPLITS) -> Source:
    """The images in `folder`/<split>/<class>, or in `folder`/<class>, which then are one part, ALL.

    The splits are train, with val, test or both, as `SPELLINGS` spells them in upper or lower case;
    val without test serves as the test part. Classes are sorted by name, images by class and then
    by path. Class folders are searched with all folders in them, linked ones too, each once; hidden
    files and suffixes not in `SUFFIXES` are left out.

    Args:
        size, margin: arguments of `pictures.fitted`.
        needed: splits of the study; other splits are not read and need no folder.

    Raises:
        Fault: the layout is another one, splits have different classes, there are fewer than two
            classes, a class is empty, or the header of an image shows that it is unusable.
    """
    return _source("images", folder, _splits(folder, needed), size, margin)


def imagenet(folder: Path, size: int, margin: float, needed: Sequence[str] = SPLITS) -> Source:
    """ImageNet in `folder`/train/<synset> and `folder`/val/<synset>, the test part, as from
    `image_folder`.

    Classes are the synsets in sorted order, which is that of published weights; others are a fault.
    """
    splits = _imagenet_splits(folder, needed)
    for split in splits.values():
        _check_synsets(split)
    return _source("ImageNet, ILSVRC2012 (Russakovsky et al. 2015)", folder, splits, size, margin)


def folders_read(name: str, folder: Path, needed: Sequence[str] = SPLITS) -> list[Path]:
    """The folders that `image_folder` or `imagenet`, as `name` says, reads images from; else
    `folder` as it is."""
    if name == "imagenet":
        return list(_imagenet_splits(folder, needed).values())
    try:
        return list(_splits(folder, needed).values())
    except Fault:
        return [folder]


def folder_classes(folder: Path, needed: Sequence[str] = SPLITS) -> list[str]:
    """Names of the classes of `image_folder`, in their order.

    Raises:
        Fault: the layout is another one, splits have different classes, or there are fewer than two
            classes.
    """
    return _shared_classes(_splits(folder, needed))


def training_fault(folder: Path, needed: Sequence[str]) -> str:
    """Why `image_folder` or `imagenet` cannot read the training images in `needed`; empty if it
    can.

    Raises:
        Fault: the layout is another one.
    """
    splits = _split_folders(folder)
    if (
        "train" in splits
        or not splits
        or not _needs_training_images([of for of in needed if of not in splits])
    ):
        return ""
    name, others = splits["test"].name, len(folders_in(folder)) - len(splits)
    hint = f"; if {name!r} is a class beside {others:,} others, rename it" if others else ""
    return (
        f"{printable(folder)}: found {name}/ but no train/; add train/ with the same classes{hint}"
    )


def count_images(folder: Path, needed: Sequence[str]) -> dict[str, int]:
    """Number of images of each part of `image_folder`, ALL being "all".

    Raises:
        Fault: the layout is another one, or a class has no images.
    """
    parts = _splits(folder, needed).items()
    return {
        part: sum(len(images_in(f"{path}/{name}")[0]) for name in folders_in(path))
        for part, path in parts
    }


def class_folders(folder: Path) -> list[str]:
    """Sorted names of the class folders of one part, which lie in `folder` itself.

    Raises:
        Fault: there are no class folders, or `folder` cannot be listed.
    """
    names = folders_in(folder)
    if not names:
        raise Fault(
            f"{printable(folder)}: expected a folder per class, got none; sort the images into "
            "class folders"
        )
    return names


def read_parts(
    folders: Mapping[str, Path], classes: list[str], size: int, margin: float
) -> dict[str, Part]:
    """Part -> the images in its folder, in <class> for each of `classes`; labels are positions in
    `classes`.

    Raises:
        Fault: a class is empty, or the header of an image shows that it is unusable.
    """
    faults: list[str] = []
    with ThreadPoolExecutor(THREADS) as pool:
        parts = {
            part: _part(folder, classes, size, margin, pool) for part, folder in folders.items()
        }
        files = [file for part in parts.values() for file in files_of(part.images)]
        progress = Progress(-(-len(files) // HEADERS_PER_STEP))
        for start in range(0, len(files), HEADERS_PER_STEP):
            block = files[start : start + HEADERS_PER_STEP]
            faults += filter(None, pool.map(header_fault, block))
            progress.step(f"headers of {start + len(block):,} of {len(files):,} images checked")
    if faults:
        raise Fault(faults[0] + (f" (and {len(faults) - 1:,} more)" if len(faults) > 1 else ""))
    return parts


def _imagenet_splits(folder: Path, needed: Sequence[str]) -> dict[str, Path]:
    return ({"train": folder / "train"} if _needs_training_images(needed) else {}) | {
        "test": folder / "val"
    }


def _needs_training_images(needed: Sequence[str]) -> bool:
    """Whether training images are needed: for training, or to hold out validation images."""
    return "train" in needed or "validation" in needed


def _splits(folder: Path, needed: Sequence[str]) -> dict[str, Path]:
    """Part -> its folder, of those that are `needed`; ALL -> `folder` if it has no folder of
    `SPELLINGS`."""
    splits = _split_folders(folder)
    if not splits:
        return {ALL: folder}
    if fault := training_fault(folder, needed):
        raise Fault(fault)
    if "test" not in splits:
        raise Fault(
            f"{printable(folder)}: found {splits['train'].name}/ but neither val/ nor test/; add "
            "one of them"
        )
    held_out = "validation" in needed and "validation" not in splits
    return {
        part: path
        for part, path in splits.items()
        if part in needed or (part == "train" and held_out)
    }


def _split_folders(folder: Path) -> dict[str, Path]:
    """Part -> its folder, of those in `folder` with a name of `SPELLINGS`."""
    splits, folders = {}, folders_in(folder)
    for part, spellings in SPELLINGS.items():
        matches = [name for name in folders if name.lower() in spellings]
        if len(matches) > 1:
            raise Fault(
                f"{printable(folder)}: {matches[0]}/ and {matches[1]}/ mean the same; keep one"
            )
        if matches:
            splits[part] = folder / matches[0]
    if "test" not in splits and "validation" in splits:
        splits["test"] = splits.pop("validation")
    return splits


def _check_synsets(folder: Path) -> None:
    if any(re.fullmatch(r"ILSVRC2012_val_\d+\.JPEG", entry.name) for entry in entries_in(folder)):
        raise Fault(
            f"{printable(folder)}: validation images must be in synset folders; run valprep.sh"
        )
    classes = _classes(folder)
    synsets = sum(SYNSET.fullmatch(name) is not None for name in classes)
    if (synsets, len(classes)) != (SYNSETS, SYNSETS):
        raise Fault(
            f"{printable(folder)}: expected ImageNet's {SYNSETS:,} synset folders, got {synsets:,} "
            "and "
            f"{len(classes) - synsets:,} others; for a subset, set dataset.name to image_folder"
        )
    # As timm lists them, without the seconds that importing timm takes.
    spec = find_spec("timm")
    [timm, *_] = (spec and spec.submodule_search_locations) or [""]
    published = Path(timm, "data/_info/imagenet_synsets.txt").read_text(encoding="utf-8").split()
    if unknown := sorted(set(classes) - set(published)):
        near = hint(unknown[0], sorted(set(published) - set(classes)))
        raise Fault(
            f"{printable(folder)}: {unknown[0]} is not one of ImageNet's 1,000 synsets{near}; "
            "rename it"
        )


def _source(title: str, folder: Path, splits: dict[str, Path], size: int, margin: float) -> Source:
    classes = _shared_classes(splits)
    parts = read_parts(splits, classes, size, margin)
    layout = (
        "<class>/"
        if ALL in splits
        else ", ".join(f"{part} from {path.name}/" for part, path in splits.items())
    )
    return Source(f"{title} in {printable(folder)}: {layout}", classes, parts)


def _shared_classes(splits: dict[str, Path]) -> list[str]:
    """Names of the class folders, sorted, the same in every split."""
    classes = {path: _classes(path) for path in splits.values()}
    everywhere = set.intersection(*map(set, classes.values()))
    for path, names in classes.items():
        for other, theirs in classes.items():
            missing = sorted(set(theirs) - set(names))
            if missing:
                near = hint(missing[0], sorted(set(names) - everywhere))
                lacking = f"no class folder {missing[0]!r}, which {other.name}/ has{near}"
                raise Fault(f"{printable(path)}: {lacking}; all splits must have the same classes")
    return sorted(everywhere)


def _classes(folder: Path) -> list[str]:
    """Sorted names of the class folders in `folder`, two or more."""
    names = class_folders(folder)
    if len(names) == 1:
        raise Fault(
            f"{printable(folder)}: expected two or more class folders, got only {names[0]!r}"
        )
    return names


def _part(
    folder: Path, classes: list[str], size: int, margin: float, pool: ThreadPoolExecutor
) -> Part:
    folders = [os.path.join(folder, name) for name in classes]
    listings, left_out = zip(*pool.map(images_in, folders), strict=True)
    ignored = [
        *chain.from_iterable(left_out),
        *(of.name for of in entries_in(folder) if of.name not in classes),
    ]
    if ignored:
        some = excerpt([printable(name) for name in ignored], FILES_NAMED)
        why = f"hidden, in no class folder, or none of {' '.join(SUFFIXES)}"
        print(f"{printable(folder)}: {len(ignored):,} files ignored: {some} ({why})")
    files = [
        os.path.join(path, image)
        for path, images in zip(folders, listings, strict=True)
        for image in images
    ]
    labels = np.repeat(np.arange(len(classes)), [len(images) for images in listings])
    return Part(
        FileImages(files, size, margin), labels, list(chain.from_iterable(map(names_of, listings)))
    )


MOST_NAMED = 20
SHOWN_AFTER = 2  # seconds after which a progress bar is shown


def broken_pictures(folders: Iterable[Path]) -> list[str]:
    """A line for each picture in <class>/* of `folders` that cannot be decoded; after `MOST_NAMED`,
    their number.

    A progress bar on standard error shows how far it is. Faults are those of `images_in`.
    """
    faults = [fault for folder in folders for fault in _decoding_faults(str(folder)) if fault]
    more = len(faults) - MOST_NAMED
    return faults[:MOST_NAMED] + (
        [f"{more:,} more pictures cannot be used either"] if more > 0 else []
    )


def _decoding_faults(folder: str) -> list[str | None]:
    """The fault of each new or changed picture; None if there is none."""
    classes = [os.path.join(folder, name) for name in folders_in(Path(folder))]
    files = [os.path.join(path, image) for path in classes for image in images_in(path)[0]]
    states = {file: file_state(file) for file in files}
    kept = (
        cache_folder()
        / "pictures"
        / f"{hashlib.sha256(os.fsencode(os.path.abspath(folder))).hexdigest()}.json"
    )
    decoded: dict[str, str] = {}
    with suppress(Fault):
        decoded = read_json(kept)
    new = [
        file
        for file, state in states.items()
        if decoded.get(os.path.relpath(file, folder)) != state
    ]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        found = pool.map(partial(header_fault, decoded=True), new)
        # Seconds between updates, each of which is a line in a file.
        every = 0.1 if sys.stderr.isatty() else 30
        faults = list(
            tqdm(
                found,
                f"Decoding {printable(folder)}",
                len(new),
                delay=SHOWN_AFTER,
                mininterval=every,
            )
        )
    if sound := [file for file, fault in zip(new, faults, strict=True) if not fault]:
        with suppress(OSError, Fault):  # if nothing can be written, all is decoded each time
            write_json(
                kept, decoded | {os.path.relpath(file, folder): states[file] for file in sound}
            )
    return faults


def image_states(*folders: Path) -> str:
    """A hash of path, size and modification time of all images in `folders`, linked folders too,
    hidden ones not."""
    images = ((folder, image) for folder in folders for image in _images(folder))
    return _digest(
        f"{folder.name}/{image} {file_state(f'{folder}/{image}')}" for folder, image in images
    )


def _images(folder: Path) -> Iterator[str]:
    """Path relative to `folder` of each image in it, in order."""
    seen: set[str] = set()
    for path, folders, files in os.walk(folder, followlinks=True):
        real = os.path.realpath(path)
        if real in seen:
            folders.clear()
            continue
        seen.add(real)
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        images = (
            name for name in files if name.lower().endswith(SUFFIXES) and not name.startswith(".")
        )
        yield from (os.path.relpath(f"{path}/{name}", folder) for name in sorted(images))


def published_states(folder: Path, corruption: str, severities: Iterable[int]) -> str:
    """A hash of size and modification time of what a published set holds of a corruption: arrays,
    or class folders.

    A class folder changes where an image is added, removed or replaced, but not where one is
    written over. There are millions of images.
    """
    files = [folder / f"{corruption}.npy", folder / "labels.npy"]
    for place in (folder / corruption, *sorted(folder.glob(f"*/{corruption}"))):
        files += [path for severity in severities for path in sorted(place.glob(f"{severity}/*"))]
    return _digest(f"{file.relative_to(folder)} {file_state(str(file))}" for file in files)


def _digest(parts: Iterable[str]) -> str:
    return hashlib.sha256(os.fsencode("\n".join(parts))).hexdigest()[:16]
