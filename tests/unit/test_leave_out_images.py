"""Replicates of a study without some of its images, and the variance over images."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from predicted import conditions_of, predictions_of

from resiliency.analysis import without_images
from resiliency.analysis.left_out import Part
from resiliency.analysis.observations import metrics_in, with_images
from resiliency.analysis.verdicts import Observation, Placebo
from resiliency.base.names import N_SEPARATE_IMAGES, SEPARATE_ACCURACY
from resiliency.diversity.metrics import UNKNOWN, pair_tables
from resiliency.ensembles.pool import EnsembleErrors, ensembles_of
from resiliency.ensembles.table import Pool
from resiliency.prediction.reading import Predictions, Truth

RULE = "mean_probability"
CHOSEN_METRICS = ["saliency_cosine", "linear_cka"]


class Drawn:
    """Members of three designs, two seeds each; maps and features of them are those of the images
    in `probe`.

    No image is of the last of three classes, which members answer all the same.
    """

    def __init__(self, seed: int, n_images: int, probes: int):
        random = np.random.default_rng(seed)
        self.names = [f"d{design}-s{index}" for design in range(3) for index in range(2)]
        self.labels = random.integers(0, 2, n_images)
        self.conditions = conditions_of(["fog", "snow"], [1, 2], n_images)
        self.probe = np.sort(random.choice(n_images, probes, replace=False))
        logits = random.standard_normal((len(self.names), len(self.conditions), n_images, 3))
        logits[..., np.arange(n_images), self.labels] += np.linspace(0.5, 2, len(self.names))[
            :, None, None
        ]
        self.logits = list(logits.astype(np.float16))
        self.maps = list(random.standard_normal((len(self.names), probes, 5, 5)))
        self.features = [one.reshape(probes, -1) for one in self.maps]
        designs = [name[:-3] for name in self.names]
        self.described = pd.DataFrame(
            {"member": self.names, "design": designs, "family": designs}
        ).assign(origin="independent", validation_accuracy=1.0, parameters=1, macs=1)

    def members(self, images: np.ndarray) -> list[Predictions]:
        conditions = self.conditions.assign(n_images=len(images))
        return [
            predictions_of(conditions, self.labels[images], one[:, images]) for one in self.logits
        ]

    def ensembles(self, images: np.ndarray) -> pd.DataFrame:
        """ensembles.parquet of these images alone, by the code that makes it."""
        kept, predictions = np.isin(self.probe, images), self.members(images)
        arrays = {
            "saliency": [one[kept] for one in self.maps],
            "features": [one[kept] for one in self.features],
        }
        pairs = pd.concat(
            pair_tables(self.names, predictions, arrays.__getitem__, CHOSEN_METRICS),
            ignore_index=True,
        )
        right = np.array(
            [[member.correct(c).mean() for c in range(len(member))] for member in predictions]
        )
        described = self.described.assign(
            clean_accuracy=right[:, 0], corrupted_error=1 - right[:, 1:].mean(axis=1)
        )
        pool = Pool(described, predictions, [pairs], np.array([0.4, 0.8]), 0.95)
        table = pool.score([ensembles_of(len(self.names), size) for size in (2, 3)], [RULE])[0]
        return table.assign(origin="independent", ensemble=range(len(table)))


def test_replicates_equal_ensembles_scored_and_compared_on_the_other_images():
    drawn = Drawn(1, n_images=90, probes=41)
    of_image, everyone = (
        without_images.image_groups(drawn.labels, drawn.probe, 0),
        drawn.members(np.arange(90)),
    )
    of_probe = of_image[drawn.probe]
    representations = {
        f"{metric}_clean": without_images.representation_diversities(arrays, metric, of_probe)
        for metric, arrays in {"saliency_cosine": drawn.maps, "linear_cka": drawn.features}.items()
    }
    ensembles = without_images.some_ensembles(drawn.ensembles(np.arange(90)), RULE, 0)
    errors = EnsembleErrors(everyone, RULE)
    table = without_images.without_each(ensembles, drawn.names, errors, of_image, representations)
    compared = 0
    for group, replicate in table.groupby("without"):
        expected = drawn.ensembles(np.flatnonzero(of_image != group))
        for column in replicate.columns.intersection(expected.columns).difference(
            ["ensemble", "members", "rule"]
        ):
            if replicate[column].dtype.kind == "f":
                np.testing.assert_allclose(
                    replicate[column].to_numpy(), expected[column], atol=1e-6, err_msg=column
                )
                compared += 1
        assert replicate["members"].tolist() == expected["members"].tolist()
    assert compared == without_images.GROUPS * (2 * 2 + 2 * 4 + len(CHOSEN_METRICS) + 1)
    members = without_images.member_scores(drawn.names, everyone, of_image)
    assert (len(table), len(members)) == (
        without_images.GROUPS * (15 + 20),
        without_images.GROUPS * len(drawn.names),
    )
    for group, of_members in members.groupby("without"):
        kept = drawn.members(np.flatnonzero(of_image != group))
        right = [[member.correct(condition).mean() for condition in range(5)] for member in kept]
        assert of_members["member"].tolist() == drawn.names
        assert (of_members["n_images"] == (of_image != group).sum()).all()
        np.testing.assert_allclose(of_members["clean_accuracy"], [of[0] for of in right])
        np.testing.assert_allclose(
            of_members["corrupted_error"], [1 - np.mean(of[1:]) for of in right]
        )


def test_groups_share_classes_and_probe_images():
    labels = np.random.default_rng(0).integers(0, 3, 203)
    probe = np.arange(50, 95)
    of_image = without_images.image_groups(labels, probe, 0)
    for images in (slice(None), probe):
        counts = np.bincount(of_image[images], minlength=without_images.GROUPS)
        assert counts.max() - counts.min() <= 1
    of_class = np.array(
        [
            np.bincount(of_image[labels == label], minlength=without_images.GROUPS)
            for label in range(3)
        ]
    )
    assert (of_class.max(axis=1) - of_class.min(axis=1) <= 2).all()
    assert (without_images.image_groups(labels, probe, 1) != of_image).any()


def test_members_outside_the_ensembles_keep_their_scores_and_get_those_of_another_test_set():
    """The third design forms no ensembles; clean accuracy is that of a further test set as well."""
    drawn = Drawn(4, n_images=60, probes=30)
    further = np.random.default_rng(1).integers(0, 3, 80)
    conditions = pd.concat(
        [drawn.conditions, drawn.conditions.iloc[:1].assign(test_set="official", n_images=80)]
    )
    conditions = conditions.reset_index(drop=True)
    truths = {"clean": Truth(drawn.labels), "official": Truth(further)}
    answers = [
        np.where(np.random.default_rng(index).random(80) < 0.6, further, 0) for index in range(6)
    ]
    predictions = {
        name: Predictions(
            conditions,
            {"clean": logits, "official": np.eye(3, dtype=np.float16)[answer][None]},
            truths,
        )
        for name, logits, answer in zip(drawn.names, drawn.logits, answers, strict=True)
    }
    table = drawn.ensembles(np.arange(60)).assign(possible=1.0, weight=1.0)
    some = table[~table["members"].str.contains("d2")]
    arguments = drawn.described, predictions, [], lambda *_: pytest.fail("read"), RULE, [], 0, 0
    everyone, few = (
        without_images.scores_without_images(of, *arguments, ["official"], "official")
        for of in (table, some)
    )
    assert few["ensembles"]["members"].nunique() == len(some)
    pd.testing.assert_frame_equal(few["members"], everyone["members"])
    groups = without_images.image_groups(further, np.empty(0, int), 0)
    for (group, name), row in few["members"].set_index(["without", "member"]).iterrows():
        kept = groups != group
        right = (answers[drawn.names.index(name)] == further)[kept]
        assert (row[SEPARATE_ACCURACY], row[N_SEPARATE_IMAGES]) == pytest.approx(
            (right.mean(), kept.sum())
        )
        assert row["shifted_error"] == pytest.approx(1 - right.mean())


def test_a_sample_keeps_each_kind_and_what_it_stands_for():
    kinds = [(1, 1)] * 3 + [(2, 1)] * 5 + [(2, 2)] * (2 * without_images.MOST)
    table = pd.DataFrame(kinds, columns=["designs", "families"]).assign(
        ensemble=range(len(kinds)),
        origin="independent",
        rule=RULE,
        size=2,
        possible=9,
        weight=1.5,
        members="a+b",
    )
    chosen = without_images.some_ensembles(
        pd.concat([table, table.assign(rule="plurality_vote")]), RULE, 0
    )
    assert chosen.groupby(["designs", "families"]).size().tolist() == [3, 5, without_images.MOST]
    assert chosen.groupby(["designs", "families"]).weight.sum().tolist() == [
        4.5,
        7.5,
        3 * without_images.MOST,
    ]
    assert len(without_images.some_ensembles(table.assign(origin="joint"), RULE, 0)) == 0


PART = Part.from_replicates("a", np.array([0.5, 0.4, 0.6, 0.5]))
PLACEBO = Placebo(np.zeros((4, 1)), np.full((4, 1), PART.error), np.array([PART.freedom]))
OBSERVATION = Observation("2", "", "", 1, 0.1, "designs", "designs", [PART], placebo=PLACEBO)


def test_images_widen_intervals_and_placebos_by_their_variance():
    others = [
        replace(OBSERVATION, parts=[replace(PART, estimate=estimate)])
        for estimate in (0.4, 0.5, 0.6)
    ]
    observation = with_images(OBSERVATION, others)
    (both,), placebo = observation.parts, observation.placebo
    variance = 2 / 3 * (0.1**2 + 0.1**2)
    assert both.error == pytest.approx(np.sqrt(PART.error**2 + variance))
    assert both.image_share == pytest.approx(variance / both.error**2)
    assert both.freedom == pytest.approx(both.error**4 / (PART.error**4 / 2 + variance**2 / 2))
    assert (placebo.errors, placebo.freedom) == (
        pytest.approx(both.error),
        pytest.approx(both.freedom),
    )
    assert (placebo.estimates == 0).all()
    assert observation.resampled == "designs and images"


def test_representations_without_a_group_of_images_are_those_of_the_networks_that_there_are():
    drawn = Drawn(2, n_images=60, probes=40)
    predictions = dict(zip(drawn.names, drawn.members(np.arange(60)), strict=True))
    table = drawn.ensembles(np.arange(60)).query("size == 2").assign(possible=1.0, weight=1.0)

    def represented(name: str, source: str) -> np.ndarray:
        of = drawn.maps if source == "saliency" else drawn.features
        return of[drawn.names.index(name)] if name in drawn.names[:5] else UNKNOWN

    known = drawn.described, predictions, drawn.names[:5], represented, RULE, ["saliency"], 40, 0
    replicates = without_images.scores_without_images(table, *known)["ensembles"]
    for name in CHOSEN_METRICS:
        of_networks = ~replicates["members"].str.contains(drawn.names[5])
        assert (replicates[f"{name}_clean"].notna() == of_networks).all()
    metrics = pd.DataFrame({"metric": [*CHOSEN_METRICS, "kappa"]})
    assert metrics_in(metrics, replicates)["metric"].tolist() == CHOSEN_METRICS
