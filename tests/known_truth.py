"""Members from files whose truth is known: their errors, the families' spread and every ensemble's
error as numbers.

Nothing of the library is used. Member i answers image n wrongly if its margin z - q(i, c) is
negative, where z is standard normal, with a correlation between any two members that their loadings
on common factors give, and q is the quantile of its error under condition c. A wrong answer is the
same class for all members. Logits are so small that probabilities are linear in the margins. So an
ensemble that averages probabilities is wrong if the mean of the margins is negative, with
probability Phi(mean q / s), where s² is the mean of the correlations between its members, each with
itself among them.
"""

from dataclasses import dataclass
from itertools import combinations, product
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.special import expit, logit, ndtr, ndtri

CLASSES, IMAGES, UNIT = 4, 600, 2  # images of a unit are hard together
CORRUPTED = {
    f"{name}.{severity}": 0.25 * (place - 1)
    for name in ("fog", "snow")
    for place, severity in enumerate((1, 3, 5))
}
CONDITIONS = ["clean", *CORRUPTED]
# The design of two seeds, and its twin of a quarter of the epochs.
FAMILIES, DESIGNS, REPEATED, SHORT = 12, 4, 1, 3
# Of timm, by size: trainings of one name are of one architecture.
NAMES = ("resnet18", "resnet34", "resnet50")
# Of the others; doublings of a million parameters of each design.
EPOCHS, SIZES = 8, np.array([0, 1, 2, 1])
# Families by corrupted error at equal clean accuracy, the least first.
RANKED = [3, 6, 0, 9, 5, 1, 11, 7, 2, 10, 4, 8]
FOLLOWED = 1.0  # how far logit corrupted error follows logit clean error
# Contrast of the sizes of a family, and a doubling of training, in logits of clean error.
TRADE, TRAINING = 0.2, -0.5
SEED = 0.1  # standard deviation between seeds, in logits of corrupted error
SMALL = 1 / 32  # logits of a margin of 1
# Loadings: hardness for all members, for a design, and for one of a team alone.
COMMON, DESIGN, TEAM = 0.85, 0.4, 0.9
CLEAN_ERROR, CORRUPTED_ERROR = 0.1, 0.35
# Between families: SD of logit corrupted error at equal clean accuracy, and of clean error.
SPREAD, ACCURATE = 0.5, 0.3
# What a doubling of the parameters adds to logit corrupted error, at equal clean accuracy.
DOUBLING = -0.1


@dataclass(frozen=True)
class Truth:
    """What is true of M members.

    Attributes:
        about: member, design, family, parameters and macs.
        quantiles: normal quantiles of the errors, float M x C.
        correlations: between the members' margins, float M x M.
        margins: of the answers, float M x C x N.
    """

    about: pd.DataFrame
    quantiles: np.ndarray
    correlations: np.ndarray
    margins: np.ndarray

    @property
    def errors(self) -> np.ndarray:
        """Corrupted error, float M: mean over the conditions."""
        return ndtr(self.quantiles[:, 1:]).mean(axis=1)

    def error_of(self, ensembles: np.ndarray) -> np.ndarray:
        """Corrupted error of K ensembles of positions, int K x size, that average probabilities."""
        mean = self.quantiles[ensembles, 1:].mean(axis=1)
        inner = self.correlations[ensembles[:, :, None], ensembles[:, None]].mean(axis=(1, 2))
        return ndtr(mean / np.sqrt(inner)[:, None]).mean(axis=1)

    def of_size(self, size: int) -> tuple[list[str], np.ndarray]:
        """All ensembles of a size, by their members' names, and their corrupted errors."""
        members = self.about["member"].to_numpy()
        ensembles = np.array(list(combinations(range(len(members)), size)))
        return ["+".join(of) for of in members[ensembles]], self.error_of(ensembles)

    def points(self, logits: float) -> float:
        """A difference of logits, in percentage points of corrupted error around the median
        design's."""
        middle = logit(self.median_of_designs(self.errors))
        return 100 * (expit(middle + logits / 2) - expit(middle - logits / 2))

    def median_of_designs(self, values: np.ndarray) -> float:
        """The median design's value, a mean over its seeds."""
        return float(pd.Series(values).groupby(self.about["design"]).mean().median())

    def exchanges(self) -> dict[str, float]:
        """What each row of exchange_rates.csv estimates, in percentage points of corrupted
        error."""
        families = logit(self.errors).reshape(FAMILIES, -1).mean(axis=1)
        _, pairs = self.of_size(2)
        return {
            "family": self.points(families.std(ddof=1)),
            "family_at_equal_accuracy": self.points(SPREAD),
            "doubling_of_parameters": self.points(-DOUBLING),
            "doubling_of_training": self.points(-FOLLOWED * TRAINING),
            "another_seed": 100 * np.sqrt(self.errors[self._repeated()].var(axis=1, ddof=1).mean()),
            "second_member": 100 * (self.errors.mean() - pairs.mean()),
            "mixing_designs": self._mixing(),
        }

    def _repeated(self) -> np.ndarray:
        """Positions of both seeds of each repeated design, int D x 2."""
        return np.flatnonzero(self.about["design"].duplicated(keep=False)).reshape(-1, 2)

    def _mixing(self) -> float:
        """What pairs of two designs gain on the pair of the better one, mean over pairs of
        designs."""
        positions = self._repeated()
        own = self.error_of(positions)
        gains = [
            min(own[one], own[other])
            - self.error_of(np.array(list(product(positions[one], positions[other])))).mean()
            for one, other in combinations(range(len(own)), 2)
        ]
        return 100 * float(np.mean(gains))


