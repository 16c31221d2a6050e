"""Exchange rates of several studies: by hand, on noise, and in the words and the chart of the pages."""

import numpy as np
import pandas as pd
import pytest

from published.pooled import bought, mean_of, pooled, rates_of


def table(points: dict[str, tuple[float, float, float]], images: str = "corrupted") -> pd.DataFrame:
    """exchange_rates.csv with these rows: exchange -> estimate and ends."""
    rows = [dict(zip(("points", "points_low", "points_high"), of, strict=True)) for of in points.values()]
    spread = [exchange.startswith("family") for exchange in points]
    return pd.DataFrame(rows).assign(exchange=list(points), spread=spread, images=images, confidence=0.95)


def studies(*tables: pd.DataFrame) -> dict[str, dict[str, pd.DataFrame]]:
    return {f"study{number}": {"exchange_rates": of} for number, of in enumerate(tables)}


THREE = studies(
    table({"second_member": (1.0, 0.5, 1.5), "family": (1.0, 0.0, 3.0)}),
    table({"second_member": (2.0, -1.0, 5.0), "family": (5.0, 2.0, 9.0), "third_member": (0.5, 0.1, 0.9)}),
    table({"second_member": (3.0, 2.0, 4.0), "family": (3.0, 1.0, 6.0)}),
)


def test_the_mean_over_three_studies_has_two_degrees_of_freedom():
    """Of 1, 2 and 3 the mean is 2, the standard deviation 1 and the quantile 4.302653: 4.302653 / √3 = 2.484138."""
    assert mean_of(np.array([1.0, 2.0, 3.0]), 0.95) == pytest.approx((2, 2 - 2.484138, 2 + 2.484138), abs=1e-6)
    value, *ends = mean_of(np.array([1.0, 3.0]), 0.95)
    assert value == 2
    assert np.isnan(ends).all()


@pytest.mark.parametrize("errors", [(1, 1, 1), (1, 1, 9), (1, 5, 5), (0.1, 0.2, 8)])
def test_the_interval_of_the_mean_holds_however_unequal_the_studies_errors_are(errors):
    """Rather too long than too short: 95 % with equal errors."""
    drawn = np.random.default_rng(0).standard_normal((4_000, 3)) * errors
    held = np.mean([low <= 0 <= high for _, low, high in (mean_of(of, 0.95) for of in drawn)])
    assert held > 0.945


def test_only_studies_of_corruptions_are_pooled_and_a_standard_deviation_is_never_below_0():
    shifted = {"shifts": {"exchange_rates": table({"second_member": (90.0, 80.0, 99.0)}, "imagenet_r")}}
    rates = rates_of(THREE | shifted | {"none": {}})
    rows = {row["exchange"]: row for row in pooled(rates)}
    assert list(rows) == ["family", "second_member", "third_member"]
    assert (rows["second_member"]["studies"], rows["second_member"]["most"]) == (3, 3.0)
    assert rows["family"]["mean"] == pytest.approx((3, 0, 3 + 4.302653 * 2 / np.sqrt(3)), abs=1e-5)
    _, second, third = bought(rates)
    assert second["cells"]["shifts"] == "90.0 [80.0, 99.0]"
    assert (second["range"], second["mean"]) == ("1.0 to 3.0", "2.0 [−0.5, 4.5]")
    assert (third["range"], third["mean"], list(third["cells"])) == ("", "", ["study1"])
