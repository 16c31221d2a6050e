"""Stratified splits and subsets, drawn from named streams."""

import csv
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path, PurePosixPath

import numpy as np

from resiliency.base.faults import FILES_NAMED, Fault, excerpt, hint
from resiliency.base.names import check_written_alike
from resiliency.base.streams import stream
from resiliency.data.pictures import FileImages, files_of, printable
from resiliency.data.source import ALL, SPLITS, Part, Source, Split, lines_of

Paths = Sequence[tuple[str, ...]]  # components of each path


def listed_images(path: str | Path, source: Source) -> np.ndarray:
    """Sorted int64 indices, in the test part of `source`, of the images that the file at `path`
    names, a line each.

    A line is the end of an image's path, long enough to identify it:
    `ILSVRC2012_val_00000293.JPEG`, or with the folders above,
    `n01440764/ILSVRC2012_val_00000293.JPEG`.

    Raises:
        Fault: the file cannot be read or names no image; a line names no image, several, or one
            that is named before; or the dataset has no test part.
    """
    if ALL in source.parts:
        raise Fault(f"dataset.images: {path} lists test images; put them in a folder test/ or val/")
    files = [
        PurePosixPath(Path(file).as_posix()).parts for file in files_of(source.parts["test"].images)
    ]
    lines = [(number, line) for number, line in enumerate(lines_of(path, "file name"), 1) if line]
    if not lines:
        raise Fault(f"{path}: expected one file name per line, got none")
    return np.array(sorted(_named_files(path, lines, files, "test image")), np.int64)


def _named_files(
    path: str | Path, lines: Iterable[tuple[int, str]], files: Paths, kind: str, others: Paths = ()
) -> dict[int, int]:
    """Position among `files`, each a `kind`, -> number of the line in the file at `path` that names
    it alone.

    A line is the end of a file's path, long enough to identify it; those of `others` are ignored.
    """
    find, find_other = _finder(files), _finder(others)
    numbers: dict[int, int] = {}
    for number, end in lines:
        matches = find(end)
        if not matches and find_other(end):
            continue
        if len(matches) != 1:
            if matches:
                first, second = ("/".join(files[index][-2:]) for index in matches[:2])
                some = f"e.g. {first} and {second}; write the class folder too"
                reason = f"there are {len(matches)} such {kind}s, {some}"
            else:
                near = hint(PurePosixPath(end).name, list({parts[-1] for parts in files}))
                reason = f"there is no such {kind}{near}"
            raise Fault(f"{path}, line {number}: {printable(end)}: {reason}")
        earlier = numbers.setdefault(matches[0], number)
        if earlier != number:
            raise Fault(
                f"{path}, line {number}: {printable(end)}: named in line {earlier} already; remove "
                "one"
            )
    return numbers


def _finder(files: Paths) -> Callable[[str], list[int]]:
    """A function: the end of a path -> positions of those of `files`, given by their components,
    that end so."""
    by_name: dict[str, list[int]] = {}
    for index, parts in enumerate(files):
        by_name.setdefault(parts[-1], []).append(index)

    def find(end: str) -> list[int]:
        parts = PurePosixPath(end).parts
        candidates = by_name.get(parts[-1], []) if parts else []
        return [index for index in candidates if files[index][-len(parts) :] == parts]

    return find


