"""Logits are stored so that order and probabilities stay, or refused with the name of the member."""

import numpy as np
import pytest
import torch
from scipy.special import softmax
from torch import nn

from resiliency.base.faults import Fault
from resiliency.designs.members import Member
from resiliency.designs.weights import design_card
from resiliency.prediction.writing import logits, storable
from resiliency.training.checkpoints import LabelledImages, Preprocessing, accuracies

DESCRIPTION = {"architecture": None, "factory": "lab:network", "arguments": {}}
CARD = {"image_shape": [8, 8, 3], "classes": ["a", "b"], "mean": [0.5] * 3, "std": [0.2] * 3}


class Constant(nn.Module):
    """A network that gives every image the same logits."""

    def __init__(self, values: list[float], factor: float = 1):
        super().__init__()
        self.values, self.factor = nn.Parameter(torch.tensor(values)), factor

    def forward(self, images):
        return (self.values * self.factor).expand(len(images), -1)


@pytest.mark.parametrize(
    "values",
    [[70_000.0, 70_001.0, 69_999.5], [-1e9, -1e9 + 64, -1e9 - 128], [3e38, -3e38, 2e38], [100.0, 100.25, 99.0]],
)
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
    member = Constant([0.0, wrong]), Member("vit-s1", mean=CARD["mean"], std=CARD["std"])
    with pytest.raises(Fault, match=r"^vit-s1: logits contain NaN or infinity for 3 of 3 images$"):
        next(logits([member], np.zeros((3, 8, 8, 3), np.uint8)))


def test_a_network_that_answers_nan_is_refused_when_it_is_made():
    silent = Constant([0.0, 1.0], factor=np.nan)
    with pytest.raises(Fault, match=r"^lab:network with \{\}: logits for a black image contain NaN or infinity"):
        design_card(silent, DESCRIPTION, CARD, 2)
    images = LabelledImages(np.zeros((3, 8, 8, 3), np.uint8), np.zeros(3, np.int64))
    with pytest.raises(Fault, match=r"^validation logits contain NaN or infinity"):
        accuracies([Constant([0.0, 1.0]), silent], images, Preprocessing(CARD["mean"], CARD["std"]))
