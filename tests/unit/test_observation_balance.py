"""The balanced objective, as observation 3 judges it."""

from itertools import product

import numpy as np
import pandas as pd
import pytest
from observed import verdict

from resiliency.analysis.observations.balance import balance_is_most_resilient


def image_errors(
    middle: float, first: float, last: float, seeds: int = 5, loss_weights=(0.0, 0.4, 0.6, 1.0)
) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    level = {0.0: first, 1.0: last}
    hardness = rng.uniform(-0.3, 0.3, 50)
    rows = product(["balanced"], loss_weights, range(seeds), range(50))
    errors = pd.DataFrame(rows, columns=["objective", "loss_weight", "seed", "image"])
    noise = 0.02 * rng.standard_normal(len(errors))
    means = np.array([level.get(loss_weight, middle) for loss_weight in errors.loss_weight])
    return errors.assign(error=means + hardness[errors.image] + noise)


def with_seeds(errors: pd.DataFrame) -> pd.DataFrame:
    """The same with an error of 2 points of each training in all of its images."""
    training = errors.groupby(["objective", "loss_weight", "seed"]).ngroup()
    noise = np.random.default_rng(0).normal(0, 0.02, training.max() + 1)
    return errors.assign(error=errors["error"] + noise[training])


@pytest.mark.parametrize(
    ("middle", "first", "last", "expected"),
    [
        (0.3, 0.4, 0.4, "supported"),
        (0.5, 0.4, 0.4, "contradicted"),
        (0.3, 0.4, 0.2, "contradicted"),
        (0.4, 0.4, 0.4, "no practical difference"),
        (0.3, 0.4, 0.3, "supported in part"),
    ],
)
def test_observation_3_finds_what_was_planted(middle, first, last, expected):
    assert verdict(balance_is_most_resilient(image_errors(middle, first, last), 36)) == expected


def test_observation_3_matches_seeds_by_name():
    """The end lacks the first seed and has one more: by position, every seed would meet another's."""
    errors = image_errors(0.3, 0.4, 0.4, seeds=4)
    errors["error"] += errors.seed * 0.1
    missing = (errors.loss_weight == 0) & (errors.seed == 0) | (errors.loss_weight == 0.4) & (errors.seed == 3)
    observation = balance_is_most_resilient(errors[~missing], 36)
    assert [part.units for part in observation.parts] == [2, 2]
    assert [part.estimate for part in observation.parts] == pytest.approx([-0.1, -0.1], abs=0.01)


def test_few_seeds_borrow_the_spread_of_all_joint_settings():
    """Two seeds of four settings of one objective and one of another: the residuals of settings and seeds."""
    errors = pd.concat([image_errors(0.3, 0.4, 0.4, seeds=2), image_errors(0.3, 0.4, 0.4, 2, (1.0,))], keys=[0, 1])
    errors.loc[1, "objective"] = "kl"
    errors = with_seeds(errors)
    observation = balance_is_most_resilient(errors, 36)
    means = errors.pivot_table(values="error", index=["objective", "loss_weight"], columns="seed")
    change = means[1] - means[0]
    variance = change.var(ddof=1) / 2
    part = observation.parts[0]
    balanced = errors[errors.objective == "balanced"].pivot_table(values="error", index="image", columns="loss_weight")
    images = (balanced[[0.4, 0.6]].mean(axis=1) - balanced[0.0]).var(ddof=1) / 50
    middle = balanced[[0.4, 0.6]].to_numpy().mean()
    assert part.estimate == pytest.approx(middle - balanced[0.0].mean())
    of_seeds = 1.5 * variance * (1 + 1 / 2) / 2
    assert part.error == pytest.approx(np.sqrt(of_seeds + images))
    assert part.image_share == pytest.approx(images / part.error**2)
    assert part.freedom == pytest.approx((of_seeds + images) ** 2 / (of_seeds**2 / 4 + images**2 / 49))


def test_the_margin_is_a_tenth_of_the_error_of_independent_training():
    assert balance_is_most_resilient(image_errors(0.3, 0.4, 0.2), 36).margin == pytest.approx(0.04, abs=0.003)


def test_the_placebo_flips_the_signs_of_seeds():
    """Each pattern, put into the errors: swapping both settings of a seed flips the sign of its difference."""
    errors = with_seeds(image_errors(0.38, 0.4, 0.4, loss_weights=(0.0, 0.5, 1.0)))
    placebo = balance_is_most_resilient(errors, 36).placebo
    assert placebo.estimates.shape == (32, 2)
    swapped = errors.copy()
    swap = swapped.seed.isin([3, 4])
    swapped["loss_weight"] = swapped.loss_weight.where(~swap, swapped.loss_weight.map({0.0: 0.5, 0.5: 0.0, 1.0: 1.0}))
    part = balance_is_most_resilient(swapped, 36).parts[0]
    (pattern,) = np.flatnonzero(np.isclose(placebo.estimates[:, 0], part.estimate, atol=1e-12))
    assert placebo.errors[pattern, 0] == pytest.approx(part.error)
    assert placebo.freedom[0] == pytest.approx(part.freedom, rel=0.2)


def test_five_seeds_stand_for_themselves_with_a_third_more_variance():
    errors = with_seeds(image_errors(0.3, 0.4, 0.4, loss_weights=(0.0, 0.5, 1.0)))
    observation = balance_is_most_resilient(errors, 45)
    means = errors.pivot_table(values="error", index="seed", columns="loss_weight")
    part, change = observation.parts[0], means[0.5] - means[0.0]
    by_image = errors.pivot_table(values="error", index="image", columns="loss_weight")
    images = (by_image[0.5] - by_image[0.0]).var(ddof=1) / 50
    assert part.estimate == pytest.approx(change.mean())
    assert part.error**2 == pytest.approx(1.3 * change.var(ddof=1) / 5 + images)
    assert (observation.members, observation.ensembles, observation.images) == (45, 15, 50)
