"""What the recommended model gets wrong: counts, failures and pictures, against plain loops."""

import numpy as np
import pandas as pd
import pytest
from predicted import conditions_of, logits_of, predictions_of
from scipy.stats import binomtest
from test_contenders import DEPLOYMENT, IMAGES, MEMBERS, NAMES, SETTINGS

from resiliency.analysis.contenders import both_halves, contenders, ensemble_of, failures
from resiliency.analysis.failures import CLEAN_ANSWERS, CONFUSIONS, FAILURES, MOST, answers_of
from resiliency.analysis.pictures import data_url, failure_pictures
from resiliency.metrics.classification import scaled

CLASSES = ["cat", "dog", "01"]
ROLES = contenders(DEPLOYMENT)
TEMPERATURES = pd.DataFrame({"members": DEPLOYMENT.members, "temperature": [np.nan, 2.0, 2.0]})


@pytest.fixture(scope="module")
def study():
    logits, labels = logits_of(len(NAMES), IMAGES, 0)
    table = conditions_of(["fog", "snow"], [1, 2], IMAGES)
    logits = np.stack(logits)
    logits = np.concatenate([logits, 0.4 * logits[:, 1:2, :, ::-1]], axis=1)[:, : len(table)]
    return table, {name: predictions_of(table, labels, of) for name, of in zip(NAMES, logits, strict=True)}, labels


@pytest.fixture(scope="module")
def found(study):
    names = [f"{place:03}" for place in range(IMAGES)]
    return failures(ROLES, MEMBERS, TEMPERATURES, study[1], names, CLASSES, 0.9, SETTINGS.seed)


def mean_of(study, condition: int, images: np.ndarray, temperature: float = 2.0) -> np.ndarray:
    """Probabilities of the recommended ensemble a + b."""
    both = [study[1][name].probabilities(condition)[images].astype(float) for name in NAMES[:2]]
    return np.exp(scaled(np.log(np.mean(both, axis=0)), temperature))


def test_confusions_are_counts_of_images_that_chose_nothing(study, found):
    table, predictions, labels = study
    images = both_halves(predictions, SETTINGS)[1].images["clean"]
    assert list(found.confusions) == CONFUSIONS
    assert dict.fromkeys(found.confusions.role) == dict.fromkeys(["recommended model", "best member"])
    counts = found.confusions.set_index(["role", "images", "class", "predicted"]).answers.sort_index()
    for name, conditions in (("clean", [0]), ("corrupted", range(1, len(table)))):
        answers = np.concatenate([mean_of(study, condition, images).argmax(axis=1) for condition in conditions])
        truth = np.tile(labels[images], len(conditions))
        for place, of in enumerate(CLASSES):
            for other, predicted in enumerate(CLASSES):
                expected = ((truth == place) & (answers == other)).sum()
                assert counts.get(("recommended model", name, of, predicted), 0) == expected
    shares = found.confusions.groupby(["role", "images", "class"]).share.sum()
    np.testing.assert_allclose(shares, 1)
    alone = np.array([predictions["a-s0"].decisions(0)[images]])[0]
    assert counts["best member", "clean"].sum() == len(images)
    assert counts["best member", "clean"].get(("cat", "cat")) == ((alone == 0) & (labels[images] == 0)).sum()


def test_errors_of_classes_are_means_over_their_images_and_severities(study, found):
    table, predictions, labels = study
    images = both_halves(predictions, SETTINGS)[1].images["clean"]
    wrong = np.array([mean_of(study, c, images).argmax(axis=1) != labels[images] for c in range(len(table))])
    rows = found.class_errors.set_index(["role", "class", "corruption"])
    for place, name in enumerate(CLASSES):
        own = labels[images] == place
        for corruption in ("clean", "fog", "snow", "corrupted"):
            chosen = table.corruption != "clean" if corruption == "corrupted" else table.corruption == corruption
            of_images = wrong[np.ix_(chosen, own)].mean(axis=0)
            row = rows.loc["recommended model", name, corruption]
            assert (row.error, row.images, row.confidence) == pytest.approx((of_images.mean(), own.sum(), 0.9))
            assert row.low <= row.error <= row.high
            if corruption == "clean":
                interval = binomtest(int(of_images.sum()), int(own.sum())).proportion_ci(0.9, "wilson")
                assert (row.low, row.high) == pytest.approx((interval.low, interval.high))
    assert len(rows) == 2 * len(CLASSES) * 4


