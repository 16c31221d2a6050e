"""How close the corruption engine is to the package imagecorruptions, as Markdown.

Run by hand: python tests/benchmarks/parity.py [--write] Prints the report, and writes it to
published/experiments/parity.md if asked to; about three minutes on one core. The images, the
statistics and their limit are those of tests/unit/test_engine_parity.py.
"""

import os
import sys
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path

import cv2
import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "unit"))
from drawn_pictures import DETERMINISTIC, RANDOM, pictures
from shared import EXPERIMENTS, beside, options, table
from test_engine_parity import LIMIT, both_features, distances

from resiliency.corruptions import reference, weather
from resiliency.corruptions.engine import CORRUPTIONS, corrupt
from resiliency.corruptions.settings import HELD_OUT, MAIN, SEVERITIES
from resiliency.report.words import number

REPORT, TEMPLATE = EXPERIMENTS / "parity.md", beside(__file__, "parity.md.template")
SIZES = ((32, 32), (48, 64), (224, 224))
# The engine's, the reference's.
DRAWS = {(32, 32): (300, 60), (48, 64): (120, 30), (224, 224): (60, 20)}
FEATURES = 6
SEVERITY = 3


def named(size: tuple[int, int]) -> str:
    return f"{size[1]}x{size[0]}"


def listed(counts: Iterable[int]) -> str:
    *others, last = map(str, counts)
    return f"{', '.join(others)} and {last}"


def difference(corruption: str, size: tuple[int, int]) -> str:
    """Largest difference, and largest share of values that differ, over severities."""
    images = pictures(1 if size[0] > 64 else 4, *size)
    largest, share = 0, 0.0
    for severity in SEVERITIES:
        ours = corrupt(images, corruption, severity, table="imagenet-c", seed=0).astype(int)
        change = np.abs(ours - reference.corrupt(images, corruption, severity, seed=0))
        largest, share = max(largest, change.max()), max(share, (change > 0).mean())
    return f"{largest}, {100 * share:.2f} %"


def distance(corruption: str, size: tuple[int, int]) -> float:
    return max(
        distances(*both_features(corruption, severity, size, *DRAWS[size])).max()
        for severity in SEVERITIES
    )


def feature_row(corruption: str) -> list[str]:
    ours, theirs = both_features(corruption, SEVERITY, SIZES[0], *DRAWS[SIZES[0]])
    error = np.sqrt(ours.var(axis=0, ddof=1) / len(ours) + theirs.var(axis=0, ddof=1) / len(theirs))
    ours, theirs = ours.mean(axis=0), theirs.mean(axis=0)
    levels = [f"{number(ours[i], 2)} / {number(theirs[i], 2)} ± {error[i]:.2f}" for i in (0, 1)]
    ratios = np.exp(ours - theirs)
    return [
        corruption,
        *levels,
        *(f"{ratios[i]:.2f} ± {ratios[i] * error[i]:.2f}" for i in range(2, FEATURES)),
    ]


def expected_maximum(comparisons: int) -> float:
    """Median of the largest of so many absolute standard normal values."""
    draws = np.abs(np.random.default_rng(0).standard_normal((1000, comparisons)))
    return float(np.median(draws.max(axis=1)))


def figures(entry: float | tuple[float, ...]) -> str:
    return ", ".join(f"{value:g}" for value in entry) if isinstance(entry, tuple) else f"{entry:g}"


def report() -> str:
    sizes = [named(size) for size in SIZES]
    weather.PICTURES = weather.PICTURES[:5]  # those that the reference picks from
    comparisons = len(RANDOM) * len(SIZES) * len(SEVERITIES) * FEATURES
    bands = [f"power, {band}" for band in ("0–0.1", "0.1–0.2", "0.2–0.35", "0.35–0.5")]
    cifar = {name: corruption.figures["cifar-10-c"] for name, corruption in CORRUPTIONS.items()}
    return TEMPLATE.read_text(encoding="utf-8").format(
        package=version("imagecorruptions"),
        numpy=np.__version__,
        cv2=cv2.__version__,
        skimage=version("scikit-image"),
        deterministic=table(
            [
                ["corruption", *sizes],
                *([name, *(difference(name, size) for size in SIZES)] for name in DETERMINISTIC),
            ]
        ),
        distances=table(
            [
                ["corruption", *sizes],
                *([name, *(f"{distance(name, size):.1f}" for size in SIZES)] for name in RANDOM),
            ]
        ),
        comparisons=comparisons,
        expected=expected_maximum(comparisons),
        limit=LIMIT,
        ours=listed(ours for ours, _ in DRAWS.values()),
        theirs=listed(theirs for _, theirs in DRAWS.values()),
        size=sizes[0],
        severity=SEVERITY,
        features=table([["corruption", "mean", "deviation", *bands], *map(feature_row, RANDOM)]),
        severities=table(
            [
                ["corruption", *map(str, SEVERITIES)],
                *([name, *map(figures, cifar[name])] for name in MAIN + HELD_OUT),
            ]
        ),
    )


def main() -> None:
    write = options(__doc__, "write").parse_args().write
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    cv2.setNumThreads(1)
    text = report()
    print(text)
    if write:
        REPORT.write_text(text)


if __name__ == "__main__":
    main()
