"""What the report says of the units of test images: what intervals resample, and where groups are missing."""

import re

from resiliency.base.names import CLEAN
from resiliency.data.duplicates import worth_a_warning
from resiliency.data.split import PLACE
from resiliency.report import words

FEWEST = 30  # units, from which intervals cover about as often as they say
CALLED = {"near_duplicates": "set of images that look alike"}


def resampled_sentence(units: dict[str, dict]) -> str:
    """What intervals over test images resample, such as "Intervals over test images resample 421 tracks.".

    Args:
        units: test set -> its `units.json`; empty if members are known by their scores alone.
    """
    if CLEAN not in units:
        return ""
    sets = [(name, of) for name, of in units.items() if name == CLEAN or of["by"]]
    told = [resampled(of) + (f" of {words.label(name)}" if name != CLEAN else "") for name, of in sets]
    return f"Intervals over test images resample {words.listed(told)}."


def resampled(of: dict) -> str:
    """Number and name of the units of a test set, such as "421 tracks (12,630 images)" or "540 images"."""
    if not of["by"]:
        return words.plural(of["units"], "image")
    places = re.findall(PLACE, of["by"])
    name = places[-1].strip("<>") if places else CALLED.get(of["by"], "group")
    many = name.replace("set ", "sets ", 1) if name in CALLED.values() else f"{name}s"
    return f"{of['units']:,} {many if of['units'] > 1 else name} ({words.plural(of['images'], 'image')})"


def unit_cautions(units: dict[str, dict]) -> list[str]:
    """A sentence for each test set whose images seem to belong together, of which the study does not say so.

    Args:
        units: as for `resampled_sentence`.
    """
    notes = []
    for name, of in units.items():
        key = "dataset.test_groups" if name == CLEAN else f"test_sets.{name}.groups"
        where = "Test images" if name == CLEAN else f"Images of {words.label(name)}"
        if of["not_by"]:
            notes.append(
                f"{where} have no groups, since `dataset.groups` does not fit them: intervals take them for "
                f"independent. Set `{key}`."
            )
        if of["by"] and of["units"] < FEWEST:
            notes.append(f"{where} are only {resampled(of)}: intervals from fewer than {FEWEST} are too short.")
        if worth_a_warning(of["alike_images"], of["images"]):
            groups = f"{of['alike_sets']:,} groups of {of['alike_images']:,} images"
            notes.append(f"{where} look alike in {groups} but have no `{key}`: intervals are too short.")
    return notes
