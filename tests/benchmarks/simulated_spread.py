"""Studies of observation 1b whose spread between families at equal clean accuracy and size is known.

Effects are those that the mixed model finds in the traffic signs: a logit of clean accuracy is worth about half a logit
of the error, and 85 % of its variance lies between families. Clean accuracy is measured with noise that the corrupted
error does not follow, a part of which families share.
"""

from functools import cache
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.special import expit
from simulated_families import standard

from resiliency.analysis.equal_accuracy import OTHER_ACCURACY
from resiliency.analysis.observations import families_differ_at_equal_accuracy
from resiliency.analysis.verdicts import Observation
from resiliency.statistics.mixed_model import logits

IMAGES, CENTRE = 1_000, -1.9  # in a half of the test images; logit of the corrupted error, of which 13 % are typical
ACCURACY, BETWEEN, ACCURATE = 0.5, 0.85, 3.0  # SD of logit accuracy, share of families in its variance, and its centre
SLOPE_BETWEEN, SLOPE_WITHIN, SLOPE_SIZE = -0.5, -0.45, -0.03
LENGTH, LENGTH_SPREAD = 0.5, 0.15  # logits of accuracy that a doubling of training buys, and its SD between families
SEED, OWN, REST = 0.155, 0.034, 0.02  # SDs between seeds, of the error alone between seeds, and between designs
DESIGN = 0.04  # SD between architectures of a family at equal accuracy
FAILED, FAILING = 2.0, 0.1  # logits of accuracy that a failed training lacks, and how many fail


class Layout(NamedTuple):
    """How many families, architectures of each, training lengths of each, and seeds."""

    families: int
    architectures: int
    lengths: int
    seeds: int

    @property
    def words(self) -> str:
        seeds = f", {self.seeds} seeds" if self.seeds > 1 else ""
        lengths = f", {self.lengths} lengths" if self.lengths > 1 else ""
        return f"{self.families} families of {self.architectures}{lengths}{seeds}"


class Noise(NamedTuple):
    """SDs of logit clean accuracy on a half of the images that a family shares, and that a member has for itself."""

    family: float
    member: float


NO_NOISE, NOISE = Noise(0, 0), Noise(0.05, 0.1)


def drawn(
    random: np.random.Generator, layout: Layout, spread: float, noise: Noise, kind: str, failing: bool = False
) -> pd.DataFrame:
    """The members of a study, as `families_differ_at_equal_accuracy` takes them.

    Args:
        spread: SD between families at equal accuracy and size, in logits.
        kind: of the distribution of families.
    """
    shape = tuple(layout)
    families, architectures, lengths, seeds = np.indices(shape).reshape(4, -1)
    each = families * layout.architectures + architectures
    design = each * layout.lengths + lengths

    def normal(deviation: float, labels: np.ndarray) -> np.ndarray:
        return deviation * random.standard_normal(labels.max() + 1)[labels]

    member = np.arange(len(design))
    of_families = normal(np.sqrt(BETWEEN) * ACCURACY, families)
    within = normal(np.sqrt(1 - BETWEEN) * ACCURACY, each) + lengths * (LENGTH + normal(LENGTH_SPREAD, families))
    within = within + normal(SEED, member) - FAILED * (failing & (random.random(len(member)) < FAILING))
    size = normal(1.5, families) + normal(1.0, each) * (layout.architectures > 1)
    own = DESIGN if layout.architectures > 1 else 0.0
    error = CENTRE + SLOPE_BETWEEN * of_families + SLOPE_WITHIN * within + SLOPE_SIZE * size
    error = error + spread * standard(random, kind, (layout.families,))[families]
    error = error + normal(own, each) + normal(REST, design) + normal(OWN, member)
    accurate = ACCURATE + of_families + within
    half, other = (accurate + normal(noise.family, families) + normal(noise.member, member) for _ in range(2))
    return pd.DataFrame(
        {
            "member": member.astype(str),
            "origin": "independent",
            "design": design.astype(str),
            "family": families.astype(str),
            "architecture": each.astype(str),
            "parameters": 2.0 ** (17 + size),
            "macs": 1e6,
            "training_epochs": 2.0**lengths,
            "seed": seeds,
            "clean_accuracy": expit(half),
            OTHER_ACCURACY: expit(other),
            "corrupted_error": expit(error),
        }
    )


@cache
def median_error(layout: Layout) -> float:
    """Of the designs of many studies, at which points are counted."""
    random = np.random.default_rng(0)
    studies = [drawn(random, layout, 0.1, NO_NOISE, "normal") for _ in range(100)]
    return float(np.median([study.groupby("design")["corrupted_error"].mean().median() for study in studies]))


def observed(
    random: np.random.Generator,
    layout: Layout,
    spread: float,
    noise: Noise,
    kind: str,
    failing: bool = False,
    draws: int = 0,
) -> Observation:
    """The observation of one study, whose spread is in percentage points."""
    members = drawn(random, layout, float(logits(spread, median_error(layout))), noise, kind, failing)
    return families_differ_at_equal_accuracy(members, IMAGES, draws=draws)
