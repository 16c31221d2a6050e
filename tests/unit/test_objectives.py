"""The losses of joint training."""

from itertools import combinations, pairwise
from math import log

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import log_softmax, softmax
from torch import nn
from torch.func import functional_call, hessian

from resiliency.faults import Fault
from resiliency.training.objectives import ADP_RIDGE, OBJECTIVES, adp, adp_fault, balanced, ensemble, independent
from resiliency.training.settings import STRENGTHS as LIMITS
from resiliency.training.similarity import input_gradients, mean_cka, mean_cosine

STRENGTHS = {name: 0.7 if LIMITS[name][1] else 0 for name in OBJECTIVES}
PENALISED = [name for name, strength in STRENGTHS.items() if strength]
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


def value_and_gradients(loss, logits, labels, strength, needed=None):
    leaf, leaves = logits.clone().requires_grad_(), [one.clone().requires_grad_() for one in needed or []]
    value = loss(leaf, labels, strength, leaves or None)
    value.backward()
    return value.detach(), leaf.grad, [one.grad for one in leaves]


class TestRegistry:
    def test_all_are_there(self):
        names = ["independent", "balanced", "gncl", "ncl", "kl", "adp", "attribution", "activation"]
        assert list(OBJECTIVES) == names

    @pytest.mark.parametrize("name", OBJECTIVES)
    def test_strengths_start_at_0(self, name):
        lowest, highest = LIMITS[name]
        assert lowest == 0 <= highest


class TestAll:
    @pytest.mark.parametrize("seed", range(3))
    @pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
    @pytest.mark.parametrize("name", OBJECTIVES)
    def test_strength_zero_is_independent_training_to_the_bit(self, name, dtype, seed):
        logits, labels = random_case(seed=seed)
        logits = logits.to(dtype)
        value, gradient, _ = value_and_gradients(OBJECTIVES[name], logits, labels, 0.0, random_needed(name))
        expected = value_and_gradients(lambda x, y, *_: independent(x.float(), y), logits, labels, 0.0)
        assert torch.equal(value, expected[0])
        assert torch.equal(gradient, expected[1])

    @pytest.mark.parametrize("name", OBJECTIVES)
    def test_strength_zero_needs_nothing_and_passes_no_nan_on(self, name):
        logits, labels = random_case()
        assert OBJECTIVES[name](logits, labels, 0.0) == independent(logits, labels)
        broken = [torch.full_like(one, torch.nan) for one in random_needed(name) or []]
        value, gradient, _ = value_and_gradients(OBJECTIVES[name], logits, labels, 0.0, broken)
        assert torch.isfinite(value)
        assert torch.isfinite(gradient).all()

    @pytest.mark.parametrize("name", PENALISED)
    @pytest.mark.parametrize("strength", [0.0, 0.4, 1.0])
    def test_gradients_are_those_of_finite_differences(self, name, strength):
        logits, labels = random_case()
        needed = random_needed(name) or []
        leaves = [one.double().requires_grad_() for one in [logits, *needed]]
        assert torch.autograd.gradcheck(
            lambda x, *rest: OBJECTIVES[name](x, labels, strength, list(rest) or None), leaves
        )

    @pytest.mark.parametrize("name", PENALISED)
    @given(st.permutations(range(4)), st.integers(0, 1000))
    @settings(deadline=None, max_examples=15)
    def test_the_order_of_members_does_not_matter(self, name, order, seed):
        logits, labels = random_case(4, classes=6, seed=seed)
        needed = random_needed(name, 4, seed=seed)
        permuted = needed and [needed[index] for index in order]
        torch.testing.assert_close(
            OBJECTIVES[name](logits[order], labels, 0.7, permuted), OBJECTIVES[name](logits, labels, 0.7, needed)
        )

    @pytest.mark.parametrize("name", [name for name in PENALISED if name != "activation"])
    def test_a_batch_is_the_mean_of_its_images(self, name):
        logits, labels = random_case(images=6)
        needed = random_needed(name, images=6)
        single = [
            OBJECTIVES[name](
                logits[:, i : i + 1], labels[i : i + 1], 0.5, needed and [one[i : i + 1] for one in needed]
            )
            for i in range(6)
        ]
        torch.testing.assert_close(OBJECTIVES[name](logits, labels, 0.5, needed), torch.stack(single).mean())

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


PENALTIES = {"balanced": _balanced, "gncl": _gncl, "ncl": _ncl, "kl": _kl, "adp": _adp}
"""Penalty of one image, from its probabilities MxK, logits MxK and label."""


