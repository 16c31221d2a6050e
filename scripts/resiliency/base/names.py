"""The names that columns of tables and files are built from, and those of the corruptions."""

import re
from collections.abc import Callable, Iterable, Iterator

from resiliency.base.faults import Fault

# Corruptions: those of mCE, and the extra ones.
CATEGORIES = {
    "noise": ("gaussian_noise", "shot_noise", "impulse_noise"),
    "blur": ("defocus_blur", "glass_blur", "motion_blur", "zoom_blur"),
    "weather": ("snow", "frost", "fog", "brightness"),
    "digital": ("contrast", "elastic_transform", "pixelate", "jpeg_compression"),
}
MAIN = tuple(name for names in CATEGORIES.values() for name in names)
# Published as a check on selections by the others.
HELD_OUT = ("speckle_noise", "gaussian_blur", "spatter", "saturate")

# Test sets, and the images of the first of them under corruptions: those that the corrupted error
# is a mean over, and the extra ones beside them. Additional test sets have names of the study's.
CLEAN = "clean"
CORRUPTED = "corrupted"
HELD_OUT_IMAGES = "held_out"
# Before the name of an additional test set: the clean images of the classes that it has.
CLEAN_ON = "clean_on_"

# Origins of members, and of the ensembles that are formed of them.
INDEPENDENT = "independent"
JOINT = "joint"
SEARCH = "search"

# Accuracy without each group of images of an additional test set that stands for clean accuracy,
# and how many are left.
SEPARATE_ACCURACY, N_SEPARATE_IMAGES = "separate_accuracy", "n_separate_images"

SYNSET = re.compile(r"n\d{8}")  # a class of ImageNet
LAST = re.compile(r"-[sm]\d+$")


def averaged(corruptions: Iterable[str]) -> list[str]:
    """The corruptions over which corrupted error and mCE are means: not the extra ones, unless
    there are no others."""
    names = list(corruptions)
    return [name for name in names if name not in HELD_OUT] or names


def means_over(corruptions: Iterable[str]) -> dict[str, list[str]]:
    """`CORRUPTED` and, beside it, `HELD_OUT_IMAGES` -> the corruptions over which it is a mean;
    `clean` is none."""
    names = [name for name in corruptions if name != CLEAN]
    extra = [name for name in names if name not in averaged(names)]
    return {CORRUPTED: averaged(names)} | ({HELD_OUT_IMAGES: extra} if extra else {})


def accuracy_of(images: str) -> str:
    """The column of the accuracy on `images`, a test set or `CORRUPTED`."""
    return f"{images}_accuracy"


def mean_member_accuracy_of(images: str) -> str:
    """The column of the mean accuracy of an ensemble's members."""
    return f"mean_member_{images}_accuracy"


def diversity_of(metric: str, images: str) -> str:
    """The column of the diversity of an ensemble on `images`."""
    return f"{metric}_{images}"


def design_of(member: str) -> str:
    """The design of a member: its name without a last `-s0` (of seeds) or `-m0` (of members trained
    jointly)."""
    return LAST.sub("", member)


LONGEST = 100  # characters, one byte each; file systems allow 255, with what is added to a name
LONGEST_FAMILY = 60
FILE_NAME = r"^[A-Za-z0-9_][A-Za-z0-9_.]*$"
# Kind of name -> its form, and the same in words.
FORMS = {
    "study": (FILE_NAME, "letters, digits, '_' and '.', the first not '.'"),
    "design": (FILE_NAME, "letters, digits, '_' and '.', the first not '.'"),
    "member": (
        r"^[A-Za-z0-9_][A-Za-z0-9_.-]*$",
        "letters, digits, '_', '-' and '.', the first not '-' or '.'",
    ),
    "test set": (r"^[A-Za-z][A-Za-z0-9_]*$", "letters, digits and '_', the first a letter"),
}
# What columns have before the name of images, as they have metrics and `error`, and after it; names
# of images that all studies have, or that charts have beside these.
BEFORE = ("clean_on", "mean_member")
AFTER = (
    "accuracy",
    "accuracy_low",
    "accuracy_high",
    "nll",
    "brier",
    "ece",
    "oracle",
    "raw",
    "pairs",
)
STANDING = (CLEAN, CORRUPTED, HELD_OUT_IMAGES, "selection", "validation", "mean")


