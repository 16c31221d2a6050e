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


@pytest.mark.parametrize("rows", [["1.jpg,0", *ROWS], [*ROWS, "test/cat/1.jpg,2"]])
def test_a_group_in_two_splits_is_refused(tmp_path, rows):
    test = Part(FileImages(["data/test/cat/1.jpg"], 32, 1), np.array([0]), ["1"])
    path = table(tmp_path, "\n".join(["image,group", *rows]))
    message = fault_of(with_groups, source(test=test), path, SPLITS)
    assert re.fullmatch(
        rf"{path}, line \d+: (test/cat/)?1.jpg: group [02] is also that of images of another .*", message
    )


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        (["cat/film_0_7.jpg,a"], ", line 2: cat/film_0_7.jpg: there is no such image; did you mean film_0_"),
        (ROWS[1:], ": has no row for cat/film_0_0.jpg; add one for each image"),
        (ROWS[2:], ": has no row for cat/film_0_0.jpg and 1 more images; add one for each image"),
    ],
)
def test_a_row_of_no_image_or_an_image_without_row_is_named(tmp_path, rows, words):
    path = table(tmp_path, "\n".join(["image,group", *rows]))
    assert fault_of(with_groups, source(), path, SPLITS).startswith(path + words)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("image,group\n", ": has no rows; add one for each image"),
        ("image,film\ncat/film_0_0.jpg,1\n", ": expected one column 'group', got 0; there are image, film"),
        ("image,group\ncat/film_0_0.jpg,\n", ", line 2: group: expected a name, got nothing; add it"),
    ],
)
def test_a_table_without_groups_is_refused(tmp_path, text, words):
    path = table(tmp_path, text)
    assert fault_of(with_groups, source(), path, SPLITS) == path + words


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
