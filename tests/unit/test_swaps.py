"""Pairs at equal accuracy: counts, rungs, estimates, intervals and the negative control."""

from itertools import product

import numpy as np
import pandas as pd
import pytest
from scipy.special import logit

from resiliency.analysis.pair_counts import (
    CALIPER,
    Half,
    PairCounts,
    halves_of,
    pair_counts,
    probability_counts,
)
from resiliency.analysis.swaps import FAMILY, Rung, rungs, swap, swap_table
from resiliency.analysis.votes_of_four import drawn_fours, vote_counts, wrong_at
from resiliency.prediction.reading import Condition, Predictions, Truth, condition_table


def pool(families: int, designs: int = 2, seeds: int = 2) -> pd.DataFrame:
    """Members of designs of two sizes in each family."""
    rows = product(range(families), range(designs), range(seeds))
    members = pd.DataFrame(
        {"family": f"f{f:02}", "design": f"f{f:02}d{d}", "seed": s, "parameters": 1e5 * 4**d}
        for f, d, s in rows
    )
    return members.assign(origin="independent", loss_weight=np.nan, setting="", training_epochs=4.0)


def studied(
    members: pd.DataFrame, random: np.random.Generator, common: float, n_images: int = 500
) -> dict:
    """Counts of members that fail where what is common to all, to their family, or their own is
    hard."""
    family = np.unique(members["family"], return_inverse=True)[1]
    of_family, own = (
        random.standard_normal((size, n_images)) for size in (family.max() + 1, len(members))
    )
    hardness = (
        1.2 * random.standard_normal(n_images)
        + common * of_family[family]
        + np.sqrt(1.2 - common**2) * own
    )
    errors = random.uniform(0.15, 0.5, family.max() + 1)[family] + random.uniform(
        0, 0.02, len(members)
    )
    wrong = hardness > np.quantile(hardness, 1 - errors, axis=1).diagonal()[:, None]
    shared = np.where(
        random.random((len(members), n_images)) < 0.6,
        1,
        random.integers(1, 9, (len(members), n_images)),
    )
    truth, group = (
        Truth(np.zeros(n_images, int)),
        condition_table([Condition("clean", "clean", 0, n_images, 9)]),
    )
    of = [
        Predictions(group, {"clean": row[None]}, {"clean": truth})
        for row in np.where(wrong, shared, 0)
    ]
    return {"clean": pair_counts(of, [0], 0)}


def test_wrong_answers_at_an_availability_against_a_sort():
    random = np.random.default_rng(0)
    labels, group = random.integers(5, size=3000), random.integers(10, size=3000)
    logits = random.standard_normal((3, 3000, 5)) + 2 * np.eye(5)[labels]
    probabilities = (np.exp(logits) / np.exp(logits).sum(axis=-1, keepdims=True)).astype(np.float32)
    counts = probability_counts([(probabilities, np.arange(3000))], labels, group, 3)
    for i, k in [(0, 0), (0, 1), (2, 1)]:
        mean = (probabilities[i] + probabilities[k]) / 2
        wrong = (mean.argmax(axis=1) != labels)[np.argsort(-mean.max(axis=1))]
        assert counts["pair_wrong"][:, i, k].sum() == wrong.sum()
        for share in (80, 90, 95):
            given = counts[f"wrong_at_{share}"][:, i, k].sum()
            assert given == pytest.approx(wrong[: 30 * share].sum(), abs=6)


def test_rungs_say_what_differs():
    members = pool(2).assign(
        training_epochs=[4, 4, 4, 4, 4, 4, 8, 8], family=["vgg"] * 4 + ["levit"] * 4
    )
    of = {name: rung.strangers[0].nonzero()[0].tolist() for name, rung in rungs(members).items()}
    assert of == {
        "size": [2, 3],
        FAMILY: [4, 5],
        "family": [4, 5, 6, 7],
        "kind of network": [4, 5, 6, 7],
    }
    assert all(
        np.array_equal(np.argwhere(rung.twins)[:2], [[0, 1], [1, 0]])
        for rung in rungs(members).values()
    )
    single = rungs(members.iloc[::2].reset_index(drop=True))
    assert single["family"].by_error
    assert np.argwhere(single["family"].twins).tolist() == [[0, 1], [1, 0], [2, 3], [3, 2]]
    joint = members.assign(
        origin=["independent"] * 6 + ["joint"] * 2, loss_weight=[np.nan] * 6 + [0.5] * 2
    )
    assert "joint training" not in rungs(joint)  # they have another seed
    joint["seed"], joint["design"] = 0, "one"
    assert rungs(joint)["joint training"].strangers.nonzero()[0].tolist() == [6, 7]


