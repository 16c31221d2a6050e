"""Two studies that differ in one key, in their test images or in their corruptions, side by side."""

import copy
from collections.abc import Callable, Iterator
from functools import cache, partial
from pathlib import Path

import pandas as pd
from attacks.cases import Case, Wrong

from resiliency.comparison.studies import Finished, differing_keys, warnings
from resiliency.study.files import load, read_merged

CONFIG = Path(__file__).parents[2] / "config.yaml"
OF_CORRUPTIONS = ("corruptions.source", "corruptions.folder", "corruptions.table", "corruptions.engine")
PAIRS = [(name, severity) for name in ("fog", "snow") for severity in (1, 3)]


def compared() -> Iterator[Case]:
    """The default study beside another that differs in each of its keys, or in what cannot be read from keys."""
    for key in _leaves(_study()):
        if key != "study":
            yield Case(f"another {key}", partial(_differs, key=key), None)
    for name, (change, said) in OTHERS.items():
        yield Case(name, partial(_said, change=change, said=said), None)


@cache
def _study() -> dict:
    return load(read_merged([CONFIG])).model_dump(mode="json")


def _leaves(study: dict, parent: str = "") -> Iterator[str]:
    for name, value in study.items():
        if isinstance(value, dict) and value:
            yield from _leaves(value, f"{parent}{name}.")
        else:
            yield f"{parent}{name}"


def _other(value: object) -> object:
    """Another value of the same kind."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int | float):
        return value + 1
    return (
        [*value, "other"] if isinstance(value, list) else {"other": 1} if isinstance(value, dict) else f"{value}-other"
    )


def _finished(name: str, study: dict) -> Finished:
    errors = pd.DataFrame([("clean", "clean", 0), *(("clean", *pair) for pair in PAIRS)])
    errors.columns = ["test_set", "corruption", "severity"]
    members = pd.DataFrame({"design": list(study["designs"])})
    card = {"splits": {"test": {"images": 9, "sha256": "0123456789"}}}
    return Finished(name, Path(name), None, study, {"members": members, "corruption_errors": errors}, card)


def _differs(_: Path, key: str) -> None:
    study = copy.deepcopy(_study())
    *parents, last = key.split(".")
    inside = study
    for parent in parents:
        inside = inside[parent]
    inside[last] = _other(inside[last])
    pair = [_finished("one", _study()), _finished("two", study)]
    named = [row["key"] for row in differing_keys(pair)]
    if not any(f"{name}.".startswith(f"{key}.") for name in named):
        raise Wrong(f"{key} is not named among {named}")
    if (key in OF_CORRUPTIONS) != any("cannot be compared" in line for line in warnings(pair)):
        raise Wrong(f"{key}: {warnings(pair)}")


def _said(_: Path, change: Callable[[Finished], Finished], said: str) -> None:
    pair = [_finished("one", _study()), change(_finished("two", copy.deepcopy(_study())))]
    lines = warnings(pair)
    if not (any(said in line for line in lines) if said else not lines and not differing_keys(pair)):
        raise Wrong(f"expected {said or 'nothing'}, got {lines}")


def _with_errors(change: Callable[[pd.DataFrame], pd.DataFrame], study: Finished) -> Finished:
    return study._replace(tables=study.tables | {"corruption_errors": change(study.tables["corruption_errors"])})


def _with_images(sha256: str, study: Finished) -> Finished:
    return study._replace(card={"splits": {"test": {"images": 9, "sha256": sha256}}})


IMAGES, CORRUPTIONS = "have different test images", "their errors on corrupted images cannot be compared"
OTHERS: dict[str, tuple[Callable[[Finished], Finished], str]] = {
    "the same study": (lambda study: study, ""),
    "rows in another order": (partial(_with_errors, lambda errors: errors[::-1]), ""),
    "other images": (partial(_with_images, "another"), IMAGES),
    "images that are not known": (
        lambda study: study._replace(card=None),
        "are not known to have the same test images",
    ),
    "a corruption less": (partial(_with_errors, lambda errors: errors[errors["corruption"] != "fog"]), CORRUPTIONS),
    "a severity less": (partial(_with_errors, lambda errors: errors[errors["severity"] != 3]), CORRUPTIONS),
    "a condition less": (partial(_with_errors, lambda errors: errors[:-1]), CORRUPTIONS),
    "other severities": (
        partial(_with_errors, lambda errors: errors.assign(severity=errors["severity"].replace(3, 5))),
        CORRUPTIONS,
    ),
    "another corruption": (
        partial(_with_errors, lambda errors: errors.assign(corruption=errors["corruption"].replace("fog", "frost"))),
        CORRUPTIONS,
    ),
    "no corruptions": (partial(_with_errors, lambda errors: errors[:1]), CORRUPTIONS),
}
