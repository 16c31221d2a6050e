"""Members that fail on hard images together, and intervals of how often all of them do; see interval_coverage.py."""

from math import comb

import numpy as np
from simulated_correlations import CONFIDENCE, Case, Interval

from resiliency.analysis.ceiling import ceiling_table, failures
from resiliency.base.names import CLEAN
from resiliency.base.streams import stream
from resiliency.prediction.conditions import all_conditions

SPREAD = 0.5  # of abilities of members, on the logit scale, beside a spread of 2 of the difficulty of images
MANY = {"images": 400_000, "members": 40_000}


def all_wrong(other: str, drawn: int, members: int, images: int) -> Case:
    """How often `drawn` of so many members all fail; other images, or other members, are drawn anew."""
    random = stream(0, "coverage", "ceiling", other, drawn, members, images)
    hardness = random.normal(-0.5, 2, images if other == "members" else MANY["images"])
    ability = random.normal(0, SPREAD, members if other == "images" else MANY["members"])
    table_of_conditions = all_conditions([], [], {CLEAN: images}, {CLEAN: 2})
    labels, units = np.zeros(images, int), np.arange(members)

    def truth() -> float:
        """With images drawn anew the mean over all of them, for these members; with members drawn anew, the reverse."""
        if other == "members":
            chances = np.mean([_chance(part, hardness).mean(axis=0) for part in np.split(ability, 400)], axis=0)
            return float((chances**drawn).mean())
        chances = _chance(ability, hardness)
        sums = np.zeros((drawn + 1, len(hardness)))
        sums[0] = 1  # elementary symmetric polynomials of the chances
        for chance in chances:
            sums[1:] += chance * sums[:-1]
        return float(sums[drawn].mean() / comb(members, drawn))

    def simulate(random: np.random.Generator, resamples: int) -> dict[str, Interval]:
        own = random.choice(ability, members) if other == "members" else ability
        hard = random.choice(hardness, images) if other == "images" else hardness
        decisions = (random.random((members, images)) < _chance(own, hard)).astype(int)
        of = failures(decisions, labels, [drawn], units)
        row = ceiling_table(table_of_conditions, iter([of]), [drawn], members, CONFIDENCE)[0].iloc[0]
        ends = {"images": (row.all_wrong_low, row.all_wrong_high), "members": (row.members_low, row.members_high)}
        return {"adopted": ends[other]}

    described = f"{drawn} of {members} members, other {other}"
    units_of = f"{images:,} images" if other == "images" else f"{members} members"
    return Case("Share that all members misclassify", described, units_of, truth, simulate)


def _chance(ability: np.ndarray, hardness: np.ndarray) -> np.ndarray:
    """Probability that each member fails on each image, float64 M x N."""
    return 1 / (1 + np.exp(ability[:, None] - hardness))
