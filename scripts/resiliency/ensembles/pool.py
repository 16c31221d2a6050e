"""The ensembles of a study, or a sample of them if there are too many."""

from collections.abc import Callable, Collection, Iterable, Iterator
from functools import reduce
from itertools import chain, combinations, product
from math import comb
from numbers import Integral

import numpy as np
import pandas as pd
from scipy.sparse import csr_array

from resiliency.base.faults import Fault, expected, short
from resiliency.base.names import CORRUPTED, INDEPENDENT
from resiliency.base.streams import stream
from resiliency.ensembles.kernels import BINS, confidence_bins
from resiliency.ensembles.scoring import (
    CHUNK_VALUES,
    confident_answers,
    correct_answers,
    expected_accuracy,
    given_answers,
    right_chances,
    tied_votes,
)
from resiliency.ensembles.settings import Ensembles
from resiliency.metrics.selective import given_shares
from resiliency.prediction.reading import Predictions, additional_test_sets, condition_groups
from resiliency.statistics.resampling import Units

BLOCK_VALUES = 2**23  # number of answers of ensembles to images at a time
# Number of probabilities, of all members under all conditions, that are kept between calls.
KEPT_VALUES = 2**25


def eligible_members(
    members: pd.DataFrame, predicted: Collection[str], settings: Ensembles
) -> pd.DataFrame:
    """The rows of independent members with predictions of which the study forms ensembles.

    Args:
        members: members.csv.
        predicted: names of the members with predictions.

    Raises:
        Fault: too few members are accurate enough for an ensemble, but all together would be
            enough.
    """
    known = members[(members.origin == INDEPENDENT) & members.member.isin(predicted)]
    accurate = known[~is_inaccurate(known, settings.min_clean_accuracy)]
    if len(accurate) < min(settings.sizes) <= len(known):
        least = settings.min_clean_accuracy
        raise Fault(
            f"ensembles.min_clean_accuracy: too few members reach {least:g} to form an ensemble; "
            "lower it"
        )
    return accurate


def is_inaccurate(members: pd.DataFrame, least: float) -> pd.Series:
    """Whether each member is left out of ensembles because its clean accuracy is below the `least`,
    a fraction."""
    return (members.origin == INDEPENDENT) & (members.clean_accuracy < least)


