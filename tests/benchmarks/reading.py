"""Logits verified block by block as a stage reads them, against files verified whole before the stage begins.

Two stages: one that needs all logits (the decisions of all members under all conditions, as accuracies are made from)
and one that needs those of clean images alone (as coincident failures on clean images are). Each side is a process of
its own, after the system has dropped the files from its cache; both sides alternate. Bytes are those that the process
had the disk read, by /proc/self/io. Members share one content. The last line is JSON: `bytes_read_ratio`, bytes read
over bytes needed, by the stage that needs all; the same for the files verified whole; and the ratios of both times.

    python tests/benchmarks/reading.py [--members 30] [--conditions 76] [--images 5000] [--repeats 3] [--folder DIR]
"""

import json
import os
import shutil
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd
from shared import in_own_process, options

from resiliency.base.names import CLEAN
from resiliency.prediction.reading import Predictions, all_conditions, read_predictions
from resiliency.storage.files import appending, verified, write_array

CLASSES = 1000
STAGES = ("all", "clean")


def make(folder: Path, members: int, count: int, images: int) -> tuple[pd.DataFrame, list[Path]]:
    """The table of `count` conditions, and the logits of each member, of one content."""
    table = all_conditions(
        [f"corruption_{n}" for n in range((count - 1) // 5)], [1, 2, 3, 4, 5], {CLEAN: images}, {CLEAN: CLASSES}
    )
    random = np.random.default_rng(0)
    write_array(folder / "labels.npy", random.integers(0, CLASSES, images))
    files = [folder / f"m{member:02}" / f"{CLEAN}.npy" for member in range(members)]
    with appending(files[0], (len(table), images, CLASSES), np.float16) as append:
        for _ in range(len(table)):
            append(random.standard_normal((images, CLASSES), dtype=np.float32).astype(np.float16))
    for path in files[1:]:
        shutil.copytree(files[0].parent, path.parent)
    return table, files


def drop(files: list[Path]) -> None:
    """Have the system forget what it has in memory of these files."""
    for path in files:
        with path.open("rb") as file:
            os.fsync(file.fileno())
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def bytes_read() -> int:
    lines = Path("/proc/self/io").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("read_bytes"))


def work(stage: str, member: Predictions) -> None:
    for condition in range(len(member) if stage == "all" else 1):
        member.correct(condition)


def run(stage: str, whole: bool, table: pd.DataFrame, labels: Path, files: list[Path]) -> tuple[int, float, float]:
    """Bytes read, seconds and CPU seconds of a stage."""
    start, before = time.perf_counter(), bytes_read()
    if whole:
        [verified(path) for path in files]
    for member in read_predictions(table, [labels], files).values():
        work(stage, member)
    return bytes_read() - before, time.perf_counter() - start, time.process_time()


def measured(*arguments: object) -> tuple[int, float, float]:
    """What `run` returns in a process of its own, with nothing of the files in memory."""
    drop(arguments[-1])
    return in_own_process("fork", run, *arguments)


def main() -> None:
    parser = options(__doc__, members=30, conditions=76, images=5000, repeats=3)
    parser.add_argument("--folder", help="where the files are made: a disk, not memory")
    arguments = parser.parse_args()
    results = {}
    with TemporaryDirectory(dir=arguments.folder) as folder:
        table, files = make(Path(folder), arguments.members, arguments.conditions, arguments.images)
        size = files[0].stat().st_size
        for stage in STAGES:
            needed = len(files) * size // (1 if stage == "all" else len(table))
            runs = [
                [measured(stage, whole, table, Path(folder, "labels.npy"), files) for whole in (False, True)]
                for _ in range(arguments.repeats)
            ]
            for side, name in enumerate(("as read", "whole")):
                ratio, seconds, cpu = (np.array([of[side][key] for of in runs]) for key in range(3))
                print(
                    f"{stage}, verified {name}: {np.median(ratio) / needed:.3f} of the {needed / 1e9:.2f} GB needed,"
                    f" {np.median(seconds):.1f} s [{seconds.min():.1f}, {seconds.max():.1f}],"
                    f" {np.median(cpu):.1f} CPU s"
                )
                results[stage, name] = np.median(ratio) / needed
            results[stage] = float(np.median([whole[1] / read[1] for read, whole in runs]))
    figures = {
        "bytes_read_ratio": round(results["all", "as read"], 4),
        "bytes_read_ratio_whole": round(results["all", "whole"], 4),
        "bytes_read_ratio_clean": round(results["clean", "as read"], 4),
        "bytes_read_ratio_clean_whole": round(results["clean", "whole"], 4),
        "seconds_ratio": round(results["all"], 3),
        "seconds_ratio_clean": round(results["clean"], 3),
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
