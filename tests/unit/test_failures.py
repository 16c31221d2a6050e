"""What the recommended model gets wrong: counts, failures and pictures, against plain loops."""

import numpy as np
import pandas as pd
import pytest
from predicted import conditions_of, logits_of, predictions_of
from scipy.special import softmax
from scipy.stats import binomtest, norm, t
from test_contenders import IMAGES, NAMES, SETTINGS, compared

from resiliency.analysis.contenders import CLEAN_ANSWERS, CONFUSIONS, FAILURES, MOST, class_error
from resiliency.analysis.judging import both_halves
from resiliency.analysis.pictures import data_url, failure_pictures
from resiliency.metrics.classification import scaled
from resiliency.statistics.intervals import wilson
from resiliency.statistics.resampling import Units

CLASSES = ["cat", "dog", "01"]
TABLE = conditions_of(["fog", "snow"], [1, 2], IMAGES)
DRAWN, LABELS = logits_of(len(NAMES), IMAGES, 0)
LOGITS = np.concatenate([DRAWN, 0.4 * np.stack(DRAWN)[:, 1:2, :, ::-1]], axis=1)
PREDICTIONS = {name: predictions_of(TABLE, LABELS, of) for name, of in zip(NAMES, LOGITS, strict=True)}
EVALUATED = both_halves(PREDICTIONS, SETTINGS)[1].images["clean"]
# Probabilities of the recommended ensemble a + b under each condition, scaled by its temperature.
MEANS = np.exp(scaled(np.log(softmax(LOGITS[:2].astype(float), axis=-1).mean(axis=0)), 2.0))


@pytest.fixture(scope="module")
def found():
    return compared(PREDICTIONS, names=[f"{place:03}" for place in range(IMAGES)], classes=CLASSES)


def test_confusions_are_counts_of_images_that_chose_nothing(found):
    assert list(found["confusions"]) == CONFUSIONS
    assert dict.fromkeys(found["confusions"].role) == dict.fromkeys(["recommended model", "best member"])
    counts = found["confusions"].set_index(["role", "images", "class", "predicted"]).answers.sort_index()
    for name, conditions in (("clean", [0]), ("corrupted", range(1, len(TABLE)))):
        answers = np.concatenate([MEANS[condition, EVALUATED].argmax(axis=1) for condition in conditions])
        truth = np.tile(LABELS[EVALUATED], len(conditions))
        for place, of in enumerate(CLASSES):
            for other, predicted in enumerate(CLASSES):
                expected = ((truth == place) & (answers == other)).sum()
                assert counts.get(("recommended model", name, of, predicted), 0) == expected
    shares = found["confusions"].groupby(["role", "images", "class"]).share.sum()
    np.testing.assert_allclose(shares, 1)
    alone = LOGITS[0, 0, EVALUATED].argmax(axis=-1)
    assert counts["best member", "clean"].sum() == len(EVALUATED)
    assert counts["best member", "clean"].get(("cat", "cat")) == ((alone == 0) & (LABELS[EVALUATED] == 0)).sum()


def test_errors_of_classes_are_means_over_their_images_and_severities(found):
    wrong = np.array([MEANS[c, EVALUATED].argmax(axis=1) != LABELS[EVALUATED] for c in range(len(TABLE))])
    rows = found["class_errors"].set_index(["role", "class", "corruption"])
    for place, name in enumerate(CLASSES):
        own = LABELS[EVALUATED] == place
        for corruption in ("clean", "fog", "snow", "corrupted"):
            chosen = TABLE.corruption != "clean" if corruption == "corrupted" else TABLE.corruption == corruption
            of_images = wrong[np.ix_(chosen, own)].mean(axis=0)
            row = rows.loc["recommended model", name, corruption]
            assert (row.error, row.n_images, row.confidence) == pytest.approx((of_images.mean(), own.sum(), 0.9))
            assert row.low <= row.error <= row.high
            if corruption == "clean":
                interval = binomtest(int(of_images.sum()), int(own.sum())).proportion_ci(0.9, "wilson")
                assert (row.low, row.high) == pytest.approx((interval.low, interval.high))
    assert len(rows) == 2 * len(CLASSES) * 4


