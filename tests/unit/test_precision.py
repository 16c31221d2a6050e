"""The precision of the layers' arithmetic in training and prediction."""

import numpy as np
import pytest
import timm
import torch
from small_training import SMALL

from resiliency.designs.members import Member
from resiliency.designs.networks import build
from resiliency.devices import choice
from resiliency.prediction.writing import compare_precision, prediction_key, write_logits
from resiliency.training import engine
from resiliency.training.engine import layer_precision

CPU, CUDA = torch.device("cpu"), torch.device("cuda")


@pytest.fixture
def hardware(monkeypatch):
    """The processor multiplies in bfloat16."""
    monkeypatch.setattr(engine, "bfloat16_in_hardware", lambda: True)


@pytest.mark.parametrize("name", ["resnet18", "densenet121", "regnetx_002", "regnety_002", "fasternet_t0"])
def test_convolutions_are_learnt_in_bfloat16_where_the_processor_has_it(hardware, name):
    network = timm.create_model(name, num_classes=10)
    assert layer_precision("auto", [network], CPU) == "bfloat16"
    assert layer_precision("float32", [network], CPU) == "float32"


@pytest.mark.parametrize("name", ["mobilenetv3_small_050", "starnet_s050", "convnext_atto", "vit_tiny_patch16_224"])
def test_depthwise_convolutions_and_attention_are_not(hardware, name):
    network = timm.create_model(name, num_classes=10)
    assert layer_precision("auto", [network], CPU) == "float32"
    assert layer_precision("auto", [timm.create_model("resnet18"), network], CPU) == "float32"
    assert layer_precision("bfloat16", [network], CPU) == "bfloat16"


@pytest.fixture
def predict(tmp_path, monkeypatch):
    """Logits of a small network in a precision, on a CPU that multiplies in bfloat16 or not."""
    images, labels = np.random.default_rng(0).integers(0, 256, (6, 32, 32, 3), dtype=np.uint8), np.arange(6) % 3
    card = {"mean": [0.5] * 3, "std": [0.3] * 3, "classes": ["a", "b", "c"]}
    member = build(SMALL, 3, 0).eval(), Member("a-s0", **card)
    monkeypatch.setattr(choice.torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(choice, "visible_gpus", list)

    def logits(wanted, native):
        monkeypatch.setattr(choice, "bfloat16_in_hardware", lambda: native)
        path = tmp_path / f"{wanted}-{native}.npy"
        compare_precision([member], images, labels, wanted)
        write_logits([str(path)], [member], [images], 0, ["0" * 16], wanted)
        return np.load(path)

    return logits


def test_predictions_in_bfloat16_are_compared_with_float32_where_the_processor_has_it(predict, capsys):
    exact, low = predict("float32", True), predict("bfloat16", True)
    assert 0 < np.abs(exact.astype(float) - low).max() < 0.1
    lines = capsys.readouterr().out.splitlines()
    line = lines[lines.index("bfloat16 against float32 on 6 clean images, spread over all:") + 1]
    assert line.startswith("a-s0: accuracy ")
    assert "decisions differ, logits by " in line


@pytest.mark.parametrize(("wanted", "native"), [("bfloat16", False), ("tf32", True)])
def test_predictions_are_in_float32_where_the_processor_lacks_what_is_wanted(predict, capsys, wanted, native):
    assert (predict(wanted, native) == predict("float32", native)).all()
    assert set(capsys.readouterr().out.splitlines()) >= {"precision: float32"}


def test_what_was_kept_in_another_precision_is_not_gone_on_from(monkeypatch, tmp_path):
    for name in ("weights.safetensors", "member.json"):
        (tmp_path / name).touch()
    keys = {}
    for native in (False, True):
        monkeypatch.setattr(choice, "bfloat16_in_hardware", lambda native=native: native)
        keys |= {(native, wanted): prediction_key("", [], tmp_path, wanted) for wanted in ("float32", "bfloat16")}
    assert keys[False, "bfloat16"] == keys[False, "float32"] == keys[True, "float32"] != keys[True, "bfloat16"]