def by_loops(
    rung: Rung, halves: list[Half], family: np.ndarray, left_out: int = -1
) -> tuple[float, float]:
    """Mean of twins and of strangers of the first outcome."""
    of_halves = []
    for half in halves:
        of_families: dict = {}
        for i, j in np.argwhere(rung.twins):
            of = [
                k
                for k in range(len(family))
                if rung.strangers[i, k] and half.accurate[j, k] and k != j
            ]
            of = [half.values[0, i, k] for k in of if family[k] != left_out]
            if of and family[i] != left_out:
                of_families.setdefault(family[i], []).append((half.values[0, i, j], np.mean(of)))
        if of_families:
            of_halves.append(
                np.mean([np.mean(pairs, axis=0) for pairs in of_families.values()], axis=0)
            )
    return tuple(np.mean(of_halves, axis=0))


def test_a_swap_against_loops():
    members = pool(5)
    counts = studied(members, np.random.default_rng(1), 0.8)["clean"]
    codes = np.unique(members["family"], return_inverse=True)[1]
    family, halves, rung = (
        np.eye(5, dtype=bool)[codes],
        halves_of(counts, 0)[1],
        rungs(members)[FAMILY],
    )
    of = swap(rung, halves, family, family)
    for place, left_out in enumerate([-1, 0, 1, 2, 3, 4]):
        expected = by_loops(rung, halves, codes, left_out)
        np.testing.assert_allclose(of.means[:2, 0, place], expected, rtol=1e-12)


def test_halves_match_on_one_half_and_measure_on_the_other():
    """A member that is lucky on the images by which it is found is not lucky on the others."""
    both = np.zeros((10, 2, 2))
    both[:5, 0, 0], both[5:, 0, 0], both[:, 1, 1] = 10, 30, 20
    names, halves = halves_of(PairCounts(np.full(10, 100.0), {"both_wrong": both}), 0)
    for half in halves:
        first = 0.4 - half.values[names.index("error"), 0, 0]  # of ten groups, the halves add up
        near = abs(logit((1000 * first / 2 + 0.5) / 501) - logit(100.5 / 501)) <= CALIPER
        assert half.accurate[0, 1] == near


def test_a_planted_cause_is_found_and_nothing_is_found_without():
    members = pool(8)
    planted, none = (
        swap_table(members, studied(members, np.random.default_rng(2), of), 0.95, 0)
        for of in (1.0, 0.0)
    )
    for table, found in ((planted, True), (none, False)):
        row = table[(table.rung == FAMILY) & (table.outcome == "common_failures")].iloc[0]
        assert (row.ratio_high < 1 and row.ratio < row.control_low) == found
        assert row.control_low < 1 < row.control_high
        error = table[(table.rung == FAMILY) & (table.outcome == "error")].iloc[0]
        assert error.difference_low < 0 < error.difference_high


@pytest.mark.parametrize(("families", "designs", "seeds"), [(4, 2, 2), (1, 2, 2), (8, 1, 1)])
def test_what_is_missing_gives_no_interval(families, designs, seeds):
    """Fewer than five families, one family, and a pool without twins."""
    members = pool(families, designs, seeds)
    table = swap_table(members, studied(members, np.random.default_rng(3), 0.5, 200), 0.95, 0)
    ends = table.filter(regex="low|high").drop(columns="confidence", errors="ignore")
    assert ends.isna().all(axis=None)
    assert table.empty == (seeds == 1)


def test_votes_of_four_against_an_enumeration():
    """Each image by all ways to break its ties; what is given last is given by chance."""
    random = np.random.default_rng(4)
    decided, labels = random.integers(3, size=(6, 400)), random.integers(3, size=400)
    fours = np.array([[0, 1, 2, 3], [5, 4, 3, 2]])
    counts = vote_counts([decided], labels, np.zeros(400, int), fours)[:, 0]
    for four, found in zip(fours, wrong_at(counts).T, strict=True):
        of_images = []
        for votes, label in zip(decided[four].T, labels, strict=True):
            counted = np.bincount(votes, minlength=3)
            tied = np.flatnonzero(counted == counted.max())
            of_images.append((-counted.max(), np.mean(tied != label)))
        of_images = pd.DataFrame(of_images, columns=["rank", "wrong"])
        of_images["wrong"] = of_images.groupby("rank")["wrong"].transform("mean")
        ordered = of_images.sort_values("rank")["wrong"].to_numpy()
        assert found == pytest.approx(
            [ordered[: int(400 * of)].sum() / 400 for of in (0.8, 0.9, 0.95)]
        )


def test_groups_of_four_have_one_family_or_four():
    members = pool(6)
    family = np.unique(members["family"], return_inverse=True)[1]
    accurate = np.random.default_rng(5).random((24, 24)) < 0.5
    drawn = drawn_fours(np.ones(24, bool), family, accurate | accurate.T, 0, 0)
    assert len(drawn[0]) > 20
    for twins, strangers in zip(*drawn, strict=True):
        assert [len(set(of)) for of in (twins, family[twins], family[strangers])] == [4, 1, 4]
        assert twins[0] == strangers[0]
        assert (accurate | accurate.T)[twins[1:], strangers[1:]].all()
