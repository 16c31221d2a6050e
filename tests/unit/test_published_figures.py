"""What is known of the figures in studies/published, worked out by hand from the same files."""

from pathlib import Path

import numpy as np
import pytest

from resiliency.corruptions.settings import MAIN
from resiliency.diversity.predictions import label_disagreement
from resiliency.ensembles.pool import ensembles_of
from resiliency.ensembles.scoring import expected_accuracy, mean_over_pairs
from resiliency.external.predictions import read_decisions
from resiliency.external.tables import read_scores
from resiliency.metrics.classification import ALEXNET_ERRORS, mean_corruption_error
from resiliency.statistics.correlation import correlations
from resiliency.storage import read_table

REPOSITORY = Path(__file__).parents[2]
PUBLISHED, KEPT = (
    REPOSITORY / "studies/published",
    REPOSITORY / "published/results/cifar10_published",
)


@pytest.fixture(scope="module")
def cifar10():
    return read_decisions(str(PUBLISHED / "cifar10_decisions.parquet"), classes=10)


@pytest.mark.parametrize(
    ("test_set", "condition", "raw", "given_accuracy", "best"),
    [
        ("cifar10", "clean", -0.780, 0.913, 0.9762),
        ("cifar10.1-v6", "cifar10_1_v6", -0.779, 0.805, 0.9368),
    ],
)
def test_disagreement_goes_against_accuracy_until_members_accuracy_is_given(
    cifar10, test_set, condition, raw, given_accuracy, best
):
    """By hand, and in the table that the study was published with."""
    own, labels = cifar10.labels["cifar10"], cifar10.labels[test_set]
    accurate = [of for of in cifar10.answers.values() if (of["cifar10"] == own).mean() > 0.88]
    decisions = np.stack([of[test_set] for of in accurate])
    triples = ensembles_of(len(decisions), 3)
    accuracy = expected_accuracy(triples, decisions, labels)
    disagreement, _ = mean_over_pairs(triples, label_disagreement(decisions))
    of_members = (decisions == labels).mean(axis=1)[triples].mean(axis=1)
    everything = np.ones((1, len(triples)))
    assert accuracy.max() == pytest.approx(best, abs=1e-4)
    found = correlations(["pearson", "partial"], everything, disagreement, accuracy, of_members)
    assert found["pearson"] == pytest.approx([raw], abs=6e-4)
    assert found["partial"] == pytest.approx([given_accuracy], abs=6e-4)
    kept = read_table(KEPT / "correlations.parquet").query(
        "size == 3 and metric == 'label_disagreement'"
    )
    correlation = kept[kept.images == condition].set_index("measure").correlation
    assert correlation[["pearson", "partial"]].tolist() == pytest.approx(
        [raw, given_accuracy], abs=6e-4
    )


@pytest.mark.parametrize(("member", "mce"), [("resnet50", 0.7820), ("resnet50_augmix", 0.6713)])
def test_mce_of_the_testbed(member, mce):
    imagenet = read_scores(str(PUBLISHED / "imagenet_top1.csv"))
    errors = np.array(
        [[imagenet.loc[member, f"{name}.{s}"] for s in range(1, 6)] for name in MAIN]
    ).mean(axis=1)
    alexnet = np.array([ALEXNET_ERRORS[name] for name in MAIN])
    assert mean_corruption_error(errors, alexnet) == pytest.approx(mce, abs=1e-4)


def test_imagenet_decisions_have_the_known_answers():
    imagenet_decisions = read_decisions(str(PUBLISHED / "imagenet_decisions.parquet"), classes=1000)
    labels, names = imagenet_decisions.labels["imagenet"], list(imagenet_decisions.answers)
    decisions = np.stack([answers["imagenet"] for answers in imagenet_decisions.answers.values()])
    right = dict(zip(names, (decisions == labels).mean(axis=1), strict=True))
    assert right["resnet50"] == pytest.approx(0.7613, abs=5e-5)
    assert (decisions != labels).all(axis=0).mean() == pytest.approx(0.0491, abs=5e-5)
