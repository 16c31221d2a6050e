"""Which names test sets, members, designs, families, corruptions and metrics may have, by whatever road they come.

Names are parts of file names, and of columns such as `entropy_photos_raw`. The rules for names of images and metrics
keep each column readable in one way, whatever other names a study has (docs/names.md).
"""

import re
from collections.abc import Iterable, Iterator

from resiliency.base.names import (
    CLEAN,
    CLEAN_ON,
    CORRUPTED,
    HELD_OUT_IMAGES,
    accuracy_of,
    diversity_of,
    mean_member_accuracy_of,
)

LONGEST = 100  # characters, one byte each; file systems allow 255, with what is added to a name
LONGEST_FAMILY = 60
FILE_NAME = r"^[A-Za-z0-9_][A-Za-z0-9_.]*$"
# Kind of name -> its form, and the same in words.
FORMS = {
    "study": (FILE_NAME, "letters, digits, '_' and '.', the first not '.'"),
    "design": (FILE_NAME, "letters, digits, '_' and '.', the first not '.'"),
    "member": (r"^[A-Za-z0-9_][A-Za-z0-9_.-]*$", "letters, digits, '_', '-' and '.', the first not '-' or '.'"),
    "test set": (r"^[A-Za-z][A-Za-z0-9_]*$", "letters, digits and '_', the first a letter"),
    "extension": (r"^[a-z][a-z0-9_]*$", "lower-case letters, digits and '_', the first a letter"),
}
# What columns have after the name of images, and before it.
AFTER = ("accuracy", "accuracy_low", "accuracy_high", "nll", "brier", "ece", "oracle", "raw", "pairs")
BEFORE = (CLEAN_ON, "mean_member_")
ERROR = "error"  # before the name of a corruption, as a metric is
METRIC, CORRUPTION = "entropy", "fog"  # those that messages have for an example
# Images that tables and charts have in every study -> a column or row that is theirs.
STANDING = {
    CLEAN: accuracy_of(CLEAN),
    CORRUPTED: accuracy_of(CORRUPTED),
    HELD_OUT_IMAGES: "held_out",
    "selection": accuracy_of("selection"),
    "validation": accuracy_of("validation"),
    "mean": "mean",
}
# Columns of ensembles.parquet that no name is part of, so far as the name of a metric could be.
FIXED = ("corrupted_error", "loss_weight", "mce_undefined_under")


def form_fault(kind: str, name: str) -> str:
    """What is wrong with the form of a name of one of `FORMS`; "" if nothing is."""
    pattern, expected = FORMS[kind]
    if not re.fullmatch(pattern, name):
        return f"expected a name of {expected}; rename it"
    if len(name) > LONGEST:
        return f"expected a name of at most {LONGEST} characters, got {len(name)}; shorten it"
    return ""


def family_fault(name: str) -> str:
    """What is wrong with the name of a family, which is shown only; "" if nothing is."""
    if not name.isprintable() or name.strip() != name or not 1 <= len(name) <= LONGEST_FAMILY:
        return f"must be 1 to {LONGEST_FAMILY} printable characters, without spaces at the ends"
    if name.startswith(("=", "+", "-", "@")):
        return "must not begin with = + - or @, which spreadsheets take for a formula"
    return ""


def images_fault(name: str, corruptions: Iterable[str], metrics: Iterable[str]) -> str:
    """What is wrong with the name of a test set, or of an added corruption; "" if nothing is. Case does not count.

    Args:
        corruptions: names of all corruptions but this one, whether the study uses them or not.
        metrics: names of all diversity metrics.
    """
    lower, metrics = name.lower(), [*metrics]
    if lower in metrics:
        return "reports would label it as the metric; expected a name that no metric has; rename it"
    column, expected = next(_ambiguous(lower, corruptions, metrics), ("", ""))
    return f"column {column} would have two meanings; expected a name {expected}; rename it" if column else ""


def extension_fault(kind: str, name: str, metrics: Iterable[str]) -> str:
    """What is wrong with the name of an extension of a kind; "" if nothing is.

    The registries refuse names that they have already.

    Args:
        metrics: names of all diversity metrics.
    """
    fault = form_fault("extension", name)
    if not fault and kind == "corruptions":
        return images_fault(name, (), metrics)
    return _metric_fault(name) if not fault and kind == "metrics" else fault


def _metric_fault(name: str) -> str:
    columns = [column for column in FIXED if column.startswith(f"{name}_")]
    columns += [f"{ERROR}_{CORRUPTION}"] if name == ERROR else []
    return f"column {columns[0]} would have two meanings; rename it" if columns else ""


def alike(names: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Pairs of names that are one file on file systems that ignore case."""
    first: dict[str, str] = {}
    for name in names:
        other = first.setdefault(name.lower(), name)
        if other != name:
            yield other, name


def _ambiguous(name: str, corruptions: Iterable[str], metrics: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Columns of images called `name` that could be those of other images; and what a name of images is like."""
    if name in STANDING:
        yield STANDING[name], f"other than {', '.join(STANDING)}"
    if name in corruptions:
        yield mean_member_accuracy_of(name), "that no corruption has"
    for words in AFTER:
        if f"_{name}".endswith(f"_{words}"):
            yield diversity_of(METRIC, name), f"that does not end in {words}"
    for words in BEFORE:
        if f"{name}_".startswith(words):
            yield accuracy_of(name), f"that does not begin with {words}"
    for metric, rest in _continued([*metrics, ERROR]):
        if f"{name}_".startswith(rest):
            yield diversity_of(metric, name), f"that does not begin with {rest}"
        if f"{rest}{name}" in corruptions:
            yield diversity_of(metric, f"{rest}{name}"), f"that does not end {rest}{name}"


def _continued(metrics: list[str]) -> Iterator[tuple[str, str]]:
    """Each metric by whose name others begin, and what follows there: `linear_cka` and `first_stage_`."""
    for metric in metrics:
        for longer in metrics:
            if longer.startswith(f"{metric}_"):
                yield metric, f"{longer.removeprefix(f'{metric}_')}_"
