"""Intervals of statistics: by leaving out units in turn, by resampling units of images, and of shares.

Ensembles that share members are not independent, so members (or designs) are what varies, and a statistic of ensembles
is a function of U-statistics over them. The jackknife of such statistics is consistent (Arvesen, Annals of Mathematical
Statistics 40, 1969) and its variance not too small on average (Efron and Stein, Annals of Statistics 9, 1981);
Student's t allows for how few units there are (Tukey 1958). published/experiments/coverage.md compares it with the
percentile bootstrap.

If there are very many units, groups are left out in place of single ones, which changes the variance little and its
degrees of freedom to those of the groups (Kott, Journal of Official Statistics 17, 2001).

A statistic comes as replicates, float (1 + U): of everything, then without each of U units.

Frames of one track, film or burst are wrong together, so that they are one unit of images: it is drawn, left out or
held back with all of its images. A variance of units is that of the linearised mean over clusters (Cochran, *Sampling
Techniques*, 3rd ed. 1977, sections 6.5 and 9A.2): units may differ in size. Where each image is a unit of its own, all
of this is what it is for independent images."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from scipy.special import expit, ndtri, stdtr, stdtrit

from resiliency.base.streams import stream

MOST_UNITS, GROUPS = 200, 100


@dataclass(frozen=True)
class Scale:
    """A scale on which a statistic has about the same variance everywhere, and the way back; both are increasing."""

    to: Callable[[np.ndarray], np.ndarray]
    back: Callable[[np.ndarray], np.ndarray]


LINEAR = Scale(lambda values: values, lambda values: values)
# Scale of correlations (Fisher 1921).
FISHER = Scale(lambda correlations: np.arctanh(np.clip(correlations, -1 + 1e-12, 1 - 1e-12)), np.tanh)
# Scale of Cliff's delta, which may be 1: the arcsine of its share of pairs.
ANGULAR = Scale(
    lambda deltas: np.arcsin(np.clip(deltas, -1, 1)), lambda angles: np.sin(np.clip(angles, -np.pi / 2, np.pi / 2))
)


def in_groups(units: Iterable[str]) -> dict[str, str]:
    """Unit -> what is left out with it: itself; or, of more than 200 units, one of 100 random groups."""
    names = sorted(set(units))
    if len(names) <= MOST_UNITS:
        return {name: name for name in names}
    drawn = stream(0, "groups of the jackknife").permutation(len(names)) % GROUPS
    return {name: f"group {group:03}" for name, group in zip(names, drawn.tolist(), strict=True)}


def jackknife_interval(replicates: np.ndarray, confidence: float, scale: Scale = LINEAR) -> tuple[float, float]:
    """The interval of a statistic: Student's t times the jackknife's standard error on `scale`.

    NaN at both ends where the statistic is not defined without some unit, or there is one unit only.
    """
    value, error, freedom = studentised(replicates, scale)
    reach = stdtrit(freedom, (1 + confidence) / 2) * error
    return float(scale.back(value - reach)), float(scale.back(value + reach))


def interval_within(
    replicates: np.ndarray, confidence: float, low: float = -np.inf, high: float = np.inf
) -> tuple[float, float]:
    """The interval of a statistic that cannot leave a range, inside that range.

    The standard error is carried over to the logarithm of the distance from an end, or to the logit between two ends,
    by the derivative at the statistic (Brown, Cai and DasGupta, Statistical Science 16, 2001). A statistic at an end
    has no such derivative: its interval is the linear one, cut off.

    Args:
        low, high: ends of the range; infinite at an open end.
    """
    value, error, freedom = studentised(replicates, LINEAR)
    reach = stdtrit(freedom, (1 + confidence) / 2) * error
    ends = np.array([value - reach, value + reach])
    below, above = value - low, high - value
    if not np.isfinite(reach) or below <= 0 or above <= 0:
        ends = np.clip(ends, low, high)
    elif np.isfinite(low) and np.isfinite(high):
        logits = np.log(below / above) + (ends - value) * (high - low) / (below * above)
        ends = low + (high - low) * expit(logits)
    elif np.isfinite(low):
        ends = low + below * np.exp((ends - value) / below)
    elif np.isfinite(high):
        ends = high - above * np.exp((value - ends) / above)
    return float(ends[0]), float(ends[1])


def p_value(replicates: np.ndarray, scale: Scale = LINEAR) -> float:
    """Two-sided p-value of the hypothesis that the statistic is 0: 2 P(T > |t|).

    t is the statistic over its standard error, both on `scale`, and T has Student's distribution with U - 1 degrees of
    freedom for U units. `jackknife_interval` excludes 0 at all confidences below 1 - p. With a standard error of 0, p
    is 1 for a statistic of 0, else 0.

    Args:
        replicates: float 1 + U, statistic of all units, then without each.
    """
    value, error, freedom = studentised(replicates, scale)
    if error == 0:
        return float(value == 0)
    return float(2 * stdtr(freedom, -abs(value) / error))


def studentised(replicates: np.ndarray, scale: Scale) -> tuple[Any, Any, int]:
    """The statistic on `scale`, its standard error and degrees of freedom; NaN if they are not defined.

    Of several statistics, (1 + U) x ..., the first two are arrays.
    """
    values = scale.to(np.asarray(replicates, float))
    value, without = values[0], values[1:]
    units = len(without)
    if units < 2:
        return value, value * np.nan, 1
    return value, np.sqrt((units - 1) * np.var(without, axis=0)), units - 1


def holm(p_values: np.ndarray) -> np.ndarray:
    """p-values of a family of tests, adjusted so that any is wrongly small only as often as one alone (Holm 1979).

    Args:
        p_values: float n; NaN for a statistic that is not defined, which is no test.
    """
    adjusted = np.full(len(p_values), np.nan)
    tests = np.flatnonzero(np.isfinite(p_values))
    order = tests[np.argsort(p_values[tests], kind="stable")]
    stepped = p_values[order] * np.arange(len(order), 0, -1)
    adjusted[order] = np.minimum(np.maximum.accumulate(stepped), 1)
    return adjusted


def resampled_counts(units: int, resamples: int, seed: int, *names: str | int, alone: bool = True) -> np.ndarray:
    """How often each unit is drawn in each resample, with replacement; int64 resamples x units.

    As many are drawn as there are of images `alone`; of units of several, which are few, three fewer. A mean then has
    (U - 1) / (U - 3) times its variance over resamples, as Student's t with U - 1 degrees of freedom has; with one
    fewer it would have just that (Rao and Wu, Journal of the American Statistical Association 83, 1988).
    """
    draws = units if alone else max(units - 3, 1)
    return stream(seed, "bootstrap", *names).multinomial(draws, np.full(units, 1 / units), size=resamples)


@dataclass(frozen=True)
class Units:
    """The units of N images.

    Attributes:
        of_image: int64 N, unit of each image, 0 to U - 1, numbered in the order of their first images.
    """

    of_image: np.ndarray

    @classmethod
    def single(cls, n_images: int) -> "Units":
        """Units of one image each."""
        return cls(np.arange(n_images))

    @classmethod
    def numbered(cls, keys: np.ndarray) -> "Units":
        """Images with equal `keys`, N of any type, are one unit."""
        return cls(pd.factorize(keys)[0])

    @cached_property
    def sizes(self) -> np.ndarray:
        """How many images each unit has, int64 U."""
        return np.bincount(self.of_image)

    @property
    def number(self) -> int:
        """Number of units, U."""
        return len(self.sizes)

    @property
    def n_images(self) -> int:
        """Number of images, N."""
        return len(self.of_image)

    @property
    def alone(self) -> bool:
        """Whether each image is a unit of its own."""
        return self.number == self.n_images

    def of(self, images: np.ndarray) -> "Units":
        """The units of some of the images, positions int n or bool N."""
        return Units.numbered(self.of_image[images])

    def sums(self, values: np.ndarray) -> np.ndarray:
        """Sums over the images of each unit, ... x U, of values ... x N."""
        if self.alone:
            return values
        values = np.asarray(values, np.float64)
        order = np.argsort(self.of_image, kind="stable")
        return np.add.reduceat(values[..., order], np.cumsum(self.sizes) - self.sizes, axis=-1)

    def values(self, values: np.ndarray) -> np.ndarray:
        """Values of units in place of those of images, float64 ... x U from ... x N.

        Their mean is that of the images, and their variance over U that of this mean. They are the values of images
        themselves where each is a unit of its own.
        """
        return values if self.alone else self.from_sums(self.sums(values))

    def from_sums(self, sums: np.ndarray) -> np.ndarray:
        """The `values` of units whose `sums` are known, ... x U."""
        means = sums.sum(axis=-1, keepdims=True) / self.n_images
        return means + (sums - means * self.sizes) * (self.number / self.n_images)

    def variance_of_mean(self, values: np.ndarray) -> np.ndarray | float:
        """The variance that the mean of values, ... x N, has over units; float64 ...

        With U / (U - 1) of units of several images, which may be few; without it where each image is a unit, so that
        the variance of a proportion is p (1 - p) / N.
        """
        freedom = self.number if self.alone else max(self.number - 1, 1)
        return self.values(values).var(axis=-1) / freedom

    def reach(self, confidence: float) -> float:
        """How many standard errors the interval of a mean reaches to either side: Student's t of U - 1.

        It is that of the normal distribution where each image is a unit.
        """
        tail = (1 + confidence) / 2
        return float(ndtri(tail) if self.alone else stdtrit(self.number - 1, tail))

    def effective(self, sums: np.ndarray) -> np.ndarray | float:
        """How many independent images would give shares the variance that they have; N at most, float64 ...

        A share of 0 or 1 shows no variance; the result is then the number of units. If few units are wrong, or right,
        they seldom vary as much as others would: the result is at most what gives Wilson's interval, at two standard
        errors, the end that it has if none is.

        Args:
            sums: sums over the images of each unit of values in 0..1, ... x U.
        """
        if self.alone:
            return self.n_images
        values = self.from_sums(np.asarray(sums, np.float64))
        shares, variances = values.mean(axis=-1), values.var(axis=-1, ddof=1) / self.number
        of_one = shares * (1 - shares)
        with np.errstate(divide="ignore", invalid="ignore"):
            images = np.where((variances > 0) & (of_one > 0), of_one / variances, self.number)
            end, rarer = 4 / (self.number + 4), np.minimum(shares, 1 - shares)
            most = np.where(rarer < end, 4 * end * (1 - end) / (end - rarer) ** 2, np.inf)
        return np.minimum(np.minimum(images, most), self.n_images)

    def counts(self, resamples: int, seed: int, *names: str | int) -> np.ndarray:
        """How often each image is drawn if units are, as from `resampled_counts`; int64 resamples x N."""
        counts = resampled_counts(self.number, resamples, seed, *names, alone=self.alone)
        return counts if self.alone else counts[:, self.of_image]


LOG = Scale(np.log, np.exp)


class Spread(NamedTuple):
    """A standard deviation and its interval; 0 if the variance is no larger than that of noise."""

    deviation: float
    low: float
    high: float


def without_image_noise(value: np.ndarray | float, without: np.ndarray) -> np.ndarray | float:
    """A statistic with an error of order 1 / n removed: G times itself less G - 1 times its mean without a group.

    Args:
        value: statistic on all images, of any shape.
        without: the statistic without each of G groups of images of about equal size, G x that shape; if G is 0,
            `value` is returned.
    """
    groups = len(without)
    return groups * value - (groups - 1) * np.mean(without, axis=0) if groups else value


def spread(
    replicates: np.ndarray, freedom: float, without: np.ndarray, confidence: float, noise: float = 0.0
) -> Spread:
    """The root of a variance over units less that of noise.

    The interval is that of the measured variance on the logarithm, less the noise (as Williams, Biometrika 49, 1962).
    Its standard error is the jackknife's, but no smaller than sqrt(2 / freedom), that of normal values, because the
    jackknife's is itself uncertain with few units. The variance over images is added.

    Args:
        replicates: float 1 + U, measured variance of all units, then without each.
        freedom: degrees of freedom of the measured variance.
        without: float G, measured variance without each group of images; empty if images cannot be left out.
        confidence: level of the interval, between 0 and 1.
        noise: variance that is noise on any images.

    Returns:
        The deviation and the ends of its interval; 0 if the variance is 0.
    """
    variance = replicates[0]
    noise = noise + variance - without_image_noise(variance, without)
    if variance <= 0:
        return Spread(0.0, 0.0, 0.0)
    with np.errstate(divide="ignore"):
        _, error, units = studentised(replicates, LOG)
        images = (len(without) - 1) * np.var(np.log(without)) if len(without) else 0.0
    reach = stdtrit(units, (1 + confidence) / 2) * np.sqrt(max(error**2, 2 / freedom) + images)
    ends = np.array([variance, variance * np.exp(-reach), variance * np.exp(reach)]) - noise
    return Spread(*np.sqrt(np.maximum(ends, 0)).tolist())


def wilson(shares: np.ndarray, n_images: float | np.ndarray, confidence: float) -> tuple[np.ndarray, np.ndarray]:
    """Lower and upper ends of the interval of a proportion, float64 in 0..1, of the shape of `shares`.

    Wilson, Journal of the American Statistical Association 22, 1927.

    Args:
        shares: float64 in 0..1.
        n_images: number of images behind each share; NaN if unknown.
        confidence: level of the interval, between 0 and 1.
    """
    square = ndtri((1 + confidence) / 2) ** 2 / n_images
    middle = shares + square / 2
    half = np.sqrt(square * (shares * (1 - shares) + square / 4))
    return np.clip((middle - half) / (1 + square), 0, 1), np.clip((middle + half) / (1 + square), 0, 1)


def wilson_of_means(
    means: np.ndarray, variances: np.ndarray, n_images: float, confidence: float
) -> tuple[np.ndarray, np.ndarray]:
    """As `wilson`, for other means: with the number of images that gives a proportion their variance.

    Args:
        means: float64 in 0..1.
        variances: variances of the means, of the same shape; if one is `NONE`, or its mean is 0 or 1, all images count.
    """
    of_one = means * (1 - means)
    with np.errstate(divide="ignore", invalid="ignore"):
        effective = np.where((variances > NONE) & (of_one > 0), of_one / variances, n_images)
    return wilson(means, effective, confidence)


NONE = 1e-20  # variance of a share that is rounding alone; one image of a million gives 1e-12
RARE = 10  # number of wrong (or right) units, each by its share


class Resampling(NamedTuple):
    """The bootstrap of a study: number of resamples, level of the intervals, and the study's seed."""

    resamples: int
    confidence: float
    seed: int


