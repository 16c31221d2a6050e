"""Ensembles are chosen and recommended on one half of the images and judged on the other, against
loops."""

from itertools import combinations

import deployment_rates as rates
import numpy as np
import pandas as pd
import pytest
from fault_messages import fault_of
from predicted import conditions_of, logits_of, predictions_of
from scipy.stats import binom

from resiliency.analysis import deployment
from resiliency.analysis.contenders import eligible
from resiliency.analysis.judging import Resampled, halves
from resiliency.ensembles.pool import EnsembleErrors, front, greedy
from resiliency.ensembles.settings import Limits
from resiliency.metrics.classification import softmax
from resiliency.statistics.resampling import Resampling, Units

MEMBERS, IMAGES, CLASSES = 5, 40, 3
DRAWN = {"baseline": "a-s0", "resampling": Resampling(200, 0.9, 0)}
COSTS, WRONG = np.array([[0, 9, 1], [1, 0.5, 1], [0, 2, 0]], float), 1 - np.eye(CLASSES)
STUDY = logits_of(MEMBERS, IMAGES, 0, skill=1.3)
CHOSEN, JUDGED = halves(STUDY[1], 0)


def scored(study=STUDY, rule: str = "mean_probability", **objective) -> EnsembleErrors:
    logits, labels = study
    table = conditions_of(["fog"], [1, 2, 3], len(labels))
    members = [predictions_of(table, labels, of_member) for of_member in logits]
    return EnsembleErrors(members, rule, **objective)


def costs_by_loops(ensemble: tuple[int, ...], images: np.ndarray, costs=WRONG) -> np.ndarray:
    """Under mean probability: float conditions x images."""
    logits, labels = STUDY
    answers = np.mean([softmax(logits[member]) for member in ensemble], axis=0).argmax(axis=-1)
    return costs[labels, answers][:, images]


def test_greedy_selection_against_loops():
    images, pool = np.arange(0, IMAGES, 2), np.array([0, 2, 3, 4])
    ensembles = greedy(scored(), pool, 3, images)
    assert [len(ensemble) for ensemble in ensembles] == [1, 2, 3]
    chosen: list[int] = []
    for ensemble in ensembles:
        grown = {
            m: costs_by_loops((*chosen, m), images)[1:].mean() for m in pool if m not in chosen
        }
        chosen.append(min(grown, key=grown.get))
        assert sorted(chosen) == ensemble.tolist()
    assert [len(ensemble) for ensemble in greedy(scored(), pool, 9, images)] == [1, 2, 3, 4]
    assert greedy(scored(), pool[:0], 3, images) == []


@pytest.mark.filterwarnings("error")
def test_the_worst_class_is_one_that_is_evaluated():
    """Class 2 is always wrong in the selection, and absent from the other half, which alone has
    class 3."""
    labels, table = np.array([0, 1, 2, 0, 1, 3]), conditions_of(["fog"], [1, 2, 3], 6, 4)
    member = predictions_of(table, labels, np.zeros((4, 6, 4), np.float16))
    of = EnsembleErrors([member], "mean_probability")
    wrong = np.tile(np.array([0, 0.5, 1, 0, 1, 1], np.float32), (3, 1))
    half = Resampled(table, np.arange(3, 6), Resampling(5, 0.9, 0))
    row = deployment.worst_cases(of, wrong, np.arange(3), half)
    assert (row["worst_class"], row["worst_class_error"]) == (1, 1)


def test_the_front_is_what_nothing_dominates():
    """The first of equals; what is as cheap errs more, or what errs as much costs more; what costs
    nobody knows."""
    errors, costs = np.array(
        [[4, 1], [3, 1], [2, 2], [2, 2], [2, 3], [1, 3], [1, 4], [5, 9], [0, np.nan]]
    ).T
    assert np.flatnonzero(front(errors, costs)).tolist() == [1, 2, 5]