def layout() -> np.ndarray:
    """Positions of each member's family and design, and its seed; int 3 x M."""
    of_family = [
        (design, seed) for design in range(DESIGNS) for seed in range(1 + (design == REPEATED))
    ]
    return np.array([(family, *of) for family in range(FAMILIES) for of in of_family]).T


def described() -> pd.DataFrame:
    """The members, as a file tells of them: designs of a family have 1, 2, 4 and again 2 million
    parameters."""
    family, design, seed = layout()
    names = [f"f{f:02}{'abcd'[d]}" for f, d in zip(family, design, strict=True)]
    parameters = 1_000_000 * 2 ** SIZES[design]
    return pd.DataFrame(
        {
            "member": [f"{name}-s{s}" for name, s in zip(names, seed, strict=True)],
            "design": names,
            "family": [f"f{f:02}" for f in family],
            "architecture": np.array(NAMES)[SIZES[design]],
            "parameters": parameters,
            "macs": 50 * parameters,
            "epochs": np.where(design == SHORT, EPOCHS // 4, EPOCHS),
        }
    )


def planted(seed: int) -> Truth:
    """Families that differ, sizes and accuracies that matter, and two members that are wrong on
    different images."""
    random, about = np.random.default_rng(seed), described()
    family, design, _ = layout()
    robust, accurate = _uncorrelated()
    clean = ACCURATE * accurate[family] + TRADE * np.array([1, -2, 1, -2])[design]
    clean -= 2 * TRAINING * (design == SHORT)
    corrupted = logit(CORRUPTED_ERROR) + SPREAD * robust[family] + FOLLOWED * clean
    corrupted += DOUBLING * (SIZES[design] - 1)
    corrupted += SEED * random.standard_normal(len(about))
    logits = np.stack(
        [logit(CLEAN_ERROR) + clean, *(corrupted + harder for harder in CORRUPTED.values())], axis=1
    )
    quantiles = ndtri(expit(logits))
    loadings = np.zeros((len(about), 2 + FAMILIES * DESIGNS))
    loadings[:, 0] = COMMON
    loadings[range(len(about)), 2 + family * DESIGNS + design] = DESIGN
    for member, side in zip(team(about), (1, -1), strict=True):
        loadings[member] = 0
        loadings[member, 1] = side * TEAM
    own = np.sqrt(1 - np.square(loadings).sum(axis=1))
    shape = (len(about), len(CONDITIONS), IMAGES)
    answers = np.einsum("mf,fcn->mcn", loadings, _hardness(loadings.shape[1], random))
    answers += own[:, None, None] * random.standard_normal(shape)
    correlations = loadings @ loadings.T + np.diag(own**2)
    return Truth(about, quantiles, correlations, answers - quantiles[:, :, None])


def _uncorrelated() -> tuple[np.ndarray, np.ndarray]:
    """Two numbers of each family, of mean 0 and standard deviation 1, the first in the order of
    `RANKED`."""
    first = ndtri((np.argsort(RANKED) + 0.5) / FAMILIES)
    second = first[5 * np.arange(FAMILIES) % FAMILIES]
    second = second - first * (first @ second) / (first @ first)
    return first / first.std(ddof=1), second / second.std(ddof=1)


def team(about: pd.DataFrame) -> list[int]:
    """Positions of the two that are wrong on different images: of the repeated designs of two good
    families."""
    return [about["member"].tolist().index(f"f{family:02}b-s0") for family in RANKED[:2]]


def _hardness(factors: int, random: np.random.Generator) -> np.ndarray:
    """Standard normal, factors x C x N: half of the variance a unit's, a quarter an image's under
    all conditions."""
    units = np.repeat(random.standard_normal((factors, 1, IMAGES // UNIT)), UNIT, axis=2)
    images = random.standard_normal((factors, 1, IMAGES))
    return (
        np.sqrt(0.5) * units
        + 0.5 * images
        + 0.5 * random.standard_normal((factors, len(CONDITIONS), IMAGES))
    )


def write(truth: Truth, folder: Path) -> None:
    """Write `about.csv` and the folder `logits` into `folder`: a wrong answer is the same class for
    all members."""
    random = np.random.default_rng(0)
    labels = random.integers(CLASSES, size=IMAGES)
    wrong = (labels + random.integers(1, CLASSES, size=IMAGES)) % CLASSES
    truth.about.to_csv(folder / "about.csv", index=False)
    for kind, values in {"labels": labels, "units": np.arange(IMAGES) // UNIT}.items():
        _save(folder / "logits" / kind, dict.fromkeys(CONDITIONS, values))
    for member, margins in zip(truth.about["member"], truth.margins, strict=True):
        arrays = np.full((len(CONDITIONS), IMAGES, CLASSES), -20.0, np.float32)
        arrays[:, range(IMAGES), labels] = SMALL * margins
        arrays[:, range(IMAGES), wrong] = 0
        _save(folder / "logits" / member, dict(zip(CONDITIONS, arrays, strict=True)))


def _save(folder: Path, arrays: dict[str, np.ndarray]) -> None:
    folder.mkdir(parents=True)
    for name, values in arrays.items():
        np.save(folder / f"{name}.npy", values)
