"""Intervals of several comparisons: with the resamples that are demanded they err as often as they say."""

import numpy as np
import pytest
from default_study import changed, faults_of

from resiliency.analysis.contenders import under_corruptions
from resiliency.analysis.parts import corrected_interval, least_resamples
from resiliency.statistics.units import Units
from resiliency.study.files import load

pytestmark = pytest.mark.slow


def test_ends_by_hand():
    """The 2nd and the 198th of 199 values, for two comparisons at 98 %."""
    values = np.random.default_rng(0).permutation(np.arange(1.0, 200))
    assert corrected_interval(values, 0.98, 1) == pytest.approx((2, 198))
    assert corrected_interval(values, 0.98, 2) == pytest.approx((1, 199))
    assert np.isnan(corrected_interval(values, 0.98, 3)).all()
    assert np.isnan(corrected_interval(np.append(values[1:], np.nan), 0.98, 2)).all()


@pytest.mark.parametrize(
    ("comparisons", "confidence", "least"),
    [(15, 0.95, 599), (19, 0.95, 759), (5, 0.95, 199), (15, 0.99, 2999), (1, 0.5, 3)],
)
def test_least_resamples(comparisons, confidence, least):
    assert least_resamples(comparisons, confidence) == least
    values = np.arange(float(least))
    assert corrected_interval(values, confidence, comparisons) == pytest.approx((0, least - 1))
    assert np.isnan(corrected_interval(values[1:], confidence, comparisons)).all()


@pytest.mark.parametrize(("comparisons", "confidence"), [(5, 0.95), (15, 0.95), (15, 0.9)])
def test_any_of_the_comparisons_errs_as_rarely_as_one(comparisons, confidence):
    """Estimates of 0 and their resamples, both normal with the same variance, 2,000 studies."""
    random, studies = np.random.default_rng(1), 2000
    resamples = least_resamples(comparisons, confidence)
    false = 0
    for _ in range(studies):
        drawn = random.normal(random.normal(size=(comparisons, 1)), size=(comparisons, resamples))
        ends = [corrected_interval(values, confidence, comparisons) for values in drawn]
        false += any(low > 0 or high < 0 for low, high in ends)
    nominal = 1 - confidence
    assert false / studies == pytest.approx(nominal, abs=3 * np.sqrt(nominal / studies))


def test_no_corruption_differs_where_none_does():
    """Two classifiers that err equally often on 200 images under 15 corruptions; 400 studies."""
    units = Units.single(200)
    names, studies, random = [f"c{number}" for number in range(15)], 400, np.random.default_rng(3)
    false = 0
    for study in range(studies):
        errors = {role: (random.random((15, 200)) < 0.3).astype(np.float32) for role in ("one", "other")}
        counts = units.counts(least_resamples(15, 0.95), study, "images").astype(np.float64)
        table = under_corruptions(errors, names, counts, units.number, 0.95)
        rows = table[(table.role == "other") & table.corruption.isin(names)]
        false += ((rows.difference_low > 0) | (rows.difference_high < 0)).any()
    assert false / studies < 0.05 + 2.5 * np.sqrt(0.05 / studies)


def test_too_few_resamples_are_refused_by_number_of_corruptions_and_confidence():
    few = "statistics.resamples: expected at least 599 for 15 comparisons at confidence 0.95, got 598; set it to more"
    assert faults_of(changed("statistics.resamples", 598)) == [few]
    load(changed("statistics.resamples", 599))
    assert "expected at least 2999 " in str(faults_of(changed("statistics.confidence", 0.99)))
    fog = changed("corruptions.names", ["fog"])
    assert "least 199 for 5 comparisons" in str(faults_of(fog | {"statistics": {"resamples": 198}}))
    load(fog | {"statistics": {"resamples": 199}})
