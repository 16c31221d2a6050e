"""Observation 1: family against size, and families at equal accuracy."""

import numpy as np
import pandas as pd
import pytest
import simulated_spread as simulated
from scipy.special import logit

from resiliency.analysis.equal_accuracy import (
    FAMILIES,
    LENGTH,
    OF_FAMILY,
    SIZE,
    Model,
    model_of,
    on_halves,
    on_one_set,
)
from resiliency.analysis.member_tables import with_shifted_error
from resiliency.analysis.observations import observations
from resiliency.analysis.observations.architecture import (
    CLEAN_ERROR,
    _of_accuracy_alone,
    _values,
    architecture_matters_more,
    families_differ_at_equal_accuracy,
)
from resiliency.analysis.verdicts import (
    observation_rows,
    observation_table,
    share_supported,
    verdict_of,
)
from resiliency.base.names import N_SEPARATE_IMAGES, SEPARATE_ACCURACY
from resiliency.statistics.closeness import Families


def member_rows(
    seed: int, family: float, size: float, families: int, each: int = 3
) -> pd.DataFrame:
    """Some designs of each family, two members of each; how much each predictor and chance move the
    error."""
    rng = np.random.default_rng(seed)
    effects, rows = rng.permutation(np.linspace(-1, 1, families)), []
    for design in range(each * families):
        parameters = rng.uniform(4, 7)
        for index in range(2):
            clean = rng.uniform(-1, 1)
            error = family * effects[design % families] + size * (parameters - 5.5) / 1.5
            names = f"d{design}-s{index}", f"d{design}", f"f{design % families}"
            error = 0.5 + error + 0.02 * rng.standard_normal()
            rows.append((*names, 10**parameters, 0.9 + 0.05 * clean, error))
    columns = ["member", "design", "family", "parameters", "clean_accuracy", "corrupted_error"]
    return pd.DataFrame(rows, columns=columns).assign(origin="independent")


@pytest.mark.parametrize(
    ("effects", "shifts", "expected"),
    [
        ((0.2, 0), [], "supported"),
        ((0, 0.2), [], "contradicted"),
        ((0.2, 0), ["night", "day"], "supported"),
    ],
)
def test_observation_1a_finds_what_matters(effects, shifts, expected):
    """A verdict on shifts is about their error."""
    members = member_rows(0, *effects, families=16)
    members = members.rename(columns={"corrupted_error": "shifted_error"}) if shifts else members
    observation = architecture_matters_more(members, 100, shifts, draws=100)
    assert [part.units for part in observation.parts] == [16]
    assert (observation.designs, observation.members) == (48, 96)
    table = observation_table([observation], 0.95)
    assert (set(table.verdict), set(table.shifts)) == ({expected}, {"+".join(shifts)})


def of_accuracy(families: int, chance: float) -> pd.DataFrame:
    """Families differ in clean accuracy, which corrupted error follows, and by chance alone beside
    it."""
    members, random = member_rows(0, 0.2, 0, families), np.random.default_rng(0)
    accuracy = 1.5 - members["corrupted_error"]
    error = 0.8 - 0.5 * accuracy + chance * random.standard_normal(len(members))
    return members.assign(clean_accuracy=accuracy / 1.5, corrupted_error=error)


def test_observation_1a_says_when_accuracy_alone_earns_it():
    """Not where families differ at equal accuracy, and clean errors are of no family."""
    tables = of_accuracy(16, 0.01), member_rows(0, 0.2, 0, 16)
    earned, own = (architecture_matters_more(of, 100, draws=200) for of in tables)
    assert {verdict_of(one, 0.95)[0] for one in (earned, own)} == {"supported"}
    assert (
        share_supported(earned, earned.accuracy, 0.95)
        > 0.9
        > 0.1
        > share_supported(own, own.accuracy, 0.95)
    )
    low, high = earned.accuracy.range
    assert low[0] < earned.parts[0].estimate < high[0]
    for one, supported in ((earned, True), (own, False)):
        (row,) = (row for row in observation_rows(one, 0.95) if row["reading"] == CLEAN_ERROR)
        assert (row["low"] > 0 and row["estimate"] > row["placebo_high"]) == supported
        assert row["part_verdict"] == ""
        assert row["placebo_low"] < 0 < row["placebo_high"]


