"""Weights that somebody else trained: from files and from the hub, loaded strictly, mapped to classes."""

import hashlib
from collections import OrderedDict

import numpy as np
import pytest
import timm
import torch
from small_members import CARD, SMALL, TIMMS, load

from resiliency.base.faults import Fault
from resiliency.designs.checks import load_weights, read_checkpoint
from resiliency.designs.networks import build, normalised
from resiliency.designs.settings import Design
from resiliency.designs.weights import load_member


@pytest.mark.parametrize("prefix", ["", "module.", "_orig_mod.", "model.", "module._orig_mod.", "_orig_mod.module."])
@pytest.mark.parametrize("wrapper", [None, "state_dict", "model_state_dict", "model", "net"])
def test_checkpoints_with_common_wrappers_are_read(tmp_path, prefix, wrapper):
    network = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.BatchNorm1d(3))
    weights = OrderedDict((prefix + name, tensor) for name, tensor in network.state_dict().items())
    torch.save({wrapper: weights, "epoch": 3, "optimizer": {"lr": 0.1}} if wrapper else weights, tmp_path / "a.pt")
    other = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.BatchNorm1d(3))
    read = read_checkpoint(tmp_path / "a.pt", list(other.state_dict()))
    assert load_weights(other, read) == ""
    assert torch.equal(other[0].weight, network[0].weight)


@pytest.mark.parametrize("given", [{}, {"mean": [0.1, 0.2, 0.3], "std": [0.4, 0.5, 0.6]}])
def test_loaded_weights_run_in_the_network_and_on_the_values_that_they_learned(tmp_path, capsys, given):
    """Elsewhere: a plain network of timm, its images normalised as timm does it, or as the study says."""
    torch.manual_seed(0)
    elsewhere = timm.create_model("resnet18", num_classes=4, **SMALL["arguments"]).eval()
    torch.save(elsewhere.state_dict(), tmp_path / "a.pt")
    design = Design(architecture="resnet18", arguments=SMALL["arguments"], weights=str(tmp_path / "a.pt"), **given)
    network, member = load_member(design.description(64), CARD | {"image_shape": [64, 64, 3]}, design.inputs(0))
    used = given or TIMMS
    assert {key: member[key] for key in used} == used
    assert f"mean {used['mean']}, std {used['std']}" in capsys.readouterr().out
    assert (member["weights_kind"], network.training) == ("file", False)
    digest = hashlib.sha256((tmp_path / "a.pt").read_bytes()).hexdigest()
    assert member["weights_source"].startswith(f"file {tmp_path}/a.pt (sha256 {digest})")
    images = torch.from_numpy(np.random.default_rng(0).integers(0, 256, (4, 64, 64, 3), dtype=np.uint8))
    expected = (images / 255 - torch.tensor(used["mean"])) / torch.tensor(used["std"])
    with torch.inference_mode():
        logits = network(normalised(images, member["mean"], member["std"]).to(next(network.parameters()).device))
        torch.testing.assert_close(logits.cpu(), elsewhere(expected.permute(0, 3, 1, 2)))


@pytest.mark.parametrize(
    ("names", "outputs"),
    [
        ("ant\nbee\ncat\ndog\n", None),
        ("\ufeffdog\nfox\r\nant\ncat\nbee\n\n", [2, 4, 3, 0]),
        ("\n", "line 1 is empty"),
        ("ant\nbees\ncat\n", r"no 'bee' \(is it 'bees'\?\), a class of the dataset, nor 1 more"),
        ("ant\nbee\ncat\ndog\ncat\n", "'cat' names 2 outputs"),
    ],
)
def test_classes_are_mapped_by_name(tmp_path, names, outputs):
    tmp_path.joinpath("names.txt").write_text(names, encoding="utf-8")
    network = build(Design(**SMALL).description(32), len(names.split()), seed=5)
    torch.save(network.state_dict(), tmp_path / "a.pt")
    settings = {"weights": str(tmp_path / "a.pt"), "classes": str(tmp_path / "names.txt")}
    if isinstance(outputs, str):
        with pytest.raises(Fault, match=outputs):
            load(**settings)
    else:
        assert load(**settings)[1]["outputs"] == outputs
