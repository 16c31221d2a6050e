"""Natural image corruptions (Hendrycks and Dietterich, ICLR 2019).

`corrupt` is the one door. It is loaded at its first use, because the settings beside it are read at every start and
need neither OpenCV nor SciPy. Scripts import it from `resiliency.corruptions.engine`, where their fingerprint sees it.
"""

from importlib import import_module


def __getattr__(name: str) -> object:
    if name == "corrupt":
        return import_module("resiliency.corruptions.engine").corrupt
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
