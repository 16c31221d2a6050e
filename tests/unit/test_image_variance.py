"""The variance over images is that of studies on other images, and widens intervals."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from drawn_studies import RULE, Drawn

from resiliency.analysis.observations.architecture import architecture_matters_more
from resiliency.analysis.observations.correlation import attribution_diversity_is_less_negative
from resiliency.analysis.observations.diversity import architecture_brings_diversity
from resiliency.analysis.observations.of_study import metrics_in, with_images
from resiliency.analysis.parts import Part
from resiliency.analysis.verdicts import Observation
from resiliency.analysis.without_images import GROUPS


def observed(table: pd.DataFrame, pairs: pd.DataFrame) -> list[Observation]:
    rules = attribution_diversity_is_less_negative, architecture_brings_diversity
    return [rule(table, metrics_in(pairs, table), RULE, 0) for rule in rules]


@pytest.fixture(scope="module")
def repeated() -> tuple[pd.DataFrame, pd.DataFrame]:
    """Of studies that differ in their images: estimates on the scale of their errors, and variances over images."""
    estimates, variances = [], []
    for seed in range(12):
        drawn = Drawn(seed, designs=8, images=150, probes=60, sizes=(2,))
        table, pairs = drawn.table(np.arange(150))
        without = [replicate for _, replicate in drawn.without(seed)[1].ensembles.groupby("without")]
        again = list(zip(*(observed(replicate, pairs) for replicate in without), strict=True))
        results = [with_images(one, others) for one, others in zip(observed(table, pairs), again, strict=True)]
        parts = [part for one in results for part in one.parts]
        estimates.append({part.name: part.scale.to(part.estimate) for part in parts})
        variances.append({part.name: part.image_share * part.error**2 for part in parts})
    return pd.DataFrame(estimates), pd.DataFrame(variances)


@pytest.mark.parametrize("name", ["clean images", "corrupted images", "predictions", "activations"])
def test_the_variance_over_images_is_that_of_studies_on_other_images(repeated, name):
    estimates, variances = repeated
    ratio = variances[name].mean() / estimates[name].var()
    assert 0.4 < ratio < 3


def test_the_variance_of_observation_1_over_images_is_that_of_studies_on_other_images():
    """Designs whose families and skills are fixed are tested on images of unlike difficulty, drawn anew."""
    fixed, names = np.random.default_rng(0), [f"d{design}" for design in range(16)]
    skill = np.repeat(fixed.normal(0, 0.4, 8), 2) + fixed.normal(0, 0.2, 16)
    own = np.repeat(fixed.normal(0, 0.4, 8), 2)
    described = pd.DataFrame({"member": names, "design": names, "family": [f"f{d // 2}" for d in range(16)]})
    described = described.assign(origin="independent", parameters=10 ** fixed.uniform(4, 6, 16))
    estimates, variances = [], []
    for seed in range(40):
        random = np.random.default_rng(seed)
        difficulty = random.standard_normal(600)
        right, withstood = (
            of[:, None] + noise > difficulty
            for of, noise in zip((skill + 1, skill + own), random.standard_normal((2, 16, 600)), strict=True)
        )

        def observed_on(images, right=right, withstood=withstood):
            means = {"clean_accuracy": right[:, images].mean(axis=1)}
            means["corrupted_error"] = 1 - withstood[:, images].mean(axis=1)
            return architecture_matters_more(described.assign(**means), 600, draws=0)

        group = random.permutation(600) % GROUPS
        without = [observed_on(group != index) for index in range(GROUPS)]
        part = with_images(observed_on(np.full(600, True)), without).beside[0]
        estimates.append(part.estimate)
        variances.append(part.image_share * part.error**2)
    assert 0.4 < np.mean(variances) / np.var(estimates, ddof=1) < 2.5


PART = Part.from_replicates("a", np.array([0.5, 0.4, 0.6, 0.5]))
OBSERVATION = Observation("2", "", "", 1, 0.1, "designs", 2, "designs", [PART])


def test_images_widen_intervals_by_their_variance():
    others = [replace(OBSERVATION, parts=[replace(PART, estimate=estimate)]) for estimate in (0.4, 0.5, 0.6)]
    (both,) = with_images(OBSERVATION, others).parts
    variance = 2 / 3 * (0.1**2 + 0.1**2)
    assert both.error == pytest.approx(np.sqrt(PART.error**2 + variance))
    assert both.image_share == pytest.approx(variance / both.error**2)
    assert both.freedom == pytest.approx(both.error**4 / (PART.error**4 / 2 + variance**2 / 2))
    assert with_images(OBSERVATION, others).resampled == "designs and images"
    assert both.with_units(3) == pytest.approx((both.error, both.freedom))
    assert both.with_units(10**9)[0] == pytest.approx(np.sqrt(variance), rel=1e-3)