def test_few_units_of_a_class_vary_as_a_sample_does():
    """Sixteen units of 5 images, of which 3, 2, 1 or 0 are wrong: p = .3, s^2 = 16 / 15 x 20 / 80^2."""
    wrong = np.concatenate([np.repeat([1.0, 0.0], [of, 5 - of]) for of in [3, 2, 1, 0] * 4])
    row = class_error(wrong, Units.numbered(np.arange(80) // 5), 0.95)
    effective = 0.3 * 0.7 / (16 / 15 * 20 / 80**2) * (norm.ppf(0.975) / t(15).ppf(0.975)) ** 2
    assert (row["low"], row["high"]) == pytest.approx(wilson(0.3, effective, 0.95).ends)


def test_failures_are_the_most_confident_of_each_pair_and_corruption(found):
    rows = []
    for condition, corruption in enumerate(TABLE.corruption):
        probabilities = MEANS[condition, EVALUATED]
        for image, of, label in zip(EVALUATED, probabilities, LABELS[EVALUATED], strict=True):
            rows.append((corruption, image, label, of.argmax(), of.max()))
    wrong = pd.DataFrame(rows, columns=["corruption", "image", "class", "predicted", "confidence"])
    wrong = wrong[wrong["class"] != wrong.predicted]
    for kind, keys in (("classes", ["class", "predicted"]), ("corruption", ["corruption"])):
        shown = found["failures"][found["failures"].kind == kind]
        largest = wrong.groupby(keys).confidence.max().sort_values(ascending=False)[:MOST]
        np.testing.assert_allclose(shown.confidence, largest, rtol=1e-5)
        assert shown.confidence.is_monotonic_decreasing
    assert list(found["failures"]) == [*FAILURES, *CLEAN_ANSWERS]
    assert set(found["failures"]["class"]) <= set(CLASSES)
    assert (found["failures"].name == found["failures"].image.map("{:03}".format)).all()


def test_it_is_said_what_each_member_predicts(found):
    for row in found["failures"].itertuples():
        condition = TABLE.index[(TABLE.corruption == row.corruption) & (TABLE.severity == row.severity)][0]
        for given, under in ((row.said, condition), (row.clean_said, 0)):
            each = [PREDICTIONS[name].probabilities(under)[row.image] for name in NAMES[:2]]
            assert given == "; ".join(f"{CLASSES[of.argmax()]} {of.max():.2f}" for of in each)
        clean = MEANS[0, row.image]
        assert row.clean_predicted == CLASSES[clean.argmax()]
        assert row.clean_confidence == pytest.approx(clean.max(), rel=1e-5)


def test_images_that_no_member_gets_right_come_with_their_first_such_condition(found):
    nobody = (LOGITS[:2, :, EVALUATED].argmax(axis=-1) != LABELS[EVALUATED]).all(axis=0)
    shown = found["failures"][found["failures"].kind == "no member"]
    assert shown.conditions.tolist() == sorted(nobody.sum(axis=0)[nobody.any(axis=0)], reverse=True)[:MOST]
    for row in shown.itertuples():
        place = np.flatnonzero(row.image == EVALUATED)[0]
        first = TABLE.iloc[nobody[:, place].argmax()]
        assert (row.corruption, row.severity) == (first.corruption, first.severity)


def test_pictures_are_those_of_the_images_under_their_corruptions(found):
    images = [np.full((IMAGES, 32, 32, 3), 10 * condition, np.uint8) for condition in range(len(TABLE))]
    for condition, of in enumerate(images):
        of[:, 0, 0, 0] = np.arange(IMAGES) + condition
    pictures = failure_pictures(found["failures"], TABLE, images)
    for row in pictures.itertuples():
        condition = TABLE.index[(TABLE.corruption == row.corruption) & (TABLE.severity == row.severity)][0]
        assert row.picture == data_url(images[condition][row.image])
        assert row.clean == data_url(images[0][row.image])
