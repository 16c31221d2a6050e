"""Exchange rates of single members: families, sizes, training and seeds.

Designs are the means of their seeds, on the logit scale; families are random
(`resiliency.statistics.mixed_model`) and left out in turn. What a predictor buys is its slope among
designs of one family, or, of training, of one network."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple, Self

import numpy as np
import pandas as pd
from scipy.special import expit

from resiliency.analysis.equal_accuracy import (
    bounded_logit,
    designs_of,
    group_means,
    medians,
    slope_freedom,
)
from resiliency.analysis.left_out import Part
from resiliency.analysis.observations.architecture import IN_LOG_ODDS, SPREAD
from resiliency.analysis.verdicts import Observation
from resiliency.statistics.intervals import Spread, spread
from resiliency.statistics.mixed_model import Fits, Layout, fit, logits, points, precisions

POINTS = 100  # percentage points in a share


class Exchange(NamedTuple):
    """A row of exchange_rates.csv: the reduction of the error by a change, as a share, and its
    cost.

    Attributes:
        low, high: ends of the interval of `reduction`, which is negative if the error rises.
        unit, units: sampling unit of the interval, in the plural, and number of units.
        inference, training: operations as multiples of those without the change; NaN if
            undetermined.
        spread: whether the reduction is a standard deviation, which cannot be negative.
        log_odds: NaN if it is that of `reduction` at the median error; so are its ends.
    """

    exchange: str
    reduction: float
    low: float
    high: float
    unit: str
    units: int
    inference: float = np.nan
    training: float = np.nan
    designs: int = 0
    members: int = 0
    ensembles: int = 0
    spread: bool = False
    median_error: float = np.nan
    log_odds: float = np.nan
    log_odds_low: float = np.nan
    log_odds_high: float = np.nan

    def in_log_odds(self, log_odds: float, low: float, high: float) -> Self:
        """The exchange with the same reduction in log odds."""
        return self._replace(log_odds=log_odds, log_odds_low=low, log_odds_high=high)


def table_of(exchanges: Iterable[Exchange], measured_on: str, confidence: float) -> pd.DataFrame:
    """The table exchange_rates.csv; intervals end at 100 points, which no two errors can differ by
    more than."""
    table = pd.DataFrame(exchanges, columns=Exchange._fields)
    ends = ["low", "high"]
    table[["reduction", *ends]] *= POINTS
    table[ends] = table[ends].clip(-POINTS, POINTS)
    unknown = table["log_odds"].isna()
    for column in ("reduction", *ends):
        name = f"log_odds_{column}".removesuffix("_reduction")
        table[name] = table[name].mask(
            unknown, logits(table[column].to_numpy(), table["median_error"].to_numpy())
        )
    names = {"reduction": "points", "low": "points_low", "high": "points_high"}
    names |= {"inference": "inference_cost", "training": "training_cost"}
    return table.rename(columns=names).assign(images=measured_on, confidence=confidence)


DESIGNS = 3  # least number of designs with two seeds, for the spread of seeds
FEWEST_FAMILIES = 5  # least number of families with two designs, for any estimate from families
# Least share of the variance of a predictor within families, below which family contains it.
WITHIN = 0.15
# The upper bound of a spread at equal accuracy, as a multiple of what normal families need: of
# skewed ones it would lie too low in 3 to 13 % of simulated studies without it, and does in 0 to 5
# %.
CAUTION = 1.5


class Designs(NamedTuple):
    """Designs of N rows, each the mean of its seeds, on all images and without each of G groups of
    images.

    Attributes:
        members: number of members behind the designs.
        family: names of the families, N.
        network: architecture and size of each design, N names; several designs share one if
            trainings differ.
        training_of: recipe and length of the training of each design, N names.
        errors: logits of the error, float (1 + G) x N.
        size, operations, training: log2 of parameters, of MACs and of epochs, float N; NaN if
            unknown.
    """

    members: int
    family: np.ndarray
    network: np.ndarray
    training_of: np.ndarray
    errors: np.ndarray
    size: np.ndarray
    operations: np.ndarray
    training: np.ndarray

    @property
    def numbers(self) -> dict[str, float]:
        """Numbers behind a row of exchange_rates.csv, and the median error."""
        return {
            "designs": len(self.family),
            "members": self.members,
            "median_error": self.median_errors[0, 0],
        }

    @property
    def layout(self) -> Layout:
        """Families, and networks that are trained for several lengths."""
        return Layout.of(self.family, self.network)

    @property
    def median_errors(self) -> np.ndarray:
        """Medians of errors, at which logits are turned into points, (1 + G) x (1 + F): without
        each family, too."""
        return expit(medians(self.errors, self.family))

    @property
    def shared(self) -> np.ndarray:
        """Indicators of the trainings and of the ranks of sizes that every family has, float N x k.

        What they change is alike in all families by design, and no chance. The most frequent
        training and rank have no indicator. Ranks count if all families have equally many sizes.
        """
        rank = pd.Series(self.size).groupby(self.family).rank("dense")
        alike = rank.groupby(self.family).max().nunique() == 1
        of_family = self.family[:, None] == np.unique(self.family)
        columns = []
        for levels in (self.training_of, *((rank.to_numpy(),) if alike else ())):
            each = levels[:, None] == np.unique(levels)
            shared = each[:, (of_family.T @ each).all(axis=0)]
            columns.append(
                np.delete(shared, shared.sum(axis=0).argmax(), axis=1) if shared.size else shared
            )
        return np.hstack(columns).astype(float)

    @property
    def trained_longer(self) -> bool:
        """Whether some network is trained for several lengths."""
        return bool(np.isfinite(self.training).all()) and varies(self.training, self.network)


def designs(members: pd.DataFrame, errors: Sequence[pd.Series], response: str) -> Designs:
    """The designs of independent members whose parameters are known.

    Args:
        members: rows of members.csv of independent members.
        errors: member -> its error: on all images, then without each group of images.
        response: name of the column of errors.
    """
    table = designs_of(members, response).set_index("design")
    design = members.set_index("member")["design"]
    means = [of_set.reindex(design.index).groupby(design).mean()[table.index] for of_set in errors]
    names = [table[name].to_numpy(str) for name in ("family", "architecture", "recipe")]
    amounts = [np.log2(table[name].to_numpy(float)) for name in ("parameters", "macs", "epochs")]
    return Designs(len(members), *names, bounded_logit(np.array(means, float)), *amounts)


def family_at_equal_accuracy(
    observation: Observation, median_error: float, confidence: float
) -> Iterator[Exchange]:
    """The standard deviation between families of equal clean accuracy and size: that of observation
    1b.

    Args:
        observation: observation 1b.
        median_error: that of the designs.
    """
    known = {of.name: replace(of, caution=CAUTION) for of in observation.parts + observation.beside}
    if SPREAD not in known:
        return
    of_errors, of_logits = (
        (known[of].estimate, *known[of].interval(confidence).ends) for of in (SPREAD, IN_LOG_ODDS)
    )
    about = {
        "designs": observation.designs,
        "members": observation.members,
        "median_error": median_error,
    }
    in_errors, units = (end / POINTS for end in of_errors), known[SPREAD].units
    row = Exchange(
        "family_at_equal_accuracy", *in_errors, "families", units, **about | {"spread": True}
    )
    yield row.in_log_odds(*of_logits)


def another_seed(
    members: pd.DataFrame, errors: Sequence[pd.Series], confidence: float
) -> Iterator[Exchange]:
    """The standard deviation between seeds of one design, pooled over designs, without the variance
    over images.

    Args:
        members: rows of members.csv of independent members.
        errors: member -> its error: on all images, then without each group of images.
    """
    design = members.set_index("member")["design"]
    counts = design.value_counts()
    several = sorted(counts.index[counts > 1])
    if len(several) < DESIGNS:
        return
    freedom = counts[several].to_numpy() - 1
    sums = np.array([of.groupby(design).var()[several].to_numpy(float) * freedom for of in errors])
    pooled = sums.sum(axis=1) / freedom.sum()
    replicates = np.array([pooled[0], *((sums[0].sum() - sums[0]) / (freedom.sum() - freedom))])
    of_seeds = spread(replicates, freedom.sum(), pooled[1:], confidence)
    repeated = members[members["design"].isin(several)]
    about = {
        "designs": len(several),
        "members": len(repeated),
        "spread": True,
        "inference": 1,
        "training": 2,
    }
    about["median_error"] = median_of_designs(errors[0][repeated["member"]], members)
    yield Exchange("another_seed", *of_seeds, "designs", len(several), **about)


def median_of_designs(errors: pd.Series, members: pd.DataFrame) -> float:
    """Median error of designs, each the mean of those of its members that have an error."""
    return float(errors.groupby(members.set_index("member")["design"]).mean().median())


def families(of: Designs, confidence: float) -> Exchange:
    """The standard deviation between families, whatever makes them differ.

    Trainings that every family has are fixed effects: as chance, they would hide a part of what
    families differ by.
    """
    fitted = _fit(of, of.errors, *of.shared.T)
    _, precision_of_families = precisions(of.layout, fitted.components[..., 1], fitted.residual)
    noise = np.mean(1 / precision_of_families, axis=-1)
    measured = fitted.components[:, :, 0] + noise
    on_all_images, without_group = measured[0], measured[1:, 0]
    in_logits = spread(
        on_all_images, of.layout.families - 1, without_group, confidence, float(noise[0, 0])
    )
    in_errors = _in_errors(in_logits, of, confidence)
    row = Exchange("family", *in_errors, "families", of.layout.families, **of.numbers, spread=True)
    return row.in_log_odds(*in_logits)


def predictors(of: Designs, confidence: float) -> Iterator[Exchange]:
    """The gains by a doubling of parameters, and by a doubling of training."""
    if varies(of.size, of.family):
        size, _ = centred(of.size, of.family)
        operations, _ = centred(of.operations, of.family)
        cost = 2 ** float((size * operations).sum() / (size * size).sum())
        slopes = _slopes(of, of.size, of.family)
        yield _bought(
            "doubling_of_parameters", slopes, size, of, confidence, inference=cost, training=cost
        )
    if of.trained_longer:
        training, _ = centred(of.training, of.network)
        slopes = _slopes(of, of.training, of.network)
        yield _bought(
            "doubling_of_training", slopes, training, of, confidence, inference=1, training=2
        )


def varies(predictor: np.ndarray, within: np.ndarray) -> bool:
    """Whether enough of the variance of a predictor, float N, lies within groups."""
    total = np.var(predictor)
    return bool(
        np.isfinite(total) and total > 0 and np.var(centred(predictor, within)[0]) >= WITHIN * total
    )


def centred(predictor: np.ndarray, within: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A predictor, ... x N, less its mean in each group, and these means less their own."""
    group = np.unique(within, return_inverse=True)[1]
    means = group_means(predictor, group)[..., group]
    return predictor - means, means - means.mean(axis=-1, keepdims=True)


