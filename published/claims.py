"""What others claim of networks, shifts and ensembles, checked on predicted labels and tables that
are kept.

A claim is a figure or a range of them. Our figures have intervals: families are left out in turn,
and, for the variance over images, ten groups of images. So statistics of a pool take the members
and the groups that are kept, both bool.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import combinations

import numpy as np
import pandas as pd
from scipy.special import ndtr, ndtri

from published.kept import RESULTS, ROOT, template_of
from resiliency.analysis.left_out import Part
from resiliency.analysis.without_images import GROUPS, image_groups
from resiliency.diversity.predictions import disagreement, label_disagreement
from resiliency.ensembles.scoring import right_chances, tied_votes
from resiliency.statistics.intervals import FISHER, LINEAR, Scale
from resiliency.statistics.resampling import Units
from resiliency.storage import read_table

LABELS = ROOT / "studies/published"
LENGTHS = ("cifar10_lengths/[0-9]*", "cifar10_lengths/[0-9]*", "clean_only")
# -> files of labels and of members, the clean test set, and what names of shifted ones match.
POOLS = {
    "imagenet_decisions": (
        "imagenet_decisions",
        "imagenet_decisions_models",
        "imagenet",
        "imagenetv2-matched",
    ),
    "cifar10_published": ("cifar10_decisions", "cifar10_models", "cifar10", r"cifar10\.1-v6"),
    "cifar10_lengths": (*LENGTHS, r".*\.\d"),
    "fog": (*LENGTHS, r"fog\.\d"),
    "snow": (*LENGTHS, r"snow\.\d"),
    "traffic_signs": ("traffic_signs/[0-9]*", "traffic_signs/[0-9]*", "official", r".*\.\d"),
}
STUDIES = [pool for pool in POOLS if pool not in ("fog", "snow")]
# With a kept table of exchange rates that stays as it is.
PRICED = ["cifar10_lengths", "traffic_signs"]
CONFIDENCE = 0.95
BLOCK = 32  # ensembles whose votes are in memory at a time
SIZE = 4  # members of an ensemble, as in Abe et al. 2022 and in uncertainty-baselines

# Slopes of accuracy and of agreement, of shifts with R² of 0.95 or more: Baek et al. 2022, Table 1.
# ImageNet-V2, CIFAR-10.1.
SLOPES = {"imagenet_decisions": (0.946, 0.972), "cifar10_published": (0.842, 0.857)}
SLOPES |= {
    "fog": (0.834, 0.870),
    "snow": (0.762, 0.766),
    "CIFAR-10.2": (0.768, 0.839),
    "FMoW": (0.952, 0.954),
}
STEEPER = {shift: agreement - accuracy for shift, (accuracy, agreement) in SLOPES.items()}
MARGIN = max(map(abs, STEEPER.values()))
# The most by which lines of networks and of ensembles differ: Abe et al. 2022, section 5.2.
LINES = 0.01
# Accuracies on CIFAR-10-C: uncertainty-baselines, baselines/cifar/README.md.
ONE, FOUR = 0.761, 0.779

EVERY_GROUP = np.ones(GROUPS, bool)
Statistic = Callable[[np.ndarray, np.ndarray], float]
SHARES = {  # of images, from answers and labels
    "wrong": lambda given, labels: (given != labels).mean(axis=1),  # of each member, M
    # Exactly one of two members, M x M.
    "one right": lambda given, labels: disagreement(given == labels),
    # Other classes by two members, M x M.
    "unlike": lambda given, labels: label_disagreement(given),
}


@dataclass(frozen=True)
class Answers:
    """What M members answer on N images.

    Attributes:
        given: int M x N, classes.
        labels: int N.
        group: int64 N, 0 to GROUPS - 1.
    """

    given: np.ndarray
    labels: np.ndarray
    group: np.ndarray
    counted: dict[str, np.ndarray] = field(default_factory=dict)

    def of(self, name: str, groups: np.ndarray) -> np.ndarray:
        """One of SHARES, of the images of some groups."""
        if name not in self.counted:
            own = [np.flatnonzero(self.group == group) for group in range(GROUPS)]
            counts = [
                SHARES[name](self.given.take(some, axis=1), self.labels[some]) * len(some)
                for some in own
            ]
            self.counted[name] = np.stack(counts, axis=-1)
        return self.share(self.counted[name], groups)

    def share(self, counts: np.ndarray, groups: np.ndarray) -> np.ndarray:
        """Shares of the images of some groups, from numbers of images, ... x GROUPS."""
        return (
            counts[..., groups].sum(axis=-1)
            / np.bincount(self.group, minlength=GROUPS)[groups].sum()
        )

    def wrong_votes(self, ensembles: np.ndarray) -> np.ndarray:
        """Images that each ensemble, int E x L, gets wrong by plurality vote, ties by chance;
        float64 E x GROUPS."""
        blocks = np.array_split(ensembles, 1 + len(ensembles) // BLOCK)
        chances = (right_chances(tied_votes(some, self.given, self.labels)[0]) for some in blocks)
        return np.stack(
            [np.bincount(self.group, 1.0 - of, GROUPS) for some in chances for of in some]
        )


@dataclass(frozen=True)
class Pool:
    """Members, with a row of `family` and perhaps `epochs` each, and their answers on clean and on
    shifted images."""

    about: pd.DataFrame
    clean: Answers
    shifted: Answers

    def without_each_family(self) -> list[np.ndarray]:
        """Which members are kept, bool M each: all, then those without each family."""
        families = self.about["family"].to_numpy()
        return [
            np.ones(len(families), bool),
            *(families != family for family in np.unique(families)),
        ]

    def together(self, kept: np.ndarray, groups: np.ndarray) -> tuple[float, float]:
        """Share of clean images on which two members are both right or both wrong, and by chance;
        means over pairs.

        Chance is p q + (1 - p)(1 - q) at accuracies p and q (Geirhos et al., NeurIPS 2020).
        """
        pairs, errors = np.triu_indices(kept.sum(), 1), self.clean.of("wrong", groups)[kept]
        chance = np.outer(errors, errors) + np.outer(1 - errors, 1 - errors)
        unlike = self.clean.of("one right", groups)[np.ix_(kept, kept)]
        return 1 - unlike[pairs].mean(), chance[pairs].mean()

    def beyond_chance(self, kept: np.ndarray, groups: np.ndarray) -> float:
        return np.subtract(*self.together(kept, groups))

    def steeper(self, kept: np.ndarray, groups: np.ndarray) -> float:
        """Slope of shifted on clean agreement of pairs less that of accuracy of members, both in
        probits."""
        pairs, images = np.triu_indices(kept.sum(), 1), (self.clean, self.shifted)
        accuracies = [ndtri(1 - of.of("wrong", groups)[kept]) for of in images]
        agreements = [
            ndtri(1 - of.of("unlike", groups)[np.ix_(kept, kept)][pairs]) for of in images
        ]
        return np.polyfit(*agreements, 1)[0] - np.polyfit(*accuracies, 1)[0]


def neighbours(pool: Pool, kept: np.ndarray) -> np.ndarray:
    """Any SIZE of the kept members that follow each other in the order of their clean errors; int E
    x SIZE."""
    order = np.argsort(pool.clean.of("wrong", EVERY_GROUP), kind="stable")
    return np.lib.stride_tricks.sliding_window_view(order[kept[order]], SIZE)


def of_one_length(pool: Pool, kept: np.ndarray) -> np.ndarray:
    """All members of a kept family that were trained equally long; int E x L."""
    together = np.array([*pool.about.reset_index().groupby(["family", "epochs"]).indices.values()])
    return together[kept[together].all(axis=1)]


class Ensembles:
    """Ensembles of a pool, which vote.

    Args:
        form: the ensembles of the kept members of a pool, int E x L.
    """

    def __init__(self, pool: Pool, form: Callable[[Pool, np.ndarray], np.ndarray]):
        self.pool, masks = pool, pool.without_each_family()
        found = [form(pool, kept) for kept in masks]
        self.members, rows = np.unique(np.concatenate(found), axis=0, return_inverse=True)
        ends = np.cumsum(list(map(len, found)))[:-1]
        self.rows = {
            kept.tobytes(): of for kept, of in zip(masks, np.split(rows, ends), strict=True)
        }
        self.votes = [images.wrong_votes(self.members) for images in (pool.clean, pool.shifted)]

    def errors(self, kept: np.ndarray, groups: np.ndarray) -> tuple[np.ndarray, ...]:
        """Clean and shifted errors of ensembles, and the mean shifted errors of their members;
        float64 E each."""
        rows, (clean, shifted), pool = self.rows[kept.tobytes()], self.votes, self.pool
        of_members = pool.shifted.of("wrong", groups)[self.members[rows]].mean(axis=1)
        return (
            pool.clean.share(clean[rows], groups),
            pool.shifted.share(shifted[rows], groups),
            of_members,
        )

    def beyond_line(self, kept: np.ndarray, groups: np.ndarray) -> float:
        """Mean share by which ensembles exceed the shifted error that the members' line, in
        probits, gives them."""
        line = np.polyfit(
            *(ndtri(of.of("wrong", groups)[kept]) for of in (self.pool.clean, self.pool.shifted)), 1
        )
        clean, shifted, _ = self.errors(kept, groups)
        return (shifted / ndtr(np.polyval(line, ndtri(clean))) - 1).mean()

    def ratios(self, kept: np.ndarray, groups: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Shares of their members' mean error that ensembles remove, and that pairs of these
        members disagree by."""
        members, differ = (
            self.members[self.rows[kept.tobytes()]],
            self.pool.shifted.of("unlike", groups),
        )
        pairs = [
            differ[members[:, a], members[:, b]]
            for a, b in combinations(range(members.shape[1]), 2)
        ]
        _, error, of_members = self.errors(kept, groups)
        return 1 - error / of_members, np.mean(pairs, axis=0) / of_members

    def correlation(self, kept: np.ndarray, groups: np.ndarray) -> float:
        return np.corrcoef(*self.ratios(kept, groups))[0, 1]

    def removed(self, kept: np.ndarray, groups: np.ndarray) -> float:
        """Mean shifted error of members less that of ensembles."""
        return np.subtract(*[of.mean() for of in self.errors(kept, groups)[:0:-1]])

    def removed_share(self, kept: np.ndarray, groups: np.ndarray) -> float:
        """`removed` over the mean shifted error of members."""
        return self.removed(kept, groups) / self.errors(kept, groups)[2].mean()


