"""Diversity of predictions: of all pairs of members at once, and of whole ensembles.

Metrics of whole ensembles take `shares`, how many of the members are right on each image: float64 E
x (L + 1), for each of E ensembles of L members the share of images on which exactly 0, 1, ..., L
members are right; rows sum to 1. Kuncheva and Whitaker (Machine Learning 51, 2003) is where the
formulas are collected; l is the number of members that are right on an image, and a mean is over
images."""

from typing import NamedTuple

import numpy as np

from resiliency.base.machine import compiled

ROUNDING = 1e-12


def coincidences(correct: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Shares of images that both members, only the first, and neither get right: three float64 M x
    M, from bool M x N.

    The share that only the second gets right is the transpose of the second matrix.
    """
    values, n = correct.astype(np.float32), correct.shape[1]  # float32 sums below 2^24 are exact
    both = (values @ values.T).astype(np.float64)
    right = np.diag(both)
    return both / n, (right[:, None] - both) / n, (n - right[:, None] - right + both) / n


def disagreement(correct: np.ndarray) -> np.ndarray:
    """Share of images that exactly one of two members gets right (Skalak 1996; Kuncheva and
    Whitaker 2003).

    Args:
        correct: bool M x N.

    Returns:
        float64 M x M in 0..1; larger is more diverse.
    """
    _, first, _ = coincidences(correct)
    return first + first.T


def double_fault(correct: np.ndarray) -> np.ndarray:
    """Share of images that both members get wrong (Giacinto and Roli 2001); M x M in 0..1, larger
    is less diverse."""
    return coincidences(correct)[2]


def q_statistic(correct: np.ndarray) -> np.ndarray:
    """Yule's Q, (ad - bc) / (ad + bc) over the 2 x 2 table of right and wrong (Kuncheva and
    Whitaker 2003).

    M x M in -1..1, larger is less diverse. Where ad + bc = 0 it is 1 for members that are right on
    the same images, and 0 for others, of which nothing can be said.
    """
    both, first, neither = coincidences(correct)
    alike, unlike = both * neither, first * first.T
    undefined = np.where(first + first.T == 0, 1.0, 0.0)
    return np.divide(alike - unlike, alike + unlike, out=undefined, where=alike + unlike > 0)


def correlation(correct: np.ndarray) -> np.ndarray:
    """Correlation rho of correctness, (ad - bc) / sqrt((a+b)(c+d)(a+c)(b+d)) (Kuncheva and Whitaker
    2003).

    a, b, c and d are the shares of images that both, only the first, only the second and neither
    get right. M x M in -1..1, larger is less diverse. Beside a member that is always or never right
    it is 1 for members that are right on the same images, and 0 for others, of which nothing can be
    said.
    """
    both, first, neither = coincidences(correct)
    right = np.diag(both)
    spread = np.sqrt(right * (1 - right))
    scale = np.outer(spread, spread)
    undefined = np.where(first + first.T == 0, 1.0, 0.0)
    return np.divide(both * neither - first * first.T, scale, out=undefined, where=scale > 0)


def error_consistency(correct: np.ndarray) -> np.ndarray:
    """Error consistency, Cohen's kappa of correctness (Geirhos et al., NeurIPS 2020).

    (o - e) / (1 - e), with o the share of images that both get right or both get wrong, and e what
    o would be by chance at their accuracies, p_i p_j + (1 - p_i)(1 - p_j). M x M in -1..1, larger
    is less diverse. Where e = 1 both are always right, or both never: 1.
    """
    both, first, _ = coincidences(correct)
    right = np.diag(both)
    unlike = np.outer(right, 1 - right)
    unlike = unlike + unlike.T
    return 1 - np.divide(first + first.T, unlike, out=np.zeros_like(unlike), where=unlike > 0)


def label_disagreement(predicted: np.ndarray) -> np.ndarray:
    """Share of images that two members put in different classes, both wrong ones included (Ho
    1998).

    Args:
        predicted: int M x N, classes.

    Returns:
        float64 M x M in 0..1; larger is more diverse.
    """
    predicted = predicted.astype(np.min_scalar_type(predicted.max()))
    differ = (np.packbits(predicted != one, axis=1) for one in predicted)
    return np.stack([np.bitwise_count(bits).sum(axis=1) for bits in differ]) / predicted.shape[1]


def cohen_kappa(predicted: np.ndarray) -> np.ndarray:
    """Cohen's kappa of the predicted classes (Cohen 1960).

    (o - e) / (1 - e), with o the share of images that two members put in the same class, and e what
    o would be by chance at the shares of classes that each predicts. Arguments as above; M x M in
    -1..1, larger is less diverse. Where e = 1 both only ever predict one class, the same: 1.
    """
    return cohen_kappa_of(
        label_disagreement(predicted), class_shares(predicted, predicted.max() + 1)
    )


class PairFailures(NamedTuple):
    """Number of images on which two members fail or agree; int64 M x M each, sums over conditions
    and groups add up.

    Attributes:
        wrong: both members are wrong; on the diagonal, errors of one member.
        undetected: both are wrong with the same class, so that a comparison of the two notices
            nothing.
        alike: both give the same class, right or wrong.
    """

    wrong: np.ndarray
    undetected: np.ndarray
    alike: np.ndarray


def pair_failures(predicted: np.ndarray, labels: np.ndarray) -> PairFailures:
    """Coincident failures of all pairs of members (Eckhardt and Lee 1985; Littlewood and Miller
    1989).

    Args:
        predicted: int M x N, classes from 0 up, of at least one image.
        labels: int N, true classes.
    """
    images = len(labels)
    both_right, _, both_wrong = coincidences(predicted == labels)
    alike = 1 - label_disagreement(predicted)
    shares = both_wrong, alike - both_right, alike
    return PairFailures(*(np.rint(of * images).astype(np.int64) for of in shares))


def class_shares(predicted: np.ndarray, classes: int) -> np.ndarray:
    """Share of images, int M x N of predicted classes, that each member puts in each class; float64
    M x K."""
    return np.stack([np.bincount(one, minlength=classes) for one in predicted]) / predicted.shape[1]


def cohen_kappa_of(disagreement: np.ndarray, shares: np.ndarray) -> np.ndarray:
    """`cohen_kappa` from label disagreement, float64 M x M, and each member's shares of classes, M
    x K."""
    chance = 1 - shares @ shares.T
    by_chance = chance > ROUNDING
    return 1 - np.divide(disagreement, chance, out=np.zeros_like(chance), where=by_chance)


def probability_cosine(probabilities: np.ndarray) -> np.ndarray:
    """Mean over images of the cosine of two members' probabilities (cosine distance is 1 less it).

    Probabilities and unit vectors are rounded to whole multiples of a power of two, so that all
    sums are exact: the order in which a processor adds does not matter.

    Args:
        probabilities: float M x N x K, each row of them a distribution, so that none is zero.

    Returns:
        float64 M x M in 0..1; larger is less diverse.
    """
    members, images, _ = probabilities.shape
    whole = np.rint(probabilities * np.float32(2**24))
    norms = np.sqrt(np.einsum("mnk,mnk->mn", whole, whole, dtype=np.float64))
    one = 2.0 ** ((52 - images.bit_length()) // 2)  # float64 sums below 2^53 are exact
    units = whole * (one / norms)[:, :, None]
    units = np.rint(units, out=units).reshape(members, -1)
    return np.minimum(units @ units.T / (one * one * images), 1)


def jensen_shannon(probabilities: np.ndarray) -> np.ndarray:
    """Mean over images of the Jensen-Shannon divergence of two members' probabilities, in bits (Lin
    1991).

    Args:
        probabilities: float M x N x K.

    Returns:
        float64 M x M in 0..1; larger is more diverse.
    """
    entropies = mixture_entropies(probabilities)
    own = np.diag(entropies)
    return np.maximum(entropies - (own[:, None] + own) / 2, 0) / probabilities.shape[1]


FAST = {"reassoc", "contract", "nsz", "nnan", "ninf"}
LANES = 128  # number of values per compiled loop, a few at once
HALF = np.float32(0.5)
ONE = np.float32(1)
ROOT = np.int32(0x3F3504F3)  # the bits of the root of 1/2
FIRST, THIRD, FIFTH, SEVENTH, NINTH = (np.float32(2 / np.log(2) / k) for k in (1, 3, 5, 7, 9))


def mixture_entropies(probabilities: np.ndarray) -> np.ndarray:
    """Entropies -sum m log2 m of m = (p_i + p_j) / 2, in bits, summed over images.

    Args:
        probabilities: float M x N x K.

    Returns:
        float64 M x M, symmetric; on the diagonal the entropies of the members themselves.
    """
    members, values = len(probabilities), probabilities[0].size
    filled_up = np.zeros((members, -(-values // (4 * LANES)) * 4 * LANES), np.float32)
    filled_up[:, :values] = probabilities.reshape(members, -1)
    sums = np.zeros((members, members))
    _add_entropies(filled_up.reshape(members, -1, 4, LANES), sums)
    return sums + np.triu(sums, 1).T


@compiled(fastmath=FAST)
def _add_entropies(probabilities: np.ndarray, sums: np.ndarray) -> None:
    """Add to the upper triangle of `sums` (M x M) those of probabilities float32 M x V x 4 x LANES.

    Sums of four are in float32, as larger ones would round too much, and others in float64.
    """
    members, of_four = len(probabilities), np.empty(LANES, np.float32)
    for part in range(probabilities.shape[1]):
        for i in range(members):
            for j in range(i, members):
                for k in range(LANES):
                    one = _term(probabilities[i, part, 0, k], probabilities[j, part, 0, k])
                    two = _term(probabilities[i, part, 1, k], probabilities[j, part, 1, k])
                    three = _term(probabilities[i, part, 2, k], probabilities[j, part, 2, k])
                    four = _term(probabilities[i, part, 3, k], probabilities[j, part, 3, k])
                    of_four[k] = (one + two) + (three + four)
                total = 0.0
                for k in range(LANES):
                    total += of_four[k]
                sums[i, j] -= total


@compiled(fastmath=FAST)
def _term(one: np.float32, other: np.float32) -> np.float32:
    mixed = (one + other) * HALF
    return mixed * _log2(mixed)


@compiled(fastmath=FAST, error_model="numpy")
def _log2(value: np.float32) -> np.float32:
    """Binary logarithm of a positive float32 by its exponent and the series of artanh, off by 1e-7
    of 1 at most.

    With the root of 1/2 <= m < the root of 2, ln m = 2 artanh((m - 1) / (m + 1)). Finite at 0,
    where 0 log 0 is 0.
    """
    bits = np.float32(value).view(np.int32)
    exponent = np.int32(np.int32(bits - ROOT) >> 23)
    mantissa = np.int32(bits - np.int32(exponent << 23)).view(np.float32)
    ratio = (mantissa - ONE) / (mantissa + ONE)
    square = ratio * ratio
    series = FIRST + square * (THIRD + square * (FIFTH + square * (SEVENTH + square * NINTH)))
    return np.float32(exponent) + ratio * series


BLOCK_WORDS = 2**15


def right_counts(ensembles: np.ndarray, correct: np.ndarray) -> np.ndarray:
    """Number of images on which exactly 0, 1, ..., L members are right.

    An image is a bit of a word of 64. The bits of the count are one word each, and a member is
    added to all 64 counts of a word at once, as in a ripple carry adder.

    Args:
        ensembles: int E x L.
        correct: bool M x N, whether each member is right.

    Returns:
        int64 E x (L + 1); rows sum to N.
    """
    padded = np.pad(correct, [(0, 0), (0, -correct.shape[1] % 64)])
    words, size = np.packbits(padded, axis=1).view(np.uint64), ensembles.shape[1]
    counts, block = (
        np.zeros((len(ensembles), size + 1), np.int64),
        max(1, BLOCK_WORDS // words.shape[1]),
    )
    for start in range(0, len(ensembles), block):
        some = slice(start, start + block)
        planes = [
            np.zeros((len(ensembles[some]), words.shape[1]), np.uint64)
            for _ in range(size.bit_length())
        ]
        for member in ensembles[some].T:
            carry = words[member]
            for digit, plane in enumerate(planes):
                planes[digit], carry = plane ^ carry, plane & carry
        for right in range(1, size + 1):
            exactly = [
                plane if right >> digit & 1 else ~plane for digit, plane in enumerate(planes)
            ]
            counts[some, right] = np.bitwise_count(np.bitwise_and.reduce(exactly)).sum(axis=1)
    counts[:, 0] = correct.shape[1] - counts[:, 1:].sum(axis=1)
    return counts


def _right(shares: np.ndarray) -> tuple[np.ndarray, int]:
    """The numbers l of members that may be right, float64 0 to L, and L."""
    return np.arange(shares.shape[1], dtype=np.float64), shares.shape[1] - 1


def entropy(shares: np.ndarray) -> np.ndarray:
    """Entropy E: mean of min(l, L - l) / (L - ceil(L / 2)); float64 E in 0..1, larger is more
    diverse."""
    right, size = _right(shares)
    return shares @ (np.minimum(right, size - right) / (size // 2))


def kohavi_wolpert(shares: np.ndarray) -> np.ndarray:
    """Kohavi-Wolpert variance: mean of l (L - l) / L^2 (Kohavi and Wolpert 1996).

    float64 E in 0..1/4, larger is more diverse; (L - 1) / (2 L) of the mean disagreement of pairs.
    """
    right, size = _right(shares)
    return shares @ (right * (size - right) / size**2)


def interrater_kappa(shares: np.ndarray) -> np.ndarray:
    """Interrater agreement of correctness: 1 - mean of l (L - l) / (L (L - 1) p (1 - p)), p the
    mean accuracy (Fleiss).

    float64 E in -1/(L - 1)..1, larger is less diverse. Members that are all always right, or all
    never: 1.
    """
    right, size = _right(shares)
    accuracy = shares @ right / size
    chance = (size - 1) / size * accuracy * (1 - accuracy)
    return 1 - np.divide(
        kohavi_wolpert(shares), chance, out=np.zeros_like(chance), where=chance > 1e-12
    )


def generalised_diversity(shares: np.ndarray) -> np.ndarray:
    """Generalised diversity 1 - p(2) / p(1) (Partridge and Krzanowski 1997).

    p(1) is the probability that a member drawn at random fails, p(2) that two drawn without
    replacement both do. float64 E in 0..1, larger is more diverse. Without any failure: 0.
    """
    right, size = _right(shares)
    failing = size - right
    one, two = shares @ (failing / size), shares @ (failing * (failing - 1) / (size * (size - 1)))
    return 1 - np.divide(two, one, out=np.ones_like(one), where=one > 0)


def coincident_failure_diversity(shares: np.ndarray) -> np.ndarray:
    """Coincident failure diversity: mean of l / (L - 1) over the images on which any member fails
    (as above).

    float64 E in 0..1: 1 if failures never coincide, 0 if all members fail together, or none ever
    does.
    """
    right, size = _right(shares)
    failures = 1 - shares[:, size]
    total = shares[:, :size] @ (right[:size] / (size - 1))
    return np.divide(total, failures, out=np.zeros_like(total), where=failures > 1e-12)


def difficulty(shares: np.ndarray) -> np.ndarray:
    """Difficulty theta: variance over images of l / L (Hansen and Salamon 1990).

    float64 E in 0..1/4, larger is less diverse. 0 if all images are as hard, as when all members
    are always right.
    """
    share = np.divide(*_right(shares))
    return np.maximum(shares @ share**2 - (shares @ share) ** 2, 0)


def common_failure(shares: np.ndarray, failures: np.ndarray) -> np.ndarray:
    """Rate at which all members fail together, less what it would be were failures independent.

    shares[:, 0] - prod_i q_i, after Eckhardt and Lee (1985) and Littlewood and Miller (1989).

    Args:
        failures: float64 E x L, failure rate q_i of each member.

    Returns:
        float64 E in -1..1, larger is less diverse.
    """
    return shares[:, 0] - failures.prod(axis=1)


def geometric_ambiguity(log_sums: np.ndarray) -> np.ndarray:
    """Diversity term of the bias-variance-diversity decomposition of cross-entropy (Wood et al.,
    JMLR 2023).

    (1/L) sum_i CE(p_i, y) - CE(p_geo, y), with p_geo the normalised geometric mean of the members'
    probabilities, is the mean over images of -ln sum_k exp((1/L) sum_i ln p_ik), and so does not
    depend on the label.

    Args:
        log_sums: float64 E, mean over images of ln sum_k exp((1/L) sum_i ln p_ik).

    Returns:
        float64 E, in nats, 0 up; larger is more diverse.
    """
    return np.maximum(-log_sums, 0)
