"""Studies whose truth is known, and the intervals that the tables report of them; see
interval_coverage.py."""

from functools import cache
from itertools import combinations, product
from math import comb

import numpy as np
import simulated_spread as spreads
from scipy.stats import binomtest, norm
from simulated_correlations import CONFIDENCE, SITUATIONS, Case, Interval, correlation, percentiles
from simulated_exchanges import CASES as EXCHANGES
from simulated_families import POOLS, WORDS, Effects, drawn, truth
from simulated_kinds import CASES as KINDS
from simulated_spread import NO_NOISE, NOISE, Layout, Noise
from simulated_units import CASES as IN_UNITS

from resiliency.analysis.coincident_failures import ceiling_table
from resiliency.analysis.contenders import class_error
from resiliency.analysis.left_out import Part, kept_weights
from resiliency.base.names import CLEAN
from resiliency.base.streams import derived_seed, stream
from resiliency.ensembles.pool import ensembles_of
from resiliency.prediction.reading import all_conditions
from resiliency.statistics import intervals
from resiliency.statistics.closeness import Families, closeness, replicates
from resiliency.statistics.correlation import weighted_cliffs_delta
from resiliency.statistics.resampling import Units

# Observation 1


def contest(effects: Effects, between: float, kind: str, pool: str) -> Case:
    """Closeness of family against accuracy; families are drawn anew. Beside leaving out families
    stands designs."""
    sizes = POOLS[pool]
    names = np.repeat(np.arange(len(sizes)), sizes)
    families = Families.of(names)

    def simulate(random: np.random.Generator, resamples: int) -> dict[str, Interval]:
        study = drawn(random, effects, between, kind, sizes, 1)
        of_families = replicates(study, families)[0, :, 1]
        kept = [np.arange(len(names)) != design for design in range(len(names))]
        of_designs = [closeness(study[:, of], Families.of(names[of]))[0, 1] for of in kept]
        part = Part.from_replicates("", of_families, intervals.FISHER, freedom=families.large - 1)
        of_designs = np.array([of_families[0], *of_designs])
        without_designs = intervals.jackknife(of_designs, CONFIDENCE, intervals.FISHER).ends
        return {"adopted": part.interval(CONFIDENCE).ends, "designs": without_designs}

    situation = (
        f"family {effects.family:g}, size {effects.size:g}, accuracy {effects.accuracy:g}, noise "
        f"{effects.noise:g}; "
        f"{WORDS[kind]} families"
    )
    return Case(
        "Closeness of family over accuracy",
        situation,
        pool,
        lambda: truth(effects, between, kind)[1],
        simulate,
    )


def spread(truth: float, layout: Layout, noise: Noise, kind: str) -> Case:
    """The spread between families at equal clean accuracy and size, in percentage points."""

    def simulate(random: np.random.Generator, resamples: int) -> dict[str, Interval]:
        (part,) = spreads.parts(
            spreads.drawn(random, layout, spreads.in_logits(truth, layout), noise, kind), layout
        )
        return {"adopted": part.interval(CONFIDENCE).ends}

    noisy = "no noise" if noise == NO_NOISE else "noise"
    situation = f"{noisy} in clean accuracy; {WORDS[kind]} families"
    return Case(
        f"Spread between families of {truth:g} points",
        situation,
        layout.words,
        lambda: truth,
        simulate,
    )


# Observation 4