def judged(statistic: Statistic, pool: Pool, scale: Scale = LINEAR) -> tuple[float, float, float]:
    """The statistic of a pool and both ends of its interval, for families and images as samples."""
    everyone, *others = pool.without_each_family()
    replicates = [statistic(kept, EVERY_GROUP) for kept in (everyone, *others)]
    without = [statistic(everyone, np.arange(GROUPS) != group) for group in range(GROUPS)]
    part = Part.from_replicates("", np.array(replicates), scale).without_images(without)
    return part.estimate, *part.interval(CONFIDENCE).ends


def verdict(low: float, high: float, claimed: tuple[float, float]) -> str:
    """Whether an interval lies within a claimed range, or includes a claimed figure (a range of no
    length)."""
    least, most = claimed
    if high < least or low > most:
        return "disagrees"
    return "agrees" if least == most or (least <= low and high <= most) else "open"


def pool_of(labels: str, models: str, *names: str) -> Pool:
    """One of POOLS, of networks alone; all images of a unit are in one group, under any
    condition."""
    tables = [pd.read_parquet(file) for file in sorted(LABELS.glob(f"{labels}.parquet"))]
    keys = [name for name in ("test_set", "label", "image", "unit") if name in tables[0]]
    table = pd.concat([of.set_index(keys) for of in tables], axis=1)
    about = pd.concat(
        [pd.read_csv(file) for file in sorted(LABELS.glob(f"{models}.csv"))]
    ).set_index("member")
    about, sets = about[about["family"] != "random_features"], []
    for name in names:
        own = table[table.index.get_level_values("test_set").str.fullmatch(name)]
        truth, unit = (own.index.get_level_values(key).to_numpy() for key in ("label", keys[-1]))
        group = image_groups(truth, np.array([], int), 0, Units.numbered(unit))
        sets.append(Answers(np.ascontiguousarray(own[about.index].to_numpy().T), truth, group))
    return Pool(about, *sets)


