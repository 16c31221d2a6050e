"""The numbers in the answers about the model to deploy are those of the tables; tests/golden has the sentences."""

import pytest
from deployment_cases import BASE, ROWS, answers, compared, varied

from resiliency.report.overview import contenders, unfit_cautions
from resiliency.report.words import number, percent, points, quantity

ENDS = ("", "_low", "_high")


@pytest.mark.parametrize(
    ("column", "question"),
    [
        *((column, "Why") for column in ("margin", "n_images_needed", "n_selection_images")),
        *((column, "How good") for column in ("corrupted_error", "low", "high", "clean_accuracy", "n_images")),
        *((f"{name}_error{end}", "How good") for name in ("worst", "quantile") for end in ENDS),
        *((column, "How good") for column in ("macs", "parameters")),
        ("number", "get it"),
    ],
)
def test_another_number_changes_its_answer_and_no_other(column, question):
    """Of the recommended row; MACs and what makes a model unfit also stand in the first answer."""
    chosen = ROWS.members == contenders(ROWS)[0]["members"]
    other = ROWS[column].mask(chosen, 2 * ROWS[column] if ROWS[column].dtype == int else ROWS[column] * 0.93)
    changed = {"number": other, "instead": other} if column == "number" else {column: other}
    usual, said = (answers(tables) for tables in (BASE, varied(**changed)))
    differ = [asked for asked in usual if usual[asked] != said[asked]]
    assert [asked for asked in differ if question in asked]
    assert len(differ) == (2 if column in ("macs", "clean_accuracy") else 1)


def test_promises_are_those_of_the_thresholds():
    table = BASE["thresholds"]
    table = table[(table.members == contenders(ROWS)[0]["members"]) & (table.selection_images == "corrupted")]
    table = table[table.images == "corrupted"].sort_values(["goal", "target"], ascending=[True, False])
    rows = answers(BASE, units="films")["When should it abstain?"].splitlines()[2:]
    for row, of in zip(rows, table.itertuples(), strict=True):
        none = f"none would do; choosing on {of.units_needed:.0f} films"
        assert f" | {number(of.threshold, 6) if of.threshold > 0 else none}" in row
        assert f" | {percent(of.coverage)}" in row
        assert f" | {percent(of.wrong)}" in row


@pytest.mark.parametrize(
    ("column", "most", "above", "named"),
    [
        ("clean_accuracy", 0.9, 0.899, "wrong on 10.1% of clean images"),
        ("worst_class_error", 0.5, 0.501, "on 50.1% of images of class dog under corruption"),
        ("worst_error", 0.5, 0.501, "on 50.1% of images under fog at severity 5"),
    ],
)
def test_a_model_that_errs_too_often_is_cautioned_against(column, most, above, named):
    row = contenders(varied(worst_class_error=0.1, worst_error=0.1)["deployment"])[0]
    assert unfit_cautions(row | {column: most}, ["cat", "dog"]) == []
    (caution,) = unfit_cautions(row | {column: above}, ["cat", "dog"])
    assert named in caution


@pytest.mark.parametrize(
    ("low", "high", "than"),
    [(0.01, 0.03, "higher [1.0, 3.0]"), (-0.01, 0.05, "higher [−1.0, 5.0]"), (-0.05, -0.01, "lower [1.0, 5.0]")],
)
def test_the_best_one_is_compared_on_the_images_that_judge(low, high, than):
    tables = compared(low, high)
    table = tables["deployment"]
    said = answers(tables)["Why this one?"]
    accurate, row = table.loc[table.selection_error.idxmin()], contenders(table)[0]
    assert f"On other images its corrupted error is {points(abs(low + high) / 2)} percentage points {than}" in said
    assert f"{percent(accurate.selection_error)} at {quantity(accurate.macs / row['macs'])} times the MACs" in said
    assert ("set `ensemble=most_accurate`" in said) == (low > 0)


def test_calibration_is_worse_only_where_the_interval_of_the_difference_says_so():
    table = BASE["temperatures"].copy()
    chosen = table.members == contenders(ROWS)[0]["members"]
    columns = [f"ece_difference{end}" for end in ENDS]
    table.loc[chosen & (table.images == "clean"), columns] = (0.02, -0.01, 0.05)
    table.loc[chosen & (table.images == "corrupted"), columns] = (0.02, 0.01, 0.03)
    rows = answers(BASE | {"temperatures": table})["How certain are its probabilities?"].splitlines()
    (row,) = (row for row in rows if "worse than the best member’s" in row)
    assert row.startswith("Calibration error (ECE) | ")
    assert row.endswith(", worse than the best member’s by 2.0 percentage points [1.0, 3.0]")


def test_models_of_one_cost_are_not_cheaper_and_images_that_are_needed_are_rounded_up():
    one_cost, needing = (varied(**columns) for columns in ({"macs": 1e6}, {"n_images_needed": 4001.0}))
    assert "saves a tenth" not in answers(one_cost)["Why this one?"]
    assert "about 4,100 images for the selection" in answers(needing)["Why this one?"]