def _fit(of: Designs, responses: np.ndarray, *columns: np.ndarray) -> Fits:
    """The model of responses, float R x N, on a constant and these columns, ... x N; also without
    each family.

    All columns but the first are left out if they cannot be separated without some family.
    """
    stacked = np.stack(
        [np.broadcast_to(column, responses.shape) for column in (np.ones(()), *columns)], axis=-1
    )
    kept = [stacked[0][of.family != family] for family in np.unique(of.family)]
    if any(np.linalg.matrix_rank(rows) < rows.shape[1] for rows in kept):
        stacked = stacked[..., :2]
    return fit(responses, stacked, of.layout, leave_out=True)


def _in_errors(of_logits: Spread, of: Designs, confidence: float) -> Spread:
    """A spread of logits in errors around the median, whose own variance widens the interval.

    Distances of ends are added in squares, of logarithms (Zou and Donner, Statistics in Medicine
    27, 2008).
    """
    steepness = np.log(of.median_errors * (1 - of.median_errors))
    part = Part.from_replicates("", steepness[0]).without_images(steepness[1:, 0])
    reach = part.interval(confidence).high - part.estimate
    value, low, high = (
        float(points(of_end, of.median_errors[0, 0])) / POINTS for of_end in of_logits
    )

    def widened(end: float, side: int) -> float:
        distance = abs(np.log(end / value)) if end * value > 0 else 0.0
        return float(end * np.exp(side * (np.hypot(distance, reach) - distance)))

    return Spread(value, widened(low, -1), widened(high, 1))


