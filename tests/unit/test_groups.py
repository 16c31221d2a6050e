"""Images that belong together, such as the frames of a film: never in two splits, and one unit of
the test images."""

import hashlib
import re
from pathlib import Path

import numpy as np
import pytest
from fault_messages import fault_of
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from resiliency.data.pictures import FileImages
from resiliency.data.settings import table_of
from resiliency.data.source import ALL, SPLITS, Part, Source
from resiliency.data.split import draw_splits, split_indices, with_groups
from resiliency.data.writing import Grouped, by_look, units_of_data_set, write_units
from resiliency.external.predictions import Reader, array_files, read_decisions
from resiliency.statistics.resampling import Units

CLASSES = ["cat", "dog"]
FILES = [
    f"data/{name}/film_{film}_{frame}.jpg"
    for name in CLASSES
    for film in range(3)
    for frame in range(2)
]
GROUPS = [0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5]


def part_of(files: list[str]) -> Part:
    labels = np.array([CLASSES.index(Path(file).parent.name) for file in files])
    return Part(FileImages(files, 32, 1), labels, [Path(file).stem for file in files])


def source(files: list[str] = FILES, **others: Part) -> Source:
    return Source("toy", CLASSES, {"train" if others else ALL: part_of(files)} | others)


def groups_of(of: Source, groups: str) -> list[int]:
    (part,) = (
        part for part in with_groups(of, groups, SPLITS).parts.values() if part.groups is not None
    )
    return part.groups.tolist()


@pytest.mark.parametrize("pattern", ["<film>_*", "film_<number>_*.jpg", "<a>_<b>_*", "*/<film>_*"])
def test_a_pattern_names_the_groups_of_a_class(pattern):
    assert groups_of(source(), pattern) == GROUPS


ROWS = [
    f"{file.removeprefix('data/')},{group // 2}" for file, group in zip(FILES, GROUPS, strict=True)
]


def test_a_table_names_groups_across_classes(write):
    text = "\r\n".join(["\ufeffimage,group,note", *(f"{row},x" for row in reversed(ROWS))])
    assert groups_of(source(), write(text)) == [0] * 4 + [1] * 4 + [2] * 4


LACKING = (
    "dataset.groups: no group by '.*csv' for 2 of 12 images: cat/film_0_0.jpg, "
    "cat/film_0_1.jpg; add a row"
)


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (
            ["1.jpg,0", *ROWS],
            ": group 0 has images in two splits, data/cat/.*jpg and test/cat/1.jpg; put",
        ),
        (
            ["cat/film_0_0.jpg,A", "cat/film_0_1.jpg,a"],
            ": 'A' and 'a' differ only in case or as 1 and 1.0",
        ),
        (["cat/film_0_0.jpg,0.0", *ROWS[1:]], ": '0.0' and '0' differ only in case or as 1 and"),
        (["cat/film_0_7.jpg,a"], ", line 2: cat/film_0_7.jpg: there is no such image"),
        (ROWS[2:], LACKING),
    ],
)
def test_a_table_that_leaves_groups_open_or_divides_them_is_refused(write, rows, said):
    path, test = write("\n".join(["image,group", *rows]) + "\n"), part_of(["data/test/cat/1.jpg"])
    assert re.search(said, fault_of(with_groups, source(test=test), path, SPLITS))


@given(st.data())
@settings(max_examples=60)
def test_splits_take_whole_groups_and_every_class_has_some(data):
    """Whatever the sizes of the groups."""
    sizes = data.draw(
        st.lists(st.lists(st.integers(1, 9), min_size=3, max_size=12), min_size=1, max_size=4)
    )
    labels = np.array([label for label, of in enumerate(sizes) for size in of for _ in range(size)])
    groups = np.repeat(np.arange(sum(map(len, sizes))), [size for of in sizes for size in of])
    shuffled = np.random.default_rng(0).permutation(len(labels))
    labels, groups = labels[shuffled], groups[shuffled]
    drawn = split_indices(labels, round(0.1 * len(labels)), round(0.3 * len(labels)), 0, groups)
    np.testing.assert_array_equal(
        np.sort(np.concatenate(list(drawn.values()))), np.arange(len(labels))
    )
    for one in SPLITS:
        assert set(labels[drawn[one]].tolist()) == set(range(len(sizes)))
        others = np.concatenate([drawn[other] for other in SPLITS if other != one])
        assert not set(groups[drawn[one]].tolist()) & set(groups[others].tolist())
    wanted = 0.3 * np.bincount(labels)
    largest = np.array([max(of) for of in sizes])
    assert (
        np.abs(np.bincount(labels[drawn["test"]]) - wanted) <= np.maximum(largest, wanted)
    ).all()