def varies(values: np.ndarray) -> bool:
    """Whether `values` of resamples, without NaN, differ by more than the rounding of sums."""
    valid = values[~np.isnan(values)]
    largest = np.abs(valid[np.isfinite(valid)]).max(initial=0)
    with np.errstate(invalid="ignore"):
        return bool(len(valid) and valid.max() - valid.min() > 1e-12 * largest)


def quantiles(values: np.ndarray, shares: list[float], method: Any = "linear") -> tuple[float, float]:
    """The quantiles of `values`, which may be infinite, at a low and a high share, by NumPy's `method`."""
    with np.errstate(invalid="ignore"):
        low, high = np.quantile(values, shares, method=method)
    return (-np.inf if np.isnan(low) else float(low)), (np.inf if np.isnan(high) else float(high))


def percentile_interval(values: np.ndarray, confidence: float) -> tuple[float, float]:
    """The percentile interval of bootstrap `values`, which may be infinite; resamples without one are NaN.

    NaN at both ends if these are more than half, or all values are equal, which says nothing of other images.
    """
    valid = values[~np.isnan(values)]
    if len(valid) < len(values) / 2 or not varies(valid):
        return np.nan, np.nan
    return quantiles(valid, [(1 - confidence) / 2, (1 + confidence) / 2])


