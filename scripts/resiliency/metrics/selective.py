"""Selective prediction: how the errors of a classifier fall if it may abstain where it is least confident.

Images are answered in descending order of a confidence; the risk at a coverage is the share of wrong answers among the
images answered (Geifman and El-Yaniv, NeurIPS 2017). Conventions are those of torch-uncertainty (`AURC`, `RiskAtxCov`,
`FPR95`) and torchmetrics (`BinaryAUROC`), except that images of equal confidence count as answered in random order: the
risk is its expectation, where those packages leave it to the order of the images.
"""

from typing import NamedTuple

import numpy as np

COVERAGES = (0.8, 0.9, 0.95)
RECALL = 0.95
MEASURES = ("aurc", *(f"error_at_{round(100 * coverage)}" for coverage in COVERAGES), "auroc", "fpr_at_95")
GROUPS = 256
VALUES = 2**15  # of all rankings at a time: few enough for a core's cache


def entropy(probabilities: np.ndarray) -> np.ndarray:
    """-sum_k p_k ln p_k in nats; float ... of probabilities ... x K."""
    positive = np.where(probabilities > 0, probabilities, 1)
    return -(probabilities * np.log(positive)).sum(axis=-1)


def mutual_information(probabilities: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Of an answer and the member that gives it: entropy of the mean less mean entropy (Depeweg et al., ICML 2018).

    Args:
        probabilities: M x N x K.
        weights: float M, positive, of the members in both means.

    Returns:
        In nats, 0 (members agree) to ln M; N.
    """
    shares = (weights / weights.sum()).astype(probabilities.dtype)
    mean = np.tensordot(shares, probabilities, axes=1)
    return np.maximum(entropy(mean) - shares @ entropy(probabilities), 0)


class Ranking(NamedTuple):
    """Images in groups of one confidence each, the most confident first.

    Attributes:
        answered: float64 R x G, images in each group, perhaps in each of R resamples.
        wrong: float64 R x G, how many of these are answered wrongly; a tie broken at random counts in part.
    """

    answered: np.ndarray
    wrong: np.ndarray


def order(confidence: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The group of each image, int64 N, 0 for the most confident; and the confidence of each group, descending."""
    values, group = np.unique(-confidence, return_inverse=True)
    return group, -values


def ranking(confidence: np.ndarray, errors: np.ndarray) -> Ranking:
    """The ranking of N images by confidence; errors float N in 0..1."""
    group, values = order(confidence)
    totals = [np.bincount(group, weights, len(values))[None] for weights in (np.ones(len(group)), errors)]
    return Ranking(*totals)


def resampled_rankings(confidence: np.ndarray, errors: np.ndarray, counts: np.ndarray) -> tuple[Ranking, Ranking]:
    """The ranking in at most `GROUPS` groups of neighbours, as many images in each, and that of each resample.

    Args:
        confidence, errors: float C x N, of N images under C conditions, which are drawn together.
        counts: R x N, how often each resample has each image.
    """
    conditions, images = confidence.shape
    group, values = order(confidence.ravel())
    if len(values) > GROUPS:
        group = (np.argsort(np.argsort(group, kind="stable")) * GROUPS) // len(group)
    size = group.max() + 1
    places = np.tile(np.arange(images), conditions) * size + group
    of_images = [
        np.bincount(places, weights, images * size).reshape(images, size)
        for weights in (np.ones(len(places)), errors.ravel())
    ]
    drawn = counts.astype(np.float32)
    whole = Ranking(*(table.sum(axis=0)[None] for table in of_images))
    return whole, Ranking(*((drawn @ table.astype(np.float32)).astype(np.float64) for table in of_images))


def measures(ranked: Ranking) -> dict[str, np.ndarray]:
    """`MEASURES` of each of R rankings, float64 R.

    aurc: area under the curve of risk over coverage, by trapezoids from one image to all, over the width of that range.
    error_at_<c>: risk at c % coverage. auroc: probability that a right answer is more confident than a wrong one; NaN
    without either. fpr_at_95: share of wrong answers that are accepted at the largest threshold that accepts 95 % of
    the right ones (right answers are the positives, as in Hendrycks and Gimpel, ICLR 2017); NaN likewise.
    """
    rows = max(1, VALUES // ranked.answered.shape[1])
    starts = range(0, len(ranked.answered), rows)
    parts = [_measures(Ranking(*(table[start : start + rows] for table in ranked))) for start in starts]
    return {name: np.concatenate([part[name] for part in parts]) for name in MEASURES}


def _measures(ranked: Ranking) -> dict[str, np.ndarray]:
    wrong, right = ranked.wrong, ranked.answered - ranked.wrong
    answered, wrongly, rightly = (np.cumsum(table, axis=1) for table in (ranked.answered, wrong, right))
    images, all_wrong, all_right = (table[:, -1] for table in (answered, wrongly, rightly))
    values = {"aurc": _area(ranked, answered, wrongly)}
    for name, coverage in zip(MEASURES[1:], COVERAGES, strict=False):
        first = np.ceil(np.round(images * coverage, 6))
        values[name] = _error_at(first, (answered >= first[:, None] - 1e-6).argmax(axis=1), ranked, answered, wrongly)
    with np.errstate(invalid="ignore", divide="ignore"):
        later = all_wrong[:, None] - wrongly + wrong / 2
        values["auroc"] = (right * later).sum(axis=1) / (all_right * all_wrong)
        enough = rightly >= (RECALL * all_right)[:, None] - 1e-9
        accepted = wrongly[np.arange(len(wrongly)), enough.argmax(axis=1)]
        values["fpr_at_95"] = np.where(all_right > 0, accepted / all_wrong, np.nan)
    return values


def risk_coverage(ranked: Ranking, coverages: np.ndarray) -> np.ndarray:
    """Risk at each of `coverages` (in 0..1) of the first ranking; float64."""
    answered, wrongly = (np.cumsum(table[:1], axis=1) for table in ranked)
    images = np.maximum(np.ceil(np.round(answered[0, -1] * coverages, 6)), 1)
    return _error_at(images, np.searchsorted(answered[0], images - 1e-6), ranked, answered, wrongly)


def _area(ranked: Ranking, answered: np.ndarray, wrongly: np.ndarray) -> np.ndarray:
    """Within a group of which a share e is wrong, risk at k is (W + e (k - N)) / k, N and W being what came before."""
    before, wrong_before = answered - ranked.answered, wrongly - ranked.wrong
    share = np.divide(ranked.wrong, ranked.answered, out=np.zeros_like(ranked.wrong), where=ranked.answered > 0)
    images = np.rint(answered[:, -1])
    harmonic = np.concatenate([[0], np.cumsum(1 / np.arange(1, images.max() + 1))])
    passed = np.diff(harmonic[np.rint(answered).astype(int)], axis=1, prepend=0)
    total = (share * ranked.answered + (wrong_before - share * before) * passed).sum(axis=1)
    first = share[np.arange(len(share)), (ranked.answered > 0).argmax(axis=1)]
    ends = (first + wrongly[:, -1] / images) / 2
    return np.divide(total - ends, images - 1, out=np.full(len(images), np.nan), where=images > 1)


def _error_at(
    images: np.ndarray, place: np.ndarray, ranked: Ranking, answered: np.ndarray, wrongly: np.ndarray
) -> np.ndarray:
    """Risk of the first `images` of each ranking, or of one: float64 R, the last of them in the group at `place`."""
    row = np.arange(len(images)) if len(answered) > 1 else 0
    missing = (answered[row, place] - images) * ranked.wrong[row, place] / ranked.answered[row, place]
    return (wrongly[row, place] - missing) / images
