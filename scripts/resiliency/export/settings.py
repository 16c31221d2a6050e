"""Names of ensembles for export, in a module that loads nothing else."""

import re

PACKAGES = ("onnx", "onnxscript", "onnxruntime")  # packages for exporting
BEST, MOST_ACCURATE = "best", "most_accurate"
UNDER = re.compile(r"best(?: of at most ([1-9]\d{0,8}) members?)?(?: under (\d{1,18}(?:\.\d{1,18})?) ?([kMG]?) ?MACs)?")
FACTORS = {"": 1, "k": 1e3, "M": 1e6, "G": 1e9}
ALLOWED = (
    "must be best, best under N MACs (such as best under 5 M MACs), best of at most N members (under N MACs), "
    "most_accurate, or a number of tables/deployment.csv"
)


def checked_ensemble(ensemble: str | int) -> str | int:
    """A validator: `ensemble` if it may name an ensemble.

    Raises:
        ValueError: `ensemble` cannot name an ensemble.
    """
    text = str(ensemble)
    if text != MOST_ACCURATE and not UNDER.fullmatch(text) and not re.fullmatch(r"[1-9]\d{0,8}", text):
        raise ValueError(ALLOWED)
    return ensemble