def range_interval(least: np.ndarray, largest: np.ndarray, confidence: float) -> tuple[float, ...]:
    """The percentile interval of a statistic for which each resample gives only a range, whose ends may be infinite."""
    with np.errstate(invalid="ignore"):
        low = np.quantile(least, (1 - confidence) / 2)
        high = np.quantile(largest, (1 + confidence) / 2)
    return tuple(np.inf if np.isnan(end) else float(end) for end in (low, high))


def share_interval(share: float, drawn: np.ndarray, units: float, confidence: float) -> tuple[float, float]:
    """The interval of a share: its upper end is no lower than that of a share of 0, its lower no higher than that of 1.

    It is the percentile interval. Resamples hold too few of the wrong (or right) units if these are fewer than `RARE`,
    and none differs if all units are wrong alike: it then is Wilson's, of as many images as would give a proportion the
    same variance, or of all units.

    Args:
        share: share in 0..1.
        drawn: float R, share in each resample of the units of images.
        units: number of units; each counts once, with any number of images and conditions.
        confidence: level of the interval, between 0 and 1.
    """
    low, high = percentile_interval(drawn, confidence)
    if not units or (np.isnan(low) and (varies(drawn) or np.isnan(drawn).any())):
        return low, high
    return interval_if_rare(share, (low, high), np.nanvar(drawn), units, confidence)


