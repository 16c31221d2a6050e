"""Times the corruption engine against five packages on one thread: the 15 main corruptions x 5
severities.

Run by hand, in an environment of its own, because what the packages need is not what this project
needs:
    python -m venv build/peers build/peers/bin/pip install -e . corrupt-tta==0.1.6
    "torch-uncertainty[cpu,image]==0.13" albumentationsx==2.5.1 build/peers/bin/pip install
    --no-deps --target build/imaug imagecorruptions-imaug==1.1.5 build/peers/bin/python
    tests/benchmarks/corruptions.py --imaug build/imaug [--repeats 5] [--keep NAME]
imagecorruptions 1.1.2 is mended as in `resiliency.corruptions.reference`; imagecorruptions-imaug
has the same name, and is therefore imported from a folder. A package that is missing is left out.
torch-uncertainty's glass blur and elastic transform, and corrupt-tta's glass, motion blur, elastic
transform and pixelate are defined otherwise; AlbumentationsX has six of the corruptions, and no
severities, so that it is given their figures.

Each figure is the median over the repeats, of milliseconds of CPU time an image, summed over the
five severities. All are timed in turn in the same run, on the same images (the packages on the
first of them), with the "imagenet-c" figures. Tables, pictures and compiled loops that are kept
between calls are loaded before the clock starts. Freed memory is kept, as in a job of the workflow.
The four held-out corruptions are shown but not counted. `--keep` adds the figures to
published/experiments/engine_speed.csv under the name of the code that was timed; several runs may
have one name. `--table` writes the table of the code that was timed last into docs/corruptions.md.
"""

import importlib.util
import os
import sys
import warnings
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from itertools import product
from pathlib import Path
from statistics import median

import cv2
import numpy as np
import pandas as pd
from shared import ROOT, options, put, table, timed

from resiliency.base.machine import keep_freed_memory
from resiliency.corruptions import engine, reference
from resiliency.corruptions.settings import HELD_OUT, MAIN, SEVERITIES

KEPT, PAGE = ROOT / "published/experiments/engine_speed.csv", ROOT / "docs/corruptions.md"
BEFORE, AFTER = "a package comes closest.\n\n", "\n## Published corrupted images"
# Side in pixels: images in a batch for the engine, and for a package, which handles them one by one
# anyway.
BATCHES = {32: (64, 8), 224: (8, 1)}
FASTEST = "the fastest for each"
# From a corruption and a severity to what corrupts images, or None.
Peer = Callable[[str, int], Callable[[np.ndarray], object] | None]


def pictures(count: int, side: int) -> np.ndarray:
    """uint8 `count`x`side`x`side`x3: smooth waves of colour with some grain."""
    random = np.random.default_rng(0)
    y, x = np.mgrid[:side, :side][..., None] * (2 * np.pi / side)
    images = np.empty((count, side, side, 3), np.uint8)
    for image in images:
        waves = sum(
            random.uniform(10, 40, 3) * np.sin(f * x + g * y)
            for f, g in random.uniform(-5, 5, (4, 2))
        )
        image[...] = np.clip(
            random.uniform(80, 180, 3) + waves + random.normal(0, 8, (side, side, 1)), 0, 255
        )
    return images


def own(corruption: str, severity: int) -> Callable[[np.ndarray], object]:
    return partial(
        engine.corrupt, corruption=corruption, severity=severity, table="imagenet-c", seed=0
    )


def mended(corruption: str, severity: int) -> Callable[[np.ndarray], object]:
    return partial(reference.corrupt, corruption=corruption, severity=severity, seed=0)


def image_by_image(corrupt: Callable[..., object]) -> Peer:
    """A package with the function of imagecorruptions."""

    def peer(corruption: str, severity: int) -> Callable[[np.ndarray], object]:
        return lambda images: [
            corrupt(image, severity=severity, corruption_name=corruption) for image in images
        ]

    return peer


def imaug(folder: str) -> Peer:
    """imagecorruptions-imaug in `folder`, imported by another name than the other package's."""
    package = Path(folder, "imagecorruptions")
    spec = importlib.util.spec_from_file_location(
        "imaug", package / "__init__.py", submodule_search_locations=[str(package)]
    )
    sys.modules["imaug"] = module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return image_by_image(module.corrupt)


def torch_uncertainty() -> Peer:
    import torch
    from torch_uncertainty.transforms import corruption as transforms

    torch.set_num_threads(1)
    others = {
        "elastic_transform": "Elastic",
        "jpeg_compression": "JPEGCompression",
        "saturate": "Saturation",
    }

    def peer(corruption: str, severity: int) -> Callable[[np.ndarray], object] | None:
        kind = getattr(
            transforms, others.get(corruption, corruption.title().replace("_", "")), None
        )
        transform = kind and kind(severity)

        def corrupt(images: np.ndarray) -> list:
            return [
                transform(image)
                for image in torch.from_numpy(images.transpose(0, 3, 1, 2) / np.float32(255))
            ]

        return kind and corrupt

    return peer


