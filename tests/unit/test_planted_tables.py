"""What members from files cannot carry, λ and attributions, planted in tables many times; and tables without it."""

from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from observed import verdict
from scipy.stats import binom

from resiliency.analysis.exchange_rates import joint_training
from resiliency.analysis.observations.balance import balance_is_most_resilient
from resiliency.analysis.observations.correlation import attribution_diversity_is_less_negative

pytestmark = pytest.mark.slow

DRAWS, SEEDS, IMAGES = 100, 6, 60
LAMBDAS = (0.0, 0.25, 0.5, 0.75, 1.0)
BALANCED = 3 * SEEDS * len(LAMBDAS)  # members, three of each ensemble
DESIGNS = 14
METRICS = pd.DataFrame([("prediction", "label_disagreement"), ("attribution", "saliency_cosine")])
METRICS.columns = ["kind", "metric"]


def joint(draw: int, gain: float) -> pd.DataFrame:
    """Errors per image, .4 at both ends of λ and `gain` less between; a seed's ensemble is .01 better or worse."""
    random = np.random.default_rng(draw)
    true = np.array([0.4 - gain * (0 < weight < 1) for weight in LAMBDAS])
    of_seeds = true[:, None] + 0.01 * random.standard_normal((len(LAMBDAS), SEEDS))
    errors = of_seeds[..., None] + random.uniform(-0.3, 0.3, IMAGES) + random.normal(0, 0.05, (*of_seeds.shape, IMAGES))
    index = pd.MultiIndex.from_product([LAMBDAS, range(SEEDS), range(IMAGES)], names=["loss_weight", "seed", "image"])
    return pd.DataFrame({"error": errors.ravel()}, index).reset_index().assign(objective="balanced")


@pytest.mark.parametrize("gain", [0.03, 0.0])
def test_joint_training_buys_what_was_planted(gain):
    """In percent of draws the interval fails as often as it says, 95 % of them nominal; so does that of no gain."""
    members = pd.DataFrame({"objective": ["balanced"] * BALANCED})
    rows = [next(joint_training(joint(draw, gain), members, 0.95)) for draw in range(DRAWS)]
    contained = sum(row.low <= gain <= row.high for row in rows)
    assert contained >= binom.ppf(0.001, DRAWS, 0.95)
    assert np.mean([row.reduction for row in rows]) == pytest.approx(gain, abs=0.002)
    assert np.mean([row.high - row.low for row in rows]) < 0.04


@pytest.mark.parametrize(("gain", "most"), [(0.03, DRAWS), (0.0, binom.ppf(0.999, DRAWS, 0.05)), (-0.03, 0)])
def test_the_balanced_loss_is_supported_where_it_was_planted(gain, most):
    verdicts = [verdict(balance_is_most_resilient(joint(draw, gain), BALANCED)) for draw in range(DRAWS)]
    supported = verdicts.count("supported")
    assert supported <= most
    assert supported >= (0.9 * DRAWS if gain > 0 else 0)


def pairs(draw: int, attributions: float) -> pd.DataFrame:
    """Pairs of designs whose disagreement falls with accuracy, and whose attributions differ by chance and by it."""
    random = np.random.default_rng(draw)
    chosen = list(combinations(range(DESIGNS), 2))
    skill = random.standard_normal(DESIGNS)
    accurate = np.array([skill[list(of)].mean() for of in chosen])
    table = pd.DataFrame({"members": [f"d{one:02}-s0+d{other:02}-s0" for one, other in chosen]}).assign(
        origin="independent", rule="mean_probability", size=2, designs=2, possible=len(chosen), weight=1.0
    )
    for condition in ("clean", "corrupted"):
        table[f"{condition}_accuracy"] = 0.8 + 0.02 * accurate
        table[f"mean_member_{condition}_accuracy"] = 0.8 + 0.02 * accurate
        table[f"label_disagreement_{condition}"] = -accurate + 0.5 * random.standard_normal(len(chosen))
    table["saliency_cosine_clean"] = attributions * accurate + random.standard_normal(len(chosen))
    return table


@pytest.mark.parametrize(("attributions", "supported"), [(2.0, True), (0.0, False)])
def test_attributions_are_less_negative_where_that_was_planted(attributions, supported):
    """Random numbers in their place support observation 2 in at most one draw of twenty, as far as 40 draws tell."""
    draws = 40
    observed = [
        attribution_diversity_is_less_negative(pairs(draw, attributions), METRICS, "mean_probability", 500)
        for draw in range(draws)
    ]
    count = sum(verdict(one) == "supported" for one in observed)
    assert count >= 0.9 * draws if supported else count <= binom.ppf(0.999, draws, 0.05)
