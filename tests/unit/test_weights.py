"""Members that somebody else trained: weights in files and on timm's hub, mapped to classes."""

import hashlib
import re
import threading
from collections import OrderedDict
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest
import timm
import torch
from attacks.weights import Marking
from fault_messages import fault_of
from own_networks import small
from safetensors.torch import save
from timm.data import ImageNetInfo
from torch import nn
from trainings import SMALL

from resiliency.designs.members import Member
from resiliency.designs.networks import (
    build,
    load_weights,
    normalised,
    read_checkpoint,
    read_member,
    write_member,
)
from resiliency.designs.settings import Design
from resiliency.designs.weights import load_member
from resiliency.prediction.writing import features, logits

CLASSES = ["ant", "bee", "cat", "dog"]


@pytest.mark.parametrize(
    "prefix", ["", "module.", "_orig_mod.", "model.", "module._orig_mod.", "_orig_mod.module."]
)
@pytest.mark.parametrize("wrapper", [None, "state_dict", "model_state_dict", "model", "net"])
def test_checkpoints_with_common_wrappers_are_read(tmp_path, prefix, wrapper):
    network = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3))
    weights = OrderedDict((prefix + name, tensor) for name, tensor in network.state_dict().items())
    torch.save(
        {wrapper: weights, "epoch": 3, "optimizer": {"lr": 0.1}} if wrapper else weights,
        tmp_path / "a.pt",
    )
    other = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3))
    read = read_checkpoint(tmp_path / "a.pt", list(other.state_dict()))
    assert load_weights(other, read) == ""
    assert torch.equal(other[0].weight, network[0].weight)


@pytest.mark.parametrize(
    ("names", "outputs"),
    [
        ("ant\nbee\ncat\ndog\n", None),
        ("\ufeffdog\nfox\r\nant\ncat\nbee\n\n", [2, 4, 3, 0]),
        ("\n", "line 1 is empty"),
        ("ant\nbees\ncat\n", "no 'bee', a class of the dataset, nor 1 more; did you mean bees?"),
        ("ant\nbee\ncat\ndog\ncat\n", "'cat' names 2 outputs"),
    ],
)
def test_classes_are_mapped_by_name(tmp_path, names, outputs):
    tmp_path.joinpath("names.txt").write_text(names, encoding="utf-8")
    network = build(Member("a", **SMALL.description(32)), len(names.split()), seed=5)
    torch.save(network.state_dict(), tmp_path / "a.pt")
    design = SMALL.model_copy(
        update={"weights": str(tmp_path / "a.pt"), "classes": str(tmp_path / "names.txt")}
    )
    arguments = "a", design.description(32), CLASSES, 32, design.inputs(0)
    if isinstance(outputs, str):
        assert outputs in fault_of(load_member, *arguments)
    else:
        assert load_member(*arguments)[1].outputs == outputs


REPOSITORY, COMMIT, NEWEST = (
    "timm/test_resnet.r160_in1k",
    "0123456789abcdef" * 2 + "01234567",
    "f" * 40,
)
SYNSETS = ["n01440764", "n02102040", "n02979186", "n03000684"]


@pytest.fixture(scope="module")
def published() -> nn.Module:
    torch.manual_seed(7)
    return timm.create_model("test_resnet").eval()


@pytest.fixture
def hub(published, tmp_path, monkeypatch) -> Iterator[None]:
    """A server that answers as the hub does is that of this process, with an empty cache."""
    content = save(published.state_dict())

    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self):
            revision = re.fullmatch(f"/{REPOSITORY}/resolve/(.*)/model.safetensors", self.path)[1]
            self.send_response(404 if revision == "v2" else 200)
            self.send_header("X-Repo-Commit", NEWEST if revision == "main" else revision)
            self.send_header("ETag", f'"{hashlib.sha256(content).hexdigest()}"')
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()

        def do_GET(self):
            self.do_HEAD()
            self.wfile.write(content)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_port}"
    template = address + "/{repo_id}/resolve/{revision}/{filename}"
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", address)
    monkeypatch.setattr("huggingface_hub.constants.HUGGINGFACE_CO_URL_TEMPLATE", template)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "cache"))
    yield
    server.shutdown()
    server.server_close()


