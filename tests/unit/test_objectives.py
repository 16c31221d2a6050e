"""The losses of joint training."""

from itertools import combinations

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import log_softmax, softmax
from torch import nn

from resiliency.training.objectives import (
    ADP_RIDGE,
    OBJECTIVES,
    independent,
    input_gradients,
    joint_loss,
    mean_cka,
)
from resiliency.training.settings import JOINT_OBJECTIVES

LOSS_WEIGHTS = {name: 0.7 if JOINT_OBJECTIVES[name].highest else 0 for name in OBJECTIVES}
PENALISED = [name for name, loss_weight in LOSS_WEIGHTS.items() if loss_weight]
LOGITS_ALONE = [name for name in PENALISED if not OBJECTIVES[name].needs]


def random_case(members: int = 3, images: int = 5, classes: int = 4, seed: int = 0):
    """Logits, of images that the members are differently sure of, and labels."""
    random = torch.Generator().manual_seed(seed)
    sureness = 10 ** torch.linspace(-1, 1, images)[:, None]
    logits = sureness * torch.randn(members, images, classes, generator=random)
    return logits, torch.randint(classes, (images,), generator=random)


def random_needed(name: str, members: int = 3, images: int = 5, seed: int = 0):
    """Input gradients of one shape, or features of different widths, where the objective needs them."""
    random = torch.Generator().manual_seed(seed)
    if OBJECTIVES[name].needs == "features":
        return [torch.randn(images, 3 + member, generator=random) for member in range(members)]
    if OBJECTIVES[name].needs == "input_gradients":
        return [torch.randn(images, 3, 4, 4, generator=random) for _ in range(members)]
    return None


def value_and_gradients(loss, logits, labels, loss_weight, needed=None):
    leaf, leaves = logits.clone().requires_grad_(), [one.clone().requires_grad_() for one in needed or []]
    value = loss(leaf, labels, loss_weight, leaves or None)
    value.backward()
    return value.detach(), leaf.grad, [one.grad for one in leaves]


class TestAll:
    @pytest.mark.parametrize("seed", range(3))
    @pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
    @pytest.mark.parametrize("name", OBJECTIVES)
    def test_weight_zero_is_independent_training_to_the_bit(self, name, dtype, seed):
        logits, labels = random_case(seed=seed)
        logits = logits.to(dtype)
        value, gradient, _ = value_and_gradients(OBJECTIVES[name], logits, labels, 0.0, random_needed(name))
        expected = value_and_gradients(lambda x, y, *_: independent(x.float(), y), logits, labels, 0.0)
        assert torch.equal(value, expected[0])
        assert torch.equal(gradient, expected[1])

    @pytest.mark.parametrize("name", PENALISED)
    @pytest.mark.parametrize("loss_weight", [0.0, 0.4, 1.0])
    def test_gradients_are_those_of_finite_differences(self, name, loss_weight):
        logits, labels = random_case()
        needed = random_needed(name) or []
        leaves = [one.double().requires_grad_() for one in [logits, *needed]]
        assert torch.autograd.gradcheck(
            lambda x, *rest: OBJECTIVES[name](x, labels, loss_weight, list(rest) or None), leaves
        )

    @pytest.mark.parametrize("scale", [1.0, 1e4])
    @pytest.mark.parametrize(("members", "classes"), [(2, 3), (8, 9), (8, 100)])
    @pytest.mark.parametrize("name", PENALISED)
    def test_huge_logits_stay_finite_in_float32(self, name, members, classes, scale):
        """Random ones, one member certain of the truth, one of an error, all the same."""
        logits, labels = random_case(members, 5, classes)
        logits = scale * logits / logits.abs().amax()
        logits[0, 0], logits[1, 0], logits[:, 1] = 0, 0, logits[0, 1]
        logits[0, 0, labels[0]], logits[1, 0, labels[0] - 1] = scale, scale
        needed = [scale * one for one in random_needed(name, members) or []]
        value, gradient, others = value_and_gradients(OBJECTIVES[name], logits, labels, 1.0, needed)
        assert torch.isfinite(value)
        assert all(torch.isfinite(one).all() for one in [gradient, *others])

    @pytest.mark.parametrize("name", PENALISED)
    def test_bfloat16_is_computed_in_float32_in_and_out_of_autocast(self, name):
        logits, labels = random_case()
        logits, needed = logits.bfloat16(), [one.bfloat16() for one in random_needed(name) or []] or None
        precise = OBJECTIVES[name](logits.float(), labels, 0.5, needed and [one.float() for one in needed])
        assert OBJECTIVES[name](logits, labels, 0.5, needed) == precise
        with torch.autocast("cpu", torch.bfloat16):
            assert OBJECTIVES[name](logits, labels, 0.5, needed) == precise