def draw_splits(
    source: Source,
    validation_fraction: float,
    test_fraction: float,
    images_per_class: Mapping[Split, int],
    seed: int,
    needed: Sequence[str] = SPLITS,
    image_list: str | None = None,
) -> dict[str, tuple[Part, np.ndarray]]:
    """The images of each split: the part of `source` from which they come, and their sorted int64
    indices in it.

    Args:
        validation_fraction, test_fraction: shares of the images that are held out if `source` has
            no such part.
        images_per_class: split -> largest number of images of a class; a larger number keeps the
            images of a smaller one.
        needed: splits that are returned.
        image_list: path of a file that names the test images (see `listed_images`); some classes
            may then have none.

    Raises:
        Fault: a class is left without an image in some split, or has too few groups; or as
            `listed_images`.
    """
    parts, name = source.parts, _part_to_split(source, needed)
    chosen = {split: (part, np.arange(len(part.labels))) for split, part in parts.items()}
    if name:
        part = parts[name]
        if part.groups is not None:
            _check_groups(
                part.labels, part.groups, source.classes, SPLITS if name == ALL else SPLITS[:2]
            )
        validation = round(validation_fraction * len(part.labels))
        test = round(test_fraction * len(part.labels)) if name == ALL else None
        drawn = split_indices(part.labels, validation, test, seed, part.groups)
        chosen |= {split: (part, indices) for split, indices in drawn.items()}
    if image_list:
        indices = listed_images(image_list, source)
        chosen["test"] = parts["test"], indices
    chosen = {split: chosen[split] for split in SPLITS if split in needed}
    for limited, most in images_per_class.items():
        if limited in chosen:
            part, indices = chosen[limited]
            order = indices[stream(seed, "images per class", limited).permutation(len(indices))]
            kept = [
                order[part.labels[order] == label][:most] for label in np.unique(part.labels[order])
            ]
            chosen[limited] = part, np.sort(np.concatenate(kept))
    for split, (part, indices) in chosen.items():
        if image_list and split == "test":
            continue
        if missing := set(range(len(source.classes))) - set(part.labels[indices].tolist()):
            remedy = "add images, or change validation_fraction and test_fraction"
            raise Fault(
                f"dataset: no image of class {source.classes[min(missing)]!r} is left for {split}; "
                f"{remedy}"
            )
    return chosen


def _part_to_split(source: Source, needed: Sequence[str]) -> str | None:
    """The part of `source` that the study splits; None if it has all `needed` splits."""
    if ALL in source.parts:
        return ALL
    return "train" if "validation" in needed and "validation" not in source.parts else None


def split_indices(
    labels: np.ndarray,
    validation: int,
    test: int | None,
    seed: int,
    groups: np.ndarray | None = None,
) -> dict[str, np.ndarray]:
    """Sorted indices of the `validation` and `test` images, and of the others, which train.

    Args:
        labels: int N.
        validation, test: number of images; classes keep their shares as far as whole numbers, or
            whole groups, allow. If `test` is None, no test images are split off.
        groups: int N, group of each image; no group is split.

    Returns:
        split -> int64 indices, disjoint, together 0..N-1.
    """
    rest, held_out = np.arange(len(labels)), {}
    for name, count, spare in (("test", test, 2), ("validation", validation, 1)):
        if count is None:
            continue
        if groups is None:
            chosen = stratified_sample(labels[rest], count, seed, f"{name} split")
        else:
            chosen = sample_of_groups(
                labels[rest], groups[rest], count, spare, seed, f"{name} split"
            )
        held_out[name] = rest[chosen]
        rest = np.setdiff1d(rest, held_out[name])
    return {"train": rest, **held_out}


def stratified_sample(labels: np.ndarray, count: int, seed: int, *names: str) -> np.ndarray:
    """Sorted indices of `count` images, drawn without replacement so that classes keep their
    shares.

    Each class gets the whole part of its share; the images that are then missing go to the largest
    remainders, of equal ones to some at random.
    """
    classes, sizes = np.unique(labels, return_counts=True)
    shares = count * sizes / len(labels)
    counts = np.floor(shares).astype(int)
    ties = stream(seed, *names, "remainders").permutation(len(classes))
    counts[np.lexsort([ties, np.round(counts - shares, 9)])[: count - counts.sum()]] += 1
    random = stream(seed, *names)
    chosen = [
        random.choice(np.flatnonzero(labels == c), n, replace=False)
        for c, n in zip(classes, counts, strict=True)
    ]
    return np.sort(np.concatenate(chosen))


def sample_of_groups(
    labels: np.ndarray, groups: np.ndarray, count: int, spare: int, seed: int, *names: str
) -> np.ndarray:
    """Sorted indices of about `count` images, all those of some groups, drawn so that classes keep
    their shares.

    Groups are tried in random order. One is taken if this brings its classes nearer to their
    shares; a class that then has no image gets the smallest of its groups.

    Args:
        labels, groups: int N, class and group of each image; a group may have images of several
            classes.
        spare: number of groups of each class that are not taken.
    """
    classes, class_positions = np.unique(labels, return_inverse=True)
    numbers, group_positions = np.unique(groups, return_inverse=True)
    pairs, sizes = np.unique(
        np.stack([group_positions, class_positions]), axis=1, return_counts=True
    )
    starts = np.searchsorted(pairs[0], np.arange(len(numbers) + 1))
    contents = [(pairs[1, start:stop], sizes[start:stop]) for start, stop in pairwise(starts)]
    targets, counts = count * np.bincount(class_positions) / len(labels), np.zeros(len(classes))
    free = np.bincount(pairs[1], minlength=len(classes)) - spare
    is_taken = np.zeros(len(numbers), bool)
    order = stream(seed, *names).permutation(len(numbers))

    def take(group: int) -> None:
        positions, images = contents[group]
        counts[positions] += images
        free[positions] -= 1
        is_taken[group] = True

    for group in order:
        positions, images = contents[group]
        missing = targets[positions] - counts[positions]
        if np.abs(missing - images).sum() < np.abs(missing).sum() and (free[positions] > 0).all():
            take(group)
    for empty in range(len(classes)):
        own = [group for group in order if empty in contents[group][0]] if not counts[empty] else []
        if possible := [group for group in own if (free[contents[group][0]] > 0).all()]:
            take(min(possible, key=lambda group: contents[group][1].sum()))
    return np.flatnonzero(is_taken[group_positions])