def test_splits_without_groups_are_those_of_earlier_versions():
    labels = np.random.default_rng(0).integers(0, 5, 500)
    part = Part(labels, labels, list(map(str, range(500))))
    expected = [["1b2d789f", "bc4df2ec", "539bff35"], ["cb46db30", "776182c1", "0c3fc3e2"]]
    for parts, digests in zip(({ALL: part}, {"train": part, "test": part}), expected, strict=True):
        chosen = draw_splits(Source("toy", list("abcde"), parts), 0.1, 0.3, {}, 7)
        assert [
            hashlib.sha256(indices.tobytes()).hexdigest()[:8] for _, indices in chosen.values()
        ] == digests


TEST = [
    f"data/test/{name}/film_{film}_{frame}.jpg"
    for name in CLASSES
    for film in range(2)
    for frame in range(2)
]


def published(test: list[str] = TEST) -> Source:
    """A data set with test images of its own."""
    return source(
        [file.replace("test", "train").replace("film_", "film_9") for file in TEST],
        test=part_of(test),
    )


def units_of(source: Source, groups: str | None, test_groups: str | None = None) -> Grouped:
    test = source.parts["test"]
    return units_of_data_set(source, (test, np.arange(len(test.labels))), groups, test_groups)


@pytest.mark.parametrize(
    "groups", [("<film>_*", None), (None, "film_<number>_*"), ("<frame>.*", "<film>_*")]
)
def test_official_test_images_have_the_groups_of_their_names(groups):
    assert units_of(published(), *groups).units.of_image.tolist() == [0, 0, 1, 1, 2, 2, 3, 3]


# Validation images are drawn, or nothing is.
@pytest.mark.parametrize("needed", [SPLITS, ("train", "test")])
def test_a_film_in_two_given_splits_is_refused_by_its_pattern(needed):
    mixed = published([*TEST[2:], "data/test/cat/film_91_7.jpg"])
    said = fault_of(with_groups, mixed, "film_<number>_*", needed)
    assert re.search(
        "group cat/91 has images in two splits, .*cat/film_91_0.jpg and .*test/cat/film_91_7.jpg",
        said,
    )
    assert "dataset.test_groups: " in fault_of(units_of, mixed, None, "film_<number>_*")
    cased = source([*FILES, "data/cat/Film_0_7.jpg"])
    assert "'cat/film_0' and 'cat/Film_0' differ only in case" in fault_of(
        with_groups, cased, "<film>_*", SPLITS
    )


def test_groups_that_do_not_fit_the_test_images_are_told_and_not_half_used():
    numbered = published(
        [f"data/test/{name}/{number:05}.jpg" for name in CLASSES for number in range(4)]
    )
    grouped = units_of(numbered, "<film>_*")
    assert grouped.units.alone
    assert "for 8 of 8 images: cat/00000.jpg, " in grouped.not_by
    assert fault_of(units_of, numbered, None, "<film>_*").startswith(
        "dataset.test_groups: no group by "
    )


def film(number: int) -> list[np.ndarray]:
    """Six frames of a scene of its own, each shifted, lit and taken with noise of its own."""
    random = np.random.default_rng(number)
    scene = Image.fromarray(random.integers(0, 256, (5, 5, 3), np.uint8)).resize(
        (80, 80), Image.Resampling.BICUBIC
    )
    frames = []
    for _ in range(6):
        left, top = random.integers(0, 2, 2)
        frame = np.asarray(scene.crop((left, top, left + 72, top + 72)).resize((32, 32)), float)
        frames.append(frame * random.uniform(0.5, 0.9) + random.normal(0, 1, frame.shape))
    return [frame.clip(0, 255).astype(np.uint8) for frame in frames]


