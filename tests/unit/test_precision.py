"""The precision of the arithmetic of training, and how logits are stored."""

import numpy as np
import pytest
import timm
import torch
from scipy.special import softmax
from torch import nn

from resiliency.base.faults import Fault
from resiliency.designs.members import Member
from resiliency.prediction.writing import logits, storable
from resiliency.training import engine
from resiliency.training.engine import layer_precision

CPU = torch.device("cpu")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        *((name, "bfloat16") for name in ("resnet18", "densenet121", "regnetx_002", "regnety_002", "fasternet_t0")),
        *((name, "float32") for name in ("mobilenetv3_small_050", "starnet_s050", "convnext_atto")),
        ("vit_tiny_patch16_224", "float32"),
    ],
)
def test_auto_is_bfloat16_for_convolutions_but_depthwise_ones_where_the_processor_has_it(monkeypatch, name, expected):
    monkeypatch.setattr(engine, "bfloat16_in_hardware", lambda: True)
    network = timm.create_model(name, num_classes=10)
    assert layer_precision("auto", [network], CPU) == expected
    assert layer_precision("auto", [timm.create_model("resnet18"), network], CPU) == expected
    assert [layer_precision(given, [network], CPU) for given in ("float32", "bfloat16")] == ["float32", "bfloat16"]


@pytest.mark.parametrize("values", [[70_000.0, 70_001.0, 69_999.5], [-1e9, -1e9 + 64, -1e9 - 128], [3e38, -3e38, 2e38]])
def test_large_logits_keep_their_order_and_probabilities(values):
    given = np.array([values, [1.0, 2.0, 3.0]], np.float32)
    kept = storable(given, "a")
    assert kept.dtype == np.float16
    assert np.isfinite(kept).all()
    assert kept.argmax(axis=1).tolist() == given.argmax(axis=1).tolist()
    np.testing.assert_allclose(softmax(kept.astype(float), axis=1), softmax(given.astype(float), axis=1), rtol=2e-3)
    assert kept[1].tolist() == [1, 2, 3]


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf])
def test_logits_that_are_not_finite_are_refused_with_the_name_of_the_member(wrong):
    network = nn.Sequential(nn.Flatten(), nn.Linear(192, 2))
    network[1].bias.data[1] = wrong
    member = network, Member("vit-s1", mean=[0.5] * 3, std=[0.2] * 3)
    with pytest.raises(Fault, match=r"^vit-s1: logits contain NaN or infinity for 3 of 3 images$"):
        next(logits([member], np.zeros((3, 8, 8, 3), np.uint8)))
