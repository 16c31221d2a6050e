"""A study that loads members: a network of its own, by checkpoints, beside a trained design."""

import json
from itertools import combinations
from pathlib import Path

import own_networks
import pandas as pd
import pytest
import torch
import yaml
from own_networks import small
from replacing import replaced
from safetensors.torch import load_file

NETWORKS = Path(own_networks.__file__).read_text(encoding="utf-8")
ORDER = ["9", "8", "7", "6", "5", "4", "3", "2", "1", "0"]
STUDY = yaml.safe_load("""
study: loaded
dataset: {test_fraction: 0.1}
corruptions: {names: [contrast], severities: [1]}
training: {epochs: 1, warmup_epochs: 0.5}
designs:
  densenet_s:
    architecture: densenet121
    stem: original
    arguments: {growth_rate: 8, block_config: [3, 3, 3, 3]}
    training: {learning_rate: 1.0e-9}  # which learns nothing
  small:
    factory: my_networks:small
    arguments: {width: 4}
    weights: [nets/first.pt, nets/second.pt]
    mean: [0.2, 0.3, 0.4]
    std: [0.5, 0.5, 0.5]
    classes: nets/classes.txt
members: {designs: [densenet_s, small], seeds: 1, baseline: densenet_s-s0}
joint: null
search: null
probe: {n_images: 20}
attribution: {methods: [saliency]}
ensembles: {sizes: [2, 3]}
statistics: {resamples: 200}
""")


@pytest.fixture(scope="module")
def loaded(workflow_in, tmp_path_factory):
    """The study, finished, and the user's network with the weights of its second checkpoint."""
    directory = tmp_path_factory.mktemp("loaded")
    (directory / "nets").mkdir()
    (directory / "my_networks.py").write_text(NETWORKS)
    (directory / "nets/classes.txt").write_text("\n".join(ORDER))
    for seed, name in enumerate(("first", "second")):
        torch.manual_seed(seed)
        network = small(width=4)
        wrapped = {f"module.{key}": value for key, value in network.state_dict().items()}
        torch.save({"epoch": 200, "state_dict": wrapped}, directory / f"nets/{name}.pt")
    study = workflow_in(directory, STUDY)
    assert study.planned()["train"] == 1
    study.finish("tables", "--cores", "2")
    return study, network.eval()


def test_loaded_members_are_not_trained_and_join_as_equals(loaded):
    study, _ = loaded
    members = pd.read_csv(study.results / "tables/members.csv")
    assert members["member"].tolist() == ["densenet_s-s0", "small-s0", "small-s1"]
    assert members["architecture"].tolist() == ["densenet121", *["my_networks:small"] * 2]
    assert members["corrupted_error"].notna().all()
    assert not (study.results / "members/small-s0/history.csv").exists()
    ensembles = pd.read_parquet(study.results / "tables/ensembles.parquet")
    names = members["member"].tolist()
    assert set(ensembles["members"]) == {
        "+".join(of) for size in (2, 3) for of in combinations(names, size)
    }


def test_a_change_of_the_factory_loads_its_members_anew(loaded):
    study, _ = loaded
    path = study.directory / "my_networks.py"
    assert study.planned("tables") == {}
    path.write_text(f"# Why.\n{NETWORKS}")
    assert study.planned("tables") == {}
    path.write_text(NETWORKS + "\n\ndef another():\n    return small(8)\n")
    planned = study.planned()
    assert (planned["load"], planned["predict"], planned["attribute"]) == (2, 2, 2)
    assert "train" not in planned
    path.write_text(NETWORKS)


def test_a_network_of_ones_own_is_fine_tuned_and_again_if_its_weights_change(loaded, workflow_in):
    study, network = loaded
    tuned = STUDY["designs"]["small"] | {
        "weights": "nets/second.pt",
        "training": {"train": "head", "epochs": 20},
    }
    designs = STUDY["designs"] | {
        "tuned": {key: value for key, value in tuned.items() if key != "classes"}
    }
    members = STUDY["members"] | {"designs": [*STUDY["members"]["designs"], "tuned"]}
    path = study.directory / "tuned.yaml"
    path.write_text(yaml.safe_dump(STUDY | {"designs": designs, "members": members}))
    study, target = (
        workflow_in(study.directory, path),
        "results/loaded/predictions/tuned-s0/clean.npy",
    )
    study.finish("--cores", "2", target)
    weights = load_file(study.results / "members/tuned-s0/weights.safetensors")
    given = network.state_dict()
    assert {name for name in given if not torch.equal(given[name], weights[name])} == {
        "linear.weight",
        "linear.bias",
    }
    card = json.loads((study.results / "members/tuned-s0/member.json").read_text())
    assert (card["weights_kind"], card["mean"]) == ("fine-tuned", [0.2, 0.3, 0.4])
    assert card["weights_source"].startswith("fine-tuned here from file nets/second.pt (sha256 ")
    assert study.planned(target) == {}
    weight = network.linear.bias.detach().numpy().tobytes()
    with replaced(study.directory / "nets/second.pt", weight, bytes(len(weight))):
        assert study.planned(target) == {"fine_tune": 1, "predict": 1}