def _geometric(p):
    product = np.prod(p, axis=0) ** (1 / len(p))
    return product / product.sum()


def _ncl(p, z, y):
    return -sum(np.sum((one - p.mean(axis=0)) ** 2) for one in p) / len(p)


def _kl(p, z, y):
    g = _geometric(p)
    return -sum(np.sum(g * np.log(g / one)) for one in p) / len(p)


def _gncl(p, z, y):
    q = softmax(z.mean(axis=0))
    hessian_matrix = np.diag(q) - np.outer(q, q)
    return -sum((one - z.mean(axis=0)) @ hessian_matrix @ (one - z.mean(axis=0)) for one in z) / (2 * len(z))


def _adp(p, z, y):
    mean = p.mean(axis=0)
    wrong = np.delete(p, y, axis=1)
    wrong /= np.linalg.norm(wrong, axis=1, keepdims=True)
    determinant = np.linalg.det(wrong @ wrong.T + ADP_RIDGE * np.eye(len(p)))
    return -(2.0 * -np.sum(mean * np.log(mean)) + 0.5 * np.log(determinant)) / len(p)


def _balanced(p, z, y):
    return np.log(p[:, y]).mean() - np.log(p[:, y].mean())


# Penalty of one image, from its probabilities MxK, logits MxK and label.
PENALTIES = {"balanced": _balanced, "gncl": _gncl, "ncl": _ncl, "kl": _kl, "adp": _adp}


class TestLogitsAlone:
    @pytest.mark.parametrize("name", LOGITS_ALONE)
    @given(st.integers(1, 4), st.integers(1, 6), st.integers(5, 7), st.floats(0.01, 1), st.integers(0, 1000))
    @settings(max_examples=25)
    def test_against_numpy_image_by_image(self, name, members, images, classes, loss_weight, seed):
        logits, labels = random_case(members, images, classes, seed)
        logits = logits.double().clamp(-15, 15)
        expected = 0.0
        for i in range(images):
            z, y = logits[:, i].numpy(), int(labels[i])
            members_loss = -log_softmax(z, axis=1)[:, y].mean()
            expected += (members_loss + loss_weight * PENALTIES[name](softmax(z, axis=1), z, y)) / images
        assert float(OBJECTIVES[name](logits, labels, loss_weight)) == pytest.approx(expected, rel=1e-7, abs=1e-7)


class TestAdp:
    def test_members_that_prefer_different_wrong_classes_are_as_diverse_as_can_be(self):
        """Nothing is left of the determinant, even where the probabilities of wrong classes underflow."""
        logits = torch.tensor([[[300.0, 99.0, 0.0]], [[300.0, 0.0, 99.0]]])
        assert float(OBJECTIVES["adp"](logits, torch.tensor([0]), 1.0)) == pytest.approx(0, abs=1e-5)


def small_network(seed: int) -> nn.Sequential:
    torch.manual_seed(seed)
    body = nn.Conv2d(3, 2, 3, padding=1), nn.BatchNorm2d(2), nn.ReLU(), nn.Conv2d(2, 4, 3, 2)
    return nn.Sequential(*body, nn.ReLU(), nn.Flatten(), nn.Linear(16, 4)).eval()


