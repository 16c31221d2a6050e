"""Exchange rates: by hand, where they are planted and where nothing is, and in the sentences of the report."""

import numpy as np
import pandas as pd
import pytest
from simulated_exchanges_of_studies import PAIR, RULE, TRIPLE, Planted, better_by, study

from resiliency.analysis.exchange_rates import Pairs, against_better, exchange_rates
from resiliency.analysis.exchanges_of_members import Exchange, slope_freedom, table_of
from resiliency.analysis.without_images import EnsembleTables, WithoutImages
from resiliency.report.charts.exchange_rates import facts as exchange_facts
from resiliency.report.charts.exchange_rates import frame_of
from resiliency.statistics.resampling import spread, without_image_noise

CONFIDENCE, IMAGES = 0.95, 500


def rates(planted: Planted, seed: int = 0, **layout: int) -> pd.DataFrame:
    drawn = study(planted, np.random.default_rng(seed), **layout)
    table = exchange_rates(drawn.members, drawn.of_ensembles, IMAGES, RULE, CONFIDENCE)
    return table.set_index("exchange", drop=False)


def test_a_second_and_a_third_member_bring_what_was_planted():
    table = rates(Planted(design=0.03, seed=0.01, images=0.02))
    assert table.loc["second_member", "points"] == pytest.approx(100 * PAIR)
    assert table.loc["third_member", "points"] == pytest.approx(100 * (TRIPLE - PAIR))
    assert table.loc[["second_member", "third_member"], "inference_cost"].tolist() == [2, 1.5]
    assert table.loc["second_member", ["unit", "units"]].tolist() == ["families", 8]
    fewer = rates(Planted(design=0.03), families=5)
    assert fewer.loc["second_member", ["unit", "units"]].tolist() == ["designs", 5]


def test_a_slope_has_the_degrees_of_freedom_of_the_families_that_decide_it():
    """Squares of 2, 2, 2 and 18 are as good as 24² / (3 · 4 + 18²) = 1.714 families; of equal ones all but one."""
    family = np.repeat(list("abcd"), 2)
    assert slope_freedom(np.array([1, -1, 1, -1, 1, -1, 3.0, -3]), family) == pytest.approx(576 / 336)
    assert slope_freedom(np.tile([1.0, -1], 4), family) == 3


def test_mixing_is_compared_with_the_better_design():
    planted = Planted(design=0.2, mixed=0.01)
    drawn = study(planted, np.random.default_rng(0))
    table = exchange_rates(drawn.members, drawn.of_ensembles, IMAGES, RULE, CONFIDENCE).set_index("exchange")
    assert table.loc["mixing_designs", "points"] == pytest.approx(100 * better_by(drawn, planted))
    assert table.loc["mixing_designs", "inference_cost"] == 1


def test_votes_of_two_are_as_good_as_their_members_and_do_not_count():
    drawn = study(Planted(design=0.03), np.random.default_rng(0))
    votes = drawn.of_ensembles.ensembles.assign(rule="plurality_vote")
    images = WithoutImages(*(table.head(0) for table in drawn.of_ensembles.without_images))
    table = exchange_rates(
        drawn.members,
        EnsembleTables(votes, drawn.of_ensembles.image_errors, images),
        IMAGES,
        "plurality_vote",
        CONFIDENCE,
    )
    steps = table[table["exchange"].str.contains("member|mixing")]
    assert steps["exchange"].tolist() == ["two_more_members"]
    assert steps["points"].tolist() == pytest.approx([100 * TRIPLE])
    assert steps["training_cost"].tolist() == [3]


def test_joint_training_is_compared_with_independent_training_of_the_same_ensemble():
    drawn = study(Planted(design=0.03), np.random.default_rng(0))
    rows = [
        ("balanced", weight, seed, image, 0.3 + 0.01 * seed - gain)
        for weight, gain in ((0.0, 0.0), (0.5, 0.02), (1.0, 0.0))
        for seed in range(5)
        for image in range(20)
    ]
    image_errors = pd.DataFrame(rows, columns=["objective", "loss_weight", "seed", "image", "error"])
    tables = drawn.of_ensembles._replace(image_errors=image_errors)
    row = exchange_rates(drawn.members, tables, IMAGES, RULE, CONFIDENCE).set_index("exchange").loc["joint_training"]
    assert row[["points", "points_low", "points_high"]].tolist() == pytest.approx([2, 2, 2])
    assert row[["unit", "units", "inference_cost"]].tolist() == ["seeds", 5, 1]


