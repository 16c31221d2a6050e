"""Weights that somebody else trained: from files and from the hub, loaded strictly, mapped to classes."""

import hashlib
from collections import OrderedDict
from pathlib import Path

import numpy as np
import pytest
import timm
import torch
from fault_messages import fault_of
from pydantic import ValidationError
from safetensors.torch import save_file
from small_members import CARD, SMALL, TIMMS, load

from resiliency.base.faults import Fault
from resiliency.designs.checkpoints import load_weights, read_checkpoint
from resiliency.designs.members import Member
from resiliency.designs.networks import build, normalised, write_member
from resiliency.designs.settings import Design
from resiliency.designs.weights import load_member


def small(outputs: int = 4) -> torch.nn.Module:
    return build(Design(**SMALL).description(32), outputs, seed=5)


# Settings

TIMM = {"architecture": "resnet18"}
FILE = TIMM | {"weights": "a.pt"}


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({}, "architecture: required; give it, a factory, or an ONNX file"),
        ({**TIMM, "factory": "a:b"}, "factory: cannot be combined with architecture"),
        ({"factory": "a.b"}, "should match pattern"),
        ({**TIMM, "arguments": {"num_classes": 3}}, "arguments: must not contain num_classes"),
        ({**TIMM, "weights": "pretraind"}, "must be random, pretrained, or a file"),
        ({**TIMM, "weights": []}, "must be random, pretrained, or a file"),
        ({**TIMM, "weights": ["a.pt", "random"]}, "must be random, pretrained, or a file"),
        ({**TIMM, "weights": ["a.pt", "a.pt"]}, "must name each file once"),
        (
            {"factory": "a:b", "weights": "pretrained"},
            "weights: expected random or a file for a factory, got pretrained",
        ),
        ({**TIMM, "family": "=1+1"}, "must not begin with = + - or @, which spreadsheets take for a formula"),
        ({**TIMM, "family": "a\nb"}, "must be 1 to 60 printable characters, without spaces at the ends"),
        ({**TIMM, "family": ""}, "must be 1 to 60 printable characters"),
        ({**TIMM, "revision": "abc"}, "revision: only pretrained weights have one"),
        ({**FILE, "revision": "abc"}, "revision: only pretrained weights have one"),
        ({**TIMM, "classes": ["a", "b"]}, "classes: only loaded weights need it"),
        ({**TIMM, "mean": [0, 0, 0], "std": [1, 1, 1]}, "mean: only loaded weights need it"),
        ({**FILE, "mean": [0, 0, 0]}, "mean, std: only one is given; give both"),
        ({**FILE, "mean": [124, 0, 0], "std": [1] * 3}, "less than or equal to 1"),
        ({**FILE, "classes": []}, "must be a text file with one class name per line"),
        (
            {"factory": "a:b", "weights": "a.pt"},
            "mean, std: required for loaded weights; give the values used in training",
        ),
    ],
)
def test_settings_that_do_not_go_together(settings, words):
    with pytest.raises(ValidationError) as caught:
        Design(**settings)
    assert words in str(caught.value)


def test_members_files_and_families(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("nets.py").touch()
    trained = Design(architecture="resnet50.tv_in1k")
    assert (trained.loaded, trained.member_count(3), trained.inputs(2), trained.family_name) == (False, 3, {}, "resnet")
    assert "loaded" not in trained.description(32)
    pretrained = Design(architecture="resnet50", weights="pretrained", family="mine")
    assert (pretrained.loaded, pretrained.member_count(3), pretrained.inputs(0), pretrained.family_name) == (
        True,
        1,
        {},
        "mine",
    )
    own = Design(factory="nets:small", weights=["a.pt", "b.pt"], classes="names.txt", mean=[0] * 3, std=[1] * 3)
    assert (own.member_count(3), own.family_name) == (2, "small")
    assert own.inputs(1) == {"weights": "b.pt", "classes": "names.txt"}


# Files


def module_like(network: torch.nn.Module, prefix: str) -> dict:
    return OrderedDict((prefix + name, tensor) for name, tensor in network.state_dict().items())


@pytest.mark.parametrize("prefix", ["", "module.", "_orig_mod.", "model.", "module._orig_mod.", "_orig_mod.module."])
@pytest.mark.parametrize("wrapper", [None, "state_dict", "model_state_dict", "model", "net"])
def test_checkpoints_with_common_wrappers_are_read(tmp_path, prefix, wrapper):
    network = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.BatchNorm1d(3))
    weights = module_like(network, prefix)
    torch.save({wrapper: weights, "epoch": 3, "optimizer": {"lr": 0.1}} if wrapper else weights, tmp_path / "a.pt")
    other = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.BatchNorm1d(3))
    read = read_checkpoint(tmp_path / "a.pt", list(other.state_dict()))
    assert load_weights(other, read) == ""
    assert torch.equal(other[0].weight, network[0].weight)


