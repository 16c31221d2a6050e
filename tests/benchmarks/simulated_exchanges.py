"""Designs and pairs whose exchange rates are known."""

from functools import cache
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.special import logit
from simulated_correlations import CONFIDENCE, Case, Interval

from resiliency.analysis.exchange_rates import Pairs, against_better
from resiliency.analysis.exchanges_of_members import Designs, Exchange, another_seed, predictors
from resiliency.analysis.exchanges_of_members import families as families_of
from resiliency.statistics.mixed_model import points

GROUPS, ERROR = 10, 0.2


class Logits(NamedTuple):
    """What moves the logits of the error: standard deviations, and slopes."""

    family: float = 0.0
    design: float = 0.1
    images: float = 0.1  # of a tenth of them
    size: float = 0.0
    training: float = 0.0


def without_groups(values: np.ndarray, images: float, random: np.random.Generator) -> np.ndarray:
    """Values with noise of ten groups of images, their mean and the mean without each: 11 x N."""
    of_groups = values + images * random.standard_normal((GROUPS, len(values)))
    return np.vstack([of_groups.mean(axis=0), (of_groups.sum(axis=0) - of_groups) / (GROUPS - 1)])


def drawn(
    effects: Logits, families: int, sizes: int, lengths: int, random: np.random.Generator
) -> Designs:
    """So many sizes in each family, each trained for so many lengths.

    Of several sizes and lengths, as the traffic signs have them, only the middle size has all
    lengths, the others one.
    """
    family = np.repeat(np.arange(families), sizes * lengths)
    network = np.repeat(np.arange(families * sizes), lengths)
    length = np.tile(np.arange(lengths, dtype=float), families * sizes)
    size = (random.standard_normal(families * sizes) + np.tile(np.arange(sizes) * 1.5, families))[
        network
    ]
    error = effects.family * random.standard_normal(families)[family]
    error += effects.design * random.standard_normal(families * sizes)[network]
    error += effects.size * size + effects.training * length
    error += 0.05 * random.standard_normal(len(family))
    errors = without_groups(error, effects.images, random)
    kept = (network % sizes == sizes // 2) | (length == lengths // 2)
    named = [of.astype(str)[kept] for of in (family, network, length)]
    training = length[kept] if lengths > 1 else np.full(kept.sum(), np.nan)
    return Designs(kept.sum(), *named, errors[:, kept], size[kept], size[kept], training)


@cache
def middle(effects: Logits, sizes: int, lengths: int) -> float:
    """Median of the logits of the error of very many families."""
    of = drawn(effects, 3_000, sizes, lengths, np.random.default_rng(0))
    return float(np.median(of.errors[0]))


def of_designs(exchange: str, effects: Logits, families: int, sizes: int, lengths: int = 1) -> Case:
    """One row of designs, in percentage points."""
    truths = {
        "family": effects.family,
        "doubling_of_parameters": -effects.size,
        "doubling_of_training": -effects.training,
    }

    def simulate(random: np.random.Generator, _: int) -> dict[str, Interval]:
        to_error = logit(ERROR) - middle(effects, sizes, lengths)
        while True:  # a predictor that by chance hardly varies within families has no row
            of = drawn(effects, families, sizes, lengths, random)
            of = of._replace(errors=of.errors + to_error)
            if exchange == "family":
                return {"adopted": _ends(families_of(of, CONFIDENCE))}
            for row in predictors(of, CONFIDENCE):
                if row.exchange == exchange:
                    return {"adopted": _ends(row)}

    units = f"{families} families of {sizes}" + f", {lengths} lengths" * (lengths > 1)
    situation = ", ".join(f"{name} {value:g}" for name, value in effects._asdict().items() if value)
    return Case(
        f"Exchange rate: {exchange}",
        situation,
        units,
        lambda: points(truths[exchange], ERROR),
        simulate,
    )


def seeds(deviation: float, images: float, count: int, designs: int = 8) -> Case:
    """The standard deviation between seeds, in percentage points."""
    members = pd.DataFrame(
        {"member": [f"d{place // count}-s{place % count}" for place in range(designs * count)]}
    )
    members["design"] = members["member"].str.partition("-")[0]

    def simulate(random: np.random.Generator, _: int) -> dict[str, Interval]:
        errors = without_groups(deviation * random.standard_normal(len(members)), images, random)
        series = [pd.Series(of, index=members["member"]) for of in errors]
        return {"adopted": _ends(*another_seed(members, series, CONFIDENCE))}

    situation = f"seeds {100 * deviation:g}, a tenth of the images {100 * images:g}"
    return Case(
        "Exchange rate: another_seed",
        situation,
        f"{designs} designs of {count}",
        lambda: 100 * deviation,
        simulate,
    )


def _ends(row: Exchange) -> Interval:
    return 100 * row.low, 100 * row.high


def mixtures(of_designs: float, of_seeds: float, gain: float, designs: int, count: int = 2) -> Case:
    """Pairs of two designs against the pair of the better one: designs differ, seeds differ,
    mixtures gain."""

    def simulate(random: np.random.Generator, _: int) -> dict[str, Interval]:
        own = of_designs * random.standard_normal(designs)
        members = np.repeat(own, count) + of_seeds * random.standard_normal(designs * count)
        everything, *without = (
            _pairs(of.reshape(designs, count), gain) for of in without_groups(members, 0.01, random)
        )
        low, high = against_better(everything, without, CONFIDENCE)[1]
        return {"adopted": (100 * low, 100 * high)}

    def truth() -> float:
        return 100 * (gain - of_designs / np.sqrt(np.pi))

    situation = (
        f"designs {100 * of_designs:g}, seeds {100 * of_seeds:g}, mixtures gain {100 * gain:g}"
    )
    return Case(
        "Exchange rate: mixing_designs", situation, f"{designs} designs of {count}", truth, simulate
    )


def _pairs(errors: np.ndarray, gain: float) -> Pairs:
    """Pairs that err as often as their members on average, float D x seeds, but for what mixtures
    gain."""
    means = errors.mean(axis=1)
    mixed = (means[:, None] + means) / 2 - gain
    np.fill_diagonal(mixed, np.nan)
    return Pairs(means, mixed, errors.var(axis=1, ddof=1), np.full(len(errors), errors.shape[1]))


NOTHING = Logits()
CASES = [
    *(
        of_designs("family", effects, *pool)
        for effects in (NOTHING, Logits(family=0.2))
        for pool in ((8, 2), (26, 3))
    ),
    *(
        of_designs("family", Logits(family=0.4, size=-0.15, training=training), 26, 3, lengths)
        for training, lengths in ((-0.4, 4), (0.0, 1))
    ),
    *(
        of_designs("doubling_of_parameters", effects, *pool)
        for effects in (Logits(family=0.2), Logits(family=0.2, size=-0.15))
        for pool in ((8, 2), (26, 3))
    ),
    *(
        of_designs("doubling_of_training", Logits(family=0.2, training=value), 26, 1, 4)
        for value in (0.0, -0.3)
    ),
    *(seeds(deviation, 0.02, count) for deviation in (0.0, 0.01) for count in (2, 5)),
    *(
        mixtures(*case, designs)
        for case in ((0.0, 0.0, 0.0), (0.0, 0.01, 0.0), (0.03, 0.01, 0.0), (0.01, 0.01, 0.01))
        for designs in (8, 14)
    ),
]
