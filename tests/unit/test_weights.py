"""Weights that somebody else trained: from files and from the hub, loaded strictly, mapped to classes."""

import hashlib
import re
import subprocess
import sys
import threading
from collections import OrderedDict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
import timm
import torch
from pydantic import ValidationError
from safetensors.torch import save, save_file
from timm.data import ImageNetInfo

from resiliency.designs.checkpoints import load_weights, read_checkpoint
from resiliency.designs.members import Member
from resiliency.designs.networks import build, normalised, read_member, write_member
from resiliency.designs.settings import Design
from resiliency.designs.weights import load_member
from resiliency.faults import Fault
from resiliency.files import write_array, write_json

SMALL = {"architecture": "resnet18", "arguments": {"channels": [4, 4, 4, 8]}, "stem": "original"}
TIMMS = {"mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225]}
CLASSES = ["ant", "bee", "cat", "dog"]
CARD = {"image_shape": [32, 32, 3], "classes": CLASSES, "mean": [0.5] * 3, "std": [0.2] * 3}
SCRIPTS = Path(__file__).parents[2] / "scripts"


def small(outputs: int = 4) -> torch.nn.Module:
    return build(Design(**SMALL).described(32), outputs, seed=5)


def load(**settings):
    design = Design(**{**SMALL, **settings})
    return load_member(design.described(32), CARD, design.inputs(0))


# Settings

TIMM = {"architecture": "resnet18"}
FILE = TIMM | {"weights": "a.pt"}


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({}, "architecture: missing; it must be given, or else a factory"),
        ({**TIMM, "factory": "a:b"}, "factory: must not be given beside an architecture"),
        ({"factory": "a.b"}, "should match pattern"),
        ({**TIMM, "arguments": {"num_classes": 3}}, "arguments: must not hold num_classes"),
        (
            {**TIMM, "weights": "pretraind"},
            "must be random, pretrained, or a file",
        ),
        ({**TIMM, "weights": []}, "must be random, pretrained, or a file"),
        ({**TIMM, "weights": ["a.pt", "random"]}, "must be random, pretrained, or a file"),
        ({**TIMM, "weights": ["a.pt", "a.pt"]}, "must name each file once"),
        ({"factory": "a:b", "weights": "pretrained"}, "weights: pretrained ones are timm's"),
        ({**TIMM, "family": "=1+1"}, "must not begin with = + - or @, which spreadsheets take for a formula"),
        ({**TIMM, "family": "a\nb"}, "must be 1 to 60 printable characters, without spaces at the ends"),
        ({**TIMM, "family": ""}, "must be 1 to 60 printable characters"),
        ({**TIMM, "revision": "abc"}, "revision: only pretrained weights have one"),
        (
            {**FILE, "revision": "abc"},
            "revision: only pretrained weights have one",
        ),
        ({**TIMM, "classes": ["a", "b"]}, "classes: only for weights that are loaded"),
        ({**TIMM, "mean": [0, 0, 0], "std": [1, 1, 1]}, "mean: only for weights that are loaded"),
        ({**FILE, "mean": [0, 0, 0]}, "mean: must be given together with std"),
        (
            {**FILE, "mean": [124, 0, 0], "std": [1] * 3},
            "less than or equal to 1",
        ),
        (
            {**FILE, "classes": []},
            "must be a text file with a class name a line",
        ),
        (
            {"factory": "a:b", "weights": "a.pt"},
            "mean: missing, with std; loaded weights need what their images were normalised with",
        ),
        (
            {**FILE, "training": {"epochs": 1}},
            "training: loaded weights are not",
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
    assert (trained.loaded, trained.members(3), trained.inputs(2), trained.group) == (False, 3, {}, "resnet")
    assert "loaded" not in trained.described(32)
    pretrained = Design(architecture="resnet50", weights="pretrained", family="mine")
    assert (pretrained.loaded, pretrained.members(3), pretrained.inputs(0), pretrained.group) == (True, 1, {}, "mine")
    own = Design(factory="nets:small", weights=["a.pt", "b.pt"], classes="names.txt", mean=[0] * 3, std=[1] * 3)
    assert (own.members(3), own.group) == (2, "small")
    assert own.inputs(1) == {"weights": "b.pt", "classes": "names.txt", "factory": "nets.py"}


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


def test_a_pickled_network_is_refused_without_running_it(tmp_path):
    torch.save(torch.nn.Linear(2, 3), tmp_path / "a.pt")
    with pytest.raises(
        Fault, match=r"a\.pt: refused \(it holds more than tensors\); save the network's state_dict\(\)"
    ):
        read_checkpoint(tmp_path / "a.pt", [])


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "refused"),
        (b"not a checkpoint", "refused"),
        ({"epoch": 3, "lr": 0.1}, "holds epoch, lr, where a state dict of tensors is needed"),
        ({}, "holds nothing, where"),
        (torch.zeros(3), "holds Tensor, where"),
    ],
)
@pytest.mark.parametrize("suffix", ["pt", "safetensors"])
def test_files_without_weights_are_faults(tmp_path, content, words, suffix):
    path = tmp_path / f"a.{suffix}"
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        torch.save(content, path)
        words = words if suffix == "pt" else "refused"
    with pytest.raises(Fault, match=words) as caught:
        read_checkpoint(path, [])
    assert "\n" not in str(caught.value)


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
    network, member = load_member(design.described(64), CARD | {"image_shape": [64, 64, 3]}, design.inputs(0))
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
    stems = {stem: Design(**loaded, stem=stem).described(32)["stem"] for stem in ("auto", "original", "adapted")}
    assert stems == {"auto": "original", "original": "original", "adapted": "adapted"}
    assert Design(architecture="resnet18").described(32)["stem"] == "adapted"
    assert Design(**loaded, stem="adapted").described(65)["stem"] == "original"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda w: w.pop("fc.bias"), r"of 128 weights, 1 missing \(fc\.bias\)"),
        (lambda w: w.update(a=w["fc.bias"] + 1), r"1 unknown \(a\)"),
        (
            lambda w: [w.pop(n) for n in list(w) if n.startswith("layer4")],
            r"missing \(layer4\.0.*, \.\.\.\)",
        ),
        (lambda w: w.update({"fc.weight": torch.zeros(9, 8)}), r"1 of another shape \(fc\.weight 9x8, not 4x8\)"),
        (lambda w: w["fc.weight"][1, 1].fill_(torch.nan), r"1 not finite \(fc\.weight\)"),
        (lambda w: w["bn1.running_var"][0].fill_(torch.inf), r"1 not finite \(bn1\.running_var\)"),
        (
            lambda w: w.update({"fc.bias": w["fc.bias"].long()}),
            r"1 of another type \(fc\.bias int64, not float32\)",
        ),
        (
            lambda w: w.update({"fc.bias": w["fc.bias"] * 1j}),
            r"1 of another type \(fc\.bias complex64, not float32\)",
        ),
    ],
)
def test_weights_of_another_network_are_faults(tmp_path, change, words):
    weights = small().state_dict()
    change(weights)
    torch.save(dict(weights), tmp_path / "a.pt")
    with pytest.raises(Fault, match=rf"a\.pt: not the weights of resnet18 with 4 outputs: .*{words}") as caught:
        load(weights=str(tmp_path / "a.pt"))
    assert "\n" not in str(caught.value)