class EnsembleErrors:
    """Errors of ensembles of the same members, under one combination rule.

    An ensemble with a member whose decisions alone are known is a plurality vote whose ties are
    broken at random.

    Args:
        predictions: one entry per member, M in all.
        objective: criterion by which ensembles are selected: mean (corrupted error),
            worst_condition (largest error), quantile, or cost (mean cost).
        quantile: quantile of the errors, in 0..1, interpolated linearly.
        costs: float64 K x K, cost of each answer, true class first, if the objective is cost;
            members then need probabilities.
    """

    def __init__(
        self,
        predictions: list[Predictions],
        rule: str,
        objective: str = "mean",
        quantile: float = 0.9,
        costs: np.ndarray | None = None,
    ):
        self.predictions, self.rule = predictions, rule
        self.objective, self.quantile, self.costs = objective, quantile, costs
        self.known = np.array([member.has_probabilities for member in predictions])
        self.conditions = condition_groups(predictions[0].conditions)
        self.corrupted = self.conditions.get(CORRUPTED, [])
        self.further = additional_test_sets(predictions[0].conditions)
        values = sum(
            len(self.predictions[0].labels(c)) * predictions[0].classes(c)
            for c in range(len(predictions[0]))
        )
        self._kept: dict[tuple[int, int], np.ndarray] | None = (
            {} if values * len(predictions) <= KEPT_VALUES else None
        )

    def labels(self, test_set: str) -> np.ndarray:
        """Labels of a test set, int64 N."""
        return self.predictions[0].labels(self.conditions[test_set][0])

    def units(self, test_set: str) -> Units:
        """The units of the images of a test set."""
        return self.predictions[0].units(self.conditions[test_set][0])

    def errors(self, ensembles: np.ndarray, images: np.ndarray) -> np.ndarray:
        """The objective, float64 E, of ensembles (int E x size) on these images (int n)."""
        losses = self.condition_errors if self.costs is None else self.condition_costs
        return self.chosen_by(losses(ensembles, images))

    def chosen_by(self, losses: np.ndarray) -> np.ndarray:
        """The objective from losses ... x C under the corrupted conditions."""
        if self.objective == "quantile":
            return np.quantile(losses, self.quantile, axis=-1)
        return losses.max(axis=-1) if self.objective == "worst_condition" else losses.mean(axis=-1)

    def condition_errors(self, ensembles: np.ndarray, images: np.ndarray) -> np.ndarray:
        """Error float64 E x C of ensembles (int E x size) on these images (int n) under each
        corrupted condition."""
        known, errors = self._known(ensembles), np.empty((len(ensembles), len(self.corrupted)))
        for place, condition in enumerate(self.corrupted):
            if not known.all():
                decisions = np.stack(
                    [member.decisions(condition, images) for member in self.predictions]
                )
                labels = self.predictions[0].labels(condition)[images]
                errors[~known, place] = 1 - expected_accuracy(ensembles[~known], decisions, labels)
            if known.any():
                parts = self._wrong(ensembles[known], images, condition)
                errors[known, place] = sum(
                    part.sum(axis=1, dtype=np.float64) for part in parts
                ) / len(images)
        return errors

    def condition_costs(self, ensembles: np.ndarray, images: np.ndarray) -> np.ndarray:
        """Mean cost of the answers, float64 E x C, as `condition_errors`."""
        means = [
            sum(part.sum(axis=1) for part in self._costs(ensembles, images, condition))
            for condition in self.corrupted
        ]
        return np.stack(means, axis=1) / len(images)

    def wrong(self, ensemble: np.ndarray, images: np.ndarray) -> np.ndarray:
        """Whether an ensemble (int size) misclassifies each of these images in each corrupted
        condition; float32 C x n.

        Of decisions, whose ties are broken at random, the probability that it does.
        """
        return np.stack(
            [self.wrong_in(ensemble, images, condition) for condition in self.corrupted]
        )

    def wrong_in(self, ensemble: np.ndarray, images: np.ndarray, condition: int) -> np.ndarray:
        """`wrong` in one condition, given by its row in the table of conditions; float32 n."""
        return np.concatenate(list(self._wrong(ensemble[None], images, condition)), axis=1)[
            0
        ].astype(np.float32)

    def image_losses(self, ensembles: np.ndarray, images: np.ndarray) -> np.ndarray:
        """Mean loss of each ensemble on each image over the corrupted conditions; float64 E x n.

        The loss of an answer is 1 if it is wrong, or its cost if the objective is cost.
        """
        total = np.zeros((len(ensembles), len(images)))
        for condition in self.corrupted:
            total += np.concatenate(list(self._losses(ensembles, images, condition)), axis=1)
        return total / len(self.corrupted)

    def losses_in_groups(
        self, ensembles: np.ndarray, images: np.ndarray, groups: np.ndarray
    ) -> Iterator[np.ndarray]:
        """Sums of losses over each of G groups of images, one corrupted condition after the other.

        Args:
            groups: int n in 0..G-1, the group of each of the `images`.

        Yields:
            float32 E x G.
        """
        in_group = np.eye(groups.max() + 1, dtype=np.float32)[groups]
        for condition in self.corrupted:
            yield reduce(
                np.add, _sums_in_groups(self._losses(ensembles, images, condition), in_group)
            )

    def accuracy(self, ensembles: np.ndarray, test_set: str, images: np.ndarray) -> np.ndarray:
        """Accuracy float64 E on these images of a test set without corruption."""
        wrong = self._wrong(ensembles, images, self.conditions[test_set][0])
        return 1 - np.concatenate(list(wrong), axis=1).mean(axis=1, dtype=np.float64)

    def effective_images(
        self, ensembles: np.ndarray, test_set: str, images: np.ndarray, confidence: float
    ) -> np.ndarray | int:
        """Number of independent images that these of a test set are worth for each ensemble's
        accuracy; float64 E.

        Their number, int, where each image is a unit of its own (see `Units.effective`).
        """
        units = self.units(test_set).of(images)
        if units.alone:
            return len(images)
        rows, condition = np.arange(units.n_images), self.conditions[test_set][0]
        in_unit = csr_array((np.ones(units.n_images, np.float32), (rows, units.of_image)))
        blocks = np.array_split(ensembles, -(-len(ensembles) * units.n_images // BLOCK_VALUES))
        sums = (
            reduce(np.add, _sums_in_groups(self._wrong(block, images, condition), in_unit))
            for block in blocks
        )
        return np.concatenate([units.effective(of_block, confidence) for of_block in sums])

    def errors_without(
        self, ensembles: np.ndarray, conditions: np.ndarray, of_image: np.ndarray
    ) -> np.ndarray:
        """Mean error of ensembles (int E x size) under these conditions, without each group of
        images.

        Args:
            of_image: int N in 0..G-1, the group of each image.

        Returns:
            float64 E x G.
        """
        counts = np.bincount(of_image)
        in_group, everything = (
            np.eye(len(counts), dtype=np.float32)[of_image],
            np.arange(len(of_image)),
        )
        total = np.zeros((len(ensembles), len(counts)))
        for condition in conditions:
            for sums in _sums_in_groups(self._wrong(ensembles, everything, condition), in_group):
                total += sums
        return (total.sum(axis=1, keepdims=True) - total) / (
            len(conditions) * (counts.sum() - counts)
        )

    def selective_errors(
        self, ensembles: np.ndarray, conditions: np.ndarray, images: np.ndarray, availability: float
    ) -> np.ndarray:
        """Wrong answers per image, of all and of those that are given at an availability, by mean
        probability or vote.

        Answers under all conditions are ranked together by confidence, the mean probability or the
        votes, in bins. Of the bin that holds the last answer that is given, a part is given.

        Args:
            ensembles: int E x size.
            conditions: rows of the table of conditions.
            availability: share of the images for which an answer is given, in 0..1.

        Returns:
            float64 E x 2.
        """
        blocks = np.array_split(ensembles, -(-len(ensembles) * len(images) // BLOCK_VALUES))
        parts, known = (
            [np.zeros((2, len(block) * BINS)) for block in blocks],
            bool(self._known(ensembles).all()),
        )
        for condition, (block, (answered, wrong)) in product(
            conditions, list(zip(blocks, parts, strict=True))
        ):
            first = np.arange(len(block))[:, None] * BINS
            for within, given, labels in self._chunks(block, images, condition, known):
                if known:
                    right, confidence = confident_answers(within, given, labels)
                    bins = confidence_bins(confidence)
                else:
                    tied, bins, _ = tied_votes(within, given, labels)
                    right = right_chances(tied)
                answered += np.bincount((first + bins).ravel(), minlength=len(answered))
                wrong += np.bincount((first + bins).ravel(), (1.0 - right).ravel(), len(wrong))
        answered, wrong = np.concatenate(
            [of.reshape(2, -1, BINS)[..., ::-1] for of in parts], axis=1
        )
        given = wrong * given_shares(answered, availability)
        return np.column_stack([wrong.sum(axis=1), given.sum(axis=1)]) / answered.sum(
            axis=1, keepdims=True
        )

    def _known(self, ensembles: np.ndarray) -> np.ndarray:
        """Which ensembles (int E x size) have members with probabilities alone; bool E."""
        return self.known[ensembles].all(axis=1)

    def _wrong(
        self, ensembles: np.ndarray, images: np.ndarray, condition: int
    ) -> Iterator[np.ndarray]:
        """Which images each ensemble gets wrong, E x some, chunk after chunk of images.

        Bool, or where ties of some ensembles are broken at random, the probability that it does.
        """
        known = self._known(ensembles)
        if known.any() and not known.all():
            parts = (self._wrong(ensembles[of], images, condition) for of in (known, ~known))
            for of_known, of_others in zip(*parts, strict=True):
                wrong = np.empty((len(ensembles), of_known.shape[1]), np.float32)
                wrong[known], wrong[~known] = of_known, of_others
                yield wrong
            return
        chunks = self._chunks(ensembles, images, condition, bool(known.all()))
        for within, given, labels in chunks:
            if known.all():
                yield ~correct_answers(self.rule, within, given, labels)
            else:
                yield 1 - right_chances(tied_votes(within, given, labels)[0])

    def _losses(
        self, ensembles: np.ndarray, images: np.ndarray, condition: int
    ) -> Iterator[np.ndarray]:
        return (self._wrong if self.costs is None else self._costs)(ensembles, images, condition)

    def _costs(
        self, ensembles: np.ndarray, images: np.ndarray, condition: int
    ) -> Iterator[np.ndarray]:
        """Costs of the answers of each ensemble, float64 E x some, one chunk of images at a
        time."""
        assert self.costs is not None
        for within, given, labels in self._chunks(ensembles, images, condition, True):
            yield self.costs[labels, given_answers(self.rule, within, given, labels)]

    def _chunks(
        self, ensembles: np.ndarray, images: np.ndarray, condition: int, known: bool
    ) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
        """The ensembles as positions among the members used, what these say, and labels, chunk
        after chunk.

        Members say probabilities, float32 M x some x K, if they are `known`, else decisions, int M
        x some.
        """
        labels = self.predictions[0].labels(condition)
        used, renumbered = np.unique(ensembles, return_inverse=True)
        chunk = max(1, CHUNK_VALUES // self.predictions[0].classes(condition))
        for start in range(0, len(images), chunk):
            some = images[start : start + chunk]
            if known:
                given = [self._probabilities(member, condition, some) for member in used.tolist()]
            else:
                given = [self.predictions[member].decisions(condition, some) for member in used]
            yield renumbered.reshape(ensembles.shape), np.stack(given), labels[some]

    def _probabilities(self, member: int, condition: int, images: np.ndarray) -> np.ndarray:
        """Probabilities of a member, float32 n x K; kept for the next call unless those of all are
        too many."""
        if self._kept is None:
            return self.predictions[member].probabilities(condition, images)
        if (member, condition) not in self._kept:
            self._kept[member, condition] = self.predictions[member].probabilities(condition)
        return self._kept[member, condition][images]


def _sums_in_groups(
    parts: Iterable[np.ndarray], in_group: np.ndarray | csr_array
) -> Iterator[np.ndarray]:
    """Sums over each of G groups of images, float32 E x G, of values E x some, chunk after chunk of
    images.

    Args:
        in_group: float32 N x G, 1 if an image is in a group; sparse if there are many groups.
    """
    start = 0
    for values in parts:
        yield values.astype(np.float32) @ in_group[start : start + values.shape[1]]
        start += values.shape[1]


def greedy(
    members: EnsembleErrors, pool: np.ndarray, largest: int, images: np.ndarray
) -> list[np.ndarray]:
    """Ensembles of 1, 2, ..., `largest` of the `pool` (int), each the one before with the member
    that helps it most.

    Members are selected by the objective on `images`; each is taken once, since it is paid for
    once. Ties go to the first.
    """
    ensembles: list[np.ndarray] = []
    chosen = np.empty(0, np.int64)
    while len(chosen) < min(largest, len(pool)):
        rest = np.setdiff1d(pool, chosen)
        grown = np.sort(np.column_stack([np.tile(chosen, (len(rest), 1)), rest]), axis=1)
        chosen = grown[members.errors(grown, images).argmin()]
        ensembles.append(chosen)
    return ensembles


def front(errors: np.ndarray, costs: np.ndarray) -> np.ndarray:
    """Whether each ensemble is on the Pareto front of error and cost, the first of equals; bool N.

    Those of unknown cost, NaN, are not among them.
    """
    order = np.lexsort([errors, costs])
    best = np.minimum.accumulate(np.append(np.inf, errors[order]))
    on_front = np.zeros(len(errors), bool)
    on_front[order] = (errors[order] < best[:-1]) & np.isfinite(costs[order])
    return on_front


MOST_LISTED = 2 * 10**8
DRAWN_VALUES = 2**22  # number of random numbers at once, one per member of each ensemble


def ensembles_of(members: int, size: int) -> np.ndarray:
    """List all ensembles of one size.

    Args:
        members: number of members, 1 or more.
        size: number of members of each ensemble, 1 or more.

    Returns:
        int64 E x size: positions of members in 0..members-1, each row ascending, rows in
        lexicographic order; no rows if size is larger than members.

    Raises:
        Fault: a number is no whole number or below 1, or there are more ensembles than memory can
            hold.
    """
    for name, number in (("members", members), ("size", size)):
        if not isinstance(number, Integral) or isinstance(number, bool) or number < 1:
            raise Fault(f"{name}: {expected('a whole number from 1', short(number))}")
    if size <= members and comb(members, size) * size > MOST_LISTED:
        got = f"{comb(members, size):,} of {size} among {members:,} members"
        raise Fault(
            f"ensembles: {expected(f'at most {MOST_LISTED:,} positions of members', got)}; draw "
            "some of them"
        )
    chosen = chain.from_iterable(combinations(range(members), size))
    return np.fromiter(chosen, np.int64, count=comb(members, size) * size).reshape(-1, size)


def chosen_ensembles(designs: list[str], size: int, count: int, seed: int) -> np.ndarray:
    """`count` ensembles of `size`, or all if there are no more, as from `ensembles_of`.

    A sample has two strata, which observation 4 compares: ensembles of one design, which are rare
    and all there unless they are more than half of `count`, and the others, from which the rest is
    drawn. Ensembles are drawn without a list of all, which might not fit into memory.

    Args:
        designs: design of each member.
    """
    member_count = len(designs)
    if comb(member_count, size) <= count:
        return ensembles_of(member_count, size)
    random = stream(seed, "ensembles", size)
    kinds, of_kind = np.unique(designs, return_inverse=True, return_counts=True)[1:]
    shares = [comb(int(number), size) for number in of_kind]
    alike = sum(shares)
    of_one = min(alike, max(count // 2, count - (comb(member_count, size) - alike)))
    rows = max(1, min(count, DRAWN_VALUES // member_count))

    def draw_alike() -> np.ndarray:
        kind = random.choice(
            len(shares), (rows, 1), p=np.array([share / alike for share in shares])
        )
        return _smallest(np.where(kinds == kind, random.random((rows, member_count)), 1), size)

    def draw_others() -> np.ndarray:
        drawn = _smallest(random.random((rows, member_count)), size)
        return drawn[kinds[drawn].min(axis=1) != kinds[drawn].max(axis=1)]

    if alike > of_one:
        alone = list(_distinct(draw_alike, of_one))
    else:
        alone = [
            np.flatnonzero(kinds == k)[e]
            for k, n in enumerate(of_kind)
            for e in ensembles_of(int(n), size)
        ]
    chosen = np.array([*alone, *_distinct(draw_others, count - of_one)])
    return chosen[np.lexsort(chosen.T[::-1])]


def _smallest(keys: np.ndarray, size: int) -> np.ndarray:
    """Positions of the `size` smallest values of each row of `keys`, ascending: a random ensemble
    if keys are."""
    return np.sort(keys.argpartition(size - 1, axis=1)[:, :size], axis=1)


def _distinct(draw: Callable[[], np.ndarray], count: int) -> list[tuple[int, ...]]:
    """The first `count` ensembles that differ, of those that `draw` gives again and again."""
    ensembles: dict[tuple[int, ...], None] = {}
    while len(ensembles) < count:
        ensembles |= dict.fromkeys(map(tuple, draw().tolist()))
    return list(ensembles)[:count]