def pretrained(revision: str | None = None):
    design = Design(
        architecture="test_resnet", weights="pretrained", stem="original", revision=revision
    )
    return load_member("a", design.description(32), SYNSETS, 32, design.inputs(0))


@pytest.mark.usefixtures("hub")
@pytest.mark.parametrize("revision", [None, COMMIT])
def test_pretrained_weights_serve_a_subset_of_imagenet(published, capsys, revision):
    network, member = pretrained(revision)
    chosen = [ImageNetInfo().label_names().index(name) for name in SYNSETS]
    assert (member.outputs, member.network_outputs, member.classes) == (chosen, 1000, SYNSETS)
    assert (member.mean, member.std) == ([0.5] * 3, [0.5] * 3)
    assert member.weights_kind == "pretrained"
    source = f"pretrained {REPOSITORY}@{revision or NEWEST}, images normalised by timm's mean"
    assert member.weights_source.startswith(source)
    assert (f"set revision: {NEWEST}" in capsys.readouterr().out) == (revision is None)
    images = torch.from_numpy(
        np.random.default_rng(0).integers(0, 256, (4, 32, 32, 3), dtype=np.uint8)
    )
    images = normalised(images, member.mean, member.std)
    with torch.inference_mode():
        values = network(images.to(next(network.parameters()).device)).cpu()
        torch.testing.assert_close(values, published(images)[:, chosen])


@pytest.mark.usefixtures("hub")
def test_a_revision_that_is_not_there_is_a_fault():
    assert re.search(f"^weights: {REPOSITORY}@v2: not downloaded .*404", fault_of(pretrained, "v2"))


def test_files_of_the_hub_are_never_unpickled(published, tmp_path, monkeypatch):
    path = tmp_path / COMMIT / "pytorch_model.bin"
    path.parent.mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(
        "resiliency.designs.weights.download_weights", lambda *_: (str(path), COMMIT)
    )
    torch.save({"state_dict": published.state_dict(), "optimizer": Marking()}, path)
    assert "pytorch_model.bin: refused (it holds more than tensors)" in fault_of(pretrained)
    assert not (tmp_path / "ran").exists()


ORDER = ["dog", "ant", "fox", "elk", "cat", "bee", "gnu"]
MEAN, STD = [0.3, 0.4, 0.5], [0.2, 0.25, 0.3]


def test_a_network_of_ones_own_trained_elsewhere_becomes_a_member(tmp_path):
    """From a checkpoint of DataParallel."""
    original = small(width=4, classes=len(ORDER))
    original.train()(torch.rand(16, 3, 32, 32))  # moves the running statistics
    path, weights = (
        tmp_path / "net.pth.tar",
        {f"module.{name}": one for name, one in original.state_dict().items()},
    )
    torch.save({"epoch": 3, "state_dict": weights, "best": 0.5}, path)
    network = {"factory": "own_networks:small", "arguments": {"width": 4, "classes": len(ORDER)}}
    design = Design(**network, weights=str(path), classes=ORDER, mean=MEAN, std=STD)
    loaded, described = load_member("own-s0", design.description(32), CLASSES, 32, design.inputs(0))
    write_member(tmp_path / "own-s0", loaded, described)
    member = read_member(tmp_path / "own-s0", {network["factory"]})
    chosen = [ORDER.index(name) for name in CLASSES]
    images = np.random.default_rng(0).integers(0, 256, (20, 32, 32, 3), dtype=np.uint8)
    with torch.inference_mode():
        expected = original.eval()(normalised(torch.from_numpy(images), MEAN, STD))[
            :, chosen
        ].numpy()
    values = logits(member, images)
    np.testing.assert_allclose(values, expected, atol=2e-3)
    assert features(member, images).shape == (20, 8)
    assert (described.parameters, described.outputs) == (
        sum(p.numel() for p in original.parameters()),
        chosen,
    )
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    assert described.weights_source.startswith(f"file {path} (sha256 {digest})")