def test_a_study_without_ensembles_has_rows_of_its_members():
    drawn = study(Planted(family=0.05, design=0.02), np.random.default_rng(0), designs=3, seeds=1)
    shifted = drawn.members.assign(shifted_error=drawn.members["corrupted_error"], corrupted_error=np.nan)
    table = exchange_rates(shifted, None, IMAGES, RULE, CONFIDENCE, shifts=["v2", "sketch"])
    assert table["exchange"].tolist()[:2] == ["family", "best_to_worst_family"]
    assert set(table["images"]) == {"v2+sketch"}
    unknown = shifted.assign(parameters=np.nan)
    assert exchange_rates(unknown, None, IMAGES, RULE, CONFIDENCE, shifts=["v2"]).empty


def test_the_contrast_with_the_better_design_by_hand():
    own, none = np.array([0.2, 0.3, 0.5]), np.zeros(3)
    mixed = np.array([[np.nan, 0.22, 0.3], [0.22, np.nan, np.nan], [0.3, np.nan, np.nan]])
    pairs = Pairs(own, mixed, none, np.array([2, 2, 2]))
    contrast = against_better(pairs, [], CONFIDENCE)
    assert contrast.replicates[0] == pytest.approx(np.mean([0.2 - 0.22, 0.2 - 0.3]))
    assert contrast.replicates[1:].tolist() == pytest.approx([np.nan, -0.1, -0.02], nan_ok=True)
    assert contrast.without.tolist() == []
    # Distances 0.1 and 0.3 have a mean square of 0.05; half of that is noise of seeds.
    noisy = pairs._replace(variances=np.full(3, 0.025))
    shrunk = np.sqrt(0.5) * np.mean([0.1, 0.3]) / 2
    contrast = against_better(noisy, [], CONFIDENCE)
    assert contrast.replicates[0] == pytest.approx(np.mean([0.25 - 0.22, 0.35 - 0.3]) - shrunk)
    alike = noisy._replace(variances=np.full(3, 0.1))
    assert against_better(alike, [], CONFIDENCE).replicates[0] == pytest.approx(np.mean([0.03, 0.05]))


def test_spreads_by_hand():
    assert without_image_noise(3.0, np.array([3.2, 3.4])) == pytest.approx(2 * 3.0 - 3.3)
    of = spread(np.array([4.0, 4.0, 4.0, 4.0]), 8, np.array([]), CONFIDENCE, noise=1.0)
    reach = np.exp(4.302653 * 0.5)  # Student's t of 2 degrees of freedom times sqrt(2 / 8)
    expected = np.sqrt([3, max(0, 4 / reach - 1), 4 * reach - 1])
    assert list(of) == pytest.approx(expected, rel=1e-6)
    assert list(spread(np.zeros(4), 8, np.array([]), CONFIDENCE)) == [0, 0, 0]
    assert spread(np.array([1.0, 0.5, 0.5]), 2, np.array([]), CONFIDENCE, noise=2.0).deviation == 0


def test_intervals_end_where_errors_can_differ_no_more():
    wide = Exchange("mixing_designs", -0.72, -1.49, 0.045, "designs", 3)
    row = table_of([wide], "corrupted", CONFIDENCE).iloc[0]
    assert [row["points"], row["points_low"], row["points_high"]] == pytest.approx([-72, -100, 4.5])


def test_the_sentences_say_the_numbers_of_the_table():
    rows = [
        Exchange("family", 0.036, 0.009, 0.076, "families", 8, spread=True),
        Exchange("another_seed", 0.004, 0.0, 0.01, "designs", 8, spread=True),
        Exchange("second_member", 0.0224, -0.001, 0.046, "families", 8, 2, 2),
        Exchange("third_member", 0.0189, 0.009, 0.028, "families", 8, 1.5, 1.5),
        Exchange("doubling_of_parameters", 0.012, 0.004, 0.02, "families", 8, 1.7, 1.7),
        Exchange("mixing_designs", -0.016, -0.047, -0.002, "designs", 8, 1, 1),
    ]
    table = table_of(rows, "corrupted", CONFIDENCE)
    facts = exchange_facts(table)
    assert [(row["exchange"], row["significant"]) for row in facts["bought_rows"]] == [
        ("third_member", True),
        ("doubling_of_parameters", True),
        ("second_member", False),
    ]
    assert [(row["exchange"], row["ends"]) for row in facts["differ"]] == [
        ("family", "[0.9, 7.6]"),
        ("another_seed", "[0.0, 1.0]"),
    ]
    (mixed,) = facts["mixed"]
    assert (mixed["points"], mixed["ends"], mixed["more"], mixed["significant"]) == (1.6, "[0.2, 4.7]", True, True)
    assert exchange_facts(table.head(0)) == {}


def test_only_intervals_that_are_cut_reach_the_frame():
    rows = pd.DataFrame({"points": [4.0, -1.0], "points_low": [1.0, -3.0], "points_high": [40.0, np.nan]})
    assert frame_of(rows, 3) == pytest.approx([-3 - 0.03 * 15, 12])
    assert frame_of(rows.iloc[1:], 5) == pytest.approx([-3 - 0.03 * 3, 0.03 * 3])
