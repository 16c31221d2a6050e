"""Objectives that compare input gradients or features: attribution and activation."""

from itertools import combinations

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from random_logits import random_case, random_needed, value_and_gradients
from torch import nn

from resiliency.training.objectives import OBJECTIVES, independent, input_gradients, mean_cka, mean_cosine


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

    def test_against_numpy(self):
        gradients = random_needed("attribution", members=4)
        flat = [one.double().flatten(1).numpy() for one in gradients]
        cosines = [
            x @ y / (np.linalg.norm(x) * np.linalg.norm(y))
            for one, other in combinations(flat, 2)
            for x, y in zip(one, other, strict=True)
        ]
        assert float(mean_cosine(gradients)) == pytest.approx(np.mean(cosines), abs=1e-6)
        logits, labels = random_case(members=4)
        penalised = OBJECTIVES["attribution"](logits, labels, 0.7, gradients)
        assert float(penalised - independent(logits, labels)) == pytest.approx(0.7 * np.mean(cosines), abs=1e-6)

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
