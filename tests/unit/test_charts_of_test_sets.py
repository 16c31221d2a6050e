"""Charts and findings where members are tested on further images, beside the data set's own."""

import json

import pandas as pd
import pytest
from synthetic import synthetic_tables

from resiliency.report.charts import (
    coincident_failures,
    correlation_heatmap,
    correlations,
    error_by_severity,
    error_heatmap,
)
from resiliency.report.overview import basis
from resiliency.report.style import MANY

pytestmark = pytest.mark.slow

COLOURS = ["#000000", "#ffffff"]


@pytest.fixture(scope="module")
def tables() -> dict[str, pd.DataFrame]:
    return synthetic_tables(objectives={}, searched=0)


@pytest.fixture(scope="module")
def further(tables) -> dict[str, pd.DataFrame]:
    """The same with 60 photos, on which everybody is wrong on 90 % and sure of it."""
    members, errors, table = tables["members"], tables["corruption_errors"], tables["correlations"]
    row = {"test_set": "photos", "corruption": "clean", "severity": 0, "images": 60, "error": 0.9}
    return tables | {
        "corruption_errors": pd.concat([errors, pd.DataFrame([row | {"member": name} for name in members.member])]),
        "correlations": pd.concat([table, table[table.condition == "clean"].assign(condition="photos")]),
    }


def test_errors_by_severity_are_of_the_data_set_alone(tables, further):
    charts = [
        error_by_severity.draw(of["members"], of["corruption_errors"], COLOURS).to_dict() for of in (tables, further)
    ]
    assert charts[0] == charts[1]
    for finding in (error_by_severity.finding, error_heatmap.finding):
        assert finding(further["members"], further["corruption_errors"]) == finding(
            tables["members"], tables["corruption_errors"]
        )


def test_the_heatmap_has_a_column_for_each_further_test_set(tables, further):
    before, after = (
        error_heatmap.draw(of["members"], of["corruption_errors"], COLOURS).to_dict() for of in (tables, further)
    )
    cells = [[row for data in chart["datasets"].values() for row in data] for chart in (before, after)]
    photos = [row for row in cells[1] if row["column"] == "photos"]
    assert {row["row"] for row in photos} == set(tables["members"].member)
    assert {row["percent"] for row in photos} == {90}
    others = [json.dumps(row, sort_keys=True) for row in cells[1] if row["column"] != "photos"]
    assert sorted(others) == sorted(json.dumps(row, sort_keys=True) for row in cells[0])


def test_correlations_on_further_test_sets_are_in_the_heatmap(tables, further):
    before, after = (
        json.dumps(correlation_heatmap.draw(of["correlations"], COLOURS).to_dict()) for of in (tables, further)
    )
    assert '["On", "photos"]' not in before
    assert '["On", "photos"]' in after
    charts = [json.dumps(correlations.draw(of["correlations"], COLOURS).to_dict()) for of in (tables, further)]
    assert "photos" not in charts[1]


def test_the_report_says_how_many_images_there_were(further):
    card = {"name": "digits", "splits": {"test": {"images": 540}}}
    assert basis(card, further).endswith("clean and under 6 corruptions, and on 60 images of photos.")


def failures_of(pairs: int) -> pd.DataFrame:
    """Pairs of different designs on clean images."""
    row = {"corruption": "clean", "second": "other", "joint_failure_rate": 0.2, "independent": 0.1, "low": 0.05}
    row |= {"high": 0.15, "covariance": 0.1, "confidence": 0.95, "images": 50}
    return pd.DataFrame([row | {"first": f"design{number}"} for number in range(pairs)])


@pytest.mark.parametrize(("pairs", "bars"), [(3, True), (MANY + 1, False)])
def test_many_pairs_have_no_bars_and_kinds_of_pairs_that_are_missing_no_entry(pairs, bars):
    chart = coincident_failures.draw(failures_of(pairs), COLOURS).to_dict()
    text = json.dumps(chart)
    assert ("Bars: 95% intervals" in text, '"type": "rule"' in text) == (bars, bars)
    assert '"domain": ["two designs"]' in text
    assert "seeds" not in " ".join(chart["title"]["subtitle"])


def test_many_members_are_drawn_by_design_and_by_weight_of_a_joint_objective():
    of = synthetic_tables(searched=2)
    members = of["members"]
    for most, name in ((len(members), "member"), (len(members) - 1, "design")):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(error_heatmap, "MOST_MEMBERS", most)
            chart = error_heatmap.draw(members, of["corruption_errors"], COLOURS).to_dict()
        assert chart["title"]["text"].startswith(f"Top-1 error of each {name} under")
    rows = chart["hconcat"][1]["layer"][0]["encoding"]["y"]["scale"]["domain"]
    independent = members[members["origin"] == "independent"]
    joint = members[members["origin"] == "joint"]
    searched = members.loc[members["origin"] == "search", "member"].tolist()
    weights = {f"{o} λ = {w:g}" for o, w in zip(joint["objective"], joint["loss_weight"], strict=True)}
    assert sorted(rows) == sorted({*independent["design"], *weights, *searched})
    data = next(values for values in chart["datasets"].values() if values[0]["row"] in rows)
    errors = of["corruption_errors"]
    own = independent.loc[independent["design"] == rows[0], "member"] if rows[0] in set(independent["design"]) else []
    cells = {(cell["row"], cell["column"]): cell["error"] for cell in data}
    for (row, corruption), error in cells.items():
        if row == rows[0] and len(own) and corruption in set(errors["corruption"]):
            of_design = errors[errors["member"].isin(own) & (errors["corruption"] == corruption)]
            assert error == pytest.approx(of_design["error"].mean())
