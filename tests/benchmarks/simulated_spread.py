"""Studies of observation 1b whose spread between families at equal clean accuracy and size is
known.

Effects are those that the mixed model finds in the traffic signs: a logit of clean accuracy is
worth about half a logit of the error, and 85 % of its variance lies between families. Clean
accuracy is measured with noise that the corrupted error does not follow, a part of which families
share.
"""

from dataclasses import replace
from functools import cache
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.special import expit
from simulated_families import CONFIDENCE, standard

from resiliency.analysis.equal_accuracy import (
    OTHER_ACCURACY,
    SHARED,
    Model,
    empirical_logit,
    fits_of,
    medians,
    noise_of_halves,
)
from resiliency.analysis.left_out import Part
from resiliency.analysis.observations.architecture import families_differ_at_equal_accuracy, part_of
from resiliency.analysis.verdicts import verdict_of
from resiliency.statistics.mixed_model import Fits, logits
from resiliency.statistics.mixed_model import Layout as Designs

# In a half of the test images; logit of the corrupted error, of which 13 % are typical.
IMAGES, CENTRE = 1_000, -1.9
# SD of logit accuracy, share of families in its variance, and its centre.
ACCURACY, BETWEEN, ACCURATE = 0.5, 0.85, 3.0
SLOPE_BETWEEN, SLOPE_WITHIN, SLOPE_SIZE = -0.5, -0.45, -0.03
# Logits of accuracy that a doubling of training buys, and its SD between families.
LENGTH, LENGTH_SPREAD = 0.5, 0.15
# SDs between seeds, of the error alone between seeds, and between designs.
SEED, OWN, REST = 0.155, 0.034, 0.02
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
    """SDs of logit clean accuracy on a half of the images that a family shares, and that a member
    has for itself."""

    family: float
    member: float


NO_NOISE, NOISE = Noise(0, 0), Noise(0.05, 0.1)
AT_ONCE = 200  # studies


class Studies(NamedTuple):
    """Members of S studies of one layout, float S x n each.

    Attributes:
        half, other: clean accuracy on either half of the images.
        error: corrupted error.
        size: log2 parameters.
    """

    half: np.ndarray
    other: np.ndarray
    error: np.ndarray
    size: np.ndarray


class Labels(NamedTuple):
    """What members of a layout are of, int n each."""

    family: np.ndarray
    architecture: np.ndarray
    design: np.ndarray
    length: np.ndarray
    seed: np.ndarray

    @classmethod
    def of(cls, layout: Layout) -> "Labels":
        families, architectures, lengths, seeds = np.indices(tuple(layout)).reshape(4, -1)
        each = families * layout.architectures + architectures
        return cls(families, each, each * layout.lengths + lengths, lengths, seeds)


def drawn(
    random: np.random.Generator,
    layout: Layout,
    spread: float,
    noise: Noise,
    kind: str,
    failing: bool = False,
    studies: int = 1,
) -> Studies:
    """So many studies.

    Args:
        spread: SD between families at equal accuracy and size, in logits.
        kind: of the distribution of families.
    """
    families, each, design, lengths, _ = Labels.of(layout)
    member = np.arange(len(design))

    def normal(deviation: float, labels: np.ndarray) -> np.ndarray:
        return deviation * random.standard_normal((studies, labels.max() + 1))[:, labels]

    of_families = normal(np.sqrt(BETWEEN) * ACCURACY, families)
    within = normal(np.sqrt(1 - BETWEEN) * ACCURACY, each) + lengths * (
        LENGTH + normal(LENGTH_SPREAD, families)
    )
    within = (
        within + normal(SEED, member) - FAILED * (failing & (random.random(within.shape) < FAILING))
    )
    size = normal(1.5, families) + normal(1.0, each) * (layout.architectures > 1)
    own = DESIGN if layout.architectures > 1 else 0.0
    error = CENTRE + SLOPE_BETWEEN * of_families + SLOPE_WITHIN * within + SLOPE_SIZE * size
    error = error + spread * standard(random, kind, (studies, layout.families))[:, families]
    error = error + normal(own, each) + normal(REST, design) + normal(OWN, member)
    accurate = ACCURATE + of_families + within
    half, other = (
        accurate + normal(noise.family, families) + normal(noise.member, member) for _ in range(2)
    )
    return Studies(expit(half), expit(other), expit(error), size)


