"""The four observations: each finds a truth that was planted, and says so when it cannot tell."""

from itertools import combinations
from math import comb

import numpy as np
import pandas as pd
import pytest
from scipy.stats import pearsonr

from resiliency.analysis.observations import (
    architecture_brings_diversity,
    architecture_matters_more,
    attribution_diversity_is_less_negative,
    balance_is_most_resilient,
)
from resiliency.analysis.verdicts import Observation, observation_rows

DRAWN = {"resamples": 200, "seed": 0}
PAIRS = pd.DataFrame(
    [("prediction", "disagreement"), ("attribution", "saliency_cosine"), ("activation", "linear_cka")] * 2,
    columns=["kind", "metric"],
)


def verdict(observation: Observation) -> str:
    verdicts = {row["verdict"] for row in observation_rows(observation, 0.95)}
    assert len(verdicts) == 1
    return verdicts.pop()


# Observation 1


def member_rows(
    seed: int, family: float, size: float, accuracy: float, noise: float, families: int = 4, each: int = 3
) -> pd.DataFrame:
    """Some designs of each family, two members of each; how much each predictor and chance move the error."""
    rng = np.random.default_rng(seed)
    effects, rows = rng.permutation(np.linspace(-1, 1, families)), []
    for design in range(each * families):
        parameters = rng.uniform(4, 7)
        for index in range(2):
            clean = rng.uniform(-1, 1)
            error = family * effects[design % families] + size * (parameters - 5.5) / 1.5 + accuracy * clean
            rows.append(
                {
                    "member": f"d{design}-s{index}",
                    "origin": "independent",
                    "design": f"d{design}",
                    "family": f"f{design % families}",
                    "parameters": 10**parameters,
                    "clean_accuracy": 0.9 + 0.05 * clean,
                    "mean_corruption_error": 0.5 + error + noise * rng.standard_normal(),
                }
            )
    return pd.DataFrame(rows)


@pytest.mark.parametrize(
    ("effects", "expected"),
    [((0.2, 0, 0), "supported"), ((0, 0.2, 0), "contradicted"), ((0, 0, 0.2), "contradicted")],
)
def test_observation_1_finds_what_matters(effects, expected):
    observation = architecture_matters_more(member_rows(0, *effects, noise=0.02, each=6), 100)
    assert len(observation.parts) == 2
    assert observation.members == 48
    assert verdict(observation) == expected


def test_observation_1_is_rarely_supported_by_chance():
    tables = [member_rows(seed, 0, 0, 0, noise=0.1) for seed in range(40)]
    verdicts = [verdict(architecture_matters_more(table, 100)) for table in tables]
    assert verdicts.count("supported") <= 4


def test_observation_1_does_not_take_designs_for_families():
    """Designs differ, and their seeds alike, but for reasons that have nothing to do with their families."""
    verdicts = []
    for seed in range(40):
        table = member_rows(seed, 0, 0, 0, noise=0.02, families=6)
        own = dict(zip(table.design.unique(), np.random.default_rng(seed).normal(0, 0.1, 18), strict=True))
        table["mean_corruption_error"] += table.design.map(own)
        verdicts.append(verdict(architecture_matters_more(table, 100)))
    assert verdicts.count("supported") <= 4


def test_observation_1_leaves_jointly_trained_members_out():
    members = member_rows(0, 0.2, 0, 0, noise=0.02)
    joint = members.assign(origin="joint", mean_corruption_error=np.linspace(0, 1, len(members)))
    alone, together = (architecture_matters_more(table, 100) for table in (members, pd.concat([members, joint])))
    assert together.members == alone.members
    np.testing.assert_array_equal(together.parts[0].values, alone.parts[0].values)


def test_observation_1_of_one_design_is_undecided():
    members = member_rows(0, 1, 0, 0, noise=0.02, each=6)
    observation = architecture_matters_more(members[members.design == members.design.iloc[0]], 100)
    assert verdict(observation) == "undecided"
    assert all(np.isnan([part["low"], part["high"]]).all() for part in observation_rows(observation, 0.95))


def test_observation_1_needs_more_designs_than_families():
    members = member_rows(0, 0.2, 0, 0, noise=0.02)
    observation = architecture_matters_more(members.assign(family=members.design), 100)
    assert verdict(observation) == "undecided"
    assert "3 designs a family" in observation_rows(observation, 0.95)[0]["lacking"]


# Observations 2 and 4


