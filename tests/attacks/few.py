"""Few images: what needs more must be left out or refused, never computed of too few."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
from attacks.cases import Case, Wrong, allowed

from resiliency.analysis.effective_robustness import few_rows
from resiliency.analysis.left_out import Resampling
from resiliency.analysis.member_scores import Scorer, rank_table
from resiliency.analysis.without_images import image_groups
from resiliency.base.names import FEWEST_IMAGES
from resiliency.external.contents import read_contents
from resiliency.external.tables import External
from resiliency.prediction.reading import Predictions, Truth, all_conditions

COUNTS = (1, 2, 3, 4, 5, 8, 9, 10, 11)
RATES = {"none": 0.0, "some": 0.4, "all": 1.0}


def few() -> Iterator[Case]:
    """Sets of few images, on which members err never, sometimes or always."""
    for images in COUNTS:
        for name, rate in RATES.items():
            for analysis in (_ranked, _scored, _read):
                act = allowed(partial(analysis, images=images, rate=rate))
                yield Case(f"{analysis.__name__[1:]}, {images} images, {name} wrong", act, None)
        refused = "test images, to halve or resample them" if images < FEWEST_IMAGES else None
        yield Case(f"groups of {images} images", partial(_grouped, images=images), refused)


def _decisions(images: int, rate: float) -> np.ndarray:
    """Of two members, int64 2 x `images`; the class 0 is right."""
    return (np.random.default_rng(images).random((2, images)) < rate).astype(np.int64)


def _ranked(_: Path, images: int, rate: float) -> None:
    conditions = all_conditions([], [], {"clean": 12, "night": images}, {"clean": 2, "night": 2})
    wrong = (_decisions(count, rate) > 0 for count in (12, images))
    ranked = rank_table(["a", "b"], conditions, wrong, Resampling(100, 0.95, 0))
    if ("night" in set(ranked.condition)) != (images >= FEWEST_IMAGES):
        raise Wrong(f"ranks on {images} images")
    said = [item for _, item, _ in few_rows(conditions, [])]
    if ("member_ranks on night" in said) != (images < FEWEST_IMAGES):
        raise Wrong("what is left out is not said")


def _scored(_: Path, images: int, rate: float) -> None:
    conditions = all_conditions(["fog"], [1], {"clean": images}, {"clean": 2})
    decided = np.stack([_decisions(images, rate)[0]] * 2)
    predictions = Predictions(conditions, {"clean": decided}, {"clean": Truth(np.zeros(images, np.int64))})
    scores = Scorer(conditions, None, Resampling(100, 0.95, 0)).score(predictions).scores
    known = np.isfinite([scores["corrupted_error_low"], scores["corrupted_error_high"]])
    if known.any() != (images >= FEWEST_IMAGES):
        raise Wrong(f"an interval of {images} images")


def _read(_: Path, images: int, rate: float) -> None:
    rows = [f"clean,{image},0,{a},{b}" for image, (a, b) in enumerate(_decisions(images, rate).T)]
    Path("own.csv").write_text("\n".join(["test_set,image,label,a,b", *rows]), encoding="utf-8")
    if read_contents(External(decisions="own.csv"), [], [1], None).clean_images != images:
        raise Wrong("another number of images")


def _grouped(_: Path, images: int) -> None:
    groups = image_groups(np.zeros(images, np.int64), np.empty(0, np.int64), 0)
    if np.bincount(groups, minlength=FEWEST_IMAGES).min() == 0:
        raise Wrong("an empty group")
