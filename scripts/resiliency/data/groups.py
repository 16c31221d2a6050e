"""Groups of images that are alike, such as the frames of one film, of which a split takes all or none."""

import csv
import io
import re
from collections.abc import Hashable, Iterable, Sequence
from pathlib import Path, PurePosixPath

import numpy as np

from resiliency.base.faults import Fault
from resiliency.data.image_lists import named_files
from resiliency.data.pictures import FileImages, printable
from resiliency.data.source import Part, Source
from resiliency.data.split import part_to_split

COLUMNS = ("image", "group")
SEPARATORS = ",;\t"


def with_groups(source: Source, groups: str | None, needed: Sequence[str]) -> Source:
    """`source` with the groups of the part that the study splits.

    Args:
        groups: a pattern or the path of a table; None leaves the groups that the data set has itself.
        needed: the splits that the study has.

    Raises:
        Fault: an image does not match the pattern or has no row in the table, the table has a group of this part and of
            another one, or each image is a group of its own; or as `read_groups`.
    """
    name = part_to_split(source, needed)
    if groups is None:
        return source
    if name is None:
        print("dataset.groups: not used, for the data set has splits of its own")
        return source
    keys = (_groups_in_table if is_table(groups) else _groups_by_pattern)(groups, source, name)
    if len(set(keys)) == len(keys) > 1:
        reason = f"each of {len(keys):,} images is a group of its own"
        raise Fault(f"dataset.groups: {groups}: {reason}; name what images have in common, or remove it")
    part = source.parts[name]._replace(groups=_numbered(keys))
    print(f"dataset.groups: {len(part.labels):,} images in {part.groups.max() + 1:,} groups")
    return source._replace(parts=source.parts | {name: part})


def is_table(groups: str) -> bool:
    """Whether `dataset.groups` names a table, not a pattern."""
    return groups.lower().endswith(".csv")


def is_pattern(groups: str) -> bool:
    """Whether `dataset.groups` has a part that names a group, such as `<track>`."""
    return re.search(PLACE, groups) is not None


PLACE = r"<[^<>/*]+>"


def _groups_by_pattern(pattern: str, source: Source, name: str) -> list[Hashable]:
    """The group of each image of a part: its class, and what the places of `pattern` stand for in its file name.

    Places match as many characters as they can. A pattern with slashes is matched with as many folders too.
    """
    pieces = re.split(f"({PLACE}|\\*)", pattern)
    forms = {"*": "[^/]*"}
    regex = re.compile(
        "".join("([^/]+)" if re.fullmatch(PLACE, piece) else forms.get(piece, re.escape(piece)) for piece in pieces)
    )
    part, depth = source.parts[name], pattern.count("/") + 1
    ends = ["/".join(parts[-depth:]) for parts in _paths(part, source.classes)]
    matches = [regex.fullmatch(end) for end in ends]
    if unmatched := [end for end, match in zip(ends, matches, strict=True) if not match]:
        more = f" (and {len(unmatched) - 1:,} more)" if len(unmatched) > 1 else ""
        raise Fault(
            f"dataset.groups: {printable(unmatched[0])}{more} does not match {pattern!r}; change the pattern, or name "
            f"a CSV file with the columns {' and '.join(COLUMNS)}"
        )
    return [(label, *match.groups()) for label, match in zip(part.labels.tolist(), matches, strict=True)]


def _groups_in_table(path: str, source: Source, name: str) -> list[Hashable]:
    """The group of each image of a part, as the table at `path` has it."""
    files = _paths(source.parts[name], source.classes)
    others = [file for other, part in source.parts.items() if other != name for file in _paths(part, source.classes)]
    rows = read_groups(path)
    lines = named_files(path, [(line, image) for line, image, _ in rows], files, "image", others)
    if lacking := [index for index in range(len(files)) if index not in lines]:
        image = printable("/".join(files[lacking[0]][-2:]))
        more = f" and {len(lacking) - 1:,} more images" if len(lacking) > 1 else ""
        raise Fault(f"{path}: has no row for {image}{more}; add one for each image")
    groups = {line: group for line, _, group in rows}
    own = [groups[lines[index]] for index in range(len(files))]
    used, split = set(lines.values()), set(own)
    for line, image, group in rows:
        if line not in used and group in split:
            raise Fault(
                f"{path}, line {line}: {printable(image)}: group {printable(group)} is also that of images of another "
                "split; put its images into one split"
            )
    return own


def read_groups(path: str | Path) -> list[tuple[int, str, str]]:
    """Number of the line, image and group of each row of a CSV file with the columns `COLUMNS`, perhaps among others.

    The header shows how it separates values: with commas, semicolons or tabs. An image is the end of a path, as long
    as tells it from others.

    Raises:
        Fault: it cannot be read, has no rows, lacks a column or has it twice, or a cell is empty.
    """
    rows = []
    try:
        text = Path(path).read_text(encoding="utf-8-sig")
        separator = max(SEPARATORS, key=text.partition("\n")[0].count)
        reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=separator)
        names = list(reader.fieldnames or [])
        for column in COLUMNS:
            if names.count(column) != 1:
                columns = ", ".join(names[:10]) or "none"
                raise Fault(f"{path}: expected one column {column!r}, got {names.count(column)}; there are {columns}")
        for row in reader:
            image, group = (str(row[column] or "").strip() for column in COLUMNS)
            if not (image and group):
                column = "group" if image else "image"
                raise Fault(f"{path}, line {reader.line_num}: {column}: expected a name, got nothing; add it")
            rows.append((reader.line_num, image, group))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise Fault(f"{path}: cannot be read ({error}); a CSV file is needed") from error
    if not rows:
        raise Fault(f"{path}: has no rows; add one for each image")
    return rows


def _paths(part: Part, classes: list[str]) -> list[tuple[str, ...]]:
    """The components of the path of each image; class and name of images that are in no files of their own."""
    if isinstance(part.images, FileImages):
        return [PurePosixPath(Path(file).as_posix()).parts for file in part.images.files]
    return [(classes[label], name) for label, name in zip(part.labels.tolist(), part.names, strict=True)]


def _numbered(keys: Iterable[Hashable]) -> np.ndarray:
    """int64 N: equal keys get one number, from 0 in the order in which they come."""
    numbers: dict[Hashable, int] = {}
    return np.array([numbers.setdefault(key, len(numbers)) for key in keys], np.int64)
