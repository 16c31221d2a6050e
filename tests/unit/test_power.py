"""What would decide an observation is found by simulating its rule."""

import numpy as np
import pytest
from scipy.stats import norm

from resiliency.analysis.parts import Part
from resiliency.analysis.verdicts import MOST, Observation, observation_rows, units_to_decide, verdict_of


def parts_of(*estimates: float) -> list[Part]:
    """Each with an error of 1 from 20 units, and so many degrees of freedom that Student's t is all but normal."""
    return [
        Part(f"part {i}", estimate, 1, 10**6, units=20, planned=lambda n: (np.sqrt(20 / n), 10**6))
        for i, estimate in enumerate(estimates)
    ]


def observation_of(*parts: Part, margin: float = 0.5) -> Observation:
    return Observation(9, "It is so.", "a difference", 1, margin, "designs", 12, "designs", list(parts))


def test_units_that_would_support():
    """One part at .9 errors with 20 units: (z.95 + z.8)^2 / .81 times as many."""
    need = units_to_decide(observation_of(*parts_of(0.9)), 0.95)
    assert need.verdict == "supported"
    assert need.units == pytest.approx(20 * (norm.ppf(0.95) + norm.ppf(0.8)) ** 2 / 0.81, rel=0.05)


def test_units_that_would_contradict_allow_for_the_stricter_bound():
    need = units_to_decide(observation_of(*parts_of(-1), margin=0.1), 0.95)
    assert need.verdict == "contradicted"
    assert need.units == pytest.approx(20 * (norm.ppf(1 - 0.05 / 4) + norm.ppf(0.8)) ** 2, rel=0.05)


@pytest.mark.parametrize("estimates", [(0.9, 1.2), (2, -2), (3, 0), (-3, 0)])
def test_so_many_units_have_the_power_that_is_promised(estimates):
    """Simulated anew, part by part, with the rule of the verdicts."""
    need = units_to_decide(observation_of(*parts_of(*estimates), margin=0.9), 0.95)
    error, rng = np.sqrt(20 / need.units), np.random.default_rng(1)
    decided = []
    for _ in range(400):
        parts = [Part("", estimate, error, 10**6, units=20) for estimate in rng.normal(estimates, error)]
        decided.append(verdict_of(observation_of(*parts, margin=0.9), 0.95)[0])
    assert 0.74 < np.mean([verdict != "undecided" for verdict in decided]) < 0.88
    assert max(set(decided) - {"undecided"}, key=decided.count) == need.verdict


def test_no_number_of_units_may_be_enough():
    """What images add does not go away with seeds; an estimate at the margin is never decided."""
    seeds = Part("", 0.1, 1, 9, units=3, planned=lambda n: (np.sqrt(0.5 / n + 0.8), 9), image_share=0.8)
    assert units_to_decide(observation_of(seeds, margin=0.05), 0.95) == (None, "")
    (row,) = observation_rows(observation_of(seeds, margin=0.05), 0.95)
    assert row["sample_size_needed"] == f"more test images; up to {MOST:,} designs cannot settle it"
    edge = observation_of(Part("", 0.0, 5, 19, units=20), Part("", 9, 5, 19, units=20), margin=0.01)
    assert (
        observation_rows(edge, 0.95)[0]["sample_size_needed"] == f"other data; up to {MOST:,} designs cannot settle it"
    )


def test_without_a_plan_units_count_as_those_of_a_mean():
    """Four times as many units have half the error; what is lost to the mean stays lost."""
    part = Part("", 1, 3, 8, units=10)
    assert part.with_units(40) == (pytest.approx(1.5), 38)
    assert part.with_units(10) == (pytest.approx(3), 8)
