"""Names of the corruptions: the 15 of mCE, and the extra ones."""

from collections.abc import Iterable

CATEGORIES = {
    "noise": ("gaussian_noise", "shot_noise", "impulse_noise"),
    "blur": ("defocus_blur", "glass_blur", "motion_blur", "zoom_blur"),
    "weather": ("snow", "frost", "fog", "brightness"),
    "digital": ("contrast", "elastic_transform", "pixelate", "jpeg_compression"),
}
MAIN = tuple(name for names in CATEGORIES.values() for name in names)
HELD_OUT = ("speckle_noise", "gaussian_blur", "spatter", "saturate")  # published as a check on selections by the others


def averaged(corruptions: Iterable[str]) -> list[str]:
    """The corruptions over which corrupted error and mCE are means: not the extra ones, unless there are no others."""
    names = list(corruptions)
    return [name for name in names if name not in HELD_OUT] or names