def probe_indices(labels: np.ndarray, count: int, seed: int) -> np.ndarray:
    """Sorted indices of the `count` test images on which attributions and activations are compared.

    Raises:
        Fault: there are fewer test images.
    """
    if count > len(labels):
        raise Fault(f"probe.n_images: {count} is more than the {len(labels)} test images")
    return stratified_sample(labels, count, seed, "probe")


MOST_CALIBRATION = 5_000


def calibration_indices(labels: np.ndarray, seed: int) -> np.ndarray:
    """Sorted indices of the validation images that temperatures are fitted on: all, or
    `MOST_CALIBRATION`.

    As many as Guo et al. (ICML 2017) took of CIFAR; one number is fitted.
    """
    return stratified_sample(labels, min(len(labels), MOST_CALIBRATION), seed, "calibration")


def _check_groups(
    labels: np.ndarray, groups: np.ndarray, classes: list[str], drawn: Sequence[str]
) -> None:
    pairs = np.unique(np.stack([labels, groups]), axis=1)
    counts = np.bincount(pairs[0], minlength=len(classes))
    if (counts < len(drawn)).any():
        few = int(np.argmin(counts))
        raise Fault(
            f"dataset.groups: class {classes[few]!r} has {counts[few]} groups, expected at least "
            f"{len(drawn)}, one "
            f"each for {', '.join(drawn[:-1])} and {drawn[-1]}; add images of other groups, or "
            "name finer groups"
        )


COLUMNS = ("image", "group")
BY_TABLE = f"name a CSV file with the columns {' and '.join(COLUMNS)}"
Files = dict[str, Paths]  # part -> path of each image
# Part -> position of an image -> its group, of the images that have one.
Found = dict[str, dict[int, str]]


def with_groups(source: Source, groups: str | None, needed: Sequence[str]) -> Source:
    """`source` with the groups of the part that the study splits.

    Args:
        groups: pattern, or path of a table; None leaves the dataset's own groups.
        needed: splits of the study.

    Raises:
        Fault: an image does not match the pattern or has no row in the table, a group has images in
            two parts, names of groups differ only in case or as 1 and 1.0, or each image is a group
            of its own; or as `read_groups`.
    """
    if groups is None:
        return source
    name = _part_to_split(source, needed)
    order = sorted(source.parts, key=lambda part: part != name)
    files = {part: _paths(source.parts[part], source.classes) for part in order}
    found = (_groups_in_table if is_table(groups) else _groups_by_pattern)(groups, source, files)
    _check_groups_of_parts(groups, files, found)
    if name is None:
        print("dataset.groups: not used, for the data set has splits of its own")
        return source
    if lacking := [index for index in range(len(files[name])) if index not in found[name]]:
        images = excerpt(
            [printable("/".join(files[name][index][-2:])) for index in lacking], FILES_NAMED
        )
        remedy = (
            "add a row for each image" if is_table(groups) else f"change the pattern, or {BY_TABLE}"
        )
        share = f"{len(lacking):,} of {len(files[name]):,} images"
        raise Fault(f"dataset.groups: no group by {groups!r} for {share}: {images}; {remedy}")
    keys = [found[name][index] for index in range(len(files[name]))]
    if len(set(keys)) == len(keys) > 1:
        reason = f"each of {len(keys):,} images is a group of its own"
        raise Fault(
            f"dataset.groups: {groups}: {reason}; name what images have in common, or remove it"
        )
    numbers = {key: number for number, key in enumerate(dict.fromkeys(keys))}
    part = source.parts[name]._replace(groups=np.array([numbers[key] for key in keys], np.int64))
    print(f"dataset.groups: {len(part.labels):,} images in {len(numbers):,} groups")
    return source._replace(parts=source.parts | {name: part})


