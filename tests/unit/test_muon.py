"""Muon: its steps are those of timm's, which orthogonalises kernel by kernel in bfloat16."""

from functools import partial

import pytest
import timm.optim
import torch
from small_training import RECIPE
from timm.optim import muon as of_timm
from torch import nn

from resiliency.designs.device import tf32
from resiliency.training import optimizer
from resiliency.training.optimizer import kernels, make_optimizer, orthogonalised

MUON = RECIPE.model_copy(update={"optimizer": "muon", "weight_decay": 0.1})


def network() -> nn.Sequential:
    """Two kernels of one shape, tall and wide ones, a depthwise one, one whose shorter side is 3,
    norms and a head."""
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, bias=False), nn.BatchNorm2d(8), nn.Conv2d(8, 8, 3), nn.Conv2d(8, 8, 3),
        nn.Conv2d(8, 8, 3, groups=8), nn.Conv2d(8, 32, 1), nn.Conv2d(32, 3, 1), nn.Flatten(),
        nn.Linear(12, 6), nn.Linear(6, 5),
    )  # fmt: skip


def test_tf32_is_allowed_within_its_block_alone():
    products = torch.backends.cudnn, torch.backends.cuda.matmul
    before = [kind.allow_tf32 for kind in products]
    with tf32(True):
        assert all(kind.allow_tf32 for kind in products)
    with tf32(False):
        assert [kind.allow_tf32 for kind in products] == before


def test_steps_are_those_of_timm(monkeypatch):
    monkeypatch.setattr(
        of_timm,
        "zeropower_via_newtonschulz",
        partial(of_timm.zeropower_via_newtonschulz, dtype=torch.float32),
    )
    ours, theirs = network(), network()
    chosen = make_optimizer([ours], MUON)
    matrices = [p for p in theirs.parameters() if p.ndim > 1]
    groups = [
        {"params": matrices[:-1], "weight_decay": 0.1},
        {"params": matrices[-1:], "weight_decay": 0.1, "use_fallback": True},
        {"params": [p for p in theirs.parameters() if p.ndim <= 1], "weight_decay": 0.0},
    ]
    reference = timm.optim.create_optimizer_v2(groups, opt="muon", lr=MUON.learning_rate)
    random = torch.Generator().manual_seed(0)
    for _ in range(4):
        for own, other in zip(ours.parameters(), theirs.parameters(), strict=True):
            own.grad = torch.randn(own.shape, generator=random)
            other.grad = own.grad.clone()
        chosen.step()
        reference.step()
    for own, other in zip(ours.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(own, other, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("shape", [(2, 160, 300), (1, 300, 160)])
@pytest.mark.parametrize("rank", [160, 8])
def test_bfloat16_gives_wide_kernels_nearly_the_same_step(shape, rank, monkeypatch):
    """As little as of timm's own iterations in bfloat16, also where a momentum has few
    directions."""
    random = torch.Generator().manual_seed(0)
    left, right = (
        torch.randn(shape[0], shape[1], rank, generator=random),
        torch.randn(rank, shape[2], generator=random),
    )
    matrices = left @ right + 1e-3 * torch.randn(shape, generator=random)
    monkeypatch.setattr(optimizer, "bfloat16_in_hardware", lambda: False)
    (exact,) = orthogonalised([matrices])
    monkeypatch.setattr(optimizer, "bfloat16_in_hardware", lambda: True)
    (ours,) = orthogonalised([matrices])
    theirs = of_timm.zeropower_via_newtonschulz(
        matrices, steps=5, coefficients=optimizer.COEFFICIENTS, dtype=torch.bfloat16
    )
    assert ours.dtype == torch.float32
    assert 0 < (ours - exact).norm() < 1.1 * (theirs.float() - exact).norm()
    assert torch.linalg.svdvals(ours).amax() < 1.25


def test_embeddings_heads_and_depthwise_kernels_are_left_to_adamw():
    tokens = nn.Sequential(nn.Embedding(50, 8), nn.Linear(8, 8), nn.Linear(8, 4))
    assert [kernel is tokens[1].weight for kernel in kernels(tokens)] == [True]
    chosen = {id(kernel) for kernel in kernels(network())}
    assert len(chosen) == 5
