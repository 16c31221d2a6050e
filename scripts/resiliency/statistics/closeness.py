"""The closeness of designs of a family: does family say more of a response than another predictor
does?

Take two designs of one family, and two designs of different families with a predictor allowed for.
Which pair differs less in the response? delta = P(the pair of a family) - P(the pair with the
predictor allowed for), which is Cliff's delta of distances (Cliff, Psychological Bulletin 114,
1993); without a predictor it is the R of ANOSIM (Clarke, Australian Journal of Ecology 18, 1993).
It is averaged over two contests, alone and with the third predictor allowed for on both sides, as
the Shapley value of three predictors averages differences of R².

Families weigh alike: each pair of families the same, and each family of two designs or more the
same. Variances are of unweighted family means (Thomas and Hultquist, Annals of Statistics 6, 1978).
With normal effects delta is (4 / pi) arctan sqrt(variance left given the predictor / variance left
given family) - 1. An array of many studies of the same families is computed at once."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

RESPONSE = 2  # column of the response, after two predictors
Contests = tuple[tuple[int, int], ...]
CONTESTS: Contests = ((0, 1), (1, 0))  # the predictor that family is compared with, and the third
AT_ONCE = 100_000  # number of distances at a time, which fit into a processor's cache


@dataclass(frozen=True)
class Families:
    """Designs in families, with what depends on these alone.

    Attributes:
        of_design: int n, the family of each design, 0 to F - 1.
    """

    of_design: np.ndarray

    @classmethod
    def of(cls, names: list[str] | np.ndarray) -> "Families":
        """The families of designs from the name of each one's."""
        return cls(np.unique(names, return_inverse=True)[1])

    @cached_property
    def sizes(self) -> np.ndarray:
        """Designs of each family, int F."""
        return np.bincount(self.of_design)

    @property
    def large(self) -> int:
        """Number of families of two designs or more; others have no distances within."""
        return int((self.sizes > 1).sum())

    @cached_property
    def pairs(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Both designs of each pair of designs, int P, and the weight of each pair, whose sum is 1
        on either side."""
        first, second = np.triu_indices(len(self.of_design), 1)
        of_first, of_second = (self.sizes[self.of_design[one]] for one in (first, second))
        same = self.of_design[first] == self.of_design[second]
        weights = np.where(
            same, 2 / (of_first * np.maximum(of_first - 1, 1)), 1 / (of_first * of_second)
        )
        order = np.argsort(~same, kind="stable")  # pairs of a family first
        weights[same] /= weights[same].sum()
        weights[~same] /= weights[~same].sum()
        return first[order], second[order], weights[order]

    @property
    def within(self) -> int:
        """Number of pairs of a family, which come first."""
        return int((self.sizes * (self.sizes - 1) // 2).sum())

    def without(self, family: int) -> tuple[np.ndarray, "Families"]:
        """Which designs are left without a family, bool n, and their families."""
        kept = self.of_design != family
        return kept, Families.of(self.of_design[kept])


@dataclass(frozen=True)
class Covariances:
    """Covariances of predictors and response in S studies, with equal weights of families, each
    float64 S x 3 x 3.

    Attributes:
        pooled: within families, designs alike, which slopes within families come from.
        within: within families, families alike.
        total: between families plus within.
        freedom: degrees of freedom of `pooled`.
        freedom_of_total: Satterthwaite's degrees of freedom of the response's variance in all,
            float64 S.
    """

    pooled: np.ndarray
    within: np.ndarray
    total: np.ndarray
    freedom: int
    freedom_of_total: np.ndarray


def covariances_of(values: np.ndarray, families: Families) -> Covariances:
    """Covariances of S studies.

    Args:
        values: float S x n x 3: two predictors and the response of each design.
    """
    number, count = len(families.of_design), len(families.sizes)
    member = (families.of_design == np.arange(count)[:, None]) / families.sizes[:, None]
    means = member @ values
    left = values - means[:, families.of_design]
    weights = np.where(
        families.sizes > 1, 1 / (np.maximum(families.sizes - 1, 1) * max(families.large, 1)), 0
    )
    transposed = left.swapaxes(1, 2)
    pooled = transposed @ left / max(number - count, 1)
    alike = (transposed * weights[families.of_design]) @ left
    # Share of the variance within that the variance of means lacks.
    share = 1 - np.mean(1 / families.sizes)
    centred = means - means.mean(axis=1, keepdims=True)
    between = centred.swapaxes(1, 2) @ centred / (count - 1)
    of_means, of_designs = between[:, RESPONSE, RESPONSE], alike[:, RESPONSE, RESPONSE] * share
    divisor = of_means**2 / (count - 1) + of_designs**2 / max(number - count, 1)
    freedom = np.divide(
        (of_means + of_designs) ** 2, divisor, out=np.ones_like(divisor), where=divisor > 0
    )
    return Covariances(pooled, alike, between + share * alike, number - count, freedom)


def residuals(
    values: np.ndarray,
    covariance: np.ndarray,
    predictors: tuple[int, ...],
    freedom: np.ndarray | float,
) -> np.ndarray:
    """Residuals of the response after a linear fit on the predictors, float64 S x n.

    It is scaled up by sqrt(freedom / (freedom - predictors)), for slopes fit the designs that they
    were computed from.
    """
    if not predictors:
        return values[:, :, RESPONSE]
    chosen = list(predictors)
    inverse = np.linalg.pinv(covariance[:, chosen][:, :, chosen], hermitian=True)
    slopes = np.einsum("sij,sj->si", inverse, covariance[:, chosen, RESPONSE])
    left = values[:, :, RESPONSE] - np.einsum("sni,si->sn", values[:, :, chosen], slopes)
    return left * np.reshape(np.sqrt(freedom / np.maximum(freedom - len(chosen), 0.5)), (-1, 1))


def closeness(values: np.ndarray, families: Families, contests: Contests = CONTESTS) -> np.ndarray:
    """delta of family against the first predictor and against the second, float64 S x 2 in -1..1.

    Args:
        values: float S x n x 3, two predictors and the response of each design; there are three
            families or more, one of which has two designs or more.
        contests: contests, a column of the result for each.
    """
    chunk = max(AT_ONCE // len(families.pairs[0]), 1)
    if len(values) > chunk:
        parts = [
            closeness(values[start : start + chunk], families, contests)
            for start in range(0, len(values), chunk)
        ]
        return np.concatenate(parts)
    covariances = covariances_of(values, families)
    deltas = np.zeros((len(values), len(contests)))
    for column, (own, other) in enumerate(contests):
        for further in ((), (other,)):
            across = residuals(
                values, covariances.total, (own, *further), covariances.freedom_of_total
            )
            within = residuals(values, covariances.pooled, further, covariances.freedom)
            deltas[:, column] += _delta(across, within, families) / 2
    return deltas


def replicates(values: np.ndarray, families: Families, contests: Contests = CONTESTS) -> np.ndarray:
    """`closeness` of all families, then without each of F, float64 S x (1 + F) x 2."""
    of_all = [closeness(values, families, contests)]
    for family in range(len(families.sizes)):
        kept, left = families.without(family)
        of_all.append(closeness(values[:, kept], left, contests))
    return np.stack(of_all, axis=1)


def share_within(values: np.ndarray, families: Families) -> np.ndarray:
    """Share of the variance of each column that lies within families, float64 S x 3 in 0..1; NaN if
    there is none.

    Both variances are unbiased, so that of all designs may be the smaller one; the share is 1 then.
    """
    covariances = covariances_of(values, families)
    within, total = (
        np.diagonal(of, axis1=1, axis2=2) for of in (covariances.within, covariances.total)
    )
    return np.minimum(
        np.divide(within, total, out=np.full(total.shape, np.nan), where=total > 0), 1
    )


def _delta(across: np.ndarray, within: np.ndarray, families: Families) -> np.ndarray:
    """P(a distance across families exceeds one within) - P(it is smaller), equal weights of
    families, float64 S."""
    first, second, weights = families.pairs
    inner = families.within
    of_one = within[:, first[:inner]] - within[:, second[:inner]]
    of_two = across[:, first[inner:]] - across[:, second[inner:]]
    distances = np.abs(np.concatenate([of_one, of_two], axis=1))
    order = np.argsort(distances, axis=1)
    ordered = np.take_along_axis(distances, order, axis=1)
    is_within = order < inner
    weight = weights[order]
    below = np.cumsum(np.where(is_within, 0, weight), axis=1)  # cumulated weights across families
    # Cumulated weights below, and up to and including, each value.
    differs = np.diff(ordered, axis=1) > 0
    start = np.pad(differs, ((0, 0), (1, 0)), constant_values=True)
    end = np.pad(differs, ((0, 0), (0, 1)), constant_values=True)
    before = np.pad(below[:, :-1], ((0, 0), (1, 0)))
    smaller = np.maximum.accumulate(np.where(start, before, 0), axis=1)
    upto = np.minimum.accumulate(np.where(end, below, np.inf)[:, ::-1], axis=1)[:, ::-1]
    return (np.where(is_within, weight, 0) * (1 - smaller - upto)).sum(axis=1)