def ensemble_rows(seed: int, prediction: float, attribution: float, gap: float = 0, designs: int = 4, sizes=(2, 3)):
    """All ensembles of three members of each design.

    Args:
        prediction, attribution: how diversity of the kind goes with accuracy.
        gap: how much more diverse ensembles of different designs are.
    """
    rng, others = np.random.default_rng(seed), np.random.default_rng(seed + 1000)
    members = [(f"d{d}-s{s}", f"d{d}") for d in range(designs) for s in range(3)]
    rows = []
    for size in sizes:
        for chosen in combinations(members, size):
            accuracy, chance = rng.standard_normal(), rng.standard_normal((3, 2))
            different = len({design for _, design in chosen})
            more = gap * (different == size)
            row = {"origin": "independent", "rule": "mean_probability", "size": size, "designs": different}
            row["members"] = "+".join(name for name, _ in chosen)
            row |= {"possible": comb(len(members), size), "weight": 1.0}
            row["error_fog"] = 0.2 - 0.02 * accuracy
            for column, condition in enumerate(("clean", "corrupted")):
                row[f"{condition}_accuracy"] = 0.8 + 0.02 * accuracy
                row[f"mean_member_{condition}_accuracy"] = 0.8 + 0.01 * accuracy + 0.01 * others.standard_normal()
                row[f"disagreement_{condition}"] = prediction * accuracy + 0.5 * chance[0, column] + more
            row["saliency_cosine_clean"] = attribution * accuracy + 0.5 * chance[1, 0] + more
            row["linear_cka_clean"] = chance[2, 0] + more
            rows.append(row)
    return pd.DataFrame(rows)


def observation_2(table: pd.DataFrame) -> Observation:
    return attribution_diversity_is_less_negative(table, PAIRS, "mean_probability", 100)


@pytest.mark.parametrize(
    ("prediction", "attribution", "expected"),
    [(-1, 0, "supported"), (-1, 1, "supported"), (0, -1, "contradicted"), (0, 0, "undecided"), (1, 1, "undecided")],
)
def test_observation_2_finds_what_was_planted(prediction, attribution, expected):
    assert verdict(observation_2(ensemble_rows(0, prediction, attribution))) == expected


def test_observation_2_is_the_mean_over_sizes_of_differences():
    table = ensemble_rows(0, -0.5, 0.2)
    expected = []
    for _, group in table.groupby("size"):
        attribution = pearsonr(group.saliency_cosine_clean, group.corrupted_accuracy).statistic
        expected.append(attribution - pearsonr(group.disagreement_corrupted, group.corrupted_accuracy).statistic)
    observation = observation_2(table)
    assert observation.parts[1].name == "corrupted images"
    assert observation.parts[1].values[0] == pytest.approx(np.mean(expected))
    assert (observation.members, observation.ensembles) == (12, len(table))


def test_observation_2_passes_over_other_rules_and_origins():
    table = ensemble_rows(0, -1, 0)
    others = pd.concat([table.assign(rule="plurality_vote"), table.assign(origin="joint")])
    others[["disagreement_clean", "disagreement_corrupted"]] *= -1
    one, other = observation_2(table), observation_2(pd.concat([others, table]))
    for part, same in zip(one.parts, other.parts, strict=True):
        np.testing.assert_array_equal(part.values, same.values)


def test_observation_2_leaves_out_sizes_of_one_ensemble():
    """All 12 members form a single ensemble, which correlates with nothing."""
    table = ensemble_rows(0, -1, 0, sizes=(2, 12))
    assert verdict(observation_2(table)) == "supported"


def test_observation_2_needs_several_ensembles():
    observation = observation_2(ensemble_rows(0, -1, 0, sizes=(12,)))
    assert verdict(observation) == "undecided"
    assert observation.lacking == "needs at least three ensembles of a size"


def observation_4(table: pd.DataFrame) -> Observation:
    return architecture_brings_diversity(table, PAIRS, "mean_probability", 100)


@pytest.mark.parametrize(("gap", "expected"), [(5, "supported"), (-5, "contradicted"), (0, "undecided")])
def test_observation_4_finds_what_was_planted(gap, expected):
    assert verdict(observation_4(ensemble_rows(0, 0, 0, gap))) == expected


@pytest.mark.parametrize("observed", [observation_2, observation_4])
def test_a_sample_of_ensembles_is_told(observed):
    table = ensemble_rows(0, -1, 0)
    assert not observed(table).sampled
    assert observed(table.drop(index=table[table["size"] == 2].index[3])).sampled


def test_observation_4_by_loops():
    table = ensemble_rows(0, 0, 0, 0.3)
    observation = observation_4(table)
    parts = {part.name: part for part in observation.parts}
    part = parts["activation: linear_cka, clean images"]
    deltas, gaps = [], []
    for _, group in table.groupby("size"):
        one = group[group.designs == 1].linear_cka_clean.to_numpy()
        different = group[group.designs == group["size"]].linear_cka_clean.to_numpy()
        deltas.append(np.sign(different[:, None] - one).mean())
        gaps.append(different.mean() - one.mean())
    assert part.values[0] == pytest.approx(np.mean(deltas))
    assert part.difference == pytest.approx(np.mean(gaps))
    assert len(parts) == 4  # predictions on clean and on corrupted images, the other two kinds on clean probes