def _slopes(of: Designs, predictor: np.ndarray, within: np.ndarray) -> np.ndarray:
    """Slopes of the logits of the error on a predictor, of designs of one group, (1 + G) x (1 +
    F)."""
    return _fit(of, of.errors, *centred(predictor, within)).coefficients[:, :, 1]


def _bought(
    exchange: str,
    slopes: np.ndarray,
    within: np.ndarray,
    of: Designs,
    confidence: float,
    **costs: float,
) -> Exchange:
    """The reduction of the error at the median by one step of a predictor, from slopes of the
    logit, (1 + G) x (1 + F).

    The median is another one without each family, and on other images.

    Args:
        within: float N, the predictor minus its mean in each group.
    """
    freedom = slope_freedom(within, of.family)

    def part(replicates: np.ndarray) -> Part:
        return Part.from_replicates(exchange, replicates[0], freedom=freedom).without_images(
            replicates[1:, 0]
        )

    in_logits, in_errors = part(-slopes), part(points(-slopes, of.median_errors) / POINTS)
    low, high = in_errors.interval(confidence).ends
    row = Exchange(
        exchange, in_errors.estimate, low, high, "families", in_errors.units, **of.numbers, **costs
    )
    return row.in_log_odds(in_logits.estimate, *in_logits.interval(confidence).ends)
