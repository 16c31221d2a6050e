"""Names of the corruptions: the 15 of mCE, the extra ones, and those that other packages add."""

from collections.abc import Iterable

from resiliency.base.extensions import extensions

CATEGORIES = {
    "noise": ("gaussian_noise", "shot_noise", "impulse_noise"),
    "blur": ("defocus_blur", "glass_blur", "motion_blur", "zoom_blur"),
    "weather": ("snow", "frost", "fog", "brightness"),
    "digital": ("contrast", "elastic_transform", "pixelate", "jpeg_compression"),
}
MAIN = tuple(name for names in CATEGORIES.values() for name in names)
BUILT_IN = (*MAIN, "speckle_noise", "gaussian_blur", "spatter", "saturate")
ADDED = tuple(name for name in extensions("corruptions") if name not in BUILT_IN)  # the engine refuses the others
EXTRA = BUILT_IN[len(MAIN) :]  # published as a check on selections by the others
HELD_OUT = (*EXTRA, *ADDED)  # left out of mCE


def averaged(corruptions: Iterable[str]) -> list[str]:
    """The corruptions over which the corrupted error is a mean: not the extra ones, unless there are no others."""
    names = list(corruptions)
    return [name for name in names if name not in EXTRA] or names
