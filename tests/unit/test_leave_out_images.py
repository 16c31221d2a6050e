"""Replicates of a study without some of its images equal what is computed anew of the other images."""

import numpy as np
import pandas as pd
import pytest
from drawn_studies import BASELINE, CHOSEN_METRICS, RULE, Drawn
from predicted import conditions_of
from sklearn.metrics import cohen_kappa_score

from resiliency.analysis.choices import pool_of
from resiliency.analysis.observations import architecture_matters_more
from resiliency.analysis.observations.of_study import OfEnsembles, _with_scores, observations
from resiliency.analysis.verdicts import observation_table
from resiliency.analysis.without_images import (
    GROUPS,
    MOST,
    image_groups,
    of_features,
    of_maps,
    scores_without_images,
    some_ensembles,
    without_each,
)
from resiliency.base.faults import Fault
from resiliency.base.names import SEPARATE_ACCURACY, SEPARATE_IMAGES
from resiliency.diversity.metrics import METRICS
from resiliency.diversity.settings import LABEL_FREE
from resiliency.ensembles.pool import EnsembleErrors
from resiliency.ensembles.settings import Ensembles
from resiliency.ensembles.table import EnsemblesOfStudy
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


def test_members_without_maps_leave_their_pairs_out():
    rng = np.random.default_rng(0)
    maps = [rng.standard_normal((40, 3, 3)), np.array([np.nan]), rng.standard_normal((40, 3, 3))]
    diversities = of_maps(maps, np.arange(40) % GROUPS)
    assert np.isfinite(diversities[:, 0, 2]).all()
    assert np.isnan(diversities[:, 1]).all()
    assert np.isnan(of_features([np.array([np.nan])] * 2, np.arange(40) % GROUPS)).all()


def test_decisions_alone_have_no_metrics_of_probabilities():
    drawn = Drawn(2, designs=3, images=60, probes=30)
    truth = {"clean": Truth(drawn.labels)}
    decided = [Predictions(drawn.conditions, {"clean": one.argmax(axis=-1)}, truth) for one in drawn.logits]
    ensembles = some_ensembles(drawn.table(np.arange(60))[0].assign(rule="plurality_vote"), "plurality_vote", 0)
    members = EnsembleErrors(decided, np.ones(6), "plurality_vote")
    table = without_each(ensembles, drawn.names, members, image_groups(drawn.labels, drawn.probe, 0), {}).ensembles
    assert {"label_disagreement_clean", "cohen_kappa_corrupted"} <= set(table)
    assert not [column for column in table if column.startswith(("jensen", "probability"))]


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
    without = without_each(ensembles, names, members, of_image, {}).ensembles
    for (group, joined), row in without.set_index(["without", "members"]).iterrows():
        first, second = (answers[name][of_image != group] for name in joined.split("+"))
        assert row["label_disagreement_clean"] == pytest.approx((first != second).mean())
        assert row["cohen_kappa_clean"] == pytest.approx(-cohen_kappa_score(first, second))


