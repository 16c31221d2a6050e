"""Exchange rates by hand, and what pages say of them; tests/workflow/test_study_of_labels.py has
published ones."""

from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit, logit, stdtrit
from simulated_exchanges import Logits, drawn

from published.bought import worth
from published.pooled import bought, mean_of, median_errors, pooled_odds, rates_of
from resiliency.analysis import exchange_rates as rates
from resiliency.analysis import exchanges_of_members as of_members
from resiliency.analysis.equal_accuracy import slope_freedom
from resiliency.analysis.left_out import Part
from resiliency.analysis.observations.architecture import IN_LOG_ODDS, SPREAD
from resiliency.analysis.verdicts import Observation
from resiliency.report.advice import facts
from resiliency.statistics.intervals import spread, without_image_noise

CONFIDENCE = 0.95
MIXED = 0.01  # what pairs of two designs gain beyond that
DESIGNS = np.array([0.3, 0.2, 0.6, 0.35, 0.5, 0.1, 0.45, 0.4])  # their errors
MEMBERS = pd.DataFrame({"member": [f"d{d}-s{s}" for d in range(8) for s in range(2)]})
MACS = np.array([5.0, 3, 8, 1, 2, 9, 4, 7])
MEMBERS = MEMBERS.assign(
    design=MEMBERS["member"].str[:2], macs=np.repeat(MACS, 2), objective="balanced"
)
MEMBERS["family"], MEMBERS["error"] = MEMBERS["design"], np.repeat(DESIGNS, 2)


def ensembles(rule: str = "mean_probability", mixed: float = 0.0) -> list[pd.DataFrame]:
    """All pairs and triples of two members of each of eight designs, which are a family each."""
    rows = []
    for size, gain in {2: 0.03, 3: 0.04}.items():  # of ensembles on the mean of their members
        for chosen in map(list, combinations(MEMBERS.index, size)):
            of = MEMBERS.loc[chosen]
            count, mean = of["design"].nunique(), of["error"].mean()
            rows.append(
                ("+".join(of["member"]), size, count, mean, mean - gain - mixed * (count > 1))
            )
    pool = pd.DataFrame(rows, columns=["members", "size", "designs", "member_error", "error"])
    return [pool.assign(rule=rule, weight=1.0, origin="independent")]


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        (
            "mean_probability",
            {"second_member": (0.03, 2, 120), "third_member": (0.01, 1.5, 120 + 560)},
        ),
        # Two votes are right as often as their members.
        ("plurality_vote", {"two_more_members": (0.04, 3, 560)}),
    ],
)
def test_more_members_bring_what_was_planted_at_the_cost_of_their_number(rule, expected):
    of = list(
        rates.more_members(
            ensembles(rule), MEMBERS, MEMBERS.set_index("member")["error"], CONFIDENCE
        )
    )
    for row in of:
        assert row.median_error == pytest.approx(np.median(DESIGNS))
        assert (row.reduction, row.inference, row.ensembles) == pytest.approx(
            expected[row.exchange]
        )
        assert (row.unit, row.units, row.training) == ("families", 8, row.inference)
    assert len(of) == len(expected)


def test_mixing_is_compared_with_the_better_design():
    errors = MEMBERS.set_index("member")["error"]
    (row,) = rates.mixing(ensembles(mixed=MIXED), MEMBERS, [errors], CONFIDENCE)
    behind = np.mean([abs(one - other) / 2 for one, other in combinations(DESIGNS, 2)])
    assert row.exchange == "mixing_designs"
    assert row.reduction == pytest.approx(MIXED - behind)
    costs = [
        (macs + others) / 2 / (macs if error < others_error else others)
        for (error, macs), (others_error, others) in combinations(
            zip(DESIGNS, MACS, strict=True), 2
        )
    ]
    assert row.inference == pytest.approx(np.exp(np.mean(np.log(costs))))
    assert (row.designs, row.members, row.ensembles) == (8, 16, 120)
    (pool,) = ensembles()
    (row,) = rates.mixing(
        [pool[~pool["members"].str.contains("d0-s0")]], MEMBERS, [errors], CONFIDENCE
    )
    # A design of one seed has no pair of its own.
    assert (row.designs, row.members, row.ensembles) == (7, 14, 91)
    assert list(rates.mixing(ensembles("plurality_vote"), MEMBERS, [errors], CONFIDENCE)) == []


