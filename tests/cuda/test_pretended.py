"""The device refuses what CUDA refuses, computes what the CPU computes, and counts waits if it is
the pretended one."""

import numpy as np
import pytest
import torch

GENERATOR = "Expected a 'cuda' device type for generator"


@pytest.mark.parametrize(
    ("attempt", "message"),
    [
        (lambda here, there: np.asarray(there), "can't convert cuda:0 device type tensor to numpy"),
        (lambda here, there: here + there, "Expected all tensors to be on the same device"),
        (
            lambda here, there: here[there.argmax(0)],
            "indices should be either on cpu or on the same device",
        ),
        (lambda here, there: there.pin_memory(), "cannot pin"),
        (
            lambda here, there: torch.randperm(3, generator=torch.Generator(), device="cuda"),
            GENERATOR,
        ),
        (lambda here, there: there.normal_(generator=torch.Generator()), GENERATOR),
    ],
)
@pytest.mark.usefixtures("gpu")
def test_what_cuda_refuses_is_refused(attempt, message):
    here = torch.eye(2)
    with pytest.raises((RuntimeError, TypeError), match=message):
        attempt(here, here.to("cuda"))


def test_waits_by_hand(waits):
    there = torch.ones(100, device="cuda")
    ((there + 1).view(10, 10)[:5] * 2).sum()
    assert not waits.total()
    there.sum().item()
    torch.ones(10).to("cuda")
    torch.ones(10).to("cuda", non_blocking=True)
    there.cpu()
    assert +waits == {"_local_scalar_dense": 1, "copy to device": 1, "copy to host": 1}
    waits.clear()
    _ = there[there > 0]
    assert waits.total() == 1
