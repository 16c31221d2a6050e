"""Replicates of a study without some of its images, and the variance over images."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from drawn_studies import CHOSEN_METRICS, RULE, Drawn
from predicted import conditions_of
from sklearn.metrics import cohen_kappa_score

from resiliency.analysis.observations.study import with_images
from resiliency.analysis.parts import Part
from resiliency.analysis.verdicts import Observation
from resiliency.analysis.without_images import (
    GROUPS,
    MOST,
    image_groups,
    scores_without_images,
    some_ensembles,
    without_each,
)
from resiliency.base.names import SEPARATE_ACCURACY, SEPARATE_IMAGES
from resiliency.ensembles.pool import EnsembleErrors
from resiliency.external.predictions import Reader
from resiliency.prediction.reading import Predictions, Truth


def test_replicates_equal_ensembles_scored_and_compared_on_the_other_images():
    drawn = Drawn(1, designs=3, images=90, probes=41)
    of_image, without = drawn.without()
    table = without.ensembles
    assert len(table) == GROUPS * (15 + 20)
    compared = 0
    for group, replicate in table.groupby("without"):
        expected = drawn.table(np.flatnonzero(of_image != group))[0]
        for column in replicate.columns.intersection(expected.columns).difference(["ensemble", "members", "rule"]):
            if replicate[column].dtype.kind == "f":
                np.testing.assert_allclose(replicate[column].to_numpy(), expected[column], atol=1e-6, err_msg=column)
                compared += 1
        assert replicate["members"].tolist() == expected["members"].tolist()
    assert compared == GROUPS * (2 * 2 + 2 * 4 + len(CHOSEN_METRICS) + 1)
    assert len(without.members) == GROUPS * len(drawn.names)
    for group, of_members in without.members.groupby("without"):
        kept = drawn.members(np.flatnonzero(of_image != group))
        right = [[member.correct(condition).mean() for condition in range(5)] for member in kept]
        assert of_members["member"].tolist() == drawn.names
        assert (of_members["images"] == (of_image != group).sum()).all()
        np.testing.assert_allclose(of_members["clean_accuracy"], [of[0] for of in right])
        np.testing.assert_allclose(of_members["corrupted_error"], [1 - np.mean(of[1:]) for of in right])


def test_groups_share_classes_and_probe_images():
    labels = np.random.default_rng(0).integers(0, 3, 203)
    probe = np.arange(50, 95)
    of_image = image_groups(labels, probe, 0)
    for images in (slice(None), probe):
        counts = np.bincount(of_image[images], minlength=GROUPS)
        assert counts.max() - counts.min() <= 1
    of_class = np.array([np.bincount(of_image[labels == label], minlength=GROUPS) for label in range(3)])
    assert (of_class.max(axis=1) - of_class.min(axis=1) <= 2).all()
    assert (image_groups(labels, probe, 1) != of_image).any()


def test_images_of_some_classes_are_left_out_where_members_answer_others(tmp_path):
    """No image is of the last of three classes, which one member answers again and again."""
    labels, names = np.arange(60) % 2, ["a-s0", "a-s1", "b-s0"]
    answers = dict(zip(names, (labels, np.where(np.arange(60) % 5, labels, 2), 1 - labels), strict=True))
    table = pd.DataFrame({"test_set": "clean", "image": np.arange(60), "label": labels} | answers)
    table.to_csv(tmp_path / "decisions.csv", index=False)
    reader = Reader("decisions", str(tmp_path / "decisions.csv"), {"clean": ["clean"]}, None)
    classes = reader.classes(names)
    conditions, truths = conditions_of([], [], 60, classes), {"clean": Truth(reader.labels()["clean"])}
    decided = [Predictions(conditions, dict(reader.read(name, classes)), truths) for name in names]
    ensembles = pd.DataFrame({"members": ["a-s0+a-s1", "a-s0+b-s0"], "size": 2})
    members = EnsembleErrors(decided, np.ones(3), "plurality_vote")
    of_image = image_groups(labels, np.empty(0, int), 0)
    without = without_each(ensembles, names, members, of_image, {})
    for (group, joined), row in without.set_index(["without", "members"]).iterrows():
        first, second = (answers[name][of_image != group] for name in joined.split("+"))
        assert row["label_disagreement_clean"] == pytest.approx((first != second).mean())
        assert row["cohen_kappa_clean"] == pytest.approx(-cohen_kappa_score(first, second))


def test_members_outside_the_ensembles_keep_their_scores_and_get_those_of_another_test_set():
    """The third design forms no ensembles; clean accuracy is that of a further test set as well."""
    drawn = Drawn(4, designs=3, images=60, probes=30)
    further = np.random.default_rng(1).integers(0, 3, 80)
    conditions = pd.concat([drawn.conditions, drawn.conditions.iloc[:1].assign(test_set="official", images=80)])
    conditions = conditions.reset_index(drop=True)
    truths = {"clean": Truth(drawn.labels), "official": Truth(further)}
    answers = [np.where(np.random.default_rng(index).random(80) < 0.6, further, 0) for index in range(6)]
    predictions = {
        name: Predictions(conditions, {"clean": logits, "official": np.eye(3, dtype=np.float16)[answer][None]}, truths)
        for name, logits, answer in zip(drawn.names, drawn.logits, answers, strict=True)
    }
    members = pd.DataFrame({"member": drawn.names, "design": [name[:-3] for name in drawn.names]}).assign(
        origin="independent", validation_accuracy=1.0
    )
    table = drawn.table(np.arange(60))[0].assign(possible=1.0, weight=1.0)
    some = table[~table["members"].str.contains("d2")]
    arguments = members, predictions, [], lambda *_: pytest.fail("read"), RULE, [], 0, 0
    everyone, few = (scores_without_images(of, *arguments, ["official"], "official") for of in (table, some))
    assert few.ensembles["members"].nunique() == len(some)
    pd.testing.assert_frame_equal(few.members, everyone.members)
    groups = image_groups(further, np.empty(0, int), 0)
    for (group, name), row in few.members.set_index(["without", "member"]).iterrows():
        kept = groups != group
        right = (answers[drawn.names.index(name)] == further)[kept]
        assert (row[SEPARATE_ACCURACY], row[SEPARATE_IMAGES]) == pytest.approx((right.mean(), kept.sum()))
        assert row["shifted_error"] == pytest.approx(1 - right.mean())


def test_a_sample_keeps_each_kind_and_what_it_stands_for():
    kinds = [(1, 1)] * 3 + [(2, 1)] * 5 + [(2, 2)] * (2 * MOST)
    table = pd.DataFrame(kinds, columns=["designs", "families"]).assign(
        ensemble=range(len(kinds)), origin="independent", rule=RULE, size=2, possible=9, weight=1.5, members="a+b"
    )
    chosen = some_ensembles(pd.concat([table, table.assign(rule="mean_logit")]), RULE, 0)
    assert chosen.groupby(["designs", "families"]).size().tolist() == [3, 5, MOST]
    assert chosen.groupby(["designs", "families"]).weight.sum().tolist() == [4.5, 7.5, 3 * MOST]
    assert len(some_ensembles(table.assign(origin="joint"), RULE, 0)) == 0


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