def albumentations() -> Peer:
    import albumentations as package

    area = {"downscale": cv2.INTER_AREA, "upscale": cv2.INTER_NEAREST}
    transforms = {
        "gaussian_noise": lambda sigma: package.GaussNoise((sigma, sigma), per_channel=True, p=1),
        "defocus_blur": lambda radius, alias: package.Defocus(
            (radius, radius), (alias, alias), p=1
        ),
        "glass_blur": lambda sigma, shift, rounds: package.GlassBlur(
            sigma, shift, rounds, mode="exact", p=1
        ),
        "zoom_blur": lambda stop, step: package.ZoomBlur((stop, stop), (step, step), p=1),
        "jpeg_compression": lambda quality: package.ImageCompression(
            "jpeg", (quality, quality), p=1
        ),
        "pixelate": lambda scale: package.Downscale((scale, scale), area, p=1),
    }

    def peer(corruption: str, severity: int) -> Callable[[np.ndarray], object] | None:
        if corruption not in transforms:
            return None
        transform = transforms[corruption](
            *np.atleast_1d(
                engine.CORRUPTIONS[corruption].figures["imagenet-c"][severity - 1]
            ).tolist()
        )
        return lambda images: [transform(image=image)["image"] for image in images]

    return peer


def corrupt_tta() -> Peer:
    import corrupt_tta as package

    return image_by_image(package.corrupt)


def milliseconds(
    corruption: str, side: int, repeats: int, peers: dict[str, Peer]
) -> dict[str, float]:
    """Milliseconds an image over all severities, of each of `peers`; NaN of one that lacks the
    corruption."""
    images = pictures(BATCHES[side][0], side)
    batches = {name: images if name == "engine" else images[: BATCHES[side][1]] for name in peers}
    totals = dict.fromkeys(peers, 0.0)
    for severity in SEVERITIES:
        works = {name: work for name, peer in peers.items() if (work := peer(corruption, severity))}
        times = {name: [] for name in works}
        for name in works:
            if name != "imagecorruptions":  # which keeps nothing
                works[name](batches[name])
        for _ in range(repeats):
            for name, work in works.items():
                _, seconds = timed(partial(work, batches[name]))
                times[name].append(1000 * seconds / len(batches[name]))
        totals = {
            name: total + (median(times[name]) if name in works else np.nan)
            for name, total in totals.items()
        }
    return totals


def keep(rows: pd.DataFrame, name: str) -> None:
    """Add rows to those that are kept, under the name of the code that was timed."""
    kept = pd.concat([pd.read_csv(KEPT) if KEPT.exists() else None, rows.assign(code=name)])
    kept.to_csv(KEPT, index=False, float_format="%.4g")


def table_of_ratios(kept: pd.DataFrame) -> list[list[str]]:
    """Header and a row per size and package, of the code that was timed last.

    How many times as long a package takes as the engine for the main corruptions that it has: the
    ratio of sums, the geometric mean, and the least; medians over runs, with the lowest and the
    highest of the ratios of sums.
    """
    last = kept[(kept["code"] == kept["code"].iloc[-1]) & kept["corruption"].isin(MAIN)].dropna(
        axis=1, how="all"
    )
    packages = [name for name in last if name not in ("code", "side", "corruption", "engine")]
    last = last.assign(
        **{
            FASTEST: last[packages].min(axis=1),
            "run": last.groupby(["side", "corruption"]).cumcount(),
        }
    )
    rows = [["images", "package", "corruptions", "sums", "geometric mean", "least"]]
    for side, package in product(last["side"].unique(), [*packages, FASTEST]):
        own = last[last["side"] == side].dropna(subset=package)
        sums = own.groupby("run")[[package, "engine"]].sum()
        of_runs = sums[package] / sums["engine"]
        ratios = (own[package] / own["engine"]).groupby(own["corruption"]).median()
        rows.append([f"{side}×{side}", package, str(len(ratios))])
        rows[-1].append(f"{of_runs.median():.1f} ({of_runs.min():.1f}–{of_runs.max():.1f})")
        rows[-1] += [
            f"{np.exp(np.log(ratios).mean()):.1f}",
            f"{ratios.min():.2f} ({ratios.idxmin()})",
        ]
    return rows


def main() -> None:
    parser = options(__doc__, "table", repeats=5)
    parser.add_argument("--imaug", metavar="FOLDER")
    parser.add_argument(
        "--sides", nargs="+", type=int, default=list(BATCHES), choices=list(BATCHES)
    )
    parser.add_argument("--keep", metavar="NAME")
    chosen = parser.parse_args()
    if chosen.table:
        return put(PAGE, BEFORE, f"{table(table_of_ratios(pd.read_csv(KEPT)), left=2)}\n", AFTER)
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    warnings.filterwarnings("ignore")
    peers = {"engine": own, "imagecorruptions": mended}
    if chosen.imaug:
        peers["imagecorruptions-imaug"] = imaug(chosen.imaug)
    for name, peer in (
        ("corrupt-tta", corrupt_tta),
        ("torch-uncertainty", torch_uncertainty),
        ("AlbumentationsX", albumentations),
    ):
        with suppress(ImportError):
            peers[name] = peer()
    cv2.setNumThreads(1)
    keep_freed_memory()
    rows = []
    for side in chosen.sides:
        print(f"{side}x{side}, ms an image over severities 1-5:", *peers)
        for corruption in MAIN + HELD_OUT:
            times = milliseconds(corruption, side, chosen.repeats, peers)
            print(
                f"{corruption:20}",
                *(f"{time:10.3f} {time / times['engine']:6.1f} x" for time in times.values()),
                flush=True,
            )
            rows.append({"code": chosen.keep, "side": side, "corruption": corruption} | times)
    if chosen.keep:
        keep(pd.DataFrame(rows), chosen.keep)
    print(table(table_of_ratios(pd.DataFrame(rows).fillna({"code": ""})), left=2))


if __name__ == "__main__":
    main()
