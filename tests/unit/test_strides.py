"""Gradients of strided 1x1 convolutions of few channels are right, on processors without AVX-512 too."""

import os
import subprocess
import sys
from copy import deepcopy

import numpy as np
import torch
from torch import nn

from resiliency.designs.layers import with_right_gradients
from resiliency.training.checkpoints import LabelledImages, Preprocessing
from resiliency.training.engine import Trainer, cross_entropy
from resiliency.training.settings import Recipe

WITHOUT_AVX512 = {"ONEDNN_MAX_CPU_ISA": "AVX2", "OMP_NUM_THREADS": "1"}
# The gradient of the weights of sum(conv(x) * direction) is the sum over images and pixels of direction x.
PROGRAM = """
import torch
from torch import nn
from resiliency.designs.layers import with_right_gradients
from resiliency.search.network import _Conv

def check(conv, channels, gradient):
    conv = conv.to(memory_format=torch.channels_last)
    for _ in range(20):
        x = torch.randn(64, channels, 8, 8).to(memory_format=torch.channels_last)
        direction = torch.randn(64, 12, 4, 4)
        conv.zero_grad()
        (conv(x) * direction).sum().backward()
        expected = torch.einsum("bohw,bihw->oi", direction, x[..., ::2, ::2])
        torch.testing.assert_close(gradient(conv), expected, atol=1e-3, rtol=1e-4)

for channels in range(1, 9):
    plain = with_right_gradients(nn.Sequential(nn.Conv2d(channels, 12, 1, stride=2, bias=False)))
    check(plain, channels, lambda conv: conv[0].weight.grad[..., 0, 0])
    for kernel in (1, 3):
        elastic = _Conv(16, 12, kernel, stride=2, padding=kernel // 2, bias=False)
        elastic.kernel = 1
        check(elastic, channels, lambda conv: conv.weight.grad[:, :channels, kernel // 2, kernel // 2])
"""


def test_training_mends_them_and_the_function_and_the_names_of_weights_stay():
    data = LabelledImages(np.zeros((8, 8, 8, 3), np.uint8), np.arange(8))
    torch.manual_seed(0)
    convolutions = nn.Conv2d(3, 4, 3, padding=1), nn.Conv2d(4, 9, 1, stride=2)
    plain = nn.Sequential(*convolutions, nn.AdaptiveAvgPool2d(1), nn.Flatten()).to(memory_format=torch.channels_last)
    pictures = torch.rand(5, 3, 9, 7)
    mended, trained = with_right_gradients(deepcopy(plain)), deepcopy(plain)
    assert list(mended.state_dict()) == list(plain.state_dict())
    for one in (mended, deepcopy(mended), with_right_gradients(mended)):
        torch.testing.assert_close(one(pictures), plain(pictures))
    recipe = Recipe(epochs=1, batch_size=8, shift=0, flip=False)
    preprocessing = Preprocessing([0.5] * 3, [0.5] * 3)
    Trainer([trained], lambda *batch: cross_entropy(*batch, smoothing=0), recipe, preprocessing, 9, 0).train(data, data)
    assert mended[1].stride == trained[1].stride == (1, 1)


def test_gradients_of_networks_and_super_networks_are_right_without_avx512():
    command, environment = [sys.executable, "-c", PROGRAM], os.environ | WITHOUT_AVX512
    run = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