def tables(study=STUDY, sizes=(2, 3)) -> tuple[pd.DataFrame, pd.DataFrame]:
    """members.csv, of which the last two are trained jointly, and ensembles.parquet."""
    everything, of = np.arange(len(study[1])), scored(study)
    count = len(study[0])
    members = pd.DataFrame({"member": [f"{'abcdefgh'[m]}-s0" for m in range(count)]})
    members["origin"] = ["independent"] * (count - 2) + ["joint"] * 2
    members["clean_accuracy"] = 0.9 - 0.1 * np.arange(count)
    members["macs"], members["parameters"] = (
        100 * 2 ** np.arange(count),
        900 - 100 * np.arange(count),
    )
    members["corrupted_error"] = of.errors(np.arange(count)[:, None], everything)
    alone = [e for size in sizes for e in combinations(range(count - 2), size)]
    rows = []
    for chosen in [*alone, (count - 2, count - 1)]:
        of_them = members.iloc[list(chosen)]
        row = {
            "members": "+".join(of_them.member),
            "origin": of_them.origin.iloc[0],
            "size": len(chosen),
        }
        row |= {"macs": of_them.macs.sum(), "parameters": of_them.parameters.sum()}
        rows.append(row | {"corrupted_error": of.errors(np.array([chosen]), everything)[0]})
    return members, pd.DataFrame(rows)


