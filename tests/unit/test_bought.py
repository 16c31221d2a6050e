"""What pages say of exchange rates, of one study and of several: ratios and means by hand."""

import numpy as np
import pandas as pd
import pytest

from published.bought import worth
from published.pooled import bought, mean_of, median_errors, pooled_odds, rates_of
from resiliency.report.advice import facts


def table(images: str = "corrupted", **of: tuple[float, float, float]) -> pd.DataFrame:
    """exchange_rates.csv with these rows: exchange -> estimate and ends."""
    rows = pd.DataFrame(of.values(), columns=["points", "points_low", "points_high"])
    spread = [name.startswith("family") for name in of]
    rows = rows.assign(exchange=list(of), spread=spread, images=images)
    odds = {"log_odds": rows["points"] / 10, "median_error": 0.157}
    return rows.assign(unit="designs", units=9, members=24, confidence=0.95, **odds)


def test_a_family_is_worth_a_ratio_whose_ends_are_those_of_both_intervals():
    """4 [2, 6] over 2 [1, 4] is 2 [0.5, 6]; what is not shown to help has no ratio."""
    rows = table(family=(4.0, 2.0, 6.0), doubling_of_parameters=(2.0, 1.0, 4.0), doubling_of_training=(0.5, -1.0, 2.0))
    (ratio,) = worth(facts(rows))
    assert (ratio["exchange"], ratio["said"]) == ("doubling_of_parameters", "2.0 [0.5, 6.0]")
    steep = table(family=(9.0, 8.0, 10.0), point_of_clean_accuracy=(1.0, 0.05, 4.0))
    assert [ratio["said"] for ratio in worth(facts(steep))] == ["9.0 (at least 2.0)"]  # 200 points cannot be
    unclear = table(family=(4.0, 0.0, 6.0), doubling_of_parameters=(1.0, 0.5, 1.5))
    assert worth(facts(unclear)) == worth(facts(table())) == []


def test_the_mean_over_three_studies_has_two_degrees_of_freedom():
    """Of 1, 2 and 3 the mean is 2, the standard deviation 1 and the quantile 4.302653: 4.302653 / √3 = 2.484138."""
    assert mean_of(np.array([1.0, 2.0, 3.0]), 0.95) == pytest.approx((2, 2 - 2.484138, 2 + 2.484138), abs=1e-6)
    assert mean_of(np.array([1.0, 3.0]), 0.95) == pytest.approx((2, np.nan, np.nan), nan_ok=True)


def test_studies_of_corruptions_are_pooled_in_log_odds_and_standard_deviations_are_not():
    """Log odds fall by 0.1, 0.2 and 0.3: by 0.2 ± 4.302653 × 0.1 / √3 = 0.2484138 on average."""
    tables = [
        table(second_member=(1.0, 0.5, 1.5), family=(1.0, 0.0, 3.0)),
        table(second_member=(2.0, -1.0, 5.0), family=(5.0, 2.0, 9.0), third_member=(0.5, 0.1, 0.9)),
        table(second_member=(3.0, 2.0, 4.0), family=(3.0, 1.0, 6.0)),
        table("imagenet_r", second_member=(90.0, 80.0, 99.0)),
    ]
    rates = rates_of({f"study{number}": {"exchange_rates": of} for number, of in enumerate(tables)} | {"none": {}})
    assert pooled_odds(rates, "second_member") == pytest.approx(np.exp([-0.2, -0.4484138, 0.0484138]), abs=1e-6)
    family, second, third = bought(rates)
    assert second["cells"]["study3"] == "90.0 [80.0, 99.0]"
    assert (second["odds"], family["odds"], third["odds"]) == ("0.82 [0.64, 1.05]", "", "")
    assert median_errors(rates)["study0"] == "15.7%"


def test_rows_about_members_of_a_registered_study_are_those_of_the_present_library():
    kept, present = table(family=(4.7, 3.0, 6.8), third_member=(1.1, 0.9, 1.3)), table(family=(5.3, 3.8, 7.5))
    rates = rates_of({"signs": {"exchange_rates": kept, "exchange_rates_present": present}})
    assert rates.set_index("exchange")["points"].to_dict() == {"third_member": 1.1, "family": 5.3}
