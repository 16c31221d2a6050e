"""Negative controls: the range of their draws, and what lies within it."""

from dataclasses import replace
from itertools import product

import numpy as np
import pytest

from resiliency.analysis.observations.of_study import with_images
from resiliency.analysis.parts import Part, Placebo
from resiliency.analysis.verdicts import Observation, observation_rows, placebo_supported, verdict_of


def part(estimate: float, name: str = "") -> Part:
    """A part with an error of 1 and so many degrees of freedom that Student's t is all but normal."""
    return Part(name, estimate, 1, 10**6, units=20, planned=lambda n: (np.sqrt(20 / n), 10**6))


def observation_of(estimates, draws: np.ndarray, sign: int = 1, **fields: object) -> Observation:
    placebo = Placebo(draws, np.ones_like(draws), np.full(draws.shape[1], 1e6), "signs flipped")
    parts = [part(estimate, f"part {i}") for i, estimate in enumerate(estimates)]
    common = {"statistic": "a difference", "margin": 2.5, "unit": "designs", "minimum": 12, "resampled": "designs"}
    return Observation(9, "It is so.", sign=sign, parts=parts, placebo=placebo, **common | fields)


def draws_around(*middles: float, draws: int = 1000) -> np.ndarray:
    """Normal draws of a standard deviation of 1, all quantiles exact."""
    return np.array(middles) + np.sort(np.random.default_rng(0).standard_normal((draws, len(middles))), axis=0)


def test_at_most_one_in_twenty_draws_lies_beyond_an_end():
    draws = np.random.default_rng(1).permutation(1000.0 + np.arange(1000))[:, None]
    (low,), (high,) = Placebo(draws, draws, np.ones(1)).range
    assert (draws < low).mean() == (draws > high).mean() == 0.05


@pytest.mark.parametrize(("seeds", "beyond"), [(4, 0), (5, 1), (8, 12)])
def test_of_flipped_signs_the_study_itself_is_one(seeds, beyond):
    """Of 32 patterns one may lie beyond an end, which takes five differences of one sign; of 16 none may."""
    differences = np.sqrt(np.arange(1.0, seeds + 1))
    means = np.array(list(product((1, -1), repeat=seeds))) @ differences[:, None] / seeds
    _, (high,) = Placebo(means, np.ones_like(means), np.ones(1)).range
    assert (means > high).sum() == beyond
    assert (differences.mean() > high) == (seeds > 4)


@pytest.mark.parametrize(
    ("estimates", "middles", "expected", "each"),
    [
        ([3], [0], "supported", ["supported"]),
        ([3], [2], "no better than noise", ["no better than noise"]),  # 2 + 1.645 is beyond 3
        ([1.6], [2], "undecided", ["undecided"]),  # would not support by its own bound
        ([-3], [-9], "contradicted", ["contradicted"]),  # a placebo keeps nothing from contradicting
        ([0], [0], "no practical difference", ["no practical difference"]),
        ([3, 3], [0, 2], "no better than noise", ["supported", "no better than noise"]),
        ([5, 0], [0, 0], "supported in part", ["supported", "no practical difference"]),
        ([5, 0], [4, 0], "no better than noise", ["no better than noise", "no practical difference"]),
        ([3, np.nan], [0, 0], "undecided", ["supported", "undecided"]),
    ],
)
def test_a_part_supports_beyond_its_placebo_only(estimates, middles, expected, each):
    assert verdict_of(observation_of(estimates, draws_around(*middles)), 0.95) == (expected, each)
    mirrored = observation_of([-e for e in estimates], -draws_around(*middles), sign=-1)
    assert verdict_of(mirrored, 0.95) == (expected, each)


@pytest.mark.parametrize(
    ("control", "expected", "each"),
    [
        (3, "supported", ["supported", "supported"]),
        (1, "no better than noise", ["no better than noise", "no better than noise"]),
        (-9, "no better than noise", ["no better than noise", "no better than noise"]),  # but does not contradict
    ],
)
def test_a_part_with_a_control_needs_it(control, expected, each):
    observation = observation_of([4], draws_around(0, 0), controls=[part(control, "against noise")])
    assert verdict_of(observation, 0.95) == (expected, each)


def test_rows_have_the_range_and_how_often_noise_is_supported():
    observation = observation_of([4], draws_around(0, 1), controls=[part(3, "control")], beside=[part(1, "beside")])
    rows = observation_rows(observation, 0.95)
    assert [row["placebo_low"] for row in rows] == pytest.approx([-1.645, -0.645, np.nan], abs=0.1, nan_ok=True)
    assert [row["placebo_high"] for row in rows] == pytest.approx([1.645, 2.645, np.nan], abs=0.1, nan_ok=True)
    assert [row["placebo"] for row in rows] == ["signs flipped", "signs flipped", ""]
    assert [row["part_verdict"] for row in rows] == ["supported", "supported", ""]
    assert rows[0]["placebo_supported"] == placebo_supported(observation, 0.95) <= 0.05
    without = observation_rows(replace(observation, placebo=None), 0.95)
    assert np.isnan([without[0]["placebo_low"], without[0]["placebo_supported"]]).all()


def test_placebos_are_judged_by_the_whole_rule():
    """Draws whose own bounds support in all of 1,000: only those beyond the range of all parts count."""
    observation = observation_of([9, 9], draws_around(50, 50))
    assert placebo_supported(observation, 0.95) == 0.05
    shuffled = draws_around(50, 50)
    shuffled[:, 1] = np.random.default_rng(1).permutation(shuffled[:, 1])
    assert placebo_supported(observation_of([9, 9], shuffled), 0.95) < 0.01
    assert np.isnan(placebo_supported(replace(observation, missing="needs more"), 0.95))


def test_more_units_do_not_lift_an_estimate_out_of_noise():
    """Below the middle of its placebo, it would support with more units, but never beyond noise."""
    (row,) = observation_rows(observation_of([1.0], draws_around(3), margin=0.1), 0.95)
    assert (row["verdict"], row["sample_size_needed"].split(" (")[1].split(")")[0]) == (
        "undecided",
        "no better than noise",
    )
    (row,) = observation_rows(observation_of([1.0], draws_around(0), margin=0.1), 0.95)
    assert row["sample_size_needed"].split(" (")[1].startswith("supported)")


def test_images_widen_the_errors_of_the_placebo_as_of_the_parts():
    observation = observation_of([4], draws_around(0))
    without = [replace(observation, parts=[part(4 + value, "part 0")]) for value in (-1.0, 1.0, 0.5, -0.5)]
    both = with_images(observation, without)
    assert both.placebo.errors == pytest.approx(both.parts[0].error)
    assert both.placebo.freedom == pytest.approx(both.parts[0].freedom)
    assert both.placebo.estimates is observation.placebo.estimates
