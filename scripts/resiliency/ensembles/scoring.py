"""Scores of many ensembles at once, under one condition.

Images come in chunks and ensembles in blocks, both of a fixed number of values, so that memory
grows neither with the images nor, but for a few numbers for each, with the ensembles."""

from collections.abc import Iterator, Sequence
from functools import reduce
from itertools import combinations
from typing import NamedTuple

import numpy as np

from resiliency.diversity.predictions import right_counts
from resiliency.ensembles.combination import MEAN, VOTE, member_values, summed
from resiliency.ensembles.kernels import (
    LANES,
    LEAST,
    answers,
    count_votes,
    log_normalisers,
    product_sums,
    tally,
)
from resiliency.metrics.classification import ECE_BINS, as_float32, softmax
from resiliency.prediction.reading import Predictions


class Block(NamedTuple):
    """B ensembles of L members.

    Attributes:
        places: int64 B, positions among all ensembles.
        ensembles: int64 B x L: the middle member, those before it from the last to the first, then
            those after it; rows in lexicographic order.
        changes: int64 B, first column in which each row of `ensembles` differs from the one above;
            0 for the first row.
        before, after: int64 P x l and Q x r, the different parts before and after the middle, in
            lexicographic order.
        of_before, of_after: int64 B, positions of each ensemble's parts in `before` and `after`.
        runs: int64 R x 6, for each run of ensembles with one middle member: start and stop of its
            ensembles, of their parts before, and of their parts after.
    """

    places: np.ndarray
    ensembles: np.ndarray
    changes: np.ndarray
    before: np.ndarray
    after: np.ndarray
    of_before: np.ndarray
    of_after: np.ndarray
    runs: np.ndarray


def blocks(ensembles: np.ndarray, largest: int) -> Iterator[Block]:
    """All of `ensembles` (int E x L, members in any order), at most `largest` in a block."""
    middle = ensembles.shape[1] // 2
    turned = np.concatenate([ensembles[:, middle::-1], ensembles[:, middle + 1 :]], axis=1).astype(
        np.int64
    )
    order = np.lexsort(turned.T[::-1])
    for start in range(0, len(order), largest):
        places = order[start : start + largest]
        own = turned[places]
        before, of_before = _distinct(own[:, 1 : middle + 1])
        after, of_after = _distinct(own[:, middle + 1 :])
        starts = np.flatnonzero(np.diff(own[:, 0], prepend=-1))
        ends = [starts, np.append(starts[1:], len(own))]
        for of_part in (of_before, of_after):
            ends += [np.minimum.reduceat(of_part, starts), np.maximum.reduceat(of_part, starts) + 1]
        changed = np.diff(own, axis=0) != 0
        changes = np.where(changed.any(axis=1), changed.argmax(axis=1), own.shape[1] - 1)
        changes = np.concatenate([np.zeros(1, np.int64), changes])
        yield Block(
            places, own, changes, before, after, of_before, of_after, np.stack(ends, axis=1)
        )