def test_weights_of_another_precision_are_cast(tmp_path):
    weights = small().state_dict()
    torch.save({name: t.double() if t.is_floating_point() else t for name, t in weights.items()}, tmp_path / "a.pt")
    network, _ = load(weights=str(tmp_path / "a.pt"))
    assert network.fc.weight.dtype == torch.float32


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({1: torch.zeros(2), 2: torch.zeros(2)}, "holds names that are no text, as 1, 2"),
        ({"fc.weight": torch.zeros(4, 8).to_sparse()}, r"holds sparse tensors, or some without values \(fc\.weight\)"),
        ({"fc.weight": torch.zeros(4, 8, device="meta")}, r"sparse tensors, or some without values \(fc\.weight\)"),
    ],
)
def test_tensors_that_are_no_weights_are_faults(tmp_path, content, words):
    torch.save(content, tmp_path / "a.pt")
    with pytest.raises(Fault, match=rf"a\.pt: .*{words}"):
        load(weights=str(tmp_path / "a.pt"))


def test_a_file_that_is_not_there_is_a_fault(tmp_path):
    with pytest.raises(Fault, match=r"a\.pt: no such file of weights"):
        load(weights=str(tmp_path / "a.pt"))


# Classes


@pytest.mark.parametrize(
    ("names", "outputs"),
    [
        ("ant\nbee\ncat\ndog\n", None),
        ("\ufeffdog\nfox\r\nant\ncat\nbee\n\n", [2, 4, 3, 0]),
        ("ant\n\ncat\n", "line 2 is empty"),
        ("\n", "line 1 is empty"),
        ("ant\nbees\ncat\n", r"no 'bee' \(is it 'bees'\?\), a class of the data set, nor 1 more"),
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


# The hub

REPOSITORY, COMMIT = "timm/test_resnet.r160_in1k", "0123456789abcdef0123456789abcdef01234567"
SYNSETS = ["n01440764", "n02102040", "n02979186", "n03000684"]
SYNSET_CARD = CARD | {"classes": SYNSETS}


@pytest.fixture(scope="module")
def published() -> torch.nn.Module:
    torch.manual_seed(7)
    return timm.create_model("test_resnet").eval()


@pytest.fixture(scope="module")
def hub(published):
    """Address of a server that answers as the hub does, with one repository of one commit, "main" and "v1"."""
    content = save(published.state_dict())

    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self):
            revision = re.fullmatch(f"/{REPOSITORY}/resolve/(.*)/model.safetensors", self.path)
            exists = revision and revision[1] in ("main", "v1", COMMIT)
            self.send_response(200 if exists else 404)
            if not exists:
                at = self.path.startswith(f"/{REPOSITORY}/resolve/")
                error = ("EntryNotFound" if "/main/" in self.path else "RevisionNotFound") if at else "RepoNotFound"
                self.send_header("X-Error-Code", error)
            self.send_header("X-Repo-Commit", COMMIT)
            self.send_header("ETag", f'"{hashlib.sha256(content).hexdigest()}"')
            self.send_header("Content-Length", str(len(content) if exists else 0))
            self.end_headers()
            return exists

        def do_GET(self):
            if self.do_HEAD():
                self.wfile.write(content)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture
def at_hub(hub, tmp_path, monkeypatch):
    """The hub of this process, with an empty cache; call it to move to another address."""

    def move(address: str) -> None:
        monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", address)
        template = address + "/{repo_id}/resolve/{revision}/{filename}"
        monkeypatch.setattr("huggingface_hub.constants.HUGGINGFACE_CO_URL_TEMPLATE", template)

    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("huggingface_hub.utils._http.time.sleep", lambda _: None)
    move(hub)
    return move


def pretrained(card=SYNSET_CARD, **settings):
    design = Design(architecture="test_resnet", weights="pretrained", **settings)
    return load_member(design.described(32), card, design.inputs(0))


def test_pretrained_weights_serve_a_subset_of_imagenet(at_hub, published, capsys):
    network, member = pretrained(stem="original")
    chosen = [ImageNetInfo().label_names().index(name) for name in SYNSETS]
    assert (member["outputs"], member["network_outputs"], member["classes"]) == (chosen, 1000, SYNSETS)
    assert (member["mean"], member["std"]) == ([0.5] * 3, [0.5] * 3)
    assert member["weights_source"].startswith(f"pretrained {REPOSITORY}@{COMMIT}, images normalised by timm's mean")
    assert f"set revision: {COMMIT}" in capsys.readouterr().out
    images = torch.from_numpy(np.random.default_rng(0).integers(0, 256, (4, 32, 32, 3), dtype=np.uint8))
    images = normalised(images, member["mean"], member["std"])
    with torch.inference_mode():
        values = network(images.to(next(network.parameters()).device)).cpu()
        torch.testing.assert_close(values, published(images)[:, chosen])


class Touch:
    """Makes a file where it is unpickled."""

    def __init__(self, path: Path):
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


def test_files_of_the_hub_are_never_unpickled(at_hub, published, tmp_path, monkeypatch):
    path, mark = tmp_path / COMMIT / "pytorch_model.bin", tmp_path / "ran"
    path.parent.mkdir()
    monkeypatch.setattr("resiliency.designs.weights.downloaded", lambda *_: (str(path), COMMIT))
    torch.save(published.state_dict(), path)
    network, _ = pretrained(stem="original")
    assert torch.equal(network.network.state_dict()["fc.weight"].cpu(), published.state_dict()["fc.weight"])
    torch.save({"state_dict": published.state_dict(), "optimizer": Touch(mark)}, path)
    with pytest.raises(Fault, match=r"pytorch_model\.bin: refused \(it holds more than tensors\)"):
        pretrained(stem="original")
    assert not mark.exists()
    torch.load(path, weights_only=False)
    assert mark.exists()


def test_a_pinned_commit_is_said_once_and_found_without_a_network(at_hub, capsys):
    pretrained(revision=COMMIT)
    assert "set revision" not in capsys.readouterr().out
    at_hub("http://127.0.0.1:9")
    assert pretrained(revision=COMMIT)[1]["weights_source"].startswith(f"pretrained {REPOSITORY}@{COMMIT}, ")


@pytest.mark.parametrize("revision", [None, "v1"])
def test_no_network_is_one_line(at_hub, revision):
    at_hub("http://127.0.0.1:9")
    named = re.escape(REPOSITORY + (f"@{revision}" if revision else ""))
    with pytest.raises(Fault, match=rf"^weights: {named}: not downloaded \(.*refused.*HF_HOME") as caught:
        pretrained(revision=revision)
    assert "\n" not in str(caught.value)


def test_a_revision_that_is_not_there_is_a_fault(at_hub):
    with pytest.raises(Fault, match=f"^weights: {REPOSITORY}@v2: not downloaded .*404") as caught:
        pretrained(revision="v2")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("card", "settings", "words"),
    [
        (CARD, {}, "classes: missing; test_resnet has 1,000 outputs, the data set 4 classes that are no synsets"),
        (CARD, {"classes": CLASSES}, "classes: 4 names for the 1,000 outputs of test_resnet"),
        (CARD | {"classes": ["n00000001", *SYNSETS]}, {}, "classes: the network has no 'n00000001'"),
    ],
)
def test_classes_that_pretrained_weights_do_not_know_are_faults(at_hub, card, settings, words):
    with pytest.raises(Fault, match=words):
        pretrained(card, **settings)