def _check_groups_of_parts(groups: str, files: Files, found: Found) -> None:
    """Raise a Fault if a group has images in two parts, or two names may mean one group."""
    first: dict[str, tuple[str, int]] = {}
    for part, of_part in found.items():
        for index, group in of_part.items():
            other, its = first.setdefault(group, (part, index))
            if other != part:
                images = " and ".join(
                    printable("/".join(files[of][at][-3:]))
                    for of, at in ((other, its), (part, index))
                )
                raise Fault(
                    f"dataset.groups: {groups}: group {printable(group)} has images in two splits, "
                    f"{images}; put its "
                    "images into one, or give other groups other names in a CSV file"
                )
    check_written_alike(f"dataset.groups: {groups}", first)


def is_table(groups: str) -> bool:
    """Whether `dataset.groups` names a table, not a pattern."""
    return groups.lower().endswith(".csv")


PLACE = r"<[^<>/*]+>"  # part of a pattern that names a group, such as `<track>`


def _groups_by_pattern(pattern: str, source: Source, files: Files) -> Found:
    """Groups of images that match: the class, and the parts of the file name at the places of
    `pattern`.

    Places match as many characters as they can. A pattern with slashes is matched with as many
    folders too.
    """
    pieces = re.split(f"({PLACE}|\\*)", pattern)  # every second one is a place or a star
    forms = [re.escape(piece) for piece in pieces]
    forms[1::2] = ["[^/]*" if piece == "*" else "([^/]+)" for piece in pieces[1::2]]
    regex, depth, found = re.compile("".join(forms)), pattern.count("/") + 1, {}
    for part, paths in files.items():
        matches = [regex.fullmatch("/".join(path[-depth:])) for path in paths]
        names = [source.classes[label] for label in source.parts[part].labels.tolist()]
        groups = enumerate(zip(names, matches, strict=True))
        found[part] = {
            index: "/".join([name, *match.groups()]) for index, (name, match) in groups if match
        }
    return found


def _groups_in_table(path: str, source: Source, files: Files) -> Found:
    """Groups as the table at `path` has them; a row is of an image of the first part that has such
    a one."""
    rows, found = read_groups(path), {}
    groups, left = (
        {line: group for line, _, group in rows},
        [(line, image) for line, image, _ in rows],
    )
    for part, paths in files.items():
        others = [other for name, of_part in files.items() if name != part for other in of_part]
        lines = _named_files(path, left, paths, "image", others)
        left = [row for row in left if row[0] not in lines.values()]
        found[part] = {index: groups[line] for index, line in lines.items()}
    return found


def read_groups(path: str | Path) -> list[tuple[int, str, str]]:
    """Number of the line, image and group of each row of a CSV file with the columns `COLUMNS`,
    perhaps among others.

    An image is the end of a path, as long as tells it from others.

    Raises:
        Fault: the file cannot be read, has no rows, lacks a column or has it twice, or a cell is
            empty.
    """
    rows = []
    try:
        with open(path, newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            names = list(reader.fieldnames or [])
            for column in COLUMNS:
                if (count := names.count(column)) != 1:
                    columns = ", ".join(names[:10]) or "none"
                    raise Fault(
                        f"{path}: expected one column {column!r}, got {count}; there are {columns}"
                    )
            for row in reader:
                image, group = (str(row[column] or "").strip() for column in COLUMNS)
                if not (image and group):
                    column = "group" if image else "image"
                    raise Fault(
                        f"{path}, line {reader.line_num}: {column}: expected a name, got nothing; "
                        "add it"
                    )
                rows.append((reader.line_num, image, group))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise Fault(f"{path}: cannot be read ({error}); a CSV file is needed") from error
    if not rows:
        raise Fault(f"{path}: has no rows; add one for each image")
    return rows


def _paths(part: Part, classes: list[str]) -> Paths:
    """The components of the path of each image; class and name of images that are in no files of
    their own."""
    if isinstance(part.images, FileImages):
        return [PurePosixPath(Path(file).as_posix()).parts for file in part.images.files]
    return [
        (classes[label], name) for label, name in zip(part.labels.tolist(), part.names, strict=True)
    ]
