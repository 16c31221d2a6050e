"""The losses of joint training."""

from itertools import pairwise
from math import log

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import softmax

from resiliency.training.objectives import OBJECTIVES, balanced, ensemble, independent


def random_case(members: int = 3, images: int = 5, classes: int = 4, seed: int = 0):
    random = torch.Generator().manual_seed(seed)
    logits = 2 * torch.randn(members, images, classes, generator=random)
    return logits, torch.randint(classes, (images,), generator=random)


def test_by_hand():
    """Two members say 3/4 and 1/4 for the true one of two classes."""
    logits = torch.tensor([[[log(3.0), 0.0]], [[0.0, log(3.0)]]])
    labels = torch.tensor([0])
    separately = (log(4 / 3) + log(4)) / 2
    together = log(2)
    assert float(independent(logits, labels)) == pytest.approx(separately, abs=1e-6)
    assert float(ensemble(logits, labels)) == pytest.approx(together, abs=1e-6)
    assert float(balanced(logits, labels, 0.25)) == pytest.approx(0.75 * separately + 0.25 * together, abs=1e-6)


@pytest.mark.parametrize("seed", range(5))
def test_strength_zero_is_independent_training_to_the_bit(seed):
    logits, labels = random_case(seed=seed)
    values, gradients = [], []
    for loss in (independent, lambda x, y: balanced(x, y, 0.0)):
        leaf = logits.clone().requires_grad_()
        value = loss(leaf, labels)
        value.backward()
        values.append(value.detach())
        gradients.append(leaf.grad)
    assert torch.equal(*values)
    assert torch.equal(*gradients)


@given(st.integers(1, 5), st.integers(1, 6), st.integers(2, 5), st.integers(0, 1000))
@settings(deadline=None, max_examples=50)
def test_against_numpy(members, images, classes, seed):
    logits, labels = random_case(members, images, classes, seed)
    probabilities = softmax(logits.double().numpy(), axis=-1)
    chosen = probabilities[:, np.arange(images), labels.numpy()]
    assert float(independent(logits, labels)) == pytest.approx(-np.log(chosen).mean(), rel=1e-5, abs=1e-6)
    assert float(balanced(logits, labels, 1.0)) == pytest.approx(
        -np.log(chosen.mean(axis=0)).mean(), rel=1e-5, abs=1e-6
    )


def test_one_member_is_its_own_ensemble():
    logits, labels = random_case(members=1)
    expected = float(F.cross_entropy(logits[0], labels))
    for strength in (0.0, 0.3, 1.0):
        assert float(balanced(logits, labels, strength)) == pytest.approx(expected, rel=1e-6)


@given(st.integers(0, 1000))
@settings(deadline=None, max_examples=50)
def test_the_ensemble_is_never_worse_than_its_members(seed):
    """Jensen's inequality: the loss falls, or stays, as the strength grows."""
    logits, labels = random_case(seed=seed)
    values = [float(balanced(logits, labels, strength)) for strength in (0, 0.25, 0.5, 1)]
    assert all(a >= b - 1e-6 for a, b in pairwise(values))


@pytest.mark.parametrize("name", OBJECTIVES)
@pytest.mark.parametrize("strength", [0.0, 0.4, 1.0])
def test_gradients_are_right(name, strength):
    logits, labels = random_case()
    logits = logits.double().requires_grad_()
    assert torch.autograd.gradcheck(lambda x: OBJECTIVES[name](x, labels, strength), logits)


@pytest.mark.parametrize("name", OBJECTIVES)
def test_a_batch_is_the_mean_of_its_images(name):
    logits, labels = random_case(images=6)
    single = [OBJECTIVES[name](logits[:, i : i + 1], labels[i : i + 1], 0.5) for i in range(6)]
    torch.testing.assert_close(OBJECTIVES[name](logits, labels, 0.5), torch.stack(single).mean())


@pytest.mark.parametrize("name", OBJECTIVES)
def test_the_order_of_members_does_not_matter(name):
    logits, labels = random_case()
    torch.testing.assert_close(OBJECTIVES[name](logits.flip(0), labels, 0.7), OBJECTIVES[name](logits, labels, 0.7))


def test_huge_logits_stay_finite():
    logits = torch.tensor([[[1000.0, 0.0]], [[0.0, 1000.0]]], requires_grad=True)
    value = balanced(logits, torch.tensor([0]), 1.0)
    value.backward()
    assert value.item() == pytest.approx(log(2), rel=1e-6)
    assert torch.isfinite(logits.grad).all()