def test_a_network_whose_classes_are_not_imagenets_is_a_fault():
    design = Design(architecture="convnext_base.clip_laion2b", weights="pretrained")
    mismatch = "has 640 outputs, the data set 4 classes that are synsets; its own are not ImageNet's; name those of the"
    with pytest.raises(Fault, match=f"^classes: missing; {design.architecture} {mismatch}"):
        load_member(design.described(224), SYNSET_CARD, {})


@pytest.mark.parametrize(
    ("architecture", "words"),
    [
        ("resnet18.nope", "architecture: timm has no 'resnet18.nope'"),
        ("vit_small_patch14_dinov2", "weights: timm has no pretrained classifier vit_small_patch14_dinov2"),
    ],
)
def test_architectures_without_pretrained_weights_are_faults(architecture, words):
    design = Design(architecture=architecture, weights="pretrained")
    with pytest.raises(Fault, match=words):
        load_member(design.described(224), SYNSET_CARD, {})


RUN = """
import sys
from types import SimpleNamespace
from resiliency.designs.settings import Design

class Named(dict):
    __getattr__ = dict.__getitem__

snakemake = SimpleNamespace(
    input=Named(card="card.json", validation_images="images.npy", validation_labels="labels.npy"),
    output=Named(weights="net-s0/weights.safetensors", description="net-s0/member.json"),
    params=Named(member=Design(architecture="test_resnet", weights="pretrained").described(32) | {"seed": 0}),
    threads=1,
    resources=SimpleNamespace(gpu=1),
    log=["log"],
)
exec(compile(open(sys.argv[1]).read(), sys.argv[1], "exec"))
"""


