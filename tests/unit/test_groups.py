"""Images that belong together, such as the frames of a film, are never in two splits."""

import hashlib
import re
from pathlib import Path

import numpy as np
import pytest
from fault_messages import fault_of
from hypothesis import given, settings
from hypothesis import strategies as st

from resiliency.data.pictures import FileImages
from resiliency.data.source import ALL, SPLITS, Part, Source
from resiliency.data.split import draw_splits, split_indices, with_groups

CLASSES = ["cat", "dog"]
FILES = [f"data/{name}/film_{film}_{frame}.jpg" for name in CLASSES for film in range(3) for frame in range(2)]
FILMS = [0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5]


def source(files: list[str] = FILES, **others: Part) -> Source:
    labels = np.array([CLASSES.index(Path(file).parts[1]) for file in files])
    part = Part(FileImages(files, 32, 1), labels, [Path(file).stem for file in files])
    return Source("toy", CLASSES, {"train" if others else ALL: part} | others)


def groups_of(of: Source, groups: str) -> list[int]:
    (part,) = (part for part in with_groups(of, groups, SPLITS).parts.values() if part.groups is not None)
    return part.groups.tolist()


@pytest.mark.parametrize("pattern", ["<film>_*", "film_<number>_*.jpg", "<a>_<b>_*", "*/<film>_*"])
def test_a_pattern_names_the_groups_of_a_class(pattern):
    assert groups_of(source(), pattern) == FILMS


def table(folder: Path, text: str) -> str:
    path = folder / "groups.csv"
    path.write_text(text, encoding="utf-8")
    return str(path)


ROWS = [f"{file.removeprefix('data/')},{group // 2}" for file, group in zip(FILES, FILMS, strict=True)]


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_a_table_names_groups_across_classes(tmp_path, separator):
    text = "\r\n".join(["\ufeffimage,group,note", *(f"{row},x" for row in reversed(ROWS))]).replace(",", separator)
    assert groups_of(source(), table(tmp_path, text)) == [0] * 4 + [1] * 4 + [2] * 4


@pytest.mark.parametrize(
    ("header", "rows", "said"),
    [
        ("image,group", ["1.jpg,0", *ROWS], r", line \d+: 1.jpg: group 0 is also that of images of another "),
        ("image,group", [*ROWS, "test/cat/1.jpg,2"], r", line \d+: test/cat/1.jpg: group 2 is also that of images of "),
        ("image,group", ["cat/film_0_7.jpg,a"], ", line 2: cat/film_0_7.jpg: there is no such image"),
        ("image,group", ROWS[2:], ": has no row for cat/film_0_0.jpg and 1 more images"),
        ("image,group", [], ": has no rows"),
        ("image,film", ["cat/film_0_0.jpg,1"], ": expected one column 'group', got 0"),
        ("image,group", ["cat/film_0_0.jpg,"], ", line 2: group: expected a name, got nothing"),
    ],
)
def test_a_table_that_leaves_groups_open_or_divides_them_is_refused(tmp_path, header, rows, said):
    test = Part(FileImages(["data/test/cat/1.jpg"], 32, 1), np.array([0]), ["1"])
    path = table(tmp_path, "\n".join([header, *rows]) + "\n")
    assert re.match(re.escape(path) + said, fault_of(with_groups, source(test=test), path, SPLITS))


@given(st.data())
@settings(deadline=None, max_examples=60)
def test_splits_take_whole_groups_and_every_class_has_some(data):
    """Whatever the sizes of the groups."""
    sizes = data.draw(st.lists(st.lists(st.integers(1, 9), min_size=3, max_size=12), min_size=1, max_size=4))
    labels = np.array([label for label, of in enumerate(sizes) for size in of for _ in range(size)])
    groups = np.repeat(np.arange(sum(map(len, sizes))), [size for of in sizes for size in of])
    shuffled = np.random.default_rng(0).permutation(len(labels))
    labels, groups = labels[shuffled], groups[shuffled]
    drawn = split_indices(labels, round(0.1 * len(labels)), round(0.3 * len(labels)), 0, groups)
    np.testing.assert_array_equal(np.sort(np.concatenate(list(drawn.values()))), np.arange(len(labels)))
    for one in SPLITS:
        assert set(labels[drawn[one]].tolist()) == set(range(len(sizes)))
        others = np.concatenate([drawn[other] for other in SPLITS if other != one])
        assert not set(groups[drawn[one]].tolist()) & set(groups[others].tolist())
    wanted = 0.3 * np.bincount(labels)
    largest = np.array([max(of) for of in sizes])
    assert (np.abs(np.bincount(labels[drawn["test"]]) - wanted) <= np.maximum(largest, wanted)).all()


def test_splits_without_groups_are_those_of_earlier_versions():
    labels = np.random.default_rng(0).integers(0, 5, 500)
    part = Part(labels, labels, list(map(str, range(500))))
    expected = [["1b2d789f", "bc4df2ec", "539bff35"], ["cb46db30", "776182c1", "0c3fc3e2"]]
    for parts, digests in zip(({ALL: part}, {"train": part, "test": part}), expected, strict=True):
        chosen = draw_splits(Source("toy", list("abcde"), parts), 0.1, 0.3, {}, 7)
        assert [hashlib.sha256(indices.tobytes()).hexdigest()[:8] for _, indices in chosen.values()] == digests
