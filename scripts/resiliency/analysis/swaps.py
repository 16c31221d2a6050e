"""What design diversity buys at equal accuracy: fewer common failures, undetected errors and wrong
answers of pairs.

A swap keeps member i of a pair and replaces its twin j, another seed of its design, by a stranger k
that is as accurate as j and differs from i in more than the seed. What differs is the rung. Where a
pool has one seed per design, twins are other designs of i's family that are as accurate as i.

As accurate: the logits of the errors of j and k differ by at most `CALIPER` on one half of the
images. Outcomes come from the other half, because a stranger that was lucky on the images by which
it was found is worse on others (regression to the mean). Halves are exchanged, and several
divisions averaged.

The estimate is a mean over twins of the mean over their strangers, in which families of i weigh
alike. It is a function of U-statistics over families: the interval leaves out each, wherever it
occurs (Arvesen, Annals of Mathematical Statistics 40, 1969), with Student's t of two degrees of
freedom fewer than families of i.

The negative control permutes designs among equally accurate members, so that twins are as strange
as strangers.

Where only predicted labels are known, pairs have no ranks of answers. Then votes of four members
are compared.

The common-failure factor is P(both wrong) over the geometric mean of the two errors. It counts
coincident failures on test images, as Eckhardt and Lee (IEEE Transactions on Software Engineering
11, 1985) and Littlewood and Miller (15, 1989) model them; it is not the common-cause factor beta of
hardware in IEC 61508."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from resiliency.analysis.left_out import FEWEST_FAMILIES
from resiliency.analysis.pair_counts import (
    AVAILABILITIES,
    GEOMETRIC_MEAN,
    Half,
    PairCounts,
    halves_of,
    pair_counts,
)
from resiliency.analysis.votes_of_four import votes_of_four
from resiliency.base.names import INDEPENDENT, JOINT, SEARCH
from resiliency.base.streams import stream
from resiliency.designs.settings import KINDS
from resiliency.prediction.reading import Predictions, condition_groups
from resiliency.statistics.intervals import LINEAR, LOG, UNKNOWN, crossed_jackknife

# Largest ratios of equal size, and of equal length.
NEAR = {"parameters": 2.0, "training_epochs": 1.1}
DRAWS, BIN = 200, 4  # permutations of the control, among so many members of about equal error
SIZE, FAMILY, ANY_FAMILY, KIND = (
    "size",
    "family at equal length and size",
    "family",
    "kind of network",
)
TOGETHER, FOUND = "joint training", "sub-networks"
QUOTIENTS = {
    "common_failures": ("both_wrong", GEOMETRIC_MEAN),
    "undetected_if_agreed": ("undetected", "agreed"),
}
RATIO = ["ratio", "ratio_low", "ratio_high"]
COLUMNS = [
    "rung",
    "images",
    "outcome",
    "twin",
    "stranger",
    "one_member",
    *(f"one_member_{of}" for of in RATIO),
]
COLUMNS += [
    "difference",
    "difference_low",
    "difference_high",
    *RATIO,
    "control_low",
    "control_high",
    "twins",
]
COLUMNS += ["families", "left_out", "shared"]


class Rung(NamedTuple):
    """What differs between i and k.

    Attributes:
        twins: whether j is a twin of i, bool M x M, rows i.
        strangers: whether k may replace a twin of i, bool M x M, rows i.
        by_error: whether j must be as accurate as i, because it is no seed of i's design.
    """

    twins: np.ndarray
    strangers: np.ndarray
    by_error: bool = False


def rungs(members: pd.DataFrame) -> dict[str, Rung]:
    """The rungs for which a pool, of rows of members.csv, has twins and strangers."""

    def near(column: str) -> np.ndarray:
        logs = np.log(members[column].to_numpy(float))
        return np.abs(logs[:, None] - logs) <= np.log(NEAR[column])

    origin, weight = members["origin"].to_numpy(), members["loss_weight"].to_numpy(float)
    alone, joint, search = origin == INDEPENDENT, (origin == JOINT) & (weight > 0), origin == SEARCH
    others = ~np.eye(len(members), dtype=bool)
    columns = (members[of].to_numpy() for of in ("design", "family", "setting", "seed"))
    design, family, setting, seed = (of[:, None] == of for of in columns)
    size, length = map(near, NEAR)
    known = members["parameters"].notna().to_numpy()
    kind = members["family"].map(KINDS).to_numpy(object)
    kinds = (kind[:, None] != kind) & pd.notna(kind) & pd.notna(kind)[:, None]
    pairs, relatives = alone & alone[:, None] & others, family & ~design
    by_error = not (pairs & design).any()
    twins = pairs & (relatives if by_error else design)
    together = joint & joint[:, None] & setting & seed & others
    found = search & search[:, None] & others
    of_names = {
        SIZE: Rung(pairs & design, pairs & relatives & length & ~size & known & known[:, None]),
        FAMILY: Rung(twins, pairs & ~family & length & size, by_error),
        ANY_FAMILY: Rung(twins, pairs & ~family, by_error),
        KIND: Rung(twins, pairs & ~family & kinds, by_error),
        TOGETHER: Rung(joint[:, None] & (alone | (weight == 0)) & design, together),
        FOUND: Rung(search[:, None] & alone, found),
    }
    return {
        name: rung for name, rung in of_names.items() if rung.twins.any() and rung.strangers.any()
    }


class Swap(NamedTuple):
    """Outcomes of all families, then without each: means of what the pairs of a rung have.

    Attributes:
        means: of twins, of their strangers and of members i alone, float64 3 x O x (1 + F); NaN
            without a stranger.
        used, left_out: how many pairs of i and j have a stranger in some half, and in none.
        families: number of families of the members i.
        taking_part: whether a family has a member among those i or k, bool F.
    """

    means: np.ndarray
    used: int
    left_out: int
    families: int
    taking_part: np.ndarray


def swap(rung: Rung, halves: list[Half], family: np.ndarray, left_out: np.ndarray) -> Swap:
    """Compare the twins of a rung with their strangers.

    Args:
        family: bool M x F, families of the members.
        left_out: bool M x F', those to leave out in turn.
    """
    i, j = np.nonzero(rung.twins)
    of_family, means = family[i].T.astype(float), []
    remains = ~np.pad(left_out[i], ((0, 0), (1, 0)))
    twin, used, taking_part = (
        np.zeros(len(i), bool),
        np.zeros(len(i), bool),
        np.zeros(family.shape[1], bool),
    )
    for half in halves:
        accurate = half.accurate[i, j] | (not rung.by_error)
        partners = rung.strangers[i] & half.accurate[j] & accurate[:, None]
        partners[np.arange(len(i)), j] = False
        twin |= accurate
        number = _without(partners.astype(float), left_out)
        kept = (number > 0) & remains
        used |= kept[:, 0]
        taking_part |= family[i[kept[:, 0]]].any(axis=0) | family[partners.any(axis=0)].any(axis=0)
        strangers = _without(half.values[:, i] * partners, left_out) / np.maximum(number, 1)
        twins, alone = (half.values[:, i, of, None] for of in (j, i))
        families = of_family @ kept
        of_families = [
            of_family @ (kept * of) / np.maximum(families, 1) for of in (twins, strangers, alone)
        ]
        with np.errstate(invalid="ignore"):
            means.append([of.sum(axis=1) / (families > 0).sum(axis=0) for of in of_families])
    numbers = used.sum(), (twin & ~used).sum(), family[i[used]].any(axis=0).sum()
    return Swap(known_mean(np.array(means)), *numbers, taking_part)


def _without(values: np.ndarray, left_out: np.ndarray) -> np.ndarray:
    """Sums over the last axis, M, of everything, then without each of F'; ... x (1 + F')."""
    total = values.sum(axis=-1, keepdims=True)
    return np.concatenate([total, total - values @ left_out], axis=-1) if left_out.size else total


def known_mean(values: np.ndarray) -> np.ndarray:
    """Mean over the first axis of what is not NaN."""
    with np.errstate(invalid="ignore"):
        return np.nansum(values, axis=0) / np.isfinite(values).sum(axis=0)


def outcomes_of(names: list[str], means: np.ndarray) -> dict[str, np.ndarray]:
    """Outcome -> what the table has of `means`, O x ..., of the outcomes called `names`."""
    of = dict(zip(names, means, strict=True))
    with np.errstate(divide="ignore", invalid="ignore"):
        quotients = {name: of[over] / of[under] for name, (over, under) in QUOTIENTS.items()}
    return quotients | {
        name: value for name, value in of.items() if name not in ("both_wrong", GEOMETRIC_MEAN)
    }


def control(
    members: pd.DataFrame,
    rung: Rung,
    names: list[str],
    halves: list[Half],
    errors: np.ndarray,
    seed: int,
) -> tuple[dict[str, np.ndarray], float]:
    """Ratios of strangers to twins if designs are permuted among equally accurate members.

    Args:
        errors: error of each member on all images, float M.

    Returns:
        Outcome -> ratios float64 `DRAWS`, and the share of permuted twins that share a family and
        do not count.
    """
    random, alone = (
        stream(seed, "control of swaps"),
        np.flatnonzero(members["origin"] == INDEPENDENT),
    )
    order = alone[np.argsort(errors[alone], kind="stable")]
    bins = np.split(order, range(BIN, len(order) - BIN + 1, BIN))
    family, shared, ratios = pd.get_dummies(members["family"]).to_numpy(), [], []
    relatives = family @ family.T
    for _ in range(DRAWS):
        given = np.arange(len(members))  # member whose design each member is given
        given[order] = np.concatenate([random.permutation(of) for of in bins])
        twins, strangers = (of[given][:, given] for of in rung[:2])
        shared.append((twins & relatives).sum() / twins.sum())
        permuted = Rung(twins & ~relatives, strangers & ~relatives, rung.by_error)
        drawn = swap(permuted, halves, family[given], family[:, :0])
        twin, stranger, _ = (outcomes_of(names, of[:, 0]) for of in drawn.means)
        with np.errstate(divide="ignore", invalid="ignore"):
            ratios.append([stranger[name] / twin[name] for name in twin])
    return dict(zip(twin, np.transpose(ratios), strict=True)), float(np.mean(shared))


def swap_table(
    members: pd.DataFrame, of_images: dict[str, PairCounts], confidence: float, seed: int
) -> pd.DataFrame:
    """The rows of swaps.csv on pairs; none if a pool has no twins.

    Args:
        members: rows of members.csv, of the M members of the counts, in their order.
        of_images: set of images -> counts of pairs.
    """
    family, rows = pd.get_dummies(members["family"]).to_numpy(), []
    for images, counts in of_images.items():
        names, halves = halves_of(counts, seed)
        errors = np.einsum("gii->i", counts.outcomes["both_wrong"])
        without = [halves_of(counts, seed, group)[1] for group in range(len(counts.n_images))]
        for name, rung in rungs(members).items():
            of = swap(rung, halves, family, family)
            row = {
                "rung": name,
                "images": images,
                "twins": of.used,
                "families": of.families,
                "left_out": of.left_out,
            }
            by_chance, shared, several = {}, np.nan, [of]
            if of.families >= FEWEST_FAMILIES:
                by_chance, shared = control(members, rung, names, halves, errors, seed)
                several += [swap(rung, of_others, family, family) for of_others in without]
            taking_part = [0, *(1 + np.flatnonzero(of.taking_part))]
            means = np.stack([one.means for one in several], axis=2)[..., taking_part]
            twins, strangers, alone = (outcomes_of(names, values) for values in means)
            for outcome in twins:
                of_pair = compared(
                    twins[outcome],
                    strangers[outcome],
                    by_chance.get(outcome),
                    of.families,
                    confidence,
                )
                if "wrong" in outcome:
                    rival = compared(
                        alone[outcome], strangers[outcome], None, of.families, confidence
                    )
                    of_pair |= {"one_member": rival["twin"]} | {
                        f"one_member_{name}": rival[name] for name in RATIO
                    }
                rows.append(row | {"outcome": outcome, "shared": shared} | of_pair)
    return pd.DataFrame(rows, columns=COLUMNS).assign(confidence=confidence)


def compared(
    twin: np.ndarray,
    stranger: np.ndarray,
    by_chance: np.ndarray | None,
    families: int,
    confidence: float,
) -> dict[str, float]:
    """Strangers against twins: the columns of a row.

    Args:
        twin, stranger: float (1 + G) x (1 + F), without none and each of G groups of images and F
            families.
        by_chance: ratios of the control, if there is one.
        families: number of families of the members i; an interval needs `FEWEST_FAMILIES`.
    """
    values, enough = {"twin": twin[0, 0], "stranger": stranger[0, 0]}, families >= FEWEST_FAMILIES
    with np.errstate(divide="ignore", invalid="ignore"):
        compared_by = {"difference": (stranger - twin, LINEAR), "ratio": (stranger / twin, LOG)}
        for name, (replicates, scale) in compared_by.items():
            of = crossed_jackknife(replicates, scale, confidence, families) if enough else UNKNOWN
            values |= of.columns(name, replicates[0, 0])
        if by_chance is not None:
            low, high = np.nanquantile(by_chance, [(1 - confidence) / 2, (1 + confidence) / 2])
            values |= {"control_low": low, "control_high": high}
    return values


def whole_table(
    members: pd.DataFrame,
    predictions: Sequence[Predictions],
    conditions: pd.DataFrame,
    confidence: float,
    seed: int,
) -> pd.DataFrame:
    """The table swaps.csv: swaps of pairs, and votes of four where only predicted labels are known.

    Args:
        members: rows of members.csv, M.
        predictions: of these members.
    """
    of_images = condition_groups(conditions)
    counts = {images: pair_counts(predictions, rows, seed) for images, rows in of_images.items()}
    table = swap_table(members, counts, confidence, seed)
    if all(of.has_probabilities for of in predictions):
        return table
    voted = []
    for images, rows in of_images.items():
        means, numbers = votes_of_four(
            members, predictions, rows, halves_of(counts[images], seed)[1], seed
        )
        for availability, twins, strangers in zip(AVAILABILITIES, *known_mean(means), strict=True):
            row = {
                "rung": ANY_FAMILY,
                "images": images,
                "outcome": f"votes_wrong_at_{availability * 100:.0f}",
            }
            voted.append(
                row | numbers | compared(twins, strangers, None, numbers["families"], confidence)
            )
    votes = (
        pd.DataFrame(voted, columns=table.columns).query("twins > 0").assign(confidence=confidence)
    )
    return pd.concat([of for of in (table, votes) if len(of)] or [table], ignore_index=True)