def form_fault(kind: str, name: str) -> str:
    """The fault in the form of a name of one of `FORMS`; "" if there is none."""
    pattern, expected = FORMS[kind]
    if not re.fullmatch(pattern, name):
        return f"expected a name of {expected}; rename it"
    if len(name) > LONGEST:
        return f"expected a name of at most {LONGEST} characters, got {len(name)}; shorten it"
    return ""


def family_fault(name: str) -> str:
    """The fault of the name of a family, which is only displayed; "" if there is none."""
    if not name.isprintable() or name.strip() != name or not 1 <= len(name) <= LONGEST_FAMILY:
        return f"must be 1 to {LONGEST_FAMILY} printable characters, without spaces at the ends"
    if name.startswith(("=", "+", "-", "@")):
        return "must not begin with = + - or @, which spreadsheets take for a formula"
    return ""


def images_fault(name: str, corruptions: Iterable[str], metrics: Iterable[str]) -> str:
    """The fault of the name of a test set with which a column could be of other images; "" if there
    is none.

    Case does not count. Names that continue a metric to another one, as `first_stage` does
    `linear_cka`, count as well.

    Args:
        corruptions: names of all corruptions, whether the study uses them or not.
        metrics: names of all diversity metrics.
    """
    lower, before, corruptions = name.lower(), [*metrics, "error"], [*corruptions]
    rests = [
        metric.removeprefix(f"{of}_")
        for of in before
        for metric in before
        if metric.startswith(f"{of}_")
    ]
    taken = [
        *STANDING,
        *before,
        *corruptions,
        *(of.removeprefix(f"{rest}_") for rest in rests for of in corruptions),
    ]
    if lower in taken:
        expected = f"other than a corruption or metric, their parts, {', '.join(STANDING)}"
    elif first := next((of for of in (*BEFORE, *rests) if f"{lower}_".startswith(f"{of}_")), ""):
        expected = f"that does not begin with {first}"
    elif last := next((of for of in AFTER if f"_{lower}".endswith(f"_{of}")), ""):
        expected = f"that does not end in {last}"
    else:
        return ""
    return f"a column would have two meanings; expected a name {expected}; rename it"


def alike(
    names: Iterable[str], written: Callable[[str], str] = str.lower
) -> Iterator[tuple[str, str]]:
    """Pairs of names that are `written` alike; by default one file on file systems that ignore
    case."""
    first: dict[str, str] = {}
    for name in names:
        other = first.setdefault(written(name), name)
        if other != name:
            yield other, name


def check_written_alike(place: str, names: Iterable[str]) -> None:
    """Raise a Fault, which begins with `place`, if names of groups of images differ only in case or
    as 1 and 1.0."""
    for one, other in alike(names, lambda name: re.sub(r"\b(\d+)\.0+$", r"\1", name.lower())):
        raise Fault(
            f"{place}: {one!r} and {other!r} differ only in case or as 1 and 1.0; write one group "
            "alike"
        )


FEWEST_IMAGES = 10  # least number of images, or of units: one for each group of the jackknife
# Least number of units where no groups are left out: one to compare with the other.
FEWEST_UNITS = 2


def few_images(name: str, n_images: int) -> str:
    """What an analysis lacks because the set `name` has only `images` images; empty if there are
    enough."""
    if n_images >= FEWEST_IMAGES:
        return ""
    return f"needs {FEWEST_IMAGES} {name} images, to halve or resample them; there are {n_images:,}"
