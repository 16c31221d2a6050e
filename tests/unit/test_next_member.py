"""Which member to add: the rule on images of the choice, its gain on others, against every other addition."""

from functools import partial
from itertools import combinations

import numpy as np
import pandas as pd
import pytest

from resiliency.analysis.choices import choice_of
from resiliency.analysis.next_member import additions_of, next_member_table
from resiliency.base.names import CLEAN
from resiliency.ensembles.selection import EnsembleErrors
from resiliency.ensembles.voting import VOTE, expected_accuracy
from resiliency.prediction.conditions import all_conditions
from resiliency.prediction.reading import Predictions, Truth

NAMES, CLASSES, IMAGES = list("abcdef"), 4, {CLEAN: 90, "photos": 50}
approx = partial(pytest.approx, abs=1e-6)  # shares of ties are float32
CHOSEN, JUDGED = np.arange(45), np.arange(45, 90)


def made(names):
    """Decisions of members, their labels, ensembles of two and three, and the table of what one more gains."""
    random = np.random.default_rng(5)
    labels = {name: random.integers(CLASSES, size=count) for name, count in IMAGES.items()}
    decisions = {}
    for name, of_set in labels.items():
        wrong = random.random((len(names), IMAGES[name])) < random.beta(0.6, 0.8, IMAGES[name])
        decisions[name] = np.where(wrong, random.integers(CLASSES, size=wrong.shape), of_set)
    table = all_conditions([], [], IMAGES, dict.fromkeys(IMAGES, CLASSES))
    predictions = [
        Predictions(
            table, {n: of[m : m + 1] for n, of in decisions.items()}, {n: Truth(of) for n, of in labels.items()}
        )
        for m in range(len(names))
    ]
    rows = [
        {"size": size, "members": "+".join(names[m] for m in chosen)}
        | {f"{n}_accuracy": expected_accuracy(np.array([chosen]), decisions[n], labels[n])[0] for n in IMAGES}
        for size in (2, 3)
        for chosen in combinations(range(len(names)), size)
    ]
    ensembles = pd.DataFrame(rows)
    scored = EnsembleErrors(predictions, np.ones(len(names)), VOTE, images=CLEAN)
    choice = choice_of(pd.DataFrame({"member": names}), ensembles, scored, 5, CHOSEN)
    return decisions, labels, next_member_table(choice, ensembles, 0.95)


@pytest.fixture(scope="module")
def study():
    """What `made` gives of six members."""
    return made(NAMES)


def accuracy(study, names, images=None, test_set=CLEAN):
    """Of the vote of members, a list of names."""
    decisions, labels, _ = study
    chosen, of = np.array([[NAMES.index(name) for name in sorted(names)]]), images
    of = np.arange(IMAGES[test_set]) if of is None else of
    return expected_accuracy(chosen, decisions[test_set][:, of], labels[test_set][of])[0]


def test_an_ensemble_of_all_members_has_no_row():
    table = made(NAMES[:3])[2]
    assert table[table.start == "every"]["size"].drop_duplicates().tolist() == [1, 2]


def test_rows_of_greedy_ensembles_hold_every_addition_against_the_rule(study):
    table = study[2]
    rows = table[table.start == "greedy"]
    assert rows["size"].tolist() == [1, 1, 2, 2, 3, 3, 4, 4]
    assert rows.condition.tolist() == [CLEAN, "photos"] * 4
    for row in rows.itertuples():
        current = row.current.split("+")
        rest = [name for name in NAMES if name not in current]
        by_choice = {name: accuracy(study, [*current, name], CHOSEN) for name in rest}
        images = JUDGED if row.condition == CLEAN else None
        before = accuracy(study, current, images, row.condition)
        gains = {name: accuracy(study, [*current, name], images, row.condition) - before for name in rest}
        assert row.addition == max(rest, key=lambda name: by_choice[name])
        assert row.most_accurate == max(rest, key=lambda name: accuracy(study, [name], CHOSEN))
        assert row.accuracy == approx(before)
        assert row.gain == approx(gains[row.addition])
        assert row.gain_low <= row.gain <= row.gain_high
        assert row.most_accurate_gain == approx(gains[row.most_accurate])
        assert row.difference == approx(row.gain - row.most_accurate_gain)
        assert row.random_gain == approx(np.mean(list(gains.values())))
        assert row.best_gain == approx(max(gains.values()))
        assert row.regret == approx(row.best_gain - row.gain)
        assert row.images == (len(JUDGED) if row.condition == CLEAN else IMAGES["photos"])


def test_the_best_of_all_ensembles_with_one_more_member_is_named_where_they_were_scored(study):
    table = study[2]
    rows = table[(table.start == "greedy") & (table.condition == "photos")].set_index("size")
    for size in (1, 2):
        best = max(combinations(NAMES, size + 1), key=lambda names: accuracy(study, names, CHOSEN))
        assert rows.exhaustive[size] == "+".join(best)
        gained = accuracy(study, best, test_set="photos") - rows.accuracy[size]
        assert rows.exhaustive_gain[size] == approx(gained)
    assert rows.exhaustive[3:].isna().all()


def test_means_over_every_ensemble_of_a_size_are_those_of_loops(study):
    table = study[2]
    rows = table[table.start == "every"].set_index(["size", "condition"])
    assert [size for size, _ in rows.index] == [1, 1, 2, 2]
    for (size, condition), row in rows.iterrows():
        images = JUDGED if condition == CLEAN else None
        gains, by_accuracy, regrets = [], [], []
        for current in combinations(NAMES, size):
            rest = [name for name in NAMES if name not in current]
            before = accuracy(study, current, images, condition)
            after = {name: accuracy(study, [*current, name], images, condition) - before for name in rest}
            rule = max(rest, key=lambda name: accuracy(study, [*current, name], CHOSEN))
            gains.append(after[rule])
            by_accuracy.append(after[max(rest, key=lambda name: accuracy(study, [name], CHOSEN))])
            regrets.append(max(after.values()) - after[rule])
        assert row.ensembles == len(gains)
        assert row.gain == approx(np.mean(gains))
        assert row.most_accurate_gain == approx(np.mean(by_accuracy))
        assert row.regret == approx(np.mean(regrets))


def test_additions_are_found_among_all_sets_of_members():
    pairs, triples = (np.array(list(combinations(range(4), size))) for size in (2, 3))
    found = additions_of(pairs, triples, 4)
    for row, pair in enumerate(pairs.tolist()):
        for member in range(4):
            expected = -1 if member in pair else triples.tolist().index(sorted([*pair, member]))
            assert found[row, member] == expected