def delta(gap: float, of_designs: float, designs: int, seeds: int, sizes: tuple[int, ...]) -> Case:
    """Pairs of different designs are more diverse by `gap`; designs, seeds and pairs add to that at
    random."""
    design = np.repeat(np.arange(designs), seeds)
    groups = [ensembles_of(len(design), size) for size in sizes]
    kinds = [[set(design[e].tolist()) for e in ensembles.tolist()] for ensembles in groups]
    one = [np.array([len(kind) == 1 for kind in of_size]) for of_size in kinds]
    other = [
        np.array([len(kind) == size for kind in of_size])
        for of_size, size in zip(kinds, sizes, strict=True)
    ]

    def diversities(random: np.random.Generator) -> list[np.ndarray]:
        own = of_designs * random.standard_normal(designs)[design] + 0.3 * random.standard_normal(
            len(design)
        )
        noise = np.triu(0.5 * random.standard_normal((len(design), len(design))), 1)
        pairs = gap * (design[:, None] != design) + own[:, None] + own + noise + noise.T
        return [
            np.mean(
                [pairs[e[:, i], e[:, j]] for i, j in combinations(range(e.shape[1]), 2)], axis=0
            )
            for e in groups
        ]

    def of_weights(values: list[np.ndarray], weights: list[np.ndarray]) -> np.ndarray:
        parts = zip(values, weights, one, other, strict=True)
        return np.mean(
            [weighted_cliffs_delta(v[b], v[a], w[:, b], w[:, a]) for v, w, a, b in parts], axis=0
        )

    kept = [kept_weights([list(map(str, design[e])) for e in ensembles]) for ensembles in groups]

    def simulate(random: np.random.Generator, resamples: int) -> dict[str, Interval]:
        values = diversities(random)
        counts = random.multinomial(
            len(design), np.full(len(design), 1 / len(design)), size=resamples // 4
        )
        drawn = of_weights(values, [counts[:, e].prod(axis=2, dtype=float) for e in groups])
        return {
            "adopted": Part.from_replicates("", of_weights(values, kept), intervals.ANGULAR)
            .interval(CONFIDENCE)
            .ends,
            "bootstrap": percentiles(drawn),
        }

    def truth() -> float:
        random = stream(0, "coverage", "truth", "delta")
        studies = [diversities(random) for _ in range(1500)]
        deltas = []
        for index, (a, b) in enumerate(zip(one, other, strict=True)):
            alike, different = (
                np.concatenate([study[index][chosen] for study in studies]) for chosen in (a, b)
            )
            different = different[:: max(1, len(different) // 200_000)]
            weights = [np.ones((1, len(values))) for values in (different, alike)]
            deltas.append(weighted_cliffs_delta(different, alike, *weights)[0])
        return float(np.mean(deltas))

    description = f"gap {gap:g}, designs differ by {of_designs:g}"
    units = f"{designs} designs of {seeds} seeds, ensembles of {' and '.join(map(str, sizes))}"
    return Case("Cliff's delta", description, units, truth, simulate)


# Intervals over images, and observation 3


CORRUPTED = 75  # conditions


def corruption_error(alike: float, n_images: int) -> Case:
    """A member that fails on an image under many of the conditions or under few."""

    def wrong(random: np.random.Generator, number: int) -> np.ndarray:
        own = random.standard_normal((number, CORRUPTED))
        return np.sqrt(alike) * random.standard_normal((number, 1)) + np.sqrt(1 - alike) * own > 1

    def simulate(random: np.random.Generator, resamples: int) -> dict[str, Interval]:
        failures = wrong(random, n_images)
        alone = binomtest(int(failures.sum()), failures.size).proportion_ci(
            CONFIDENCE, method="wilson"
        )
        return {
            "adopted": intervals.share(
                failures.mean(axis=1), Units.single(n_images), CONFIDENCE
            ).ends,
            "naive": (alone.low, alone.high),
        }

    description = f"{alike:g} of the variance shared by conditions"
    return Case(
        "Corrupted error", description, f"{n_images} images", lambda: float(norm.sf(1)), simulate
    )


def error_of_a_class(error: float, alike: float, n_images: int) -> Case:
    """So many images with an expected error; conditions share `alike` of the variance of what makes
    an image hard."""
    limit = norm.isf(error)

    def simulate(random: np.random.Generator, _: int) -> dict[str, Interval]:
        own = random.standard_normal((n_images, CORRUPTED))
        wrong = (
            np.sqrt(alike) * random.standard_normal((n_images, 1)) + np.sqrt(1 - alike) * own
            > limit
        )
        row = class_error(wrong.mean(axis=1), Units.single(n_images), CONFIDENCE)
        alone = binomtest(int(wrong.sum()), wrong.size).proportion_ci(CONFIDENCE, method="wilson")
        return {"adopted": (row["low"], row["high"]), "naive": (alone.low, alone.high)}

    situation = (
        f"error {error:g}, {CORRUPTED} conditions, {alike:g} of the variance shared by conditions"
    )
    return Case("Error of a class", situation, f"{n_images} images", lambda: error, simulate)


# Shares of images that all members misclassify: members fail on hard images together

# Of abilities of members, on the logit scale, beside a spread of 2 of the difficulty of images.
SPREAD = 0.5
MANY = {"images": 400_000, "members": 40_000}


def all_wrong(other: str, drawn: int, members: int, n_images: int) -> Case:
    """How often `drawn` of so many members all fail; other images, or other members, are drawn
    anew."""
    random = stream(0, "coverage", "ceiling", other, drawn, members, n_images)
    hardness = random.normal(-0.5, 2, n_images if other == "members" else MANY["images"])
    ability = random.normal(0, SPREAD, members if other == "images" else MANY["members"])
    table_of_conditions = all_conditions([], [], {CLEAN: n_images}, {CLEAN: 2})
    labels, designs = np.zeros(n_images, int), [f"{member:03}" for member in range(members)]

    def truth() -> float:
        """With images drawn anew the mean over all of them, for these members; with members drawn
        anew, the reverse."""
        if other == "members":
            chances = np.mean(
                [_chance(part, hardness).mean(axis=0) for part in np.split(ability, 400)], axis=0
            )
            return float((chances**drawn).mean())
        chances = _chance(ability, hardness)
        sums = np.zeros((drawn + 1, len(hardness)))
        sums[0] = 1  # elementary symmetric polynomials of the chances
        for chance in chances:
            sums[1:] += chance * sums[:-1]
        return float(sums[drawn].mean() / comb(members, drawn))

    def simulate(random: np.random.Generator, resamples: int) -> dict[str, Interval]:
        own = random.choice(ability, members) if other == "members" else ability
        hard = random.choice(hardness, n_images) if other == "images" else hardness
        decisions = (random.random((members, n_images)) < _chance(own, hard)).astype(int)
        table = ceiling_table([(decisions, labels)], designs, table_of_conditions, CONFIDENCE)
        row = table[table["size"] == drawn].iloc[0]
        ends = {
            "images": (row.all_wrong_low, row.all_wrong_high),
            "members": (row.members_low, row.members_high),
        }
        return {"adopted": ends[other]}

    described = f"{drawn} of {members} members, other {other}"
    units_of = f"{n_images:,} images" if other == "images" else f"{members} members"
    return Case("Share that all members misclassify", described, units_of, truth, simulate)


def _chance(ability: np.ndarray, hardness: np.ndarray) -> np.ndarray:
    """Probability that each member fails on each image, float64 M x N."""
    return 1 / (1 + np.exp(ability[:, None] - hardness))


EFFECTS = (Effects(1, 1.5, 1.5), Effects(1.5, 0.3, 0.3, 0.5))
CONTESTED = ("8 families of 2", "8 families of 3")
CASES = [
    *(
        correlation("pearson", s, m, k)
        for s in SITUATIONS
        for m, k in ((8, 2), (8, 3), (16, 3), (24, 2))
    ),
    *(
        correlation(m, s, 16, 3)
        for m in ("spearman", "partial")
        for s in ("odd members are weak", "both")
    ),
    *(
        correlation("difference", s, m, 3)
        for s in ("both", "odd members are weak")
        for m in (8, 24)
    ),
    *(correlation("pearson", "odd members are weak", 16, 3, alike) for alike in (0.5, 0.9)),
    *(
        contest(e, 0.5, kind, pool)
        for e in EFFECTS
        for kind in ("normal", "t3")
        for pool in CONTESTED
    ),
    *(
        spread(truth, layout, noise, kind)
        for layout in (Layout(26, 3, 1, 1), Layout(8, 2, 1, 2), Layout(26, 1, 4, 2))
        for truth in (1, 3)
        for noise, kind in (
            (NO_NOISE, "normal"),
            (NOISE, "normal"),
            (NOISE, "t3"),
            (NOISE, "skewed"),
        )
    ),
    *(
        delta(gap, of_designs, *study)
        for gap, of_designs in ((0, 0.3), (1, 0.3), (1, 0.8), (2, 0.3), (3, 0.3), (3, 0.8))
        for study in ((4, 3, (2, 3)), (8, 2, (2,)), (8, 3, (2, 3)), (16, 2, (2,)))
    ),
    *(corruption_error(alike, images) for alike in (0.3, 0.8) for images in (100, 500)),
    *(
        all_wrong("images", k, m, images)
        for k, m in ((3, 8), (8, 8), (3, 64), (64, 64))
        for images in (500, 5000)
    ),
    *(all_wrong("members", k, m, 500) for k, m in ((1, 8), (3, 8), (8, 8), (3, 24), (24, 24))),
    *(error_of_a_class(*case) for case in product((0.01, 0.02, 0.05), (0.3, 0.8), (25, 50))),
    *EXCHANGES,
    *IN_UNITS,
    *KINDS,
]


def coverage(case: Case, simulations: int, resamples: int) -> dict:
    """The truth of a case, and of each method how many intervals hold it and how wide they are in
    the middle."""
    truth, intervals = case.truth(), {}
    for simulation in range(simulations):
        name = (case.statistic, case.situation, case.units, simulation)
        random = np.random.default_rng(derived_seed(0, "coverage", *name))
        for method, ends in case.simulate(random, resamples).items():
            intervals.setdefault(method, []).append(ends)
    row = {
        "statistic": case.statistic,
        "situation": case.situation,
        "units": case.units,
        "truth": truth,
    }
    for method, ends in intervals.items():
        low, high = np.array(ends).T
        row |= {
            f"{method}_hits": int(((low <= truth) & (truth <= high)).sum()),
            f"{method}_above": int((low > truth).sum()),
            f"{method}_width": np.nanmedian(high - low),
        }
    return row | {"simulations": simulations}


@cache
def sure(hits: int, simulations: int) -> Interval:
    """Where the true rate lies (Clopper and Pearson), 95 %."""
    interval = binomtest(hits, simulations).proportion_ci(0.95)
    return interval.low, interval.high
