"""What each start of a study of ImageNet's size spends on the content of its inputs.

There are 50,000 validation images in 1,000 folders, a published set of 15 corruptions at 5 severities of them, and the
arrays of 30 members. The first start reads every image and array once; later ones look at their states alone, so that
their cost does not depend on the sizes of the files, which are small here. The last line is JSON: seconds of CPU and of
wall time of the first start and of a later one, median of several, for each kind and in all, and the gigabytes that the
first start read per second.

    python tests/benchmarks/inputs.py [--images 50000] [--kilobytes 8] [--megabytes 32] [--repeats 5]
"""

import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from shared import options

from resiliency.study.records import GRAIN, Inputs

CLASSES, CORRUPTIONS, SEVERITIES, MEMBERS = 1_000, 15, (1, 2, 3, 4, 5), 30


def make(folder: Path, images: int, kilobytes: int, megabytes: int) -> None:
    """The files, of random bytes; of the published set one image in each class folder, which are what is looked at."""
    for index in range(images):
        path = folder / f"val/n{index % CLASSES:08}/ILSVRC2012_val_{index:08}.JPEG"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(os.urandom(kilobytes * 1_000))
    for corruption in range(CORRUPTIONS):
        for severity in SEVERITIES:
            for synset in range(CLASSES):
                path = folder / f"set/{corruption}/{severity}/n{synset:08}/ILSVRC2012_val_{synset:08}.JPEG"
                path.parent.mkdir(parents=True)
                path.touch()
    for member in range(MEMBERS):
        (folder / f"{member}.npy").write_bytes(os.urandom(megabytes * 1_000_000))


def spent(work: Callable[[], object]) -> tuple[float, float]:
    """Seconds of CPU and of wall time."""
    cpu, wall = time.process_time(), time.monotonic()
    work()
    return time.process_time() - cpu, time.monotonic() - wall


def main() -> None:
    given = options(__doc__, images=50_000, kilobytes=8, megabytes=32, repeats=5).parse_args()
    with TemporaryDirectory() as folder:
        make(Path(folder), given.images, given.kilobytes, given.megabytes)
        time.sleep(GRAIN / 1e9 + 0.5)
        inputs = Inputs(Path(folder, "kept"))
        arrays = [f"{folder}/{member}.npy" for member in range(MEMBERS)]
        kinds = {
            "images": lambda: inputs.images(True, f"{folder}/val"),
            "arrays": lambda: [inputs.files(array) for array in arrays],
            "published_set": lambda: [
                inputs.image_set(f"{folder}/set", str(name), SEVERITIES) for name in range(CORRUPTIONS)
            ],
        }
        first = {kind: spent(work) for kind, work in kinds.items()}
        later = {kind: [spent(work) for _ in range(given.repeats)] for kind, work in kinds.items()}
    figures = {
        kind: {
            "first_cpu_s": round(first[kind][0], 3),
            "first_wall_s": round(first[kind][1], 3),
            "later_cpu_s": round(median(cpu for cpu, _ in later[kind]), 3),
            "later_wall_s": round(median(wall for _, wall in later[kind]), 3),
        }
        for kind in kinds
    }
    for kind, values in figures.items():
        print(kind, values)
    total = {key: round(sum(values[key] for values in figures.values()), 3) for key in figures["images"]}
    read = MEMBERS * given.megabytes / 1e3 / first["arrays"][1]
    print(json.dumps({**figures, "all": total, "gigabytes_per_second": round(read, 2)}))


if __name__ == "__main__":
    main()
