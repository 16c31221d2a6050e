"""The pretended device refuses what CUDA refuses, computes what the CPU computes, and counts."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from pretended import CUDA
from torch import nn

OTHER_DEVICE = "Expected all tensors to be on the same device"


@pytest.mark.parametrize(
    ("attempt", "message"),
    [
        (lambda here, there: there.numpy(), "can't convert cuda:0 device type tensor to numpy"),
        (lambda here, there: np.asarray(there), "can't convert cuda:0 device type tensor to numpy"),
        (lambda here, there: here + there, OTHER_DEVICE),
        (lambda here, there: there @ here, OTHER_DEVICE),
        (lambda here, there: torch.cat([there, here]), OTHER_DEVICE),
        (lambda here, there: torch.where(here > 0, there, there), OTHER_DEVICE),
        (lambda here, there: here.add_(there), OTHER_DEVICE),
        (lambda here, there: F.cross_entropy(there, torch.tensor([0, 1])), OTHER_DEVICE),
        (lambda here, there: nn.Linear(2, 2)(there), OTHER_DEVICE),
        (lambda here, there: here[there.argmax(0)], "indices should be either on cpu or on the same device"),
        (lambda here, there: there.pin_memory(), "cannot pin"),
        (
            lambda here, there: torch.randperm(3, generator=torch.Generator(), device="cuda"),
            "Expected a 'cuda' device type for generator",
        ),
        (lambda here, there: there.normal_(generator=torch.Generator()), "Expected a 'cuda' device type for generator"),
    ],
)
@pytest.mark.usefixtures("cuda")
def test_what_cuda_refuses_is_refused(attempt, message):
    here = torch.eye(2)
    with pytest.raises((RuntimeError, TypeError), match=message):
        attempt(here, here.to("cuda"))


@pytest.mark.usefixtures("cuda")
def test_what_cuda_accepts_is_accepted():
    here = torch.arange(4.0)
    there = here.to("cuda")
    results = there + torch.tensor(1.0), there[torch.tensor([1, 2])], torch.zeros(2, device="cuda"), there.clone()
    assert all(result.is_cuda and result.device == CUDA for result in results)
    results[3][:] = here
    assert results[3].cpu().tolist() == here.tolist()
    assert (there.cpu() + here).tolist() == [0, 2, 4, 6]


def test_values_and_gradients_are_those_of_the_cpu(pretended):
    def gradient(device):
        torch.manual_seed(0)
        network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(144, 2))
        images = torch.randn(4, 3, 8, 8).to(device)
        network.to(device)
        F.cross_entropy(network(images), torch.tensor([0, 1, 0, 1]).to(device)).backward()
        return torch.cat([parameter.grad.flatten() for parameter in network.parameters()])

    there = gradient("cuda")
    assert there.is_cuda
    assert pretended.counts.kernels > 20
    assert torch.equal(there.cpu(), gradient("cpu"))


def test_counts_by_hand(pretended):
    counts, there = pretended.counts, torch.ones(100, device="cuda")
    assert (counts.kernels, counts.synchronisations, counts.bytes) == (1, 0, 400)
    counts.clear()
    ((there + 1).view(10, 10)[:5] * 2).sum()
    assert (dict(counts.operations), counts.synchronisations) == ({"add": 1, "mul": 1, "sum": 1}, 0)
    assert counts.bytes == (400 + 400) + (200 + 200) + (200 + 4)
    counts.clear()
    there.sum().item()
    torch.ones(10).to("cuda")
    torch.ones(10).to("cuda", non_blocking=True)
    there.cpu()
    assert [operation for operation, _ in counts.waits] == ["_local_scalar_dense", "copy to device", "copy to host"]
    assert counts.copied == {"to_device": 80, "to_host": 400}
    counts.clear()
    _ = there[there > 0]
    assert counts.synchronisations == 1


def test_autocasting_casts_as_documented(pretended):
    linear, images = nn.Linear(4, 4).to("cuda"), torch.ones(2, 4, device="cuda")
    pretended.counts.clear()
    with torch.autocast("cuda", torch.bfloat16):
        logits = linear(images)
        assert logits.dtype == linear(images).dtype == torch.bfloat16
        assert logits.softmax(dim=1).dtype == torch.float32
    assert pretended.counts.operations["_to_copy"] == 2 + 1 + 1 + 1  # both weights once, images twice, logits


def test_gradients_are_clipped_by_multi_tensor_kernels(pretended):
    parameters = [nn.Parameter(torch.ones(3, device="cuda")) for _ in range(5)]
    sum(parameter.sum() for parameter in parameters).backward()
    pretended.counts.clear()
    nn.utils.clip_grad_norm_(parameters, 1.0)
    assert pretended.counts.operations["_foreach_norm"] == pretended.counts.operations["_foreach_mul_"] == 1
    assert pretended.counts.synchronisations == 0
    assert parameters[0].grad.cpu().tolist() == pytest.approx([15**-0.5] * 3)


def test_the_device_is_gone_after_the_block(pretended):
    pretended.__exit__(None, None, None)
    assert not torch.cuda.is_available()
    pretended.__enter__()
