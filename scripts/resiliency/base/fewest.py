"""How many images of a set an analysis needs that halves them, draws from them again or leaves groups of them out.

With fewer, a study lacks the tables and intervals that need them, or these lack the set; skipped.csv says so.
"""

FEWEST_IMAGES = 10  # one for each group of the jackknife over images


def few_images(name: str, images: int) -> str:
    """What an analysis lacks of the set `name`, which has so many `images`; empty if there are enough."""
    if images >= FEWEST_IMAGES:
        return ""
    return f"needs {FEWEST_IMAGES} {name} images, to halve or resample them; there are {images:,}"
