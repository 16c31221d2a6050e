"""Intervals of statistics, of four kinds; published/experiments/coverage.md says how often each
contains the truth.

- Wilson: a share of images, from as many independent images as would give it its variance over
  units (Wilson, Journal of the American Statistical Association 22, 1927).
- Bootstrap: any other statistic of images, by its standard deviation over resamples of the units,
  on a named scale.
- Jackknife: a statistic of members, designs or families, or of images through its linear part.
  Ensembles that share members are not independent, so members are what varies, and a statistic of
  ensembles is a function of U-statistics over them. The jackknife of such statistics is consistent
  (Arvesen, Annals of Mathematical Statistics 40, 1969) and its variance not too small on average
  (Efron and Stein, Annals of Statistics 9, 1981).
- Max-t: several statistics at once, by the largest standardised deviation over resamples of the
  units (Romano and Wolf, Econometrica 73, 2005); or over flips of the signs of paired differences.

Student's t allows for how few units there are (Tukey 1958). What does not vary among the units seen
may vary among others: its interval reaches as far as Wilson's of a share of 0 of these units."""

from typing import Any, NamedTuple, TypeVar

import numpy as np
from scipy.special import expit, logit, ndtr, ndtri, stdtr, stdtrit

from resiliency.statistics.resampling import Units

FLIPS, CHUNK = 2000, 1024  # of signs, and of units at a time
WILSON, BOOTSTRAP, JACKKNIFE, MAX_T = "Wilson", "bootstrap", "jackknife", "max-t"
Value = TypeVar("Value", float, np.ndarray)
NONE = 1e-20  # variance of a share that is rounding alone; one image of a million gives 1e-12


class Interval(NamedTuple):
    """The interval of a statistic, or of several of one shape.

    Attributes:
        low, high: its ends, float or float64 arrays; NaN if unknown.
        kind: `WILSON`, `BOOTSTRAP`, `JACKKNIFE` or `MAX_T`; empty if there is no interval.
        units: number of units, or of independent images, that it rests on.
    """

    low: Any
    high: Any
    kind: str
    units: Any

    @property
    def ends(self) -> tuple[Any, Any]:
        """The ends, low and high."""
        return self.low, self.high

    def columns(self, name: str, value: Value) -> dict[str, Value]:
        """The value and its ends, which have its type, under the names of their columns."""
        return {name: value, f"{name}_low": self.low, f"{name}_high": self.high}


UNKNOWN = Interval(np.nan, np.nan, "", 0)


class Scale(NamedTuple):
    """A scale on which intervals are symmetric, and the range of the statistics that are measured
    on it.

    Attributes:
        to, back: the transformation of an array, increasing, and its inverse; None for that of the
            range: the logit between two ends, the logarithm of the distance from one.
        low, high: ends of the range; infinite at an open end.
    """

    to: Any = None
    back: Any = None
    low: float = -np.inf
    high: float = np.inf


def identity(values: np.ndarray) -> np.ndarray:
    """The values themselves."""
    return values


LINEAR = Scale(identity, identity)
DIFFERENCE = Scale(identity, identity, -1, 1)  # of shares
SHARE, POSITIVE = Scale(low=0, high=1), Scale(low=0)
# Scale of a share of pairs, such as AUROC, of which few decide how far it is from 1.
OF_PAIRS = Scale(
    lambda shares: np.arcsin(np.sqrt(np.clip(shares, 0, 1))),
    lambda angles: np.sin(np.clip(angles, 0, np.pi / 2)) ** 2,
    0,
    1,
)
LOG = Scale(np.log, np.exp, 0)
# Scale of correlations (Fisher 1921).
FISHER = Scale(
    lambda correlations: np.arctanh(np.clip(correlations, -1 + 1e-12, 1 - 1e-12)), np.tanh, -1, 1
)
# Scale of Cliff's delta, which may be 1: the arcsine of its share of pairs.
ANGULAR = Scale(
    lambda deltas: np.arcsin(np.clip(deltas, -1, 1)),
    lambda angles: np.sin(np.clip(angles, -np.pi / 2, np.pi / 2)),
    -1,
    1,
)


def wilson(shares: Any, n_images: Any, confidence: float) -> Interval:
    """The interval of shares, float64 in 0..1, of so many independent images each; NaN if their
    number is."""
    return Interval(*_wilson(shares, n_images, _normal(confidence)), WILSON, n_images)


