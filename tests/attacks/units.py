"""Units of test images: planted ones in each form that a study takes, and forms that cannot be."""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from random import Random

import numpy as np
from attacks.cases import Case, Wrong, allowed

from resiliency.data.pictures import FileImages
from resiliency.data.source import Part, Source
from resiliency.data.units import Grouped, units_of_part, write_units
from resiliency.external.predictions import Reader
from resiliency.statistics.units import Units

IMAGES, SEEDS = 24, 25
LAYOUT = {"clean": ["clean", "fog.1"], "photos": ["photos"]}
SEPARATORS = (",", ";", "\t")


def units() -> Iterator[Case]:
    """Units drawn at random, and spoilt."""
    for seed in range(SEEDS):
        for name, form in FORMS.items():
            yield Case(f"{name} {seed}", allowed(partial(_planted, form=form, seed=seed)), None)
        for name, (form, spoil) in SPOILT.items():
            yield Case(f"{name} {seed}", partial(_spoilt, form=form, spoil=spoil, seed=seed), "")
    yield Case("all images are one", lambda folder: write_units(folder, "clean", Grouped(_whole(), "<a>*")), "one unit")


def _whole() -> Units:
    return Units.numbered(np.zeros(IMAGES, int))


def _drawn(seed: int) -> list[int]:
    random = Random(seed)
    return [random.randrange(1 + seed % 9) for _ in range(IMAGES)]


def _planted(folder: Path, form: Callable, seed: int) -> None:
    drawn = _drawn(seed)
    found, wanted = form(folder, drawn, Random(seed)), Units.numbered(np.array(drawn))
    if not np.array_equal(found.of_image, wanted.of_image):
        raise Wrong(f"units {found.of_image.tolist()} are not {wanted.of_image.tolist()}")


def _spoilt(folder: Path, form: Callable, spoil: Callable, seed: int) -> None:
    form(folder, _drawn(seed), Random(seed), spoil)


def _part(names: list[str]) -> tuple[Part, Source]:
    files = [f"photos/cat/{name}.png" for name in names]
    return Part(FileImages(files, 32, 1), np.zeros(len(files), int), names), Source("", ["cat"], {})


def by_pattern(folder: Path, drawn: list[int], random: Random, spoil: Callable = list) -> Units:
    names = spoil([f"film{unit}_{image}" for image, unit in enumerate(drawn)])
    return units_of_part(*_part(names), "<film>_*", "dataset.test_groups")


def by_table(folder: Path, drawn: list[int], random: Random, spoil: Callable = list) -> Units:
    separator, path = random.choice(SEPARATORS), folder / "units.csv"
    rows = [f"{'cat/' * random.randrange(2)}{image:03}.png{separator}{unit}" for image, unit in enumerate(drawn)]
    random.shuffle(rows)
    path.write_text("\n".join([f"image{separator}group", *spoil(rows)]) + "\n")
    return units_of_part(*_part([f"{image:03}" for image in range(IMAGES)]), str(path), "dataset.test_groups")


def by_column(folder: Path, drawn: list[int], random: Random, spoil: Callable = list) -> Units:
    written = random.choice([str, "film {}".format, " f{} ".format, "{}.0".format])
    rows = [
        f"{name},{image},0,{written(unit)},0"
        for name in ("clean", "fog.1", "photos")
        for image, unit in enumerate(drawn)
    ]
    random.shuffle(rows)
    (folder / "own.csv").write_text("\n".join(["test_set,image,label,unit,one", *spoil(rows)]) + "\n")
    return Reader("decisions", str(folder / "own.csv"), LAYOUT, 2).units()["clean"]


def by_arrays(folder: Path, drawn: list[int], random: Random, spoil: Callable = lambda values: values) -> Units:
    for name in ("clean", "fog.1", "photos"):
        for owner, values in (("labels", np.zeros(IMAGES, int)), ("one", np.ones((IMAGES, 2)))):
            (folder / owner).mkdir(exist_ok=True)
            np.save(folder / owner / f"{name}.npy", values)
    (folder / "units").mkdir()
    kind = random.choice([np.int64, np.int16, np.uint8, np.int32])
    for name in ("clean", "photos"):
        np.save(folder / "units" / f"{name}.npy", spoil(np.array(drawn, kind)))
    return Reader("logits", str(folder), LAYOUT, 2).units()["clean"]


def _without_unit(rows: list[str]) -> list[str]:
    cells = rows[0].split(",")
    return [",".join([*cells[:3], "", cells[4]]), *rows[1:]]


def _moved(rows: list[str]) -> list[str]:
    """The first clean image is in a unit of its own, and under fog where it was."""
    place = next(place for place, row in enumerate(rows) if row.startswith("clean,0,"))
    cells = rows[place].split(",")
    others = rows[:place] + rows[place + 1 :]
    if len({row.split(",")[3] for row in others if row.split(",")[3] == cells[3]}) == 0:
        return _without_unit(rows)
    cells[3] = "99"
    changed = [",".join(cells), *others]
    alone = sum(row.startswith("fog.1") and row.split(",")[3] == rows[place].split(",")[3] for row in others) == 1
    return _without_unit(rows) if alone else changed


FORMS = {"pattern": by_pattern, "table": by_table, "column": by_column, "arrays": by_arrays}
SPOILT = {
    "a name without place": (by_pattern, lambda names: [*names[1:], "other"]),
    "an image without row": (by_table, lambda rows: rows[1:]),
    "an image with two rows": (by_table, lambda rows: [*rows, rows[0]]),
    "a row of no image": (by_table, lambda rows: ["dog/000.png,1", *rows]),
    "a row without group": (by_table, lambda rows: ["cat/000.png", *rows]),
    "no rows": (by_table, lambda rows: []),
    "a cell without unit": (by_column, _without_unit),
    "a corrupted image in another unit": (by_column, _moved),
    "floats": (by_arrays, lambda values: values.astype(float)),
    "too few": (by_arrays, lambda values: values[1:]),
    "two dimensions": (by_arrays, lambda values: values[:, None]),
    "text": (by_arrays, lambda values: values.astype(str)),
}