def test_the_script_writes_a_member_with_its_validation_accuracy(hub, published, tmp_path):
    """In a process of its own, as Snakemake runs it; HF_ENDPOINT and HF_HOME are read from the environment."""
    images = np.random.default_rng(0).integers(0, 256, (8, 32, 32, 3), dtype=np.uint8)
    write_json(tmp_path / "card.json", SYNSET_CARD)
    write_array(tmp_path / "images.npy", images)
    write_array(tmp_path / "labels.npy", np.arange(8) % 4)
    run = subprocess.run(
        [sys.executable, "-c", RUN, SCRIPTS / "load.py"],
        cwd=tmp_path,
        env={"PYTHONPATH": str(SCRIPTS), "HF_ENDPOINT": hub, "HF_HOME": str(tmp_path / "hub"), "HOME": str(tmp_path)},
        check=False,
    )
    assert run.returncode == 0, (tmp_path / "log").read_text()
    network, member = read_member(tmp_path / "net-s0")
    device = next(network.parameters()).device
    with torch.inference_mode():
        answers = network(normalised(torch.from_numpy(images).to(device), member.mean, member.std)).argmax(1)
    assert member.validation_accuracy == (answers.cpu().numpy() == np.arange(8) % 4).mean()
    assert (member.member, member.seed) == ("net-s0", 0)
    assert COMMIT in member.weights_source