def share(
    values: np.ndarray,
    units: Units,
    confidence: float,
    whole: np.ndarray | None = None,
    largest: float = 1,
) -> Interval:
    """The interval of the mean of `values` over images, or of its ratio to the mean of `whole`.

    Its variance is that of the linearised ratio over units (Cochran, *Sampling Techniques*, 3rd ed.
    1977, section 6.5).

    Args:
        values: float ... x N, from 0 to `whole`, or to `largest`.
        units: units of the N images.
        whole: float N, 0 to 1; None for 1 everywhere. If its mean is 0, the interval is unknown.
        largest: largest value of one image.
    """
    whole = np.ones(units.n_images) if whole is None else np.asarray(whole, np.float64)
    if not whole.any():
        return UNKNOWN
    values, counted = (
        np.asarray(values, np.float64) / (largest or 1),
        np.count_nonzero(units.sums(whole)),
    )
    shares = values.mean(axis=-1) / whole.mean()
    variances = units.variance_of_mean(values - shares[..., None] * whole) / whole.mean() ** 2
    low, high, kind, _ = share_of_variance(
        shares, variances, counted, confidence, units.reach(confidence)
    )
    return Interval(largest * low, largest * high, kind, counted)


def share_of_variance(
    shares: Any, variances: Any, units: Any, confidence: float, reach: float
) -> Interval:
    """The interval of shares with these variances over units: Wilson's, with the images that would
    give them these.

    Few units of a small share, or of one near 1, vary too little among themselves: the upper end is
    no lower than that of a share of 0 of the units, nor the lower end higher than that of a share
    of 1.

    Args:
        reach: number of standard errors to either side.
    """
    shares = np.asarray(shares, np.float64)
    of_one = shares * (1 - shares)
    known = (variances > NONE) & (of_one > 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        n_images = np.where(known, of_one / variances, units)
    low, high = _wilson(shares, n_images, np.where(known, reach, _normal(confidence)))
    least = reach_of_none(units, confidence)
    low, high = np.minimum(low, 1 - least), np.maximum(high, least)
    if shares.ndim == 0:
        low, high = float(low), float(high)
    return Interval(low, high, WILSON, units)


def reach_of_none(units: float, confidence: float) -> float:
    """The upper end of Wilson's interval of a share of 0 of so many units: z² / (U + z²)."""
    return 1 / (1 + units / _normal(confidence) ** 2)


def bootstrap(
    value: float,
    drawn: np.ndarray,
    units: Units,
    confidence: float,
    scale: Scale = LINEAR,
    varying: int | None = None,
) -> Interval:
    """The interval of a statistic by its standard deviation over resamples.

    In a range with two ends it is as that of a share of the range (`share_of_variance`).

    Args:
        drawn: float R, statistic in each resample from `Units.counts`, NaN where it is not defined;
            if that is in more than half of them, the interval is unknown.
        varying: number of units that may change the statistic; None for all.
    """
    if np.isnan(value) or np.isnan(drawn).mean() > 1 / 2:
        return UNKNOWN
    varying, reach, width = varying or units.number, units.reach(confidence), scale.high - scale.low
    if scale.to is None and np.isfinite(width):
        part, variance = (value - scale.low) / width, np.nanvar(drawn) / width**2
        low, high = share_of_variance(part, variance, varying, confidence, reach).ends
        return Interval(scale.low + width * low, scale.low + width * high, BOOTSTRAP, varying)
    error = np.nanstd(drawn if scale.to is None else scale.to(drawn))
    return _interval(value, error, reach, varying, confidence, scale, BOOTSTRAP)


def jackknife(replicates: np.ndarray, confidence: float, scale: Scale = LINEAR) -> Interval:
    """The interval of a statistic by its standard error over units that are left out in turn.

    Unknown where the statistic is not defined without some unit, or there is one unit only.

    Args:
        replicates: float 1 + U, statistic of everything, then without each of U units.
    """
    _, error, freedom = studentised(replicates, LINEAR if scale.to is None else scale)
    reach = stdtrit(freedom, (1 + confidence) / 2)
    return _interval(
        float(replicates[0]), error, reach, len(replicates) - 1, confidence, scale, JACKKNIFE
    )


def crossed_jackknife(
    replicates: np.ndarray, scale: Scale, confidence: float, deciding: int
) -> Interval:
    """The interval of a statistic of two means over families, which also varies over groups of
    images.

    The variance is that of families and that of images, each by its jackknife, less that of both,
    which each holds (Cameron, Gelbach and Miller, Journal of Business and Economic Statistics 29,
    2011); at least that of families. Student's t has two degrees of freedom fewer than families,
    one for each mean: with one fewer, intervals of 8 families held simulated ratios in less than
    93%.

    Args:
        replicates: float (1 + G) x (1 + F), statistic without none and each of G groups and F
            families.
        deciding: number of families that the means are over, at least 3; others may take part in
            their values.
    """
    values, (groups, families) = scale.to(replicates), np.subtract(replicates.shape, 1)
    both = values[1:, 1:] - values[1:, :1] - values[:1, 1:] + values[0, 0]
    of_families = (families - 1) * np.var(values[0, 1:])
    variance = of_families + (groups - 1) * np.var(values[1:, 0])
    variance -= (families - 1) * (groups - 1) * np.mean(np.square(both))
    error, reach = np.sqrt(max(variance, of_families)), stdtrit(deciding - 2, (1 + confidence) / 2)
    return _interval(float(replicates[0, 0]), error, reach, deciding, confidence, scale, JACKKNIFE)


def of_linear(
    value: float, parts: np.ndarray, units: Units, confidence: float, scale: Scale = LINEAR
) -> Interval:
    """The interval of a smooth function of means over images, from its linear part (the
    infinitesimal jackknife).

    Args:
        parts: float N, derivative of the statistic by the weight of each image, times N, but for a
            constant.
        scale: scale without a transformation but the identity.
    """
    error = np.sqrt(units.variance_of_mean(parts))
    return _interval(
        value, error, units.reach(confidence), units.number, confidence, scale, JACKKNIFE
    )


def max_t(
    values: np.ndarray, drawn: np.ndarray, units: Units, confidence: float, scale: Scale = LINEAR
) -> list[Interval]:
    """The intervals of K statistics that all hold together.

    Args:
        values: float K.
        drawn: float R x K, the statistics in each resample from `Units.counts`.
    """
    deviations = drawn - np.asarray(values)
    errors = deviations.std(axis=0)
    reach = critical(np.abs(deviations), errors, confidence, units)
    return [
        _interval(
            float(value),
            error,
            reach,
            units.number,
            1 - (1 - confidence) / len(errors),
            scale,
            MAX_T,
        )
        for value, error in zip(values, errors, strict=True)
    ]


def flipped(
    sums: np.ndarray, sizes: np.ndarray, confidence: float, random: np.random.Generator
) -> np.ndarray:
    """Half widths of max-t intervals of K paired differences, by flips of signs; float64 K.

    If two models are equally good, which of them makes an error is a coin's flip in each unit. So
    the signs of all differences of a unit are flipped together, and the largest |t| over the K
    comparisons has this distribution if nothing differs (max-t; Westfall and Young,
    Resampling-Based Multiple Testing, 1993). Student's t is the least that an interval reaches,
    since few units that differ have few flips.

    Args:
        sums: float U x K, differences summed over the images of each unit; no column is all 0.
        sizes: float U x K, number of images of each unit that count.
        confidence: probability that all intervals contain their differences.
    """
    images, units, squares = (
        sizes.sum(axis=0),
        (sizes > 0).sum(axis=0),
        ((sums**2).sum(axis=0), (sizes**2).sum(axis=0)),
    )

    def error(means: np.ndarray, crossed: np.ndarray) -> np.ndarray:
        """The standard error of means over units that may differ in size (Cochran 1977, section
        6.5)."""
        rest = squares[0] - 2 * means * crossed + means**2 * squares[1]
        return np.sqrt(np.maximum(rest, 0) * units / (units - 1)) / images

    means, crossed = np.zeros((2, FLIPS, len(images)))
    for start in range(0, len(sums), CHUNK):
        part, of_part = sums[start : start + CHUNK], sizes[start : start + CHUNK]
        signs = random.integers(0, 2, (FLIPS, len(part))) * 2.0 - 1
        means, crossed = means + signs @ part / images, crossed + signs @ (part * of_part)
    with np.errstate(divide="ignore", invalid="ignore"):
        largest = np.nanmax(np.abs(means) / error(means, crossed), axis=1, initial=0)
        reach = np.quantile(largest, confidence, method="higher") * (1 + 1e-9)
        reach = np.maximum(reach, stdtrit(units - 1, (1 + confidence) / 2))
        return reach * error(sums.sum(axis=0) / images, (sums * sizes).sum(axis=0))


def critical(deviations: np.ndarray, errors: np.ndarray, confidence: float, units: Units) -> float:
    """The number of standard errors that the largest of K deviations stays within with this
    confidence.

    With few units, Student's t takes the place of the normal distribution at the same probability.

    Args:
        deviations: float R x K, on one side or absolute, in each resample.
        errors: float K; a statistic with an error of 0 does not count.
    """
    known = errors > 0
    if not known.any():
        return 0.0
    reach = float(np.quantile((deviations[:, known] / errors[known]).max(axis=1), confidence))
    return reach if units.alone else float(stdtrit(max(units.number - 1, 1), ndtr(reach)))


def studentised(replicates: np.ndarray, scale: Scale) -> tuple[Any, Any, int]:
    """The statistic on `scale`, its standard error and degrees of freedom; NaN if they are not
    defined.

    Of several statistics, (1 + U) x ..., the first two are arrays.
    """
    values = scale.to(np.asarray(replicates, float))
    value, without = values[0], values[1:]
    units = len(without)
    if units < 2:
        return value, value * np.nan, 1
    return value, np.sqrt((units - 1) * np.var(without, axis=0)), units - 1


def p_value(replicates: np.ndarray, scale: Scale = LINEAR) -> float:
    """Two-sided p-value of the hypothesis that the statistic is 0: 2 P(T > |t|).

    t is the statistic over its standard error, both on `scale`, and T has Student's distribution
    with U - 1 degrees of freedom for U units. `jackknife` excludes 0 at all confidences below 1 -
    p. With a standard error of 0, p is 1 for a statistic of 0, else 0.

    Args:
        replicates: float 1 + U, statistic of all units, then without each.
    """
    value, error, freedom = studentised(replicates, scale)
    if error == 0:
        return float(value == 0)
    return float(2 * stdtr(freedom, -abs(value) / error))


def holm(p_values: np.ndarray) -> np.ndarray:
    """p-values of a family of tests, adjusted so that any is wrongly small only as often as one
    alone (Holm 1979).

    Args:
        p_values: float n; NaN for a statistic that is not defined, which is no test.
    """
    adjusted = np.full(len(p_values), np.nan)
    tests = np.flatnonzero(np.isfinite(p_values))
    order = tests[np.argsort(p_values[tests], kind="stable")]
    stepped = p_values[order] * np.arange(len(order), 0, -1)
    adjusted[order] = np.minimum(np.maximum.accumulate(stepped), 1)
    return adjusted


class Spread(NamedTuple):
    """A standard deviation and its interval; 0 if the variance is no larger than that of noise."""

    deviation: float
    low: float
    high: float


def without_image_noise(value: np.ndarray | float, without: np.ndarray) -> np.ndarray | float:
    """A statistic with an error of order 1 / n removed: G times itself less G - 1 times its mean
    without a group.

    Args:
        value: statistic on all images, of any shape.
        without: the statistic without each of G groups of images of about equal size, G x that
            shape; if G is 0, `value` is returned.
    """
    groups = len(without)
    return groups * value - (groups - 1) * np.mean(without, axis=0) if groups else value


def spread(
    replicates: np.ndarray,
    freedom: float,
    without: np.ndarray,
    confidence: float,
    noise: float = 0.0,
) -> Spread:
    """The root of a variance over units less that of noise.

    The interval is that of the measured variance on the logarithm, less the noise (as Williams,
    Biometrika 49, 1962). Its standard error is the jackknife's, but no smaller than sqrt(2 /
    freedom), that of normal values, because the jackknife's is itself uncertain with few units. The
    variance over images is added.

    Args:
        replicates: float 1 + U, measured variance of all units, then without each.
        freedom: degrees of freedom of the measured variance.
        without: float G, measured variance without each group of images; empty if images cannot be
            left out.
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


def _normal(confidence: float) -> float:
    return float(ndtri((1 + confidence) / 2))


def _wilson(shares: Any, n_images: Any, reach: Any) -> tuple[Any, Any]:
    """Wilson's ends, `reach` standard errors from shares."""
    square = reach**2 / n_images
    middle = shares + square / 2
    half = np.sqrt(square * (shares * (1 - shares) + square / 4))
    return np.clip((middle - half) / (1 + square), 0, 1), np.clip(
        (middle + half) / (1 + square), 0, 1
    )


def _interval(
    value: float, error: Any, reach: Any, units: int, confidence: float, scale: Scale, kind: str
) -> Interval:
    """The ends `reach` times an error from a value, on its scale and inside its range; the error is
    on `scale.to`.

    Without a transformation the error is carried over by the derivative to the logit between two
    ends, or the logarithm of the distance from one (Brown, Cai and DasGupta, Statistical Science
    16, 2001). What does not vary has Wilson's interval of this share of its units; a difference as
    much to either side as a share of 0 of them may be; and no other value where the range has no
    end.
    """
    width, varies = scale.high - scale.low, error > 1e-12 * max(1, abs(value))
    if not np.isfinite([value, error, reach]).all():
        return UNKNOWN
    if varies and scale.to is not None:
        middle = scale.to(np.float64(value))
        ends = scale.back(middle - reach * error), scale.back(middle + reach * error)
    elif not varies and (scale.to is identity or not np.isfinite(width)):
        far = reach_of_none(units, confidence) if np.isfinite(width) else 0.0
        ends = value - far, value + far
    elif np.isfinite(width):
        part = (value - scale.low) / width
        of_one = part * (1 - part)
        if varies and of_one > 0:
            ends = expit(logit(part) + np.array([-1, 1]) * reach * error / (width * of_one))
        else:
            ends = _wilson(part, units, _normal(confidence))
        ends = scale.low + width * ends[0], scale.low + width * ends[1]
    else:
        away = value - scale.low
        factor = np.exp(reach * error / away) if away else np.inf
        ends = scale.low + away / factor, scale.low + (away * factor if away else reach * error)
    return Interval(float(max(ends[0], scale.low)), float(min(ends[1], scale.high)), kind, units)