def test_the_control_for_accuracy_alone_keeps_accuracies_and_has_the_chance_within_families():
    members = of_accuracy(8, 0.03)
    designs = members.groupby(["design", "family"], as_index=False, sort=False).mean(
        numeric_only=True
    )
    values, families = (
        _values(designs, "corrupted_error"),
        Families.of(designs.family.to_numpy(str)),
    )
    drawn = _of_accuracy_alone(values, families, 0, 2_000)
    assert (drawn[:, :, :2] == values[:, :2]).all()
    x, y = logit(values[:, 1]), logit(values[:, 2])
    line = np.polyval(np.polyfit(x, y, 1), x)
    left, of_data = logit(drawn[:, :, 2]) - line, pd.Series(y - line)
    of_data -= of_data.groupby(families.of_design).transform("mean")
    of_data *= np.sqrt(3 / 2)  # the variance of a design, of three in each family
    assert left.var(ddof=0) == pytest.approx(of_data.var(ddof=0), rel=0.05)
    between = left.reshape(2_000, 3, 8).mean(axis=1).var(axis=1, ddof=1).mean()
    assert between == pytest.approx(of_data.var(ddof=0) / 3, rel=0.1)


def test_observation_1a_compares_one_training_of_each_architecture():
    """Trainings of another length, or of the same length by another recipe, change nothing."""
    one = member_rows(0, 0.2, 0, families=8)
    one = one.assign(architecture=one["design"], macs=1.0, recipe="", training_epochs=4.0)
    first = one[one["design"].isin(one.drop_duplicates("family")["design"])]
    others = [
        first.assign(
            design=first["design"] + name, corrupted_error=np.linspace(0, 1, len(first)), **changes
        )
        for name, changes in {"short": {"training_epochs": 1.0}, "slow": {"recipe": "slow"}}.items()
    ]
    alone, together = (
        architecture_matters_more(of, 100, draws=0) for of in (one, pd.concat([*others, one]))
    )
    assert (together.designs, together.members) == (alone.designs, alone.members) == (24, 48)
    assert together.parts[0].estimate == alone.parts[0].estimate


def test_observation_1a_needs_eight_families_of_two_designs_whose_sizes_vary():
    """Families of one design do not count; clean accuracy may be that of the family."""
    alone = member_rows(1, 0.2, 0, families=3, each=1)
    alone = alone.assign(design=alone.design + "x", family=alone.family + "x")
    few = pd.concat([member_rows(0, 0.2, 0, families=7), alone])
    members = member_rows(0, 0, 0.2, families=12)
    of_families = members.groupby("family")[["parameters", "clean_accuracy"]].transform("mean")
    narrow = of_families * (1 + 1e-4 * np.random.default_rng(0).standard_normal((len(members), 1)))
    alike = members.assign(parameters=narrow["parameters"])
    for table, missing in ((few, "there are 7"), (alike, "cannot be told apart: 0.0%")):
        observation = architecture_matters_more(table, 100, draws=10)
        assert verdict_of(observation, 0.95)[0] == "not tested"
        assert missing in observation.missing
        assert np.isfinite(observation.parts[0].bound(0.95, -1))
    observation = architecture_matters_more(
        members.assign(clean_accuracy=narrow["clean_accuracy"]), 100, draws=10
    )
    assert observation.missing == ""


def test_errors_of_a_large_pools_placebo_are_those_of_the_study(monkeypatch):
    members = member_rows(0, 0.2, 0, families=8)
    whole = architecture_matters_more(members, 100, draws=200)
    assert abs(np.median(whole.placebo.estimates)) < 0.1
    monkeypatch.setattr("resiliency.analysis.observations.architecture.MOST_DESIGNS", 10)
    large = architecture_matters_more(members, 100, draws=1_000)
    np.testing.assert_allclose(large.placebo.estimates, whole.placebo.estimates)
    assert (large.placebo.errors == large.parts[0].error).all()