def deployed(study=STUDY, margin=None, **objective) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The candidates and deployment.csv."""
    (members, ensembles), of = tables(study), scored(study, **objective)
    candidates = deployment.candidate_table(members, ensembles, of, 4, CHOSEN)
    return candidates, deployment.deployment_table(
        candidates, members, of, CHOSEN, JUDGED, **DRAWN, margin=margin
    )


def test_candidates():
    members, ensembles = tables(sizes=(2,))
    known = members, ensembles, scored(), 3, CHOSEN
    table = deployment.candidate_table(*known)
    for limits, within in (
        (Limits(members=1), table["size"] <= 1),
        (Limits(macs=300), table["macs"] <= 300),
    ):
        assert (deployment.candidate_table(*known, limits).fit == (table.fit & within)).all()
    assert table.found.value_counts().to_dict() == {"single": 3, "scored": 3 + 1, "greedy": 1}
    assert set(table[table.found != "scored"].origin) == {"independent"}
    assert table.members.iloc[-1] == "a-s0+b-s0+c-s0"
    errors = table.selection_error.where(table.fit, np.inf).to_numpy()
    for cost in ("macs", "parameters"):
        of_member = members.set_index("member")[cost]
        assert table[cost].tolist() == [of_member[row.split("+")].sum() for row in table.members]
        np.testing.assert_array_equal(table[f"front_{cost}"], front(errors, table[cost].to_numpy()))


def test_judgement_does_not_see_the_images_of_the_choice():
    """Other predictions on the judging half change nothing that is chosen, but do change the
    judgement."""
    candidates, table = deployed()
    assert table[table.baseline].members.tolist() == ["a-s0"]
    assert (table.n_selection_images + table.n_images == IMAGES).all()
    of_fit = table[table.fit]
    np.testing.assert_allclose(of_fit.margin, np.minimum(0.01, of_fit.selection_error / 10))
    expected = candidates.set_index("members").judged_error[table.members]
    np.testing.assert_allclose(table.corrupted_error, expected)
    other = [np.array(member) for member in STUDY[0]]
    for member in other:
        member[:, JUDGED] = 0
    again, judged_again = deployed((other, STUDY[1]))
    columns = ["members", "selection_error", "front_macs", "front_parameters"]
    pd.testing.assert_frame_equal(again[columns], candidates[columns])
    assert (judged_again.members == table.members).all()
    assert (judged_again.corrupted_error != table.corrupted_error).any()


OBJECTIVES = {
    "mean": np.mean,
    "cost": np.mean,
    "worst_condition": lambda values: values.mean(axis=1).max(),
    "quantile": lambda values: np.quantile(values.mean(axis=1), 0.6),
}


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_objectives_choose_on_one_half_and_are_judged_on_the_other(objective):
    matrix, labels = COSTS if objective == "cost" else WRONG, STUDY[1]
    costs = COSTS if objective == "cost" else None
    candidates, table = deployed(objective=objective, quantile=0.6, costs=costs)
    position = {member: index for index, member in enumerate(tables()[0].member)}

    def by_loops(row, images: np.ndarray, costs: np.ndarray = WRONG) -> np.ndarray:
        return costs_by_loops(
            tuple(position[member] for member in row.members.split("+")), images, costs
        )[1:]

    for row in candidates.itertuples():
        assert row.selection_error == pytest.approx(
            OBJECTIVES[objective](by_loops(row, CHOSEN, matrix))
        )
        assert row.judged_error == pytest.approx(by_loops(row, JUDGED).mean())
    for row in table.itertuples():
        before, after = by_loops(row, CHOSEN), by_loops(row, JUDGED)
        worst = before.mean(axis=1).argmax()
        assert (row.worst_corruption, row.worst_severity) == ("fog", worst + 1)
        assert row.worst_error == pytest.approx(after[worst].mean())
        of_classes = [before[:, labels[CHOSEN] == k].mean() for k in range(CLASSES)]
        assert of_classes[int(row.worst_class)] == pytest.approx(max(of_classes))
        assert row.worst_class_error == pytest.approx(
            after[:, labels[JUDGED] == row.worst_class].mean()
        )
        assert row.quantile_error == pytest.approx(np.quantile(after.mean(axis=1), 0.6))
        for name in ("worst_error", "worst_class_error", "quantile_error"):
            assert getattr(row, f"{name}_low") < getattr(row, f"{name}_high")
        if objective == "cost":
            of_images = by_loops(row, JUDGED, COSTS).mean(axis=0)
            width = 2 * 1.645 * of_images.std() / np.sqrt(len(JUDGED))
            assert row.cost == pytest.approx(of_images.mean())
            assert row.cost_low < row.cost < row.cost_high <= COSTS.max()
            assert row.cost_high - row.cost_low > 0.95 * width


def test_a_margin_of_all_errors_lets_every_cheaper_row_of_no_more_members_stand_in():
    _, table = deployed(margin=1.0)
    assert table["macs"].is_monotonic_increasing
    for row in eligible(table).to_dict("records"):
        allowed = table[table.fit & (table["size"] <= row["size"]) & (table["macs"] <= row["macs"])]
        assert table["macs"][table.number == row["instead"]].item() == allowed["macs"].min()


def test_limits_that_no_fit_model_keeps_are_refused_with_one_that_some_keeps():
    """The least of fit models within the other limits: the cheapest model is not fit, the next has
    more members."""
    candidates = pd.DataFrame(
        {"fit": [False, True, True], "size": [1, 1, 2], "macs": [10.0, 400.0, 100.0]}
    )
    message = fault_of(deployment.within_limits, candidates, Limits(members=1, macs=200))
    assert message.startswith("deployment.limits.macs")
    assert message.endswith("got 200; allow at least 400")
    assert deployment.within_limits(candidates, Limits(members=1, macs=400)).tolist() == [
        False,
        True,
        False,
    ]


LABELS = np.arange(1000) % 10
ROWS = pd.DataFrame({"size": [1, 1, 2, 4, 1], "macs": [2.0, 3.0, 5.0, 9.0, 1.0]})
ROWS = ROWS.assign(fit=[True] * 4 + [False], selection_error=[0.3, 0.2, 0.12, 0.1, 0.1])


def test_members_near_chance_or_far_below_the_others_are_not_fit():
    accuracies = np.array([0.985, 0.97, 0.58, 0.85, 0.12, 0.99])
    assert deployment.fit_members(accuracies, LABELS).tolist() == [
        True,
        True,
        False,
        True,
        False,
        True,
    ]
    assert deployment.fit_members(np.array([0.1, 0.11]), LABELS).all()


UNKNOWN, ALL = np.nan, [0.0] * 5


@pytest.mark.parametrize(
    ("changes", "high", "reference", "margin", "place"),
    [
        ({}, [0.1, 0.05, 0.011, 0, 0], 3, 0.01, 3),
        ({}, [0.1, 0.05, 0.01, 0, 0], 3, 0.01, 2),
        ({}, [0.1, 0.05, 0.011, 0, 0], 3, 0.02, 2),
        # No more members than the reference, and no higher cost.
        ({"macs": [9.0, 8.0, 7.0, 6.0, 1.0]}, ALL, 1, 0.01, 1),
        # A row of unknown cost is never preferred; where the reference's is unknown, fewer members
        # are cheaper.
        ({"macs": [UNKNOWN, 3.0, 5.0, 9.0, 1.0]}, ALL, 3, 0.01, 1),
        ({"macs": [UNKNOWN, 3.0, UNKNOWN, UNKNOWN, 1.0]}, ALL, 3, 0.01, 1),
        ({"macs": UNKNOWN}, ALL, 3, 0.01, 1),  # of equals, the one with fewer errors
        # To save less than a tenth of the cost, none with more errors is taken: neither at once nor
        # in further steps.
        ({"macs": [2.71, 3.0, 5.0, 9.0, 1.0]}, ALL, 1, 0.01, 1),
        ({"macs": [2.7, 3.0, 5.0, 9.0, 1.0]}, ALL, 1, 0.01, 0),
        ({"macs": [4.6, 6.0, 5.0, 9.0, 1.0]}, ALL, 3, 0.01, 2),
    ],
)
def test_the_cheapest_is_taken_of_those_that_are_shown_to_be_hardly_worse(
    changes, high, reference, margin, place
):
    bounds = pd.DataFrame({"behind": np.zeros(5), "behind_high": high})
    assert deployment.cheapest(ROWS.assign(**changes), bounds, reference, margin, 100)[0] == place


def test_images_needed_are_those_that_bring_a_bound_within_the_margin():
    """Of the two that are worse by less than .01, the bound of one is 6 and that of the other 2
    times too far away."""
    bounds = pd.DataFrame(
        {"behind": [0.02, 0.005, 0, 0, 0], "behind_high": [0.05, 0.035, 0.02, 0, 0]}
    )
    assert deployment.cheapest(ROWS, bounds, 3, 0.01, 100) == (3, 100 * 2**2)


def test_the_shortlist_has_the_best_and_what_is_shown(monkeypatch):
    monkeypatch.setattr("resiliency.analysis.deployment.SHORTLIST", 2)
    assert deployment.shortlist(ROWS, np.array([True, False, False, False, False])).tolist() == [
        0,
        2,
        3,
    ]


def test_the_margin_is_a_point_or_a_tenth_of_the_error_unless_the_study_sets_it():
    assert deployment.margin_of(0.3, None, "mean") == 0.01
    assert deployment.margin_of(0.02, None, "worst_condition") == pytest.approx(0.002)
    assert deployment.margin_of(3, None, "cost") == pytest.approx(0.3)
    assert deployment.margin_of(0.02, 0.005, "mean") == 0.005


def test_the_critical_value_grows_with_the_number_of_candidates():
    drawn = 0.2 + 0.01 * np.random.default_rng(0).standard_normal((50, 4000))
    errors = np.full(50, 0.2)
    few, many = (
        deployment.differences(errors[:n], drawn[:n], 0, Units.single(4000), 0.95) for n in (2, 50)
    )
    spread = (drawn[1] - drawn[0]).std()
    assert few.behind_high[1] == pytest.approx(1.645 * spread, rel=0.05)
    assert 2.2 * spread < many.behind_high[1] < 3.3 * spread
    assert (many.behind_low == -many.behind_high).all()
    assert many.behind_high[0] == 0


def test_a_member_far_below_the_others_is_on_no_front_and_in_no_greedy_ensemble():
    """One member answers by chance on clean images, and well on corrupted ones."""
    logits, labels = logits_of(6, 400, 0, skill=2.0)
    logits[0][0] = 0
    logits[0][1:, np.arange(400), labels] += 9
    table = deployment.candidate_table(
        *tables((logits, labels)), scored((logits, labels)), 4, halves(labels, 0)[0]
    )
    with_it = table.members.str.contains("a-s0")
    assert (table.fit != with_it).all()
    assert table[with_it].selection_error.min() < table[~with_it].selection_error.min()
    assert not table.front_macs[with_it].any()
    assert not (with_it & (table.found == "greedy")).any()


@pytest.mark.slow
@pytest.mark.parametrize("case", rates.CASES, ids=lambda case: case.situation)
def test_the_truly_best_is_kept_and_the_most_that_is_said_holds(case):
    """A small version of deployment_rates.py; at rates of 0.05 a bound is passed once in ten
    thousand times."""
    row = rates.choices(case, 300, 40, 200)
    most = binom.ppf(1 - 1e-4, 40, 1 - rates.CONFIDENCE)
    assert row["lost"] <= most
    assert row["inferior"] <= most
    assert row["worse_than_member"] <= most
    assert row["covered"] >= binom.ppf(1e-4, 40, 0.9)
    assert row["recommended"] < 0.02
