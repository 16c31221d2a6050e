"""Times the corruption engine against two packages on one thread: the 15 main corruptions x 5 severities.

Run by hand: python tests/benchmarks/corruptions.py [--maintained FOLDER] [--sides 32 224] [--repeats 5] [--keep NAME]
The packages are imagecorruptions 1.1.2, mended as in `resiliency.corruptions.reference`, and, where FOLDER holds the
package `imagecorruptions` of an unpacked imagecorruptions-imaug, that one, which both have the same name.

Each figure is the median over the repeats, of milliseconds of CPU time an image, summed over the five severities. All
are timed in turn in the same run, on the same images (the packages on the first of them), with the "imagenet-c"
figures. Tables, pictures and compiled loops that are kept between calls are loaded before the clock starts. Freed
memory is kept, as in a job of the workflow. The four held-out corruptions are shown but not counted. A ratio is of the
sums over the 15, or the geometric mean of their ratios: glass blur is most of imagecorruptions' sum. The last line is
JSON; `--keep` adds the figures to published/experiments/engine_speed.csv under the name of the code that was timed, and
`--table` prints only the table that these give, for docs/corruptions.md.
"""

import importlib.util
import json
import os
import sys
from collections.abc import Callable
from functools import partial
from itertools import product
from pathlib import Path
from statistics import median

import cv2
import numpy as np
import pandas as pd
from shared import ROOT, options, table, timed

from resiliency.base.machine import keep_freed_memory
from resiliency.corruptions import engine, reference
from resiliency.corruptions.settings import HELD_OUT, MAIN, SEVERITIES

KEPT = ROOT / "published/experiments/engine_speed.csv"
# Side in pixels: images in a batch for the engine, and for a package, which handles them one by one anyway.
BATCHES = {32: (64, 8), 224: (8, 1)}
PACKAGES = ("imagecorruptions", "imagecorruptions-imaug")
Corrupt = Callable[[np.ndarray, str, int], object]


def pictures(count: int, side: int) -> np.ndarray:
    """uint8 `count`x`side`x`side`x3: smooth waves of colour with some grain."""
    random = np.random.default_rng(0)
    y, x = np.mgrid[:side, :side][..., None] * (2 * np.pi / side)
    images = np.empty((count, side, side, 3), np.uint8)
    for image in images:
        waves = sum(random.uniform(10, 40, 3) * np.sin(f * x + g * y) for f, g in random.uniform(-5, 5, (4, 2)))
        image[...] = np.clip(random.uniform(80, 180, 3) + waves + random.normal(0, 8, (side, side, 1)), 0, 255)
    return images


def maintained(folder: str) -> Corrupt:
    """The corruptions of imagecorruptions-imaug in `folder`, imported by another name than the other package's."""
    package = Path(folder, "imagecorruptions")
    spec = importlib.util.spec_from_file_location(
        "maintained", package / "__init__.py", submodule_search_locations=[str(package)]
    )
    sys.modules["maintained"] = module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)

    def corrupt(images: np.ndarray, corruption: str, severity: int) -> list[np.ndarray]:
        return [module.corrupt(image, severity=severity, corruption_name=corruption) for image in images]

    return corrupt


def milliseconds(corruption: str, side: int, repeats: int, timings: dict[str, Corrupt]) -> dict[str, float]:
    """Milliseconds an image over all severities, of each of `timings`."""
    images = pictures(BATCHES[side][0], side)
    batches = {name: images if name == "engine" else images[: BATCHES[side][1]] for name in timings}
    totals = dict.fromkeys(timings, 0.0)
    for severity in SEVERITIES:
        times = {name: [] for name in timings}
        for name, corrupt in timings.items():
            if name != PACKAGES[0]:  # which keeps nothing
                corrupt(batches[name], corruption, severity)
        for _ in range(repeats):
            for name, corrupt in timings.items():
                _, seconds = timed(partial(corrupt, batches[name], corruption, severity))
                times[name].append(1000 * seconds / len(batches[name]))
        totals = {name: total + median(times[name]) for name, total in totals.items()}
    return totals


def ratios(rows: pd.DataFrame, package: str) -> tuple[float, float]:
    """How many times as long a package takes as the engine: the ratio of sums, and the geometric mean of ratios.

    Args:
        rows: a row per corruption with milliseconds of `engine` and of packages; the main ones count.
    """
    main = rows[rows["corruption"].isin(MAIN)]
    return main[package].sum() / main["engine"].sum(), float(np.exp(np.log(main[package] / main["engine"]).mean()))


def keep(rows: pd.DataFrame, name: str) -> None:
    """Add rows to those that are kept, under the name of the code that was timed."""
    kept = pd.concat([pd.read_csv(KEPT) if KEPT.exists() else None, rows.assign(code=name)])
    kept.to_csv(KEPT, index=False, float_format="%.4g", columns=["code", *rows.columns])


def table_of_ratios(kept: pd.DataFrame) -> list[list[str]]:
    """Header and a row per size and package: `ratios` of the code that was timed last, by medians over its runs."""
    last = kept[kept["code"] == kept["code"].iloc[-1]]
    medians = last.groupby(["side", "corruption"], sort=False)[[*PACKAGES, "engine"]].median()
    rows = [["images", "package", "sums", "geometric mean"]]
    for side, package in product(BATCHES, PACKAGES):
        found = ratios(medians.loc[side].reset_index(), package)
        rows.append([f"{side}×{side}", package, *(f"{value:.1f}" for value in found)])
    return rows


def main() -> None:
    parser = options(__doc__, "table", repeats=5)
    parser.add_argument("--maintained", metavar="FOLDER")
    parser.add_argument("--sides", nargs="+", type=int, default=list(BATCHES), choices=list(BATCHES))
    parser.add_argument("--keep", metavar="NAME")
    chosen = parser.parse_args()
    if chosen.table:
        return print(table(table_of_ratios(pd.read_csv(KEPT)), left=2))
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    cv2.setNumThreads(1)
    keep_freed_memory()
    timings = {
        "engine": partial(engine.corrupt, table="imagenet-c", seed=0),
        PACKAGES[0]: partial(reference.corrupt, seed=0),
    }
    if chosen.maintained:
        timings[PACKAGES[1]] = maintained(chosen.maintained)
    rows, result = [], {}
    for side in chosen.sides:
        print(f"{side}x{side}, ms an image over severities 1-5:", *timings)
        of_side = []
        for corruption in MAIN + HELD_OUT:
            times = milliseconds(corruption, side, chosen.repeats, timings)
            print(f"{corruption:20}", *(f"{time:10.3f} {time / times['engine']:6.1f} x" for time in times.values()))
            of_side.append({"side": side, "corruption": corruption} | times)
        for package in list(timings)[1:]:
            of_sums, mean = ratios(pd.DataFrame(of_side), package)
            print(f"{package}: {of_sums:.1f} x, geometric mean {mean:.1f} x\n", flush=True)
            result |= {f"{package}_{side}": round(of_sums, 1), f"{package}_{side}_geometric": round(mean, 1)}
        rows += of_side
    if chosen.keep:
        keep(pd.DataFrame(rows), chosen.keep)
    print(json.dumps(result))


if __name__ == "__main__":
    main()