def test_the_spread_at_equal_accuracy_is_that_of_observation_1b():
    """With the variance over images that its parts have, and a cautious upper end."""
    points, logits = (
        Part(name, of, 0.2 * of, 6, units=8) for name, of in ((SPREAD, 2.0), (IN_LOG_ODDS, 0.3))
    )
    points, logits = points.with_images(0.1, 9), logits.with_images(0.1, 9)
    about = ("1b", "", "", 1, 1.0, "families", "families and images")
    observed = Observation(*about, [points], [logits], designs=16, members=24)
    (row,) = of_members.family_at_equal_accuracy(observed, 0.1, CONFIDENCE)
    low, high = points.interval(CONFIDENCE).ends
    high = 0.02 + of_members.CAUTION * (high - 2) / 100
    assert (row.reduction, row.low, row.high) == pytest.approx((0.02, low / 100, high))
    assert (row.log_odds, row.log_odds_low) == pytest.approx((0.3, logits.interval(CONFIDENCE).low))
    assert (row.units, row.designs, row.members, row.median_error) == (8, 16, 24, 0.1)
    assert not [*of_members.family_at_equal_accuracy(Observation(*about, []), 0.1, CONFIDENCE)]


def test_a_slope_has_the_degrees_of_freedom_of_the_families_that_decide_it():
    """Squares of 2, 2, 2 and 18 are as good as 24² / (3 · 4 + 18²) = 1.714 families; of equal ones
    all but one."""
    family = np.repeat(list("abcd"), 2)
    assert slope_freedom(np.array([1, -1, 1, -1, 1, -1, 3.0, -3]), family) == pytest.approx(
        576 / 336
    )
    assert slope_freedom(np.tile([1.0, -1], 4), family) == 3


def test_the_contrast_with_the_better_design_by_hand():
    own, none = np.array([0.2, 0.3, 0.5]), np.zeros(3)
    mixed = np.array([[np.nan, 0.22, 0.3], [0.22, np.nan, np.nan], [0.3, np.nan, np.nan]])
    pairs = rates.Pairs(own, mixed, none, np.array([2, 2, 2]))
    part, _ = rates.against_better(pairs, [], CONFIDENCE)
    assert part.estimate == pytest.approx(np.mean([0.2 - 0.22, 0.2 - 0.3]))
    means = pairs.means()
    gain, half = means["gain"], means["half_distance"]
    # Without each design.
    assert (gain - half)[1:].tolist() == pytest.approx([np.nan, -0.1, -0.02], nan_ok=True)
    # Distances 0.1 and 0.3 have a mean square of 0.05; half of that is noise of seeds.
    noisy = pairs._replace(variances=np.full(3, 0.025))
    shrunk = np.sqrt(0.5) * np.mean([0.1, 0.3]) / 2
    part, _ = rates.against_better(noisy, [], CONFIDENCE)
    assert part.estimate == pytest.approx(np.mean([0.25 - 0.22, 0.35 - 0.3]) - shrunk)
    alike = noisy._replace(variances=np.full(3, 0.1))
    assert rates.against_better(alike, [], CONFIDENCE)[0].estimate == pytest.approx(
        np.mean([0.03, 0.05])
    )


def test_spreads_by_hand():
    assert without_image_noise(3.0, np.array([3.2, 3.4])) == pytest.approx(2 * 3.0 - 3.3)
    of = spread(np.array([4.0, 4.0, 4.0, 4.0]), 8, np.array([]), CONFIDENCE, noise=1.0)
    reach = np.exp(4.302653 * 0.5)  # Student's t of 2 degrees of freedom times sqrt(2 / 8)
    expected = np.sqrt([3, max(0, 4 / reach - 1), 4 * reach - 1])
    assert list(of) == pytest.approx(expected, rel=1e-6)
    assert list(spread(np.zeros(4), 8, np.array([]), CONFIDENCE)) == [0, 0, 0]
    assert spread(np.array([1.0, 0.5, 0.5]), 2, np.array([]), CONFIDENCE, noise=2.0).deviation == 0


def of_signs(**effects: float) -> of_members.Designs:
    """Families of three sizes, the middle one at four lengths, on one set of images."""
    of = drawn(Logits(family=0.4, size=-0.2, **effects), 9, 3, 4, np.random.default_rng(0))
    return of._replace(errors=of.errors[:1] - 1)


def test_what_all_families_have_alike_is_no_chance():
    """Neither lengths of training nor sizes change what families differ by, however much they
    matter."""
    of = of_signs()
    place = np.searchsorted([0.0, 1, 2, 3], of.training)
    rank = pd.Series(of.size).groupby(of.family).rank("dense").to_numpy()
    moved = of._replace(errors=of.errors + 2 * place + 3 * rank)
    assert of.shared.shape[1] == 5
    as_it_is, with_shifts = (of_members.families(pool, CONFIDENCE) for pool in (of, moved))
    assert as_it_is[-3:] == pytest.approx(with_shifts[-3:], rel=1e-4)
    fewer = of._replace(training_of=np.where(of.family == "3", "alone", of.training_of))
    assert fewer.shared.shape[1] == 2


