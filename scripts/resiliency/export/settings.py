"""Settings of an export, in a module that loads nothing else."""

import re
from typing import Annotated

from pydantic import Field

from resiliency.base.settings import Settings

PACKAGES = ("onnx", "onnxscript", "onnxruntime")  # packages for exporting
BEST, MOST_ACCURATE = "best", "most_accurate"
UNDER = re.compile(
    r"best(?: of at most ([1-9]\d{0,8}) members?)?(?: under (\d{1,18}(?:\.\d{1,18})?) ?([kMG]?) "
    r"?MACs)?"
)
FACTORS = {"": 1, "k": 1e3, "M": 1e6, "G": 1e9}
ALLOWED = (
    "must be best, best under N MACs (such as best under 5 M MACs), best of at most N members "
    "(under N MACs), "
    "most_accurate, or a number of tables/deployment.csv"
)


def checked_ensemble(ensemble: str | int) -> str | int:
    """A validator: `ensemble` if it may name an ensemble.

    Raises:
        ValueError: `ensemble` cannot name an ensemble.
    """
    text = str(ensemble)
    if (
        text != MOST_ACCURATE
        and not UNDER.fullmatch(text)
        and not re.fullmatch(r"[1-9]\d{0,8}", text)
    ):
        raise ValueError(ALLOWED)
    return ensemble


Share = Annotated[float | None, Field(gt=0, lt=1)]


class Requirements(Settings):
    """The largest values that an exported ensemble may have, on images by which nothing was
    selected."""

    clean_error: Share = Field(None, description="error on clean images")
    corrupted_error: Share = Field(None, description="mean error over corruptions and severities")
    worst_condition_error: Share = Field(None, description="error in the worst condition")
    worst_class_error: Share = Field(None, description="corrupted error of the worst class")
    wrong: Share = Field(
        None,
        description="share of corrupted images answered wrongly if the program abstains at the "
        "threshold chosen for "
        "this share, from which it abstains unless told otherwise; null: 0.02, which is not judged",
    )
    undetected: Share = Field(
        None, description="share of corrupted images that two members get wrong with the same class"
    )
    common_failures: float | None = Field(
        None, gt=0, le=1, description="common-failure factor β of the members on corrupted images"
    )