class TestLogitsAlone:
    @pytest.mark.parametrize("name", LOGITS_ALONE)
    @given(st.integers(1, 4), st.integers(1, 6), st.integers(5, 7), st.floats(0.01, 1), st.integers(0, 1000))
    @settings(deadline=None, max_examples=25)
    def test_against_numpy_image_by_image(self, name, members, images, classes, strength, seed):
        logits, labels = random_case(members, images, classes, seed)
        logits = logits.double().clamp(-15, 15)
        expected = 0.0
        for i in range(images):
            z, y = logits[:, i].numpy(), int(labels[i])
            members_loss = -log_softmax(z, axis=1)[:, y].mean()
            expected += (members_loss + strength * PENALTIES[name](softmax(z, axis=1), z, y)) / images
        assert float(OBJECTIVES[name](logits, labels, strength)) == pytest.approx(expected, rel=1e-7, abs=1e-7)

    def test_all_are_checked(self):
        assert sorted(PENALTIES) == sorted(LOGITS_ALONE)

    def test_by_hand(self):
        """Two members say 3/4 and 1/4 for the true one of two classes."""
        logits = torch.tensor([[[log(3.0), 0.0]], [[0.0, log(3.0)]]])
        labels = torch.tensor([0])
        separately, together = (log(4 / 3) + log(4)) / 2, log(2)
        assert float(independent(logits, labels)) == pytest.approx(separately, abs=1e-6)
        assert float(ensemble(logits, labels)) == pytest.approx(together, abs=1e-6)
        by_hand = {
            "balanced": 0.75 * separately + 0.25 * together,
            "ncl": separately - 0.25 * 2 * 0.25**2,
            "kl": 0.75 * separately + 0.25 * log(2),
            "gncl": separately - 0.25 / 2 * (log(3) / 2) ** 2,
        }
        for name, expected in by_hand.items():
            assert float(OBJECTIVES[name](logits, labels, 0.25)) == pytest.approx(expected, abs=1e-6)

    def test_one_member_is_its_own_ensemble(self):
        logits, labels = random_case(members=1)
        expected = float(F.cross_entropy(logits[0], labels))
        for name in ("balanced", "gncl", "ncl", "kl"):
            assert float(OBJECTIVES[name](logits, labels, 0.3)) == pytest.approx(expected, rel=1e-6)

    @given(st.integers(0, 1000))
    @settings(deadline=None, max_examples=25)
    def test_diversity_never_costs(self, seed):
        """Balanced, kl: the ensemble is never worse than its members (Jensen); ncl, gncl: spread is not negative."""
        logits, labels = random_case(seed=seed)
        for name in ("balanced", "gncl", "ncl", "kl"):
            values = [float(OBJECTIVES[name](logits, labels, strength)) for strength in (0, 0.25, 0.5, 1)]
            assert all(a >= b - 1e-5 for a, b in pairwise(values))


def test_balanced_at_one_is_the_loss_of_the_mean_probability():
    logits, labels = random_case()
    mean = logits.softmax(dim=-1).mean(dim=0)
    torch.testing.assert_close(OBJECTIVES["balanced"](logits, labels, 1.0), F.nll_loss(mean.log(), labels))
    sure = torch.tensor([[[1000.0, 0.0]], [[0.0, 1000.0]]])
    assert float(balanced(sure, torch.tensor([0]), 1.0)) == pytest.approx(log(2), rel=1e-6)


def test_kl_at_one_is_the_loss_of_the_geometric_mean():
    logits, labels = random_case()
    probabilities = logits.softmax(dim=-1).double().numpy()
    geometric = torch.tensor(np.stack([_geometric(probabilities[:, i]) for i in range(5)])).float()
    torch.testing.assert_close(OBJECTIVES["kl"](logits, labels, 1.0), F.nll_loss(geometric.log(), labels))