def test_the_error_on_shifts_is_the_mean_over_test_sets_and_unknown_if_one_is():
    members = pd.DataFrame(
        {"member": ["a", "b"], "night_accuracy": [0.6, 0.5], "snow_day_accuracy": [0.4, np.nan]}
    )
    errors = with_shifted_error(members, ["night", "snow_day"]).shifted_error
    assert errors.tolist() == pytest.approx([0.5, np.nan], nan_ok=True)
    assert "shifted_error" not in with_shifted_error(members, [])


IMAGES = simulated.IMAGES


def members(
    seed: int, spread: float, architectures: int = 2, lengths: int = 3, noise: float = 0.0
) -> pd.DataFrame:
    """Two seeds of each design of twelve families.

    Args:
        spread: standard deviation between families at equal accuracy and size, in logits.
        noise: that of logit accuracy which a family shares on half of the images, beside what the
            error follows.
    """
    layout, random = simulated.Layout(12, architectures, lengths, 2), np.random.default_rng(seed)
    studies = simulated.drawn(random, layout, spread, simulated.Noise(noise, 0.0), "normal")
    return simulated.table(studies, layout)


def model(table: pd.DataFrame) -> Model:
    fitted = model_of(on_one_set(table, "corrupted_error", IMAGES), "corrupted_error")
    assert fitted is not None
    return fitted


def test_what_was_planted_comes_back():
    """Slopes within and between, and the spread in points at the pool's median."""
    table = members(0, 0.3)
    fitted = model(table)
    slopes = {name: of[0] for name, of in fitted.coefficients.items()}
    assert slopes[LENGTH] == pytest.approx(simulated.SLOPE_WITHIN, abs=0.03)
    assert slopes[OF_FAMILY] == pytest.approx(simulated.SLOPE_WITHIN, abs=0.15)
    assert slopes[FAMILIES] == pytest.approx(simulated.SLOPE_BETWEEN, abs=0.4)
    assert slopes[SIZE] == pytest.approx(simulated.SLOPE_SIZE, abs=0.03)
    assert fitted.share == table.groupby("design")["corrupted_error"].mean().median()
    assert fitted.spread[0] == pytest.approx(
        100 * 0.3 * fitted.share * (1 - fitted.share), rel=0.35
    )
    spreads = np.array([0.0, 0.5, 1.0, 5.0, 40.0])
    for scale in (fitted.scale, fitted.scale_in_points):
        assert scale.back(scale.to(spreads)) == pytest.approx(spreads)
        assert scale.to(np.array([0.0]))[0] == 0
        assert scale.back(np.array([-1.0]))[0] == 0


def test_accuracy_enters_by_what_varies():
    assert model(members(0, 0.3, lengths=1)).names == ("constant", OF_FAMILY, FAMILIES, SIZE)
    assert model(members(0, 0.3, architectures=1)).names == ("constant", LENGTH, FAMILIES, SIZE)
    same = members(0, 0.3).assign(parameters=1_000)
    assert model(same).names == ("constant", LENGTH, OF_FAMILY, FAMILIES)


def without_groups(group: np.ndarray, columns: dict[str, np.ndarray], counted: str) -> pd.DataFrame:
    """Means over single images, float members x N, without each of ten groups of unequal sizes, and
    images left."""
    rows = [
        {"without": one, "member": name, counted: int((group != one).sum())}
        | {column: of_images[member][group != one].mean() for column, of_images in columns.items()}
        for one in range(10)
        for member, name in enumerate("ab")
    ]
    return pd.DataFrame(rows)