def test_failures_are_the_most_confident_of_each_pair_and_corruption(study, found):
    table, predictions, labels = study
    images = both_halves(predictions, SETTINGS)[1].images["clean"]
    rows = []
    for condition, corruption in enumerate(table.corruption):
        probabilities = mean_of(study, condition, images)
        for image, of, label in zip(images, probabilities, labels[images], strict=True):
            rows.append((corruption, image, label, of.argmax(), of.max()))
    wrong = pd.DataFrame(rows, columns=["corruption", "image", "class", "predicted", "confidence"])
    wrong = wrong[wrong["class"] != wrong.predicted]
    for kind, keys in (("classes", ["class", "predicted"]), ("corruption", ["corruption"])):
        shown = found.failures[found.failures.kind == kind]
        largest = wrong.groupby(keys).confidence.max().sort_values(ascending=False)[:MOST]
        np.testing.assert_allclose(shown.confidence, largest, rtol=1e-5)
        assert shown.confidence.is_monotonic_decreasing
    assert list(found.failures) == [*FAILURES, *CLEAN_ANSWERS]
    assert set(found.failures["class"]) <= set(CLASSES)
    assert (found.failures.name == found.failures.image.map("{:03}".format)).all()


def test_it_is_said_what_each_member_predicts(study, found):
    table, predictions, _ = study
    for row in found.failures.itertuples():
        condition = table.index[(table.corruption == row.corruption) & (table.severity == row.severity)][0]
        for given, under in ((row.said, condition), (row.clean_said, 0)):
            each = [predictions[name].probabilities(under)[row.image] for name in NAMES[:2]]
            assert given == "; ".join(f"{CLASSES[of.argmax()]} {of.max():.2f}" for of in each)
        (clean,) = mean_of(study, 0, [row.image])
        assert row.clean_predicted == CLASSES[clean.argmax()]
        assert row.clean_confidence == pytest.approx(clean.max(), rel=1e-5)


def test_images_that_no_member_gets_right_come_with_their_first_such_condition(study, found):
    table, predictions, labels = study
    images = both_halves(predictions, SETTINGS)[1].images["clean"]
    wrong = [[predictions[n].decisions(c)[images] != labels[images] for c in range(len(table))] for n in NAMES[:2]]
    nobody = np.all(wrong, axis=0)
    shown = found.failures[found.failures.kind == "no member"]
    assert shown.conditions.tolist() == sorted(nobody.sum(axis=0)[nobody.any(axis=0)], reverse=True)[:MOST]
    for row in shown.itertuples():
        place = np.flatnonzero(images == row.image)[0]
        first = table.iloc[nobody[:, place].argmax()]
        assert (row.corruption, row.severity) == (first.corruption, first.severity)


def test_votes_without_probabilities_have_answers_too(study):
    table, predictions, labels = study
    decided = {
        name: predictions_of(table, labels, np.stack([of.decisions(c) for c in range(len(table))]))
        for name, of in predictions.items()
    }
    _, judged = both_halves(decided, SETTINGS)
    vote = ensemble_of(NAMES, "plurality_vote", decided, MEMBERS.set_index("member"))
    of = answers_of(vote, 1, judged)["corrupted"]
    three = np.stack([decided[name].decisions(2)[judged.images["corrupted"]] for name in NAMES])
    votes = np.stack([(three == place).sum(axis=0) for place in range(3)])
    np.testing.assert_array_equal(of.predicted[1], votes.argmax(axis=0))
    np.testing.assert_allclose(of.confidence[1], votes.max(axis=0) / 3)


def test_pictures_are_those_of_the_images_under_their_corruptions(study, found):
    table = study[0]
    images = [np.full((IMAGES, 32, 32, 3), 10 * condition, np.uint8) for condition in range(len(table))]
    for condition, of in enumerate(images):
        of[:, 0, 0, 0] = np.arange(IMAGES) + condition
    pictures = failure_pictures(found.failures, table, images)
    for row in pictures.itertuples():
        condition = table.index[(table.corruption == row.corruption) & (table.severity == row.severity)][0]
        assert row.picture == data_url(images[condition][row.image])
        assert row.clean == data_url(images[0][row.image])