def interval_if_rare(
    share: float, ends: tuple[float, float], variance: float, units: float, confidence: float
) -> tuple[float, float]:
    """The interval with these `ends` as in `share_interval`: Wilson's if few units are wrong (or right), `widened`.

    So it is if all units are wrong alike, with a `variance` of `NONE`.
    """
    if min(share, 1 - share) * units < RARE or variance <= NONE:
        low, high = wilson_of_means(np.asarray(share), np.asarray(variance), units, confidence)
        ends = float(low), float(high)
    return widened(*ends, units, confidence)


def widened(low: float, high: float, units: float, confidence: float) -> tuple[float, float]:
    """An interval of a share of `units` units, whose ends include those of Wilson's intervals of 1 and of 0."""
    lowest, highest = wilson(np.array([1.0, 0.0]), units, confidence)
    return float(min(low, lowest[0])), float(max(high, highest[1]))


def apart(difference: float, units: float, confidence: float) -> tuple[float, float]:
    """The interval of a difference of shares in which no unit differs from others, as if all are 0.

    It reaches as far to either side as Wilson's interval of 0 of `units` does, within -1 to 1.
    """
    reach = float(wilson(np.zeros(1), units, confidence)[1][0])
    return max(difference - reach, -1.0), min(difference + reach, 1.0)


def cost_interval(
    cost: float, drawn: np.ndarray, largest: float, units: float, confidence: float
) -> tuple[float, float]:
    """The percentile interval of a mean cost; if all units cost the same, Wilson's of its share of the `largest`."""
    if varies(drawn):
        return percentile_interval(drawn, confidence)
    low, high = wilson(np.asarray(cost and cost / largest), units, confidence)
    return largest * float(low), largest * float(high)


def with_ends(name: str, value: float, ends: tuple[float, float]) -> dict[str, float]:
    """A value and the ends of its interval, under the names of their columns."""
    return {name: value, f"{name}_low": ends[0], f"{name}_high": ends[1]}
