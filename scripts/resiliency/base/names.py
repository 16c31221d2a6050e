"""The names that columns of tables and files are built from."""

import re

# Test sets, and the images of the first of them under corruptions: those that the corrupted error is a mean over, and
# the extra ones beside them. Further test sets have names of the study's.
CLEAN = "clean"
CORRUPTED = "corrupted"
HELD_OUT_IMAGES = "held_out"
CLEAN_ON = "clean_on_"  # before the name of a further test set: the clean images of the classes that it has

# Origins of members, and of the ensembles that are formed of them.
INDEPENDENT = "independent"
JOINT = "joint"
SEARCH = "search"

# Accuracy without each group of images of a further test set that stands for clean accuracy, and how many are left.
SEPARATE_ACCURACY, SEPARATE_IMAGES = "separate_accuracy", "separate_images"

SYNSET = re.compile(r"n\d{8}")  # a class of ImageNet
LAST = re.compile(r"-[sm]\d+$")


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
    """The design of a member: its name without a last `-s0` (of seeds) or `-m0` (of members trained jointly)."""
    return LAST.sub("", member)