def test_a_prefix_of_the_network_itself_stays(tmp_path):
    network = torch.nn.ModuleDict({"model": torch.nn.Linear(2, 3)})
    save_file(module_like(network, "module."), tmp_path / "a.safetensors")
    assert read_checkpoint(tmp_path / "a.safetensors", list(network.state_dict())).keys() == network.state_dict().keys()


@pytest.mark.parametrize("content", [b"", b"not a checkpoint"])
def test_a_safetensors_file_without_weights_is_refused(tmp_path, content):
    (tmp_path / "a.safetensors").write_bytes(content)
    assert "refused" in fault_of(read_checkpoint, tmp_path / "a.safetensors", [])


def test_a_file_becomes_a_member(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    network = small().eval()
    write_member(".", network, Member("a"))
    Path("weights.safetensors").rename("a.safetensors")
    loaded, member = load(weights="a.safetensors")
    image = torch.rand(2, 3, 32, 32, device=next(loaded.parameters()).device)
    with torch.inference_mode():
        torch.testing.assert_close(loaded(image).cpu(), network(image.cpu()))
    digest = hashlib.sha256(Path("a.safetensors").read_bytes()).hexdigest()
    timms = "timm's mean and std for resnet18"
    assert member["weights_kind"] == "file"
    assert member["weights_source"] == f"file a.safetensors (sha256 {digest}), images normalised by {timms}"
    assert (member["outputs"], member["stem"], member["normalisation"]) == (None, "original", timms)
    assert not loaded.training


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
    images = torch.from_numpy(np.random.default_rng(0).integers(0, 256, (4, 64, 64, 3), dtype=np.uint8))
    expected = (images / 255 - torch.tensor(used["mean"])) / torch.tensor(used["std"])
    with torch.inference_mode():
        logits = network(normalised(images, member["mean"], member["std"]).to(next(network.parameters()).device))
        torch.testing.assert_close(logits.cpu(), elsewhere(expected.permute(0, 3, 1, 2)))


def test_weights_that_were_trained_with_an_adapted_stem_say_so():
    loaded = {"architecture": "resnet18", "weights": "a.pt"}
    stems = {stem: Design(**loaded, stem=stem).description(32)["stem"] for stem in ("auto", "original", "adapted")}
    assert stems == {"auto": "original", "original": "original", "adapted": "adapted"}
    assert Design(architecture="resnet18").description(32)["stem"] == "adapted"
    assert Design(**loaded, stem="adapted").description(65)["stem"] == "original"


def test_weights_of_another_precision_are_cast(tmp_path):
    weights = small().state_dict()
    torch.save({name: t.double() if t.is_floating_point() else t for name, t in weights.items()}, tmp_path / "a.pt")
    network, _ = load(weights=str(tmp_path / "a.pt"))
    assert network.fc.weight.dtype == torch.float32


# Classes


@pytest.mark.parametrize(
    ("names", "outputs"),
    [
        ("ant\nbee\ncat\ndog\n", None),
        ("\ufeffdog\nfox\r\nant\ncat\nbee\n\n", [2, 4, 3, 0]),
        ("ant\n\ncat\n", "line 2 is empty"),
        ("\n", "line 1 is empty"),
        ("ant\nbees\ncat\n", r"no 'bee' \(is it 'bees'\?\), a class of the dataset, nor 1 more"),
        ("ant\nbee\ncat\ndog\ncat\n", "'cat' names 2 outputs"),
    ],
)
def test_classes_are_mapped_by_name(tmp_path, names, outputs):
    tmp_path.joinpath("names.txt").write_text(names, encoding="utf-8")
    torch.save(small(len(names.split())).state_dict(), tmp_path / "a.pt")
    settings = {"weights": str(tmp_path / "a.pt"), "classes": str(tmp_path / "names.txt")}
    if isinstance(outputs, str):
        with pytest.raises(Fault, match=outputs):
            load(**settings)
    else:
        assert load(**settings)[1]["outputs"] == outputs