def test_intervals_allow_for_another_median_error_of_other_families():
    """The whole row again without each family."""
    of = of_signs(training=-0.4)
    names = np.unique(of.family)
    rows = []
    for name in (None, *names):
        kept = of.family != name
        fields = {
            field: value[..., kept] for field, value in of._asdict().items() if field != "members"
        }
        found = of_members.predictors(of._replace(**fields), CONFIDENCE)
        rows.append(next(row for row in found if "training" in row.exchange))
    assert rows[0].median_error == pytest.approx(expit(np.median(of.errors)))
    for estimate, high in (("reduction", "high"), ("log_odds", "log_odds_high")):
        value, *without = (getattr(row, estimate) for row in rows)
        error = (getattr(rows[0], high) - value) / stdtrit(8, 0.975)
        assert error == pytest.approx(np.sqrt(8 * np.var(without)), rel=1e-3)
    in_points, in_odds = rows[0].high / rows[0].reduction, rows[0].log_odds_high / rows[0].log_odds
    assert in_points - 1 > 1.2 * (in_odds - 1)


def test_rows_of_the_table_are_points_and_odds_at_the_median_error_that_end_where_errors_can_differ_no_more():  # noqa: E501
    """Ten points around one half are 55 % to 45 %."""
    member = of_members.Exchange("second_member", 0.1, 0, 0.2, "designs", 8, median_error=0.5)
    wide = of_members.Exchange(
        "mixing_designs", -0.72, -1.49, 0.045, "designs", 3, inference=2, training=1.5
    )
    of_member, of_wide = of_members.table_of([member, wide], "corrupted", CONFIDENCE).to_dict(
        "records"
    )
    odds = [of_member[name] for name in ("log_odds", "log_odds_low", "log_odds_high")]
    assert odds == pytest.approx([2 * logit(0.55), 0, 2 * logit(0.6)])
    names = ["points", "points_low", "points_high", "inference_cost", "training_cost"]
    assert [of_wide[name] for name in names] == pytest.approx([-72, -100, 4.5, 2, 1.5])


def table(images: str = "corrupted", **of: tuple[float, float, float]) -> pd.DataFrame:
    """exchange_rates.csv with these rows: exchange -> estimate and ends."""
    rows = pd.DataFrame(of.values(), columns=["points", "points_low", "points_high"])
    rows = rows.assign(
        exchange=list(of), spread=[name.startswith("family") for name in of], images=images
    )
    odds = {"log_odds": rows["points"] / 10, "median_error": 0.157}
    return rows.assign(unit="designs", units=9, members=24, confidence=0.95, **odds)


def test_a_family_is_worth_a_ratio_whose_ends_are_those_of_both_intervals():
    """4 [2, 6] over 2 [1, 4] is 2 [0.5, 6]; what is not shown to help has no ratio."""
    rows = table(
        family=(4.0, 2.0, 6.0),
        doubling_of_parameters=(2.0, 1.0, 4.0),
        doubling_of_training=(0.5, -1.0, 2.0),
    )
    (ratio,) = worth(facts(rows))
    assert (ratio["exchange"], ratio["said"]) == ("doubling_of_parameters", "2.0 [0.5, 6.0]")
    unclear = table(family=(4.0, 0.0, 6.0), doubling_of_parameters=(1.0, 0.5, 1.5))
    assert worth(facts(unclear)) == worth(facts(table())) == []


def test_studies_of_corruptions_are_pooled_in_log_odds_and_standard_deviations_are_not():
    """Log odds fall by 0.1, 0.2 and 0.3: by 0.2 ± 4.302653 × 0.1 / √3 = 0.2484138 on average; two
    tell too little."""
    tables = [
        table(second_member=(1.0, 0.5, 1.5), family=(1.0, 0.0, 3.0)),
        table(second_member=(2.0, -1.0, 5.0), family=(5.0, 2.0, 9.0), third_member=(0.5, 0.1, 0.9)),
        table(second_member=(3.0, 2.0, 4.0), family=(3.0, 1.0, 6.0), third_member=(0.6, 0.2, 1.0)),
        table("imagenet_r", second_member=(90.0, 80.0, 99.0)),
    ]
    several = rates_of(
        {f"study{number}": {"exchange_rates": of} for number, of in enumerate(tables)}
        | {"none": {}}
    )
    assert pooled_odds(several, "second_member") == pytest.approx(
        np.exp([-0.2, -0.4484138, 0.0484138]), abs=1e-6
    )
    family, second, third = bought(several)
    assert second["cells"]["study3"] == "90.0 [80.0, 99.0]"
    assert (second["odds"], family["odds"], third["odds"]) == ("0.82 [0.64, 1.05]", "", "")
    assert median_errors(several)["study0"] == "15.7%"
    assert mean_of(np.array([1.0, 3.0]), 0.95) == pytest.approx((2, np.nan, np.nan), nan_ok=True)


def test_rows_about_members_of_a_registered_study_are_those_of_the_present_library():
    kept, present = (
        table(family=(4.7, 3.0, 6.8), third_member=(1.1, 0.9, 1.3)),
        table(family=(5.3, 3.8, 7.5)),
    )
    several = rates_of({"signs": {"exchange_rates": kept, "exchange_rates_present": present}})
    assert several.set_index("exchange")["points"].to_dict() == {"third_member": 1.1, "family": 5.3}