class TestGncl:
    def test_quadratic_form_against_the_hessian_by_autograd(self):
        """The Hessian of the cross-entropy in the logits: that of NLL in log-probabilities would be zero."""
        logits, labels = random_case(classes=6)
        logits = logits.double()
        mean = logits.mean(dim=0)
        expected = 0.0
        for i, label in enumerate(labels):
            curvature = hessian(lambda z, y=label: F.cross_entropy(z[None], y[None]))(mean[i])
            deviations = logits[:, i] - mean[i]
            expected += sum(d @ curvature @ d for d in deviations) / (2 * logits.shape[0] * logits.shape[1])
        penalty = independent(logits, labels) - OBJECTIVES["gncl"](logits, labels, 1.0)
        torch.testing.assert_close(penalty, expected)

    def test_at_one_it_is_the_loss_of_the_mean_logits_to_second_order(self):
        """What is left falls with the cube of the deviations."""
        mean, deviations = torch.randn(2, 3, 1, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
        mean, deviations, labels = mean[0], deviations - deviations.mean(dim=0), torch.tensor([2])
        left = [
            OBJECTIVES["gncl"](mean + size * deviations, labels, 1.0) - F.cross_entropy(mean, labels)
            for size in (0.02, 0.01)
        ]
        assert float(left[0] / left[1]) == pytest.approx(8, rel=0.1)

    def test_a_common_offset_of_large_logits_leaves_the_penalty(self):
        logits, labels = random_case()
        shifted = logits + 1e4
        penalty, same = (
            independent(x, labels) - OBJECTIVES["gncl"](x, labels, 1.0) for x in (logits.double(), shifted)
        )
        assert float(same) == pytest.approx(float(penalty), rel=1e-2)


class TestAdp:
    @pytest.mark.parametrize(("members", "classes"), [(2, 3), (8, 9)])
    def test_identical_members_have_the_determinant_of_the_ridge(self, members, classes):
        logits = torch.randn(classes, generator=torch.Generator().manual_seed(0)).expand(members, 1, classes)
        labels = torch.tensor([0])
        value, gradient, _ = value_and_gradients(OBJECTIVES["adp"], logits, labels, 1.0)
        mean = logits[0, 0].softmax(dim=0)
        entropy = -float((mean * mean.log()).sum())
        volume = log(members + ADP_RIDGE) + (members - 1) * log(ADP_RIDGE)
        expected = float(independent(logits, labels)) - (2 * entropy + 0.5 * volume) / members
        assert float(value) == pytest.approx(expected, rel=1e-5)
        assert gradient.abs().max() < 10

    def test_members_that_prefer_different_wrong_classes_are_as_diverse_as_can_be(self):
        """Nothing is left of the determinant, even where the probabilities of wrong classes underflow."""
        logits = torch.tensor([[[300.0, 99.0, 0.0]], [[300.0, 0.0, 99.0]]])
        assert float(OBJECTIVES["adp"](logits, torch.tensor([0]), 1.0)) == pytest.approx(0, abs=1e-5)

    def test_too_many_members_are_refused(self):
        adp_fault(9, 10)
        with pytest.raises(Fault, match="10 members of 10 classes"):
            adp_fault(10, 10)
        with pytest.raises(Fault, match="3 members of 3 classes"):
            adp(*random_case(classes=3), 1.0)

    def test_the_determinant_of_too_many_members_is_that_of_the_ridge(self):
        """Why they are refused: 4 members in the 3 dimensions of the wrong ones of 4 classes."""
        wrong = softmax(np.random.default_rng(0).normal(size=(4, 3)), axis=1)
        assert abs(np.linalg.det(wrong @ wrong.T)) < 1e-15


class Small(nn.Module):
    """A small convolutional network that tells its features."""

    def __init__(self, channels: int, seed: int):
        super().__init__()
        torch.manual_seed(seed)
        self.body = nn.Sequential(
            nn.Conv2d(3, channels, 3, padding=1), nn.BatchNorm2d(channels), nn.ReLU(), nn.Conv2d(channels, 4, 3, 2)
        )
        self.head = nn.Linear(4 * 4, 4)

    def features(self, images):
        return self.body(images).relu().flatten(1)

    def forward(self, images):
        return self.head(self.features(images))


def small_case(images: int = 4):
    random = torch.Generator().manual_seed(1)
    return torch.randn(images, 3, 5, 5, generator=random), torch.arange(images) % 4


class TestAttribution:
    def test_input_gradients_are_those_of_each_image_alone(self):
        networks, (images, labels) = [Small(2, seed).eval() for seed in range(2)], small_case()
        images.requires_grad_()
        gradients = input_gradients([network(images) for network in networks], labels, images)
        for network, gradient in zip(networks, gradients, strict=True):
            assert gradient.requires_grad
            for i, label in enumerate(labels):
                image = images[i : i + 1].detach().requires_grad_()
                F.cross_entropy(network(image), label[None]).backward()
                torch.testing.assert_close(gradient[i], image.grad[0])

    def test_second_derivatives_are_those_of_finite_differences(self):
        """In the weights of a member, through its input gradients."""
        networks = [Small(2, seed).double() for seed in range(3)]
        images, labels = small_case()
        images = images.double().requires_grad_()
        names, weights = zip(*networks[0].named_parameters(), strict=True)

        def loss(*values):
            first = functional_call(networks[0], dict(zip(names, values, strict=True)), images)
            logits = [first, *(network(images) for network in networks[1:])]
            return OBJECTIVES["attribution"](torch.stack(logits), labels, 2.0, input_gradients(logits, labels, images))

        assert torch.autograd.gradcheck(loss, weights)

    def test_against_numpy(self):
        gradients = random_needed("attribution", members=4)
        flat = [one.double().flatten(1).numpy() for one in gradients]
        cosines = [
            x @ y / (np.linalg.norm(x) * np.linalg.norm(y))
            for one, other in combinations(flat, 2)
            for x, y in zip(one, other, strict=True)
        ]
        assert float(mean_cosine(gradients)) == pytest.approx(np.mean(cosines), abs=1e-6)

    def test_ends_of_the_range(self):
        one = random_needed("attribution")[0]
        assert float(mean_cosine([one, 2 * one, 1e-4 * one])) == pytest.approx(1, abs=1e-5)
        assert float(mean_cosine([one, -one])) == pytest.approx(-1, abs=1e-5)
        assert float(mean_cosine([one, one, -2 * one])) == pytest.approx(-1 / 3, abs=1e-5)

    def test_gradients_of_zero_point_nowhere(self):
        logits, labels = random_case()
        needed = random_needed("attribution")
        for zero in ([0], [0, 1], [0, 1, 2]):
            some = [torch.zeros_like(one) if index in zero else one for index, one in enumerate(needed)]
            value, _, gradients = value_and_gradients(OBJECTIVES["attribution"], logits, labels, 1.0, some)
            assert torch.isfinite(value)
            assert all(torch.isfinite(one).all() for one in gradients)
            assert not any(gradients[index].any() for index in zero)

    @pytest.mark.parametrize("certainty", [20, 60, 90, 1e4])
    def test_certain_networks_keep_finite_gradients(self, certainty):
        """Right ones have input gradients that are short, underflow, and are zero; wrong ones do not."""
        networks, (images, labels) = [Small(4, seed).eval() for seed in range(3)], small_case(16)
        for network in networks:
            network.head.bias.data[0] = certainty
        images.requires_grad_()
        logits = [network(images) for network in networks]
        gradients = input_gradients(logits, labels, images)
        value = OBJECTIVES["attribution"](torch.stack(logits), labels, 1.0, gradients)
        weights = torch.autograd.grad(value, [p for network in networks for p in network.parameters()])
        assert torch.isfinite(value)
        assert all(torch.isfinite(one).all() for one in weights)
        assert gradients[0][labels == 0].norm() < 1e-6 < gradients[0][labels == 1].norm()

    def test_the_penalty_turns_gradients_away_from_each_other(self):
        networks, (images, labels) = [Small(4, seed) for seed in range(2)], small_case(16)
        images.requires_grad_()
        optimizer = torch.optim.SGD([p for network in networks for p in network.parameters()], lr=0.1)
        cosines = []
        for _ in range(30):
            logits = [network(images) for network in networks]
            gradients = input_gradients(logits, labels, images)
            optimizer.zero_grad()
            OBJECTIVES["attribution"](torch.stack(logits), labels, 3.0, gradients).backward()
            optimizer.step()
            cosines.append(mean_cosine(gradients).item())
        assert cosines[-1] < cosines[0] - 0.2


class TestActivation:
    @staticmethod
    def cka(x, y):
        x, y = x - x.mean(axis=0), y - y.mean(axis=0)
        return np.linalg.norm(x.T @ y) ** 2 / (np.linalg.norm(x.T @ x) * np.linalg.norm(y.T @ y))

    @given(st.integers(2, 4), st.integers(3, 8), st.integers(0, 1000))
    @settings(deadline=None, max_examples=25)
    def test_against_numpy(self, members, images, seed):
        features = random_needed("activation", members, images, seed)
        expected = np.mean([self.cka(x, y) for x, y in combinations([one.double().numpy() for one in features], 2)])
        assert float(mean_cka(features)) == pytest.approx(expected, abs=1e-5)

    def test_rotation_scale_and_offset_do_not_matter(self):
        one = torch.randn(20, 5, generator=torch.Generator().manual_seed(0))
        rotation = torch.linalg.qr(torch.randn(5, 5, generator=torch.Generator().manual_seed(1)))[0]
        assert float(mean_cka([one, 1000 * one @ rotation + 3])) == pytest.approx(1, abs=1e-4)

    def test_unrelated_features_of_many_images_are_unlike(self):
        random = torch.Generator().manual_seed(0)
        assert float(mean_cka([torch.randn(2000, 5, generator=random) for _ in range(2)])) < 0.02

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

    def test_gradients_reach_the_weights_of_members_of_different_widths(self):
        networks, (images, labels) = [Small(channels, 0).double() for channels in (2, 3)], small_case()
        names, weights = zip(*networks[0].body.named_parameters(prefix="body"), strict=True)
        images = images.double()

        def loss(*values):
            features = functional_call(networks[0], dict(zip(names, values, strict=True)), images)
            others = networks[1].features(images).detach()
            logits = torch.stack([features, networks[1](images).detach()])
            return OBJECTIVES["activation"](logits, labels, 2.0, [features, others])

        assert torch.autograd.gradcheck(loss, weights)
