"""What of two or more finished studies can be compared: their settings, test images, corruptions and objectives."""

from itertools import combinations
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from resiliency.base.names import CLEAN
from resiliency.report import words
from resiliency.storage.runs import Run
from resiliency.study.differences import differences

# Keys on which a member depends; of `members`, only which there are.
OF_MEMBERS = ("seed", "dataset", "training", "designs", "joint", "search", "prediction")
OF_CORRUPTIONS = ("source", "folder", "table", "engine")  # in `corruptions`, beside names and severities
TEST_IMAGES, CORRUPTED_IMAGES = "test images", "corrupted images"
MOST = 8  # keys that a sentence names


class Finished(NamedTuple):
    """A study that has been run to its end.

    Attributes:
        name: of the study; of its folder if several have one name.
        tables: by name.
        card: of the dataset; None if members are only imported.
    """

    name: str
    folder: Path
    run: Run
    study: dict
    tables: dict[str, pd.DataFrame]
    card: dict | None


def differing_keys(studies: list[Finished]) -> list[dict]:
    """A row per key in which not all studies agree: `key`, and `of`, name of a study -> its value as written."""
    first, *others = [_settings(study) for study in studies]
    found: dict[str, dict[str, str]] = {}
    for study, settings in zip(studies[1:], others, strict=True):
        for key, (own, other) in differences(first, settings).items():
            found.setdefault(key, dict.fromkeys([one.name for one in studies], own))[study.name] = other
    return [{"key": key, "of": of} for key, of in found.items()]


def _settings(study: Finished) -> dict:
    """What is compared of a study, the test images first; of its designs, those that it makes members of."""
    settings = {key: value for key, value in study.study.items() if key != "study"}
    used = set(study.tables["members"]["design"])
    designs = {name: of for name, of in settings.get("designs", {}).items() if name in used}
    return (
        {TEST_IMAGES: _images(study), CORRUPTED_IMAGES: described_corruptions(study)} | settings | {"designs": designs}
    )


def _images(study: Finished) -> str:
    test = study.card["splits"]["test"] if study.card else {}
    return f"{test.get('images', 'some')} images, {test['sha256'][:8]}" if test else "imported, unknown"


def same_images(a: Finished, b: Finished) -> bool:
    """Whether two studies are known to have the same test images."""
    return bool(a.card and b.card) and a.card["splits"]["test"]["sha256"] == b.card["splits"]["test"]["sha256"]


def corruptions_of(study: Finished) -> set[tuple[str, int]]:
    """Corruption and severity of each condition on the study's own test images."""
    errors = study.tables["corruption_errors"]
    rows = errors[(errors["test_set"] == CLEAN) & (errors["corruption"] != CLEAN)]
    return set(zip(rows["corruption"], rows["severity"], strict=True))


def described_corruptions(study: Finished) -> str:
    """Such as "2 corruptions at severities 1 and 4"."""
    pairs = corruptions_of(study)
    if not pairs:
        return "no corruptions"
    severities = [str(severity) for severity in sorted({severity for _, severity in pairs})]
    level = "severity" if len(severities) == 1 else "severities"
    return f"{words.plural(len({name for name, _ in pairs}), 'corruption')} at {level} {words.listed(severities)}"


def same_corruptions(a: Finished, b: Finished) -> bool:
    """Whether errors on corrupted images are means over the same corruptions, made in the same way."""
    made = [{key: study.study["corruptions"].get(key) for key in OF_CORRUPTIONS} for study in (a, b)]
    return corruptions_of(a) == corruptions_of(b) and made[0] == made[1]


def warnings(studies: list[Finished]) -> list[str]:
    """A sentence for each thing that numbers of two studies cannot be compared for, or not as they stand."""
    return [warning for pair in combinations(studies, 2) for warning in _warnings(*pair)]


def _warnings(a: Finished, b: Finished) -> list[str]:
    found, names = [], f"{a.name} and {b.name}"
    keys = {key for key in differences(_settings(a), _settings(b)) if key not in (TEST_IMAGES, CORRUPTED_IMAGES)}

    def among(*parents: str) -> str:
        return words.first_of(sorted(key for key in keys if key.partition(".")[0] in parents), MOST)

    if not same_images(a, b):
        have = "have different" if a.card and b.card else "are not known to have the same"
        found.append(f"{names} {have} test images: compare their intervals, which are not paired.")
    if not same_corruptions(a, b):
        told = {described_corruptions(study): "" for study in (a, b)}
        what = f" ({'; '.join(told)})" if len(told) > 1 else ""
        found.append(f"{names} have different corruptions{what}: their errors on corrupted images cannot be compared.")
    if differing := among("deployment"):
        found.append(
            f"{names} select by different objectives ({differing}): recommended models answer different questions."
        )
    if differing := among(*OF_MEMBERS):
        found.append(f"Members of one name are different networks in {names}, or on different images: {differing}.")
    if differing := among("statistics"):
        found.append(f"The intervals of {names} are not alike: {differing}.")
    return found