def of_mixing(study: str) -> tuple[np.ndarray, np.ndarray]:
    """Points of mixing designs with their ends, and by how much they exceed those of doubled
    parameters.

    The ends of the difference are those of both intervals: at 95% each, it holds at 90% or more
    (Bonferroni).
    """
    rates = read_table(RESULTS / study / "exchange_rates.csv").set_index("exchange")
    rows = rates.loc[
        ["mixing_designs", "doubling_of_parameters"], ["points", "points_low", "points_high"]
    ]
    mixing, size = rows.to_numpy(float)
    return mixing, mixing - size[[0, 2, 1]]


def figures() -> dict[str, dict[str, Sequence[float]]]:
    """Claim -> pool or study -> our figure and both ends of its interval; and what the text says of
    some pools."""
    pools = {name: pool_of(*of) for name, of in POOLS.items()}
    fours = {name: Ensembles(pools[name], neighbours) for name in STUDIES}
    alike = Ensembles(pools["cifar10_lengths"], of_one_length)
    everything = {
        name: (pool.without_each_family()[0], EVERY_GROUP) for name, pool in pools.items()
    }
    return {
        "chance": {name: judged(pools[name].beyond_chance, pools[name]) for name in STUDIES},
        "slope": {
            name: judged(pool.steeper, pool) for name, pool in pools.items() if name in STEEPER
        },
        "line": {name: judged(of.beyond_line, of.pool) for name, of in fours.items()},
        "ratio": {name: judged(of.correlation, of.pool, FISHER) for name, of in fours.items()},
        "mixing": {name: of_mixing(name)[0] for name in PRICED},
        "size": {name: of_mixing(name)[1] for name in PRICED},
        "points": {"cifar10_lengths": judged(alike.removed, alike.pool)},
        "share": {"cifar10_lengths": judged(alike.removed_share, alike.pool)},
        "together": {name: pools[name].together(*of) for name, of in everything.items()},
        "ratios": {
            name: [of.mean() for of in fours[name].ratios(*everything[name])] for name in STUDIES
        },
        "members": {
            name: (len(of.about), of.about["family"].nunique()) for name, of in pools.items()
        },
    }


def page() -> str:
    """The page, from the labels and tables that are kept."""
    theirs = {"steeper": STEEPER, "margin": MARGIN, "lines": LINES, "one": ONE, "four": FOUR}
    return template_of("claims.md.j2").render(
        ours=figures(), theirs=theirs, verdict=verdict, endless=np.inf
    )
