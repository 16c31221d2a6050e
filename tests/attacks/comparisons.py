"""Studies with fewer resamples than their comparisons need, just enough, and more."""

from collections.abc import Iterator
from functools import partial
from math import ceil
from pathlib import Path

from attacks.cases import Case, allowed
from attacks.studies import CONFIG

from resiliency.base.corruption_names import BUILT_IN
from resiliency.study.files import load

COUNTS, CONFIDENCES = (1, 4, 5, 6, 10, 15, 19), (0.6, 0.9, 0.95, 0.99, 0.995)
LEAST = 100


def comparisons() -> Iterator[Case]:
    """With each number of corruptions, at each confidence: an interval has to have its tails among the resamples."""
    for count in COUNTS:
        for confidence in CONFIDENCES:
            needed = max(LEAST, ceil(round(2 * max(count, 5) / (1 - confidence), 6)) - 1)
            settings = {"count": count, "confidence": confidence}
            for resamples in {LEAST, needed // 2, needed - 1} & set(range(LEAST, needed)):
                act = partial(_load, **settings, resamples=resamples)
                yield Case(f"{settings}, {resamples}", act, "statistics.resamples: expected at least")
            for resamples in (needed, needed + 1, 2 * needed):
                yield Case(f"{settings}, {resamples}", allowed(partial(_load, **settings, resamples=resamples)), None)


def _load(_: Path, count: int, confidence: float, resamples: int) -> None:
    changed = {"corruptions": {"names": list(BUILT_IN[:count])}}
    load(CONFIG | changed | {"statistics": {"confidence": confidence, "resamples": resamples}})
