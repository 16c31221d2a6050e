"""The page that compares published studies says what their tables say."""

from pathlib import Path

import pytest

from resiliency.results.comparison import chart, page, published_studies

DOCS = Path(__file__).parents[2] / "docs" / "results"


@pytest.fixture(scope="module")
def studies():
    return published_studies(DOCS)


def test_the_page_is_what_the_tables_give(studies):
    assert (DOCS / "comparison.md").read_text(encoding="utf-8") == page(studies)


def test_all_published_studies_are_compared_natural_images_first(studies):
    assert set(studies) == {path.parent.name for path in DOCS.glob("*/provenance.json")}
    assert list(studies)[-1] == "digits"


@pytest.mark.parametrize(("table", "column"), [("observations", "estimate"), ("correlations", "correlation")])
def test_another_number_changes_the_page(studies, table, column):
    digits = studies["digits"]
    changed = digits | {table: digits[table].assign(**{column: digits[table][column] / 2})}
    assert page(studies | {"digits": changed}) != page(studies)


def test_verdicts_are_counted_over_the_studies_that_can_test_an_observation(studies):
    alone = page({"digits": studies["digits"]})
    assert "1 study has what its rule needs: supported in 1 (digits)." in alone
    without = page({"cifar10_published": studies["cifar10_published"]})
    assert without.count("No study has what its rule needs.") == 5
    assert without.count("| not tested |") == 5
    assert "| Study | Part |" not in without


def test_each_study_that_can_test_an_observation_has_a_line_for_each_part(studies):
    panels = chart({"digits": studies["digits"]}).to_dict()["vconcat"]
    rows = [layer["data"]["values"] for panel in panels for layer in panel["layer"][:1]]
    assert [len(values) for values in rows] == [1, 2, 2, 3]
    assert {row["study"] for values in rows for row in values} == {"digits"}


def test_the_side_of_an_axis_is_a_column_whatever_the_rule_says(studies):
    tables = studies["digits"]
    for side in ("above", "below"):
        changed = tables | {"observations": tables["observations"].assign(side=side, rule="by a bound")}
        axes = [
            panel["layer"][-1]["encoding"]["x"]["title"] for panel in chart({"digits": changed}).to_dict()["vconcat"]
        ]
        assert all(axis.endswith(f"(the paper's side: {side} 0)") for axis in axes)
