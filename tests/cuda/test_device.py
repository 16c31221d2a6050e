"""The device is set up before CUDA is used, and a GPU that was given but is not there is a fault."""

import os
import warnings

import pytest
import torch
from pretended import preserved_settings
from torch import nn

from resiliency.base.faults import Fault
from resiliency.devices import choice as module
from resiliency.devices.choice import device, device_name, inference
from resiliency.devices.gpus import SLOTS, VISIBLE


@pytest.fixture
def restored():
    """The settings of the process end as they were."""
    with preserved_settings():
        yield


@pytest.mark.usefixtures("restored")
def test_determinism_and_precision_are_set_before_cuda_is_used(monkeypatch):
    monkeypatch.delenv("CUBLAS_WORKSPACE_CONFIG", raising=False)
    seen = []
    monkeypatch.setattr(torch.cuda, "is_available", lambda: seen.append(os.environ["CUBLAS_WORKSPACE_CONFIG"]) or True)
    assert device() == torch.device("cuda")
    assert seen == [":4096:8"]
    assert torch.are_deterministic_algorithms_enabled()
    assert torch.backends.cudnn.deterministic
    assert not torch.backends.cudnn.benchmark
    assert not torch.backends.cudnn.allow_tf32
    assert torch.get_float32_matmul_precision() == "highest"
    assert not torch.backends.cuda.matmul.allow_bf16_reduced_precision_reduction
    enabled = torch.backends.cuda
    assert not enabled.flash_sdp_enabled()
    assert not enabled.mem_efficient_sdp_enabled()
    assert not enabled.cudnn_sdp_enabled()
    assert enabled.math_sdp_enabled()
    with inference():
        assert enabled.flash_sdp_enabled()
        assert enabled.mem_efficient_sdp_enabled()
        assert torch.is_inference_mode_enabled()
    assert not enabled.flash_sdp_enabled()


@pytest.mark.usefixtures("restored")
def test_predictions_may_have_another_precision(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda *_, **__: True)
    device()
    products = torch.backends.cudnn, torch.backends.cuda.matmul
    seen = {}
    for precision in ("float32", "tf32", "bfloat16"):
        with inference(precision):
            seen[precision] = [kind.allow_tf32 for kind in products], torch.is_autocast_enabled("cuda")
    assert seen == {
        "float32": ([False, False], False),
        "tf32": ([True, True], False),
        "bfloat16": ([False, False], True),
    }
    assert not any(kind.allow_tf32 for kind in products)
    with inference("bfloat16"):
        assert torch.get_autocast_dtype("cuda") == torch.bfloat16


@pytest.mark.usefixtures("restored")
@pytest.mark.parametrize(("slots", "fractions"), [("1", []), ("3", [0.3])])
def test_processes_that_share_a_gpu_share_its_memory(monkeypatch, slots, fractions):
    monkeypatch.setenv(SLOTS, slots)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    shares = []
    monkeypatch.setattr(torch.cuda, "set_per_process_memory_fraction", shares.append)
    device()
    assert shares == pytest.approx(fractions)


@pytest.mark.parametrize("visible", ["", "-1", "NoDevFiles", None])
def test_without_a_gpu_networks_are_on_the_cpu(monkeypatch, visible):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    if visible is None:
        monkeypatch.setattr(module, "visible_gpus", lambda: [])
    else:
        monkeypatch.setenv(VISIBLE, visible)
    assert device() == torch.device("cpu")
    assert device_name().startswith("CPU, ")


@pytest.mark.parametrize("visible", ["0", "GPU-8a56,1", "2,-1,3"])
def test_a_gpu_that_was_given_but_is_not_shown_is_a_fault(monkeypatch, visible):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setenv(VISIBLE, visible)
    given = {"2,-1,3": "2"}.get(visible, visible.replace(",", ", "))
    with pytest.raises(Fault, match=rf"^GPU {given}: assigned to this process, but torch"):
        device()


def test_what_has_no_deterministic_kernel_is_named_in_one_line(monkeypatch, capsys):
    others = []
    monkeypatch.setattr(warnings, "showwarning", lambda message, *_: others.append(str(message)))
    module._summarise_warnings.__wrapped__()
    warnings.showwarning(
        UserWarning("adaptive_max_pool2d_backward_cuda does not have a deterministic implementation, but you set ..."),
        UserWarning,
        "graph.py",
        1,
    )
    warnings.showwarning(UserWarning("lr_scheduler"), UserWarning, "a.py", 1)
    assert capsys.readouterr().out == (
        "adaptive_max_pool2d_backward_cuda has no deterministic kernel: "
        "results may differ from run to run in the last digits\n"
    )
    assert others == ["lr_scheduler"]


def test_torch_warns_in_the_words_that_are_looked_for(restored, recwarn):
    """On the CPU, too, some operations have no deterministic kernel."""
    torch.use_deterministic_algorithms(True, warn_only=True)
    pool = nn.MaxUnpool2d(2)
    values, indices = nn.functional.max_pool2d(torch.rand(1, 1, 4, 4), 2, return_indices=True)
    pool(values, indices)
    assert any(module._NOT_DETERMINISTIC.match(str(warning.message)) for warning in recwarn)