def _distinct(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The distinct of `rows` (int64 B x l) in lexicographic order, and which of them each row is;
    int64 B.

    A column at a time, which takes a fraction of the time of `np.unique` with an axis.
    """
    first, places = np.zeros(1, np.int64), np.zeros(len(rows), np.int64)
    for column in rows.T:
        _, first, places = np.unique(
            places * (rows.max() + 1) + column, return_index=True, return_inverse=True
        )
    return rows[first], places


CHUNK_VALUES = 2**22  # probabilities of all members
PANEL_VALUES = 2**16  # number of values of all members' candidates that fit into a core's cache
BLOCK_ANSWERS = 2**19  # number of answers of a block of ensembles to a chunk of images
CANDIDATES = 32  # first number of candidate classes for the answer; half for that of a vote
# Cost of summing a class for one answer, relative to one more candidate for all answers.
SUMMING = 3
# Number of classes up to which sums of products are faster image beside image than as matrices.
IN_LANES = 64
# Memberships per member up to which finding candidates takes longer than summing all classes.
FEW = 8


class Tally:
    """Sums over images of the scores of E ensembles under one rule.

    Args:
        groups: int E_i x size_i each, ensembles of one size.
        members: number of members, M.
    """

    def __init__(self, rule: str, groups: list[np.ndarray], members: int):
        self.rule, self.groups = rule, groups
        sizes = [np.full(len(group), group.shape[1], np.float32) for group in groups]
        self.sizes = np.concatenate(sizes)
        ensembles = len(self.sizes)
        self.right = np.zeros(ensembles, np.int64)
        self.nll, self.gaps = np.zeros(ensembles), np.zeros((ensembles, ECE_BINS))
        self.candidates, self.answers, self.summed = (
            CANDIDATES if rule == MEAN else CANDIDATES // 2,
            0,
            0,
        )
        # sum_k (sum_i p_ik)^2 = sum_ij sum_k p_ik p_jk: what depends on images is of pairs of
        # members.
        self.products, self.own = np.zeros((members, members)), np.zeros(members)

    def start(self, probabilities: np.ndarray, labels: np.ndarray, answered: np.ndarray) -> None:
        """Begin with n images: probabilities float32 n x M x K, labels and members' answers int n
        and n x M."""
        largest, classes = max(group.shape[1] for group in self.groups), probabilities.shape[2]
        if self.answers:
            # More candidates if summing all classes so often cost more than these would.
            if SUMMING * classes * self.summed > self.candidates * self.answers:
                self.candidates *= 2
            self.answers = self.summed = 0
        alike = (answered == answered[:, :1]).all(axis=1)
        # A class that nobody votes for does not win, and one that all vote for does.
        if self.rule == VOTE:
            self.right += np.count_nonzero(alike & (answered[:, 0] == labels))
            parts = [(~alike & (answered == labels[:, None]).any(axis=1), self.candidates)]
        elif classes > IN_LANES:
            parts = [(alike, 1), (~alike, self.candidates)]
        else:
            parts = [(np.ones(len(labels), bool), self.candidates)]
        self.parts = []
        for some, count in parts:
            values = member_values(self.rule, probabilities[some], largest)
            self.parts.append(
                (panel(values, labels[some], candidates(count, classes)), values, labels[some])
            )
        if self.rule == MEAN:
            self.products += (probabilities @ probabilities.swapaxes(1, 2)).sum(
                axis=0, dtype=np.float64
            )
            self.own += probabilities[np.arange(len(labels)), :, labels].sum(
                axis=0, dtype=np.float64
            )

    def add(self, places: np.ndarray, block: Block) -> None:
        """Count the answers of a block of B ensembles to these images.

        Args:
            places: int64 B, positions of the ensembles among all.
        """
        count, logs, gaps = (
            np.zeros(len(places), np.int64),
            np.zeros(len(places)),
            np.zeros((len(places), ECE_BINS)),
        )
        totals = self.sizes[places] if self.rule == MEAN else self.sizes[:0]
        for part in self.parts:
            self.summed += tally(block.ensembles, block.changes, *part, totals, count, logs, gaps)
            self.answers += len(places) * len(part[2])
        self.right[places] += count
        self.nll[places] -= logs
        self.gaps[places] += gaps

    def scores(self, n_images: int) -> dict[str, np.ndarray]:
        """`accuracy`, `nll`, `brier` and `ece`, float64 E each, over all images; NaN without
        probabilities."""
        scores = {"accuracy": self.right / n_images}
        if self.rule == VOTE:
            return scores | dict.fromkeys(("nll", "brier", "ece"), np.full(len(self.right), np.nan))
        ece = np.abs(self.gaps).sum(axis=1) / n_images
        losses = []
        for ensembles in self.groups:
            shares = np.full(ensembles.shape, 1 / ensembles.shape[1])
            products = self.products[ensembles[:, :, None], ensembles[:, None, :]]
            squares = np.einsum("ei,ej,eij->e", shares, shares, products)
            losses.append(squares - 2 * (shares * self.own[ensembles]).sum(axis=1))
        return scores | {
            "nll": self.nll / n_images,
            "brier": np.concatenate(losses) / n_images + 1,
            "ece": ece,
        }


def correct_answers(
    rule: str,
    ensembles: np.ndarray,
    probabilities: np.ndarray,
    labels: np.ndarray,
) -> np.ndarray:
    """Whether each ensemble is right on each image.

    Args:
        rule: a combination rule in `RULES`.
        ensembles: int E x size, positions of the members of each ensemble.
        probabilities: float32 M x N x K, under one condition.
        labels: int N.

    Returns:
        bool E x N.
    """
    right = np.empty((len(ensembles), len(labels)), bool)
    if ensembles.size <= FEW * len(probabilities):
        values = member_values(rule, probabilities, ensembles.shape[1])
        for place, members in enumerate(ensembles):
            right[place] = summed(values, members).argmax(axis=1) == labels
        return right
    in_blocks = _in_blocks(rule, ensembles, probabilities, labels)
    for places, some, (answered, _, _, _) in in_blocks:
        right[places, some] = answered
    return right


def confident_answers(
    ensembles: np.ndarray, probabilities: np.ndarray, labels: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Whether the mean probability of each ensemble is largest for the label, and its largest
    value.

    Args:
        ensembles, probabilities, labels: as of `correct_answers`.

    Returns:
        bool and float32 in 0..1, E x N.
    """
    shape = len(ensembles), len(labels)
    right, confidence = np.empty(shape, bool), np.empty(shape, np.float32)
    in_blocks = _in_blocks(MEAN, ensembles, probabilities, labels)
    for places, some, (answered, _, best, _) in in_blocks:
        right[places, some], confidence[places, some] = (
            answered,
            best / np.float32(ensembles.shape[1]),
        )
    return right, confidence


def _in_blocks(
    rule: str,
    ensembles: np.ndarray,
    probabilities: np.ndarray,
    labels: np.ndarray,
) -> Iterator[tuple[np.ndarray, slice, tuple]]:
    """Places of ensembles, images, and what `_answered` gives for these; arguments as of
    `correct_answers`."""
    by_image = np.ascontiguousarray(probabilities.swapaxes(0, 1))
    values = member_values(rule, by_image, ensembles.shape[1])
    chunk = _chunk(*values.shape[1:])
    of_blocks = list(blocks(ensembles, max(1, BLOCK_ANSWERS // chunk)))
    for start in range(0, len(labels), chunk):
        some = slice(start, start + chunk)
        of_chunk = panel(values[some], labels[some], candidates(CANDIDATES, values.shape[2]))
        for block in of_blocks:
            yield block.places, some, _answered(block, of_chunk, values[some], labels[some])


def given_answers(
    rule: str,
    ensembles: np.ndarray,
    probabilities: np.ndarray,
    labels: np.ndarray,
) -> np.ndarray:
    """The class that each ensemble answers for each image, int64 E x N; arguments as of
    `correct_answers`."""
    places, images = np.nonzero(~correct_answers(rule, ensembles, probabilities, labels))
    answers, by_image = np.tile(labels, (len(ensembles), 1)), probabilities.swapaxes(0, 1)
    values = member_values(rule, by_image, ensembles.shape[1])
    several = max(1, CHUNK_VALUES // (ensembles.shape[1] * values.shape[2]))
    for start in range(0, len(places), several):
        ensemble, image = places[start : start + several], images[start : start + several]
        sums = summed(values[image, ensembles[ensemble].T], range(ensembles.shape[1]))
        # However sums are rounded, these answers are wrong.
        sums[np.arange(len(image)), labels[image]] = -np.inf
        answers[ensemble, image] = sums.argmax(axis=1)
    return answers


def score_condition(
    predictions: list[Predictions],
    condition: int,
    groups: list[np.ndarray],
    rules: Sequence[str],
) -> tuple[dict[str, dict[str, np.ndarray]], list[dict[str, np.ndarray]]]:
    """Scores of all ensembles, and the inputs of metrics of whole ensembles, under one condition.

    Args:
        predictions: one entry per member, M in all.
        condition: position of the condition.
        groups: int E_i x size_i each, ensembles of one size, E in all.

    Returns:
        rule -> score -> float64 E (see `Tally.scores`), and for each group `shares`, `failures` and
        `log_sums`, which `resiliency.diversity.metrics` describes.
    """
    tallies = {rule: Tally(rule, groups, len(predictions)) for rule in rules}
    firsts = np.cumsum([0, *map(len, groups)])
    log_sums = np.zeros(firsts[-1])
    labels, classes = predictions[0].labels(condition), predictions[0].classes(condition)
    images, correct = len(labels), np.empty((len(predictions), len(labels)), bool)
    chunk = _chunk(len(predictions), classes)
    in_lanes = classes <= IN_LANES
    of_groups = [list(blocks(group, max(1, BLOCK_ANSWERS // chunk))) for group in groups]
    for start in range(0, images, chunk):
        images_here = slice(start, start + chunk)
        of_chunk = labels[images_here]
        logits = np.stack(
            [as_float32(member.logits(condition, images_here)) for member in predictions], axis=1
        )
        correct[:, images_here] = of_chunk == logits.argmax(axis=2).T
        probabilities = softmax(logits)
        answered = probabilities.argmax(axis=2)  # two logits may have one probability
        for of_rule in tallies.values():
            of_rule.start(probabilities, of_chunk, answered)
        logs = np.maximum(probabilities, LEAST)
        np.log(logs, out=logs)
        for first, group, of_group in zip(firsts, groups, of_groups, strict=False):
            roots = logs / np.float32(group.shape[1])
            np.exp(roots, out=roots)
            by_member = np.ascontiguousarray(roots.transpose(1, 2, 0)) if in_lanes else None
            for block in of_group:
                places = first + block.places
                if in_lanes:
                    of_block = np.zeros(len(places))
                    log_normalisers(block.ensembles, block.changes, by_member, of_block)
                else:
                    normalisers = _product_sums(block, roots)
                    of_block = np.log(normalisers).sum(axis=0, dtype=np.float64)
                log_sums[places] += of_block
                for of_rule in tallies.values():
                    of_rule.add(places, block)
    scores = {rule: of_rule.scores(images) for rule, of_rule in tallies.items()}
    return scores, metric_inputs(groups, correct, np.split(log_sums, firsts[1:-1]))


def metric_inputs(
    groups: list[np.ndarray], correct: np.ndarray, log_sums: list[np.ndarray]
) -> list[dict[str, np.ndarray]]:
    """Inputs of metrics of whole ensembles (see `resiliency.diversity.metrics`), for groups of
    ensembles of one size.

    Args:
        groups: int E_i x size_i each.
        correct: bool M x N, whether each member is right.
        log_sums: float64 E_i each, sums over images of ln sum_k exp((1/L) sum_i ln p_ik).
    """
    failures, images = 1 - correct.mean(axis=1), correct.shape[1]
    return [
        {
            "shares": right_counts(group, correct) / images,
            "failures": failures[group],
            "log_sums": sums / images,
        }
        for group, sums in zip(groups, log_sums, strict=True)
    ]


def tied_votes(
    ensembles: np.ndarray, decisions: np.ndarray, labels: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Plurality votes of members that are known by their decisions, whose ties are broken at
    random.

    Args:
        ensembles: int E x L, positions of the members of each ensemble.
        decisions: int M x N, class that each member answers.
        labels: int N.

    Returns:
        Number of classes that share the most votes, 0 if the label is none of them, and number of
        votes for each of these; uint16 E x N. Number of images with each of the former, int64 E x
        (L + 1).
    """
    tied, most = np.empty((2, len(ensembles), len(labels)), np.uint16)
    counts = np.zeros((len(ensembles), ensembles.shape[1] + 1), np.int64)
    smallest = np.min_scalar_type(max(decisions.max(initial=0), labels.max(initial=0)))
    arguments = ensembles.astype(np.int64), decisions.astype(smallest, "C"), labels.astype(smallest)
    count_votes(*arguments, tied, most, counts)
    return tied, most, counts


def right_chances(tied: np.ndarray) -> np.ndarray:
    """Probability, float32, that a vote is right whose label is one of `tied` classes, or of none
    if that is 0."""
    return np.array([0, *(1 / np.arange(1, tied.max(initial=0) + 1))], np.float32)[tied]


def expected_accuracy(
    ensembles: np.ndarray, decisions: np.ndarray, labels: np.ndarray
) -> np.ndarray:
    """Expected accuracy of the plurality vote of each ensemble; float64 E in 0..1; arguments as of
    `tied_votes`."""
    alike = (decisions == decisions[0]).all(axis=0)
    certain = np.count_nonzero(decisions[0][alike] == labels[alike])
    block = max(1, BLOCK_ANSWERS // max(1, int(np.count_nonzero(~alike))))
    blocks_of = (ensembles[start : start + block] for start in range(0, len(ensembles), block))
    counts = np.concatenate(
        [tied_votes(some, decisions[:, ~alike], labels[~alike])[2] for some in blocks_of]
    )
    expected = reduce(np.add, (counts[:, tied] / tied for tied in range(1, counts.shape[1])))
    return (expected + certain) / len(labels)


def score_decisions(
    predictions: list[Predictions], condition: int, groups: list[np.ndarray]
) -> tuple[dict[str, dict[str, np.ndarray]], list[dict[str, np.ndarray]]]:
    """The result of `score_condition` under plurality vote, from decisions alone; scores but
    accuracy are NaN."""
    labels = predictions[0].labels(condition)
    decisions = np.stack([member.decisions(condition) for member in predictions])
    accuracy = np.concatenate([expected_accuracy(group, decisions, labels) for group in groups])
    nothing = np.full(len(accuracy), np.nan)
    inputs = metric_inputs(
        groups, decisions == labels, [np.full(len(group), np.nan) for group in groups]
    )
    return {VOTE: {"accuracy": accuracy, "nll": nothing, "brier": nothing, "ece": nothing}}, inputs


def mean_over_pairs(ensembles: np.ndarray, pairs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean of a pairwise quantity over the pairs of members of each ensemble, and the number of
    those pairs.

    Args:
        ensembles: int E x size.
        pairs: float M x M, symmetric; NaN for pairs that are left out.

    Returns:
        float64 E, NaN if no pair is left, and int64 E.
    """
    total, count = np.zeros(len(ensembles)), np.zeros(len(ensembles), np.int64)
    for i, j in combinations(range(ensembles.shape[1]), 2):
        values = pairs[ensembles[:, i], ensembles[:, j]]
        finite = np.isfinite(values)
        total += np.where(finite, values, 0)
        count += finite
    return np.divide(total, count, out=np.full(len(total), np.nan), where=count > 0), count


def _chunk(member_count: int, classes: int) -> int:
    """Number of images that are scored at a time."""
    in_cache = PANEL_VALUES // (member_count * min(classes, 2 * CANDIDATES))
    return max(1, min(max(LANES, in_cache), CHUNK_VALUES // (member_count * classes)))


def _answered(
    block: Block, of_panel: np.ndarray, values: np.ndarray, labels: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, int]:
    """Arrays and result of `kernels.answers` for a block."""
    shape = len(block.places), len(labels)
    right, own, best = (
        np.empty(shape, bool),
        np.empty(shape, np.float32),
        np.empty(shape, np.float32),
    )
    summed = answers(block.ensembles, block.changes, of_panel, values, labels, right, own, best)
    return right, own, best, summed


def _product_sums(block: Block, values: np.ndarray) -> np.ndarray:
    """Sums over classes of the products of the members' values (float32 n x M x K); float32 n x
    B."""
    sums = np.empty((len(values), len(block.places)), np.float32)
    parts = block.before, block.after, block.of_before, block.of_after
    product_sums(block.ensembles, *parts, block.runs, values, sums)
    return sums


def candidates(count: int, classes: int) -> int:
    """Number of candidate classes beside the label: all, which need not be found, if `count` is
    half of them."""
    return count if 2 * count < classes else classes - 1


def panel(values: np.ndarray, labels: np.ndarray, count: int) -> np.ndarray:
    """The members' values for the label and for the classes with the largest values, and a bound
    for all others.

    Args:
        values: float32 n x M x K, K classes of n images.
        labels: int n, labels of the images.
        count: number of candidates, C, less than K.

    Returns:
        float32 M x (C + 2) x n: the values of the label, of the C other classes with the largest
        value of any member, and the largest value of the member for a class that is not among
        these; -inf for none.
    """
    images, members, classes = values.shape
    if count == classes - 1:
        chosen = (labels[:, None] + np.arange(classes)) % classes
        rest = np.full((images, members, 1), -np.inf, np.float32)
    else:
        most = values.max(axis=1)
        most[np.arange(images), labels] = -np.inf
        likely = np.argpartition(most, classes - count - 1, axis=1)[:, classes - count :]
        chosen, others = np.column_stack([labels, likely]), values.copy()
        np.put_along_axis(others, chosen[:, None], -np.inf, axis=2)
        rest = others.max(axis=2, keepdims=True)
    rows = [np.take_along_axis(values, chosen[:, None], axis=2), rest]
    return np.ascontiguousarray(np.concatenate(rows, axis=2).transpose(1, 2, 0))
