"""What jobs ask of a cluster goes with the size of the study."""

from pathlib import Path

from snakemake.utils import update_config

from resiliency.study.files import load, read_merged
from resiliency.study.preflight import minutes

REPOSITORY = Path(__file__).parents[2]


def study(name: str, **changes):
    config = read_merged([REPOSITORY / "config.yaml", REPOSITORY / f"studies/{name}.yaml"])
    update_config(config, changes)
    return load(config)


def test_minutes_of_cifar10_by_hand():
    estimates = minutes(study("cifar10"))
    assert estimates["train"] == 60 + 45_000 * 40 // 60_000
    assert estimates["train_jointly"] == 60 + 45_000 * 40 * 3 // 60_000
    assert estimates["predict"] == 30 + 10_000 * (1 + 15 * 5) // 30_000
    assert estimates["search"] == 60 + 3_000 * (6_000 + 5_000) // 30_000
    assert estimates["corrupt"] == 11


def test_minutes_of_attributions_by_hand(tmp_path):
    estimates = minutes(study("cifar10"))
    predictions = 3 + 3 * 50 + 3  # saliency, 50 steps of integrated gradients, Grad-CAM
    assert estimates["attribute"] == 60 + round(1_000 * predictions / 30_000)
    assert estimates["gallery"] == 60 + round(1_000 * 6 * 3 / 30_000)  # saliency of six families
    large = minutes(study("cifar10", dataset={"name": "image_folder", "folder": str(tmp_path)}))
    assert large["attribute"] == 60 + round(1_000 * predictions * (224 / 64) ** 2 / 30_000)
    occluded = minutes(study("cifar10", attribution={"methods": ["occlusion"]}))
    assert occluded["attribute"] == 60 + round(1_000 * 50 / 30_000)


def test_minutes_of_rules_that_look_at_all_ensembles_by_hand():
    estimates, probabilities = minutes(study("cifar10")), 10_000 * 76 * 10
    members, joint, searched = 36, 15, 5  # joint: ensembles of three
    assert estimates["score_members"] == 60 + (members + 3 * joint + searched) * probabilities // 1_500_000_000
    pairs = members * 35 // 2 + joint * 3 + searched * 4 // 2
    assert estimates["pairwise_diversity"] == 60 + pairs * probabilities // 10_000_000_000
    ensembles = (members * 35 // 2 + members * 35 * 34 // 6) + (10 + 10)
    assert estimates["score_ensembles"] == 60 + 2 * ensembles * probabilities // 10_000_000_000
    assert (
        estimates["choose_ensembles"] == 60 + (ensembles + 8 * (members + searched)) * probabilities // 10_000_000_000
    )
