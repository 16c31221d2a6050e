"""What jobs ask of a cluster goes with the size of the study."""

from pathlib import Path

import pytest
from snakemake.utils import update_config

from resiliency.study.files import load, read_merged
from resiliency.study.resources import minutes, network_memory

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
    assert estimates["attribution_gallery"] == 60 + round(1_000 * 6 * 3 / 30_000)  # saliency of six families
    large = minutes(study("cifar10", dataset={"name": "image_folder", "folder": str(tmp_path)}))
    assert large["attribute"] == 60 + round(1_000 * predictions * (224 / 64) ** 2 / 30_000)
    occluded = minutes(study("cifar10", attribution={"methods": ["occlusion"]}))
    assert occluded["attribute"] == 60 + round(1_000 * 50 / 30_000)


def test_members_that_are_loaded_alone_are_a_network_each():
    files = [REPOSITORY / "config.yaml", REPOSITORY / "studies/imagenet_pretrained.yaml"]
    config = read_merged(files) | {"test_sets": {}}
    config["prediction"]["members_per_job"] = 1
    estimates = minutes(load(config))
    assert estimates["predict"] == 30 + 50_000 * 76 // 30_000
    assert estimates["attribute"] == 60 + round(1_000 * 156 * (224 / 64) ** 2 / 30_000)


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


def test_a_sample_of_ensembles_takes_less_time():
    few = minutes(study("cifar10", ensembles={"limit": 100}))["score_ensembles"]
    assert few < minutes(study("cifar10"))["score_ensembles"]


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"training": {"epochs": 400}}, "train"),
        ({"corruptions": {"severities": [5]}}, "predict"),
        ({"joint": {"training": {"epochs": 300}}}, "train_jointly"),
        ({"search": {"random_subnetworks": 4}}, "train_supernet"),
        ({"search": {"evaluations": 6000}}, "search"),
        ({"probe": {"images": 5000}}, "attribute"),
        ({"attribution": {"steps": 500}}, "attribute"),
    ],
)
def test_the_size_of_the_study_counts(changes, rule):
    before, after = minutes(study("cifar10")), minutes(study("cifar10", **changes))
    assert after[rule] != before[rule]


def test_a_study_asks_for_no_more_than_it_has():
    estimates = minutes(study("cifar10", joint=None, search=None, members={"seeds": 1}))
    of_ensembles = {"score_members", "pairwise_diversity", "score_ensembles", "choose_ensembles"}
    assert set(estimates) == {
        *("corrupt", "train", "predict", "predict_test_set", "attribute", "attribution_gallery"),
        *of_ensembles,
    }
    assert estimates["predict"] == 30 + 10_000 * 76 // 30_000


def test_images_of_a_folder_that_nobody_has_counted(tmp_path):
    estimates = minutes(study("tiny", dataset={"name": "image_folder", "folder": str(tmp_path)}))
    assert estimates["train"] > minutes(study("tiny"))["train"]


def test_processes_that_decode_images_need_memory():
    assert network_memory(0) == 8_000
    assert network_memory(7) == 22_000
