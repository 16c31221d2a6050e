"""Weights that somebody else trained: from files and from the hub, loaded strictly, mapped to classes."""

from collections import OrderedDict

import pytest
import torch
from small_members import SMALL, load

from resiliency.base.faults import Fault
from resiliency.designs.checks import load_weights, read_checkpoint
from resiliency.designs.networks import build
from resiliency.designs.settings import Design


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


@pytest.mark.parametrize(
    ("names", "outputs"),
    [
        ("ant\nbee\ncat\ndog\n", None),
        ("\ufeffdog\nfox\r\nant\ncat\nbee\n\n", [2, 4, 3, 0]),
        ("\n", "line 1 is empty"),
        ("ant\nbees\ncat\n", r"no 'bee', a class of the dataset, nor 1 more; did you mean bees\?"),
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