@pytest.mark.parametrize("separate", [False, True])
@pytest.mark.parametrize("without", [None, 2, 7])
def test_halves_hold_the_images_that_were_left_out(without, separate):
    """Thirty divisions into five groups and the others, of a further test set for accuracy or not;
    then all err."""
    rng = np.random.default_rng(0)
    of_error, of_further = (
        np.concatenate([np.arange(10), rng.integers(0, 10, count)]) for count in (90, 190)
    )
    of_accuracy = of_further if separate else of_error
    right, wrong = rng.random((2, len(of_accuracy))) < 0.7, rng.random((2, 100))
    names = (SEPARATE_ACCURACY, N_SEPARATE_IMAGES) if separate else ("clean_accuracy", "n_images")
    rows = without_groups(of_accuracy, {names[0]: right}, names[1])
    rows = rows.merge(without_groups(of_error, {"corrupted_error": wrong}, "n_images"))
    measured = on_halves(pd.DataFrame({"member": ["b", "a", "c"]}), rows, without)
    halves = measured.weights > 0
    assert len({frozenset([of.tobytes(), (~of).tobytes()]) for of in halves}) == len(halves) == 30
    for place, half in enumerate(halves):
        kept = of_accuracy != without
        first, second = kept & half[of_accuracy], kept & ~half[of_accuracy]
        assert measured.n_images[place] == first.sum()
        of_half = wrong[:, of_error != without if separate else second]
        for found, of_images in zip(
            measured[1:4], (right[:, first], right[:, second], of_half), strict=True
        ):
            np.testing.assert_allclose(found[place], [*of_images.mean(axis=1)[::-1], np.nan])


def test_recipes_that_few_families_share_stay_in_the_families():
    """Three recipes that three families share each have a variance; a family that trains longer
    alone is named."""
    assert model(members(0, 0.3)).layout.recipe.max() == 2
    alike = members(0, 0.3, lengths=1)
    longer = alike.assign(training_epochs=np.where(alike["family"] == "3", 14, 7))
    assert model(longer).layout.recipe.max() == 0
    of_one, of_both = (
        families_differ_at_equal_accuracy(of, IMAGES, draws=0) for of in (alike, longer)
    )
    assert of_one.omitted == ""
    assert (
        of_both.omitted
        == "families differ in training, and count with it: 3 (14 epochs); most others: 7 epochs"
    )
    assert of_one.parts[0].estimate == of_both.parts[0].estimate


@pytest.mark.slow
def test_observation_1b_finds_a_spread_and_none_where_none_is():
    apart, alike = (
        families_differ_at_equal_accuracy(members(1, spread), IMAGES, draws=200)
        for spread in (0.4, 0.0)
    )
    assert verdict_of(apart, 0.95)[0] == "supported"
    assert verdict_of(alike, 0.95)[0] in ("no practical difference", "undecided")
    assert apart.parts[0].estimate > apart.placebo.range[1][0] >= alike.parts[0].estimate
    assert share_supported(apart, apart.placebo, 0.95) <= 0.05
    (row, *beside) = observation_rows(apart, 0.95)
    assert row["low"] > apart.least == 1.0
    assert [part["part"] for part in beside[2:]] == [
        f"slope: {name}" for name in (LENGTH, OF_FAMILY, FAMILIES, SIZE)
    ]


def test_the_placebo_has_the_noise_of_clean_accuracy():
    """What half of the families' images have in common makes a spread; the placebo shows how
    much."""
    quiet, noisy = (
        families_differ_at_equal_accuracy(members(0, 0.0, noise=noise), IMAGES, draws=100).placebo
        for noise in (0.0, 0.6)
    )
    assert noisy.range[1][0] > 2 * quiet.range[1][0]
    fitted = model(members(0, 0.3, noise=0.6))
    shared = fitted.coefficients[FAMILIES][0] ** 2 * fitted.noise[0, 0]
    assert fitted.noise[0, 0] == pytest.approx(0.36, rel=0.4)
    assert fitted.deviations[0] ** 2 == pytest.approx(fitted.fits.components[0, 0, 0] - shared)


def test_without_known_members_neither_part_counts_families():
    unknown = members(0, 0.4).assign(parameters=np.nan)
    parts = observations(unknown, 100, {}, "mean_probability", None, "prediction", draws=0)
    words = "needs members whose parameters and corrupted error are known; there are none"
    assert [part.missing for part in parts] == [words, words]