def test_where_too_few_members_are_independent_the_rest_of_the_study_is_observed():
    """Jointly trained ensembles are scored, no images are left out, and observations 2 and 4 are not tested."""
    drawn = Drawn(3, designs=3, images=60, probes=30)
    _, pairs = drawn.table(np.arange(60))
    predictions = dict(zip(drawn.names, drawn.members(np.arange(60)), strict=True))
    together = {"origin": ["independent"] * 4 + ["joint"] * 2, "objective": [""] * 4 + ["balanced"] * 2}
    together |= {"setting": [""] * 4 + ["balanced-l0.5"] * 2, "loss_weight": [np.nan] * 4 + [0.5] * 2}
    designs = [name[:-3] for name in drawn.names]
    members = pd.DataFrame({"member": drawn.names, "design": designs, "family": designs, **together}).assign(
        seed=0, parameters=1, macs=1, validation_accuracy=1.0, clean_accuracy=0.9, corrupted_error=0.2
    )
    members = members.assign(mce_undefined_under="", recipe="")
    formed = Ensembles(sizes=[5], rules=[RULE], limit=100)
    scored = EnsemblesOfStudy(members, predictions, lambda: [pairs], BASELINE, formed, 0.95, 0).tables()
    assert set(scored.ensembles["origin"]) == {"joint"}
    compared = drawn.names, lambda *_: pytest.fail("read")
    without = scores_without_images(scored.ensembles, members, predictions, *compared, RULE, ["saliency"], 30, 0)
    assert without.ensembles.empty
    assert without.members.empty
    metrics = pairs[["kind", "metric"]].drop_duplicates()
    tables = OfEnsembles(scored.ensembles, metrics, without, scored.image_errors)
    results = observations(members, 60, tables, RULE, None, "prediction")
    table = observation_table(results, 0.95)
    assert set(table["observation"]) == {"1a", "1b", "2", "3", "4"}
    assert set(table.loc[table["observation"].isin(["2", "4"]), "verdict"].dropna()) == {"not tested"}
    accurate = Ensembles(sizes=[2, 3], rules=[RULE], limit=100, min_clean_accuracy=0.95)
    with pytest.raises(Fault, match=r"^ensembles.min_clean_accuracy: too few members reach 0.95 .*; lower it$"):
        EnsemblesOfStudy(members, predictions, lambda: [pairs], BASELINE, accurate, 0.95, 0)
    with pytest.raises(Fault, match=r"^ensembles.min_clean_accuracy: too few members reach 0.95 .*; lower it$"):
        pool_of(members, predictions, accurate)


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
    everyone, few = (scores_without_images(of, *arguments, accuracy_on="official") for of in (table, some))
    assert few.ensembles["members"].nunique() == len(some)
    pd.testing.assert_frame_equal(few.members, everyone.members)
    groups = image_groups(further, np.empty(0, int), 0)
    for (group, name), row in few.members.set_index(["without", "member"]).iterrows():
        kept = groups != group
        right = (answers[drawn.names.index(name)] == further)[kept]
        assert (row[SEPARATE_ACCURACY], row[SEPARATE_IMAGES]) == pytest.approx((right.mean(), kept.sum()))


def test_members_known_by_scores_alone_have_none_without_images():
    scores = pd.DataFrame({"member": ["a", "b"], "clean_accuracy": [0.5, 0.6], "corrupted_error": [0.3, 0.2]})
    members = pd.DataFrame({"member": ["b", "c"], "design": ["b", "c"], "family": "f", "parameters": 1})
    measured = _with_scores(members.assign(origin="independent"), scores)
    assert measured["clean_accuracy"].tolist() == pytest.approx([0.6, np.nan], nan_ok=True)
    assert measured["corrupted_error"].tolist() == pytest.approx([0.2, np.nan], nan_ok=True)
    nobody = architecture_matters_more(_with_scores(members.iloc[:0].assign(origin="independent"), scores), 0)
    assert nobody.missing.startswith("needs members whose parameters")


def test_a_sample_keeps_each_kind_and_what_it_stands_for():
    kinds = [(1, 1)] * 3 + [(2, 1)] * 5 + [(2, 2)] * (2 * MOST)
    table = pd.DataFrame(kinds, columns=["designs", "families"]).assign(
        ensemble=range(len(kinds)), origin="independent", rule=RULE, size=2, possible=9, weight=1.5, members="a+b"
    )
    chosen = some_ensembles(pd.concat([table, table.assign(rule="mean_logit")]), RULE, 0)
    assert chosen.groupby(["designs", "families"]).size().tolist() == [3, 5, MOST]
    assert chosen.groupby(["designs", "families"]).weight.sum().tolist() == [4.5, 7.5, 3 * MOST]
    assert len(some_ensembles(table.assign(origin="joint"), RULE, 0)) == 0


def test_the_label_free_metrics_are_those_that_verdicts_use():
    drawn = Drawn(3, designs=2, images=40, probes=20)
    columns = set(drawn.without()[1].ensembles)
    assert {f"{metric}_{images}" for metric in LABEL_FREE for images in ("clean", "corrupted")} <= columns
    assert METRICS["saliency_cosine"].raw is METRICS["grad_cam_cosine"].raw
