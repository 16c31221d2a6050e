"""Weights from timm's hub become members, with or without a network."""

import hashlib
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest
import timm
import torch
from attacks.weights import Marking
from safetensors.torch import save
from small_members import CARD
from timm.data import ImageNetInfo

from resiliency.base.faults import Fault
from resiliency.designs.networks import normalised
from resiliency.designs.settings import Design
from resiliency.designs.weights import load_member

REPOSITORY, COMMIT = "timm/test_resnet.r160_in1k", "0123456789abcdef0123456789abcdef01234567"
SYNSETS = ["n01440764", "n02102040", "n02979186", "n03000684"]
SYNSET_CARD = CARD | {"classes": SYNSETS}


@pytest.fixture(scope="module")
def published() -> torch.nn.Module:
    torch.manual_seed(7)
    return timm.create_model("test_resnet").eval()


@pytest.fixture(scope="module")
def hub(published):
    """Address of a server that answers as the hub does, with one repository of one commit, "main"."""
    content = save(published.state_dict())

    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self):
            revision = re.fullmatch(f"/{REPOSITORY}/resolve/(.*)/model.safetensors", self.path)
            exists = revision and revision[1] in ("main", COMMIT)
            self.send_response(200 if exists else 404)
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
    return load_member(design.description(32), card, design.inputs(0))


def test_pretrained_weights_serve_a_subset_of_imagenet(at_hub, published, capsys):
    network, member = pretrained(stem="original")
    chosen = [ImageNetInfo().label_names().index(name) for name in SYNSETS]
    assert (member["outputs"], member["network_outputs"], member["classes"]) == (chosen, 1000, SYNSETS)
    assert (member["mean"], member["std"]) == ([0.5] * 3, [0.5] * 3)
    assert member["weights_kind"] == "pretrained"
    assert member["weights_source"].startswith(f"pretrained {REPOSITORY}@{COMMIT}, images normalised by timm's mean")
    assert f"set revision: {COMMIT}" in capsys.readouterr().out
    images = torch.from_numpy(np.random.default_rng(0).integers(0, 256, (4, 32, 32, 3), dtype=np.uint8))
    images = normalised(images, member["mean"], member["std"])
    with torch.inference_mode():
        values = network(images.to(next(network.parameters()).device)).cpu()
        torch.testing.assert_close(values, published(images)[:, chosen])


def test_files_of_the_hub_are_never_unpickled(at_hub, published, tmp_path, monkeypatch):
    path, mark = tmp_path / COMMIT / "pytorch_model.bin", tmp_path / "ran"
    path.parent.mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("resiliency.designs.weights.download_weights", lambda *_: (str(path), COMMIT))
    torch.save(published.state_dict(), path)
    network, _ = pretrained(stem="original")
    assert torch.equal(network.network.state_dict()["fc.weight"].cpu(), published.state_dict()["fc.weight"])
    torch.save({"state_dict": published.state_dict(), "optimizer": Marking()}, path)
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
