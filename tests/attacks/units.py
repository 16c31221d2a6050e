"""Units of test images: planted ones in each form that a study takes, and forms that cannot be."""

from collections.abc import Callable
from pathlib import Path
from random import Random

import numpy as np
from attacks.cases import ACCEPTED, Area, Wrong

from resiliency.data.pictures import FileImages
from resiliency.data.source import ALL, SPLITS, Part, Source
from resiliency.data.split import with_groups
from resiliency.data.units import Grouped, units_of_part, write_units
from resiliency.external.predictions import Reader
from resiliency.statistics.resampling import Units

IMAGES = 24
LAYOUT = {"clean": ["clean", "fog.1"], "photos": ["photos"]}
Spoil = Callable[[list], object]


def _drawn(seed: int) -> list[int]:
    random = Random(seed)
    return [random.randrange(1 + seed % 9) for _ in range(IMAGES)]


def _units(folder: Path, what: tuple[Callable, int, Spoil | None]) -> None:
    form, seed, spoil = what
    drawn = _drawn(seed)
    found = form(folder, drawn, Random(seed), spoil or (lambda rows: rows)).of_image
    if not spoil and not np.array_equal(found, Units.numbered(np.array(drawn)).of_image):
        raise Wrong(f"units {found.tolist()} are not those of {drawn}")


def _of_part(names: list[str], groups: str) -> Units:
    part = Part(FileImages([f"photos/cat/{name}.png" for name in names], 32, 1), np.zeros(len(names), int), names)
    return units_of_part(part, Source("", ["cat"], {}), groups, "dataset.test_groups")


def by_pattern(folder: Path, drawn: list[int], random: Random, spoil: Spoil) -> Units:
    return _of_part(spoil([f"film{unit}_{image}" for image, unit in enumerate(drawn)]), "<film>_*")


def by_table(folder: Path, drawn: list[int], random: Random, spoil: Spoil) -> Units:
    separator, path = random.choice(",;\t"), folder / "units.csv"
    rows = [f"{'cat/' * random.randrange(2)}{image:03}.png{separator}{unit}" for image, unit in enumerate(drawn)]
    random.shuffle(rows)
    path.write_text("\n".join([f"image{separator}group", *spoil(rows)]) + "\n")
    return _of_part([f"{image:03}" for image in range(IMAGES)], str(path))


def by_column(folder: Path, drawn: list[int], random: Random, spoil: Spoil) -> Units:
    written = random.choice([str, "film {}".format, " f{} ".format, "{}.0".format])
    rows = [
        [name, str(i), "0", written(unit), "0"] for name in ("clean", "fog.1", "photos") for i, unit in enumerate(drawn)
    ]
    spoil(rows)
    random.shuffle(rows)
    lines = ["test_set,image,label,unit,one", *map(",".join, rows)]
    (folder / "own.csv").write_text("\n".join(lines) + "\n")
    return Reader("decisions", str(folder / "own.csv"), LAYOUT, 2).units()["clean"]


def by_arrays(folder: Path, drawn: list[int], random: Random, spoil: Spoil) -> Units:
    for name in ("clean", "fog.1", "photos"):
        for owner, values in (("labels", np.zeros(IMAGES, int)), ("one", np.ones((IMAGES, 2)))):
            (folder / owner).mkdir(exist_ok=True)
            np.save(folder / owner / f"{name}.npy", values)
    (folder / "units").mkdir()
    kind = random.choice([np.int64, np.int16, np.uint8])
    for name in ("clean", "photos"):
        np.save(folder / "units" / f"{name}.npy", spoil(np.array(drawn, kind)))
    return Reader("logits", str(folder), LAYOUT, 2).units()["clean"]


def as_groups(folder: Path, drawn: list[int], random: Random, spoil: Spoil) -> Units:
    """Films of three frames for training, and a film of its own for the test, whose images are arrays."""
    parts = {"train": [f"a{index}" for index in range(30)], "test": [f"t{index}" for index in range(6)]}
    images = {name: Part(np.zeros((len(names), 32, 32, 3), np.uint8), np.arange(len(names)) % 2, names)
              for name, names in parts.items()}  # fmt: skip
    rows = spoil(
        [[name, str(index // 3)] for index, name in enumerate(parts["train"])] + [[n, "x"] for n in parts["test"]]
    )
    random.shuffle(rows)
    (folder / "groups.csv").write_text("\n".join(["image,group", *map(",".join, rows)]))
    grouped = with_groups(Source("own", ["x", "y"], images), str(folder / "groups.csv"), SPLITS)
    if ALL in grouped.parts or grouped.parts["train"].groups.max() != 9:
        raise Wrong("other groups")
    return Units.numbered(np.array(drawn))


def all_one(folder: Path, drawn: list[int], random: Random, spoil: Spoil) -> None:
    write_units(folder, "clean", Grouped(Units.numbered(np.zeros(IMAGES, int)), "<a>*"))


SPOILT: dict[str, tuple[Callable, Spoil, str]] = {
    "a name without place": (by_pattern, lambda names: [*names[1:], "other"], ""),
    "an image without row": (by_table, lambda rows: rows[1:], ""),
    "an image with two rows": (by_table, lambda rows: [*rows, rows[0]], ""),
    "a row of no image": (by_table, lambda rows: ["dog/000.png,1", *rows], ""),
    "a row without group": (by_table, lambda rows: ["cat/000.png", *rows], ""),
    "no rows": (by_table, lambda rows: [], ""),
    "a cell without unit": (by_column, lambda rows: rows[0].__setitem__(3, ""), ""),
    "a corrupted image in another unit": (by_column, lambda rows: rows[0].__setitem__(3, rows[1][3]), ""),
    "floats": (by_arrays, lambda values: values.astype(float), ""),
    "too few": (by_arrays, lambda values: values[1:], ""),
    "two dimensions": (by_arrays, lambda values: values[:, None], ""),
    "a film in two splits": (as_groups, lambda rows: [*rows[:-1], [rows[-1][0], "3"]], "of another split"),
    "a film per image": (as_groups, lambda rows: [[name, name] for name, _ in rows], "is a group of its own"),
    "one unit": (all_one, lambda rows: rows, "one unit"),
}
FORMS = (by_pattern, by_table, by_column, by_arrays, as_groups)
TABLE = {f"{form.__name__} {seed}": ((form, seed, None), ACCEPTED) for form in FORMS for seed in range(3, 9)}
TABLE |= {name: ((form, 7, spoil), words) for name, (form, spoil, words) in SPOILT.items()}
AREAS = (Area("units", _units, TABLE),)