@pytest.mark.parametrize("designs", [1, 4])
def test_observation_4_needs_designs_and_seeds(designs):
    table = ensemble_rows(0, 0, 0, designs=designs)
    if designs == 4:
        table = table[table.designs > 1]  # one member of each design
    observation = observation_4(table)
    assert verdict(observation) == "undecided"
    assert observation.lacking == "needs at least two designs and two seeds of a design"


# Observation 3


def image_errors(
    middle: float, first: float, last: float, seeds: int = 3, strengths=(0.0, 0.4, 0.6, 1.0)
) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    level = {0.0: first, 1.0: last}
    hardness = rng.uniform(-0.3, 0.3, 50)
    rows = [
        (
            "balanced",
            strength,
            seed,
            image,
            level.get(strength, middle) + hardness[image] + 0.02 * rng.standard_normal(),
        )
        for strength in strengths
        for seed in range(seeds)
        for image in range(50)
    ]
    return pd.DataFrame(rows, columns=["objective", "strength", "seed", "image", "error"])


@pytest.mark.parametrize(
    ("middle", "first", "last", "expected"),
    [
        (0.3, 0.4, 0.4, "supported"),
        (0.5, 0.4, 0.4, "contradicted"),
        (0.3, 0.4, 0.2, "contradicted"),
        (0.4, 0.4, 0.4, "undecided"),
        (0.3, 0.4, 0.3, "undecided"),
    ],
)
def test_observation_3_finds_what_was_planted(middle, first, last, expected):
    assert verdict(balance_is_most_resilient(image_errors(middle, first, last), 36, **DRAWN)) == expected


def test_observation_3_is_rarely_decided_by_two_seeds_that_differ():
    """No setting is better, but each training ends a little higher or lower than another."""
    verdicts = []
    for trial in range(60):
        errors = image_errors(0.4, 0.4, 0.4, seeds=2)
        training = errors.groupby(["strength", "seed"]).ngroup()
        errors["error"] += np.random.default_rng(trial).normal(0, 0.02, 8)[training]
        verdicts.append(verdict(balance_is_most_resilient(errors, 36, resamples=2000, seed=0)))
    assert verdicts.count("undecided") >= 54


def test_observation_3_is_a_difference_of_means():
    errors = image_errors(0.3, 0.4, 0.5)
    means = errors.groupby("strength").error.mean()
    observation = balance_is_most_resilient(errors, 36, **DRAWN)
    found = [part.values[0] for part in observation.parts]
    middle = (means[0.4] + means[0.6]) / 2
    assert found == pytest.approx([middle - means[0.0], middle - means[1.0]])
    assert (observation.members, observation.ensembles, observation.images) == (36, 12, 50)


def test_observation_3_is_paired():
    """Images differ by far more than settings, and their differences cancel."""
    rows = observation_rows(balance_is_most_resilient(image_errors(0.3, 0.4, 0.4), 36, **DRAWN), 0.95)
    assert max(row["high"] - row["low"] for row in rows) < 0.02


def test_observation_3_compares_the_balanced_objective_alone():
    """Another objective, of the same strengths and seeds, is better at one end and worse at the other."""
    balanced = image_errors(0.3, 0.4, 0.4)
    both = pd.concat([image_errors(0.6, 0.1, 0.9).assign(objective="kl"), balanced])
    alone, among = (balance_is_most_resilient(errors, 36, **DRAWN) for errors in (balanced, both))
    assert among.ensembles == alone.ensembles
    for part, same in zip(alone.parts, among.parts, strict=True):
        np.testing.assert_array_equal(part.values, same.values)


def test_observation_3_needs_the_balanced_objective():
    observation = balance_is_most_resilient(image_errors(0.3, 0.4, 0.4).assign(objective="kl"), 0, **DRAWN)
    assert verdict(observation) == "undecided"
    assert "of objective balanced" in observation.lacking


@pytest.mark.parametrize("strengths", [(), (0.0, 1.0), (0.0, 0.5), (0.5, 1.0)])
def test_observation_3_needs_both_ends_and_a_middle(strengths):
    observation = balance_is_most_resilient(image_errors(0.3, 0.4, 0.4, strengths=strengths), 36, **DRAWN)
    assert verdict(observation) == "undecided"
    assert "lambda 0, 1 and between" in observation.lacking