def table(studies: Studies, layout: Layout, study: int = 0) -> pd.DataFrame:
    """The members of one study, as `families_differ_at_equal_accuracy` takes them."""
    labels, of = Labels.of(layout), Studies(*(values[study] for values in studies))
    return pd.DataFrame(
        {
            "member": np.arange(len(of.size)).astype(str),
            "origin": "independent",
            "design": labels.design.astype(str),
            "family": labels.family.astype(str),
            "architecture": labels.architecture.astype(str),
            "parameters": 2.0 ** (17 + of.size),
            "macs": 1e6,
            "training_epochs": 2.0**labels.length,
            "seed": labels.seed,
            "clean_accuracy": of.half,
            OTHER_ACCURACY: of.other,
            "corrupted_error": of.error,
        }
    )


@cache
def in_logits(spread: float, layout: Layout) -> float:
    """A spread in percentage points around the median error of the designs of many studies."""
    studies = drawn(np.random.default_rng(0), layout, 0.1, NO_NOISE, "normal", studies=100)
    return float(
        logits(spread, float(np.median(np.median(_designs(studies.error, layout), axis=1))))
    )


def _designs(values: np.ndarray, layout: Layout) -> np.ndarray:
    """Means of S x n members over seeds, S x designs."""
    return values.reshape(len(values), -1, layout.seeds).mean(axis=2)


def _of_study(fits: Fits, study: int) -> Fits:
    """The models of one response."""
    return Fits(*(getattr(fits, name)[study : study + 1] for name in Fits.__dataclass_fields__))


def parts(studies: Studies, layout: Layout) -> list[Part]:
    """The part of each study's observation, whose models are fitted all at once."""
    half, other, error = (_designs(empirical_logit(of, IMAGES), layout) for of in studies[:3])
    labels, size = Labels.of(layout), _designs(studies.size, layout)
    first = slice(None, None, layout.seeds)
    recipes = labels.length * (layout.lengths >= SHARED)
    of_designs = Designs.of(
        *(of[first].astype(str) for of in (labels.family, labels.architecture, recipes))
    )
    names, fits = fits_of(half, error, size, of_designs)
    noise = noise_of_halves(half, other, of_designs)
    shares = medians(_designs(studies.error, layout), of_designs.family)
    one = np.ones((1, 1))
    each = zip(half[:, None], size, noise[:, :, None], shares, strict=True)
    return [
        part_of(
            Model(names, of_designs, accuracy, sizes, _of_study(fits, study), of_noise, one, share)
        )
        for study, (accuracy, sizes, of_noise, share) in enumerate(each)
    ]


def verdicts(
    random: np.random.Generator,
    studies: int,
    layout: Layout,
    spread: float,
    noise: Noise,
    kind: str,
    failing: bool = False,
) -> tuple[np.ndarray, np.ndarray]:
    """The verdicts of `families_differ_at_equal_accuracy`, without its placebo, on so many studies;
    and of its part."""
    reached = []
    for start in range(0, studies, AT_ONCE):
        number = min(AT_ONCE, studies - start)
        some = drawn(random, layout, in_logits(spread, layout), noise, kind, failing, number)
        observation = families_differ_at_equal_accuracy(table(some, layout), IMAGES, draws=0)
        reached += [
            verdict_of(replace(observation, parts=[part]), CONFIDENCE)
            for part in parts(some, layout)
        ]
    whole, each = zip(*reached, strict=True)
    return np.array(whole), np.array(each)