def test_units_of_a_split_are_its_groups():
    grouped = with_groups(source(), "<film>_*", SPLITS)
    part, indices = draw_splits(grouped, 0.2, 0.3, {}, 0)["test"]
    expected = Units.numbered(
        np.array([part.images.files[index].rpartition("_")[0] for index in indices])
    )
    units = units_of_data_set(grouped, (part, indices), "<film>_*", None).units
    np.testing.assert_array_equal(units.of_image, expected.of_image)


def test_frames_that_look_alike_are_one_unit(tmp_path):
    everything, film_of = (
        np.stack([frame for number in range(20) for frame in film(number)]),
        np.arange(120) // 6,
    )
    np.save(tmp_path / "images.npy", everything)
    np.save(tmp_path / "labels.npy", film_of // 10)
    paths = str(tmp_path / "images.npy"), str(tmp_path / "labels.npy")
    units = by_look(*paths, "near_duplicates").units
    assert all(len(set(film_of[units.of_image == unit])) == 1 for unit in range(units.number))
    assert units.number < 50
    alone = by_look(*paths, None)
    assert alone.units.alone
    write_units(tmp_path, "clean", alone)
    np.testing.assert_array_equal(np.load(tmp_path / "units.npy"), alone.units.of_image)


def test_units_that_divide_nothing_are_refused(tmp_path):
    fault_of(write_units, tmp_path, "clean", Grouped(Units.numbered(np.zeros(9)), "a"))
    said = fault_of(
        write_units, tmp_path, "clean", Grouped(Units.numbered(np.arange(60) % 3), "a"), 10
    )
    assert "expected 10 units or more, got 60 images of clean in 3 units" in said
    fault_of(with_groups, published(), "<film>_<frame>", ("train", "validation"))


def decisions_of(write, rows: str) -> str:
    """A file of decisions with these rows, which begin with the test set, the image, its label and
    its unit."""
    return write("\n".join(["test_set,image,label,unit,a", *rows.split()]))


def test_imported_decisions_have_a_column_of_units(write):
    file = decisions_of(write, "clean,2,0,x,0 clean,0,1,y,1 clean,1,1,x,0")
    assert list(read_decisions(file).answers) == ["a"]
    assert Reader("decisions", file, {"clean": ["clean"]}, None).units()[
        "clean"
    ].of_image.tolist() == [0, 1, 1]
    file = decisions_of(write, "clean,0,0,x,0 clean,1,0,y,0 fog.1,0,0,x,0 fog.1,1,0,x,0")
    reader = Reader("decisions", file, {"clean": ["clean", "fog.1"]}, 2)
    assert "units of 'fog.1' differ from those of 'clean'" in fault_of(reader.units)
    file = decisions_of(write, "clean,0,0,,0 clean,1,1,x,1")
    assert "column 'unit', row 1" in fault_of(read_decisions, file)
    for one, other in (("Film", "film"), ("1.0", "1")):
        file = decisions_of(write, f"clean,0,0,{one},0 clean,1,1,{other},1 clean,2,1,x,1")
        assert f"column 'unit': {one!r} and {other!r} differ only in case" in fault_of(
            read_decisions, file
        )


def test_imported_arrays_have_a_folder_of_units(tmp_path):
    for folder, array in {"labels": [0, 1, 1], "units": [7, 7, 2], "net": np.ones((3, 2))}.items():
        (tmp_path / folder).mkdir()
        np.save(tmp_path / f"{folder}/clean.npy", array)
    layout = {"clean": ["clean"]}
    assert str(tmp_path / "units/clean.npy") in array_files(str(tmp_path), ["net"], layout)
    assert Reader("logits", str(tmp_path), layout, None).units()["clean"].of_image.tolist() == [
        0,
        0,
        1,
    ]
    np.save(tmp_path / "units/clean.npy", np.array([7, 7]))
    assert "expected 3 integers, one per image" in fault_of(
        Reader("logits", str(tmp_path), layout, None).units
    )


def test_only_the_name_of_a_table_is_a_table():
    assert table_of("groups.csv") == "groups.csv"
    assert [table_of(groups) for groups in ("<track>_*", "near_duplicate", None)] == [None] * 3
