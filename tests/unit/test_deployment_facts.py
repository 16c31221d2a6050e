"""The numbers in the answers about the model to deploy are those of the tables; tests/golden has the sentences."""

import pytest
from deployment_cases import BASE, CHOSEN, KNOWN, ROWS, compared, varied

from resiliency.report.cautions import unfit_cautions
from resiliency.report.deployment import calibration_facts, choice_facts, deployment_answers
from resiliency.report.overview import contenders

ENDS = ("", "_low", "_high")


def figure_of(row: dict, name: str) -> list[float]:
    return [row[f"{name}{end}"] for end in ENDS]


@pytest.mark.parametrize(
    ("column", "question"),
    [
        *((column, "Why") for column in ("margin", "n_images_needed", "n_images", "n_selection_images")),
        *((column, "How accurate") for column in ("corrupted_error", "low", "high", "clean_accuracy")),
        *((f"{name}_error{end}", "worst") for name in ("worst", "quantile") for end in ENDS),
        *((column, "cost") for column in ("macs", "parameters")),
        ("number", "get it"),
    ],
)
def test_another_number_changes_its_answer_and_no_other(column, question):
    """Of the recommended row; the image counts and the intervals that rest on them stand in two answers."""
    chosen = ROWS.members == contenders(ROWS)[0]["members"]
    other = ROWS[column].mask(chosen, 2 * ROWS[column] if ROWS[column].dtype == int else ROWS[column] * 0.93)
    changed = {"number": other, "instead": other} if column == "number" else {column: other}
    usual, said = (dict(deployment_answers(tables, "tiny")) for tables in (BASE, varied(**changed)))
    differ = [asked for asked in usual if usual[asked] != said[asked]]
    assert [asked for asked in differ if question in asked]
    assert len(differ) == (2 if column in ("n_images", "macs", "clean_accuracy") else 1)


ANSWERS = {
    "as usual": "Yes",
    "no clear gain": "Not shown",
    "no interval of the gain": "Not shown",
    "a member alone does better": "Not shown",
    "by costs": "Not shown",
    "a loss": "No",
    "a cheaper one is as good": "No",
    "of no use": "Not this one",
    "of no use, a single member": "Not this one",
    "single members": "There are no ensembles",
}


@pytest.mark.parametrize("case", ANSWERS)
def test_only_a_significant_gain_of_a_model_that_may_be_used_is_a_yes(case):
    said = dict(deployment_answers((CHOSEN | KNOWN)[case], "tiny"))
    assert said["Should I deploy an ensemble?"].partition(":")[0] == ANSWERS[case]


@pytest.mark.parametrize("case", CHOSEN | KNOWN)
def test_at_most_five_sentences_say_when_to_abstain(case):
    said = dict(deployment_answers((CHOSEN | KNOWN)[case], "tiny", units="films"))["When should it abstain?"]
    assert 1 <= said.count(". ") + 1 <= 5
    if case == "too few units":
        assert "; choosing on 49, 99, 199 or 999 films would." in said


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


@pytest.mark.parametrize(("low", "high"), [(0.01, 0.03), (-0.01, 0.05), (-0.05, -0.01)])
def test_the_best_one_is_compared_on_the_images_that_judge(low, high):
    tables = compared(low, high)
    table = tables["deployment"]
    facts = choice_facts(contenders(table)[0], table, tables["contenders"])
    accurate = table.loc[table.selection_error.idxmin()]
    assert facts["best"]["members"] == accurate.members
    assert figure_of(facts["difference"], "difference") == pytest.approx([(low + high) / 2, low, high])
    assert facts["times"] == accurate.macs / table.macs.iloc[0]


def test_calibration_is_worse_only_where_the_interval_of_the_difference_says_so():
    table = BASE["temperatures"]
    rows = table[table.members == contenders(ROWS)[0]["members"]].set_index("images")
    columns = [f"ece_difference{end}" for end in ENDS]
    rows.loc["clean", columns], rows.loc["corrupted", columns] = (0.02, -0.01, 0.05), (0.02, 0.01, 0.03)
    worse = calibration_facts(rows.reset_index())["worse"]
    assert ("ece", "clean") not in worse
    assert list(worse["ece", "corrupted"]) == [0.02, 0.01, 0.03]


def test_models_of_one_cost_are_not_cheaper_and_images_that_are_needed_are_rounded_up():
    table = ROWS.assign(macs=1e6, n_images_needed=4001.0)
    facts = choice_facts(contenders(table)[0], table, None)
    assert (facts["cheaper"], facts["n_images_needed"]) == (0, 4100)
