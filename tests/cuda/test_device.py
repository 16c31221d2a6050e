"""The device is set up before CUDA is used, and a GPU that was given but is not there is a
fault."""

import os
from contextlib import nullcontext

import pytest
import torch
from pretended import preserved_settings

from resiliency.base.faults import Fault
from resiliency.base.machine import VISIBLE
from resiliency.designs.device import device, inference


@pytest.fixture
def available(monkeypatch):
    """Whether torch sees a GPU; the settings of the process end as they were."""
    with preserved_settings():
        yield lambda answer: monkeypatch.setattr(torch.cuda, "is_available", answer)


def test_determinism_and_precision_are_set_before_cuda_is_used(available, monkeypatch):
    monkeypatch.delenv("CUBLAS_WORKSPACE_CONFIG", raising=False)
    seen = []
    available(lambda: seen.append(os.environ["CUBLAS_WORKSPACE_CONFIG"]) or True)
    assert device() == torch.device("cuda")
    assert seen == [":4096:8"]
    assert torch.are_deterministic_algorithms_enabled()
    cudnn, cuda = torch.backends.cudnn, torch.backends.cuda
    assert (cudnn.deterministic, cudnn.benchmark, cudnn.allow_tf32) == (True, False, False)
    assert torch.get_float32_matmul_precision() == "highest"
    assert not cuda.matmul.allow_bf16_reduced_precision_reduction
    attention = cuda.flash_sdp_enabled, cuda.mem_efficient_sdp_enabled
    assert [
        enabled() for enabled in (*attention, cuda.cudnn_sdp_enabled, cuda.math_sdp_enabled)
    ] == [0, 0, 0, 1]
    with inference():
        assert [enabled() for enabled in attention] == [1, 1]
        assert torch.is_inference_mode_enabled()
    assert not cuda.flash_sdp_enabled()


@pytest.mark.parametrize(
    ("visible", "given"),
    [
        ("", ""),
        ("NoDevFiles", ""),
        ("-1", ""),
        ("0", "0"),
        ("GPU-8a56,1", "GPU-8a56, 1"),
        ("2,-1,3", "2"),
    ],
)
def test_a_gpu_that_was_given_but_is_not_shown_is_a_fault(available, monkeypatch, visible, given):
    available(lambda: False)
    monkeypatch.setenv(VISIBLE, visible)
    with (
        pytest.raises(Fault, match=rf"^GPU {given}: assigned to this process, but torch")
        if given
        else nullcontext()
    ):
        assert device() == torch.device("cpu")