class TestAttribution:
    def test_input_gradients_are_those_of_each_image_alone(self):
        networks, labels = [small_network(seed) for seed in range(2)], torch.arange(4)
        images = torch.randn(4, 3, 5, 5, generator=torch.Generator().manual_seed(1)).requires_grad_()
        gradients = input_gradients([network(images) for network in networks], labels, images)
        for network, gradient in zip(networks, gradients, strict=True):
            assert gradient.requires_grad
            for i, label in enumerate(labels):
                image = images[i : i + 1].detach().requires_grad_()
                F.cross_entropy(network(image), label[None]).backward()
                torch.testing.assert_close(gradient[i], image.grad[0])

    def test_against_numpy(self):
        gradients = random_needed("attribution", members=4)
        flat = [one.double().flatten(1).numpy() for one in gradients]
        cosines = [
            x @ y / (np.linalg.norm(x) * np.linalg.norm(y))
            for one, other in combinations(flat, 2)
            for x, y in zip(one, other, strict=True)
        ]
        logits, labels = random_case(members=4)
        penalised = OBJECTIVES["attribution"](logits, labels, 0.7, gradients)
        assert float(penalised - independent(logits, labels)) == pytest.approx(0.7 * np.mean(cosines), abs=1e-6)

    @pytest.mark.parametrize("certainty", [20, 60, 90, 1e4])
    def test_certain_networks_keep_finite_gradients(self, certainty):
        """Right ones have input gradients that are short, underflow, and are zero; wrong ones do not."""
        networks, labels = [small_network(seed) for seed in range(3)], torch.arange(16) % 4
        for network in networks:
            network[-1].bias.data[0] = certainty
        images = torch.randn(16, 3, 5, 5, generator=torch.Generator().manual_seed(1)).requires_grad_()
        logits = [network(images) for network in networks]
        gradients = input_gradients(logits, labels, images)
        value = OBJECTIVES["attribution"](torch.stack(logits), labels, 1.0, gradients)
        weights = torch.autograd.grad(value, [p for network in networks for p in network.parameters()])
        assert torch.isfinite(value)
        assert all(torch.isfinite(one).all() for one in weights)
        assert gradients[0][labels == 0].norm() < 1e-6 < gradients[0][labels == 1].norm()


class TestActivation:
    @staticmethod
    def cka(x, y):
        x, y = x - x.mean(axis=0), y - y.mean(axis=0)
        return np.linalg.norm(x.T @ y) ** 2 / (np.linalg.norm(x.T @ x) * np.linalg.norm(y.T @ y))

    @given(st.integers(2, 4), st.integers(3, 8), st.integers(0, 1000))
    @settings(max_examples=25)
    def test_against_numpy(self, members, images, seed):
        features = random_needed("activation", members, images, seed)
        expected = np.mean([self.cka(x, y) for x, y in combinations([one.double().numpy() for one in features], 2)])
        assert float(mean_cka(features)) == pytest.approx(expected, abs=1e-5)

    @pytest.mark.parametrize("constant", [0.0, 0.3, 1e4 / 3])
    def test_features_without_variance_align_with_nothing(self, constant):
        logits, labels = random_case(images=7)
        needed = random_needed("activation", images=7)
        for count in (1, 2, 3):
            some = [torch.full_like(one, constant) if i < count else one for i, one in enumerate(needed)]
            value, _, gradients = value_and_gradients(OBJECTIVES["activation"], logits, labels, 1.0, some)
            aligned = self.cka(needed[1].numpy(), needed[2].numpy()) / 3 if count == 1 else 0
            assert float(value - independent(logits, labels)) == pytest.approx(aligned, abs=1e-5)
            assert all(torch.isfinite(one).all() for one in gradients)
            assert not any(one.any() for one in gradients[:count])


@pytest.mark.parametrize("name", OBJECTIVES)
def test_a_joint_loss_gives_its_objective_what_that_needs_of_networks(name):
    networks = [nn.Sequential(nn.Flatten(), nn.Linear(12, 3)) for _ in range(2)]
    images, labels = torch.rand(4, 3, 2, 2), torch.arange(4) % 3
    plain, penalised = (joint_loss(name, weight)(networks, images, labels) for weight in (0, LOSS_WEIGHTS[name]))
    assert torch.isfinite(plain)
    assert (plain != penalised) == (name in PENALISED)
