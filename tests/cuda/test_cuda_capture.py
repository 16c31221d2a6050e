"""What a CUDA graph of a training step could not hold."""

import pytest
import torch
from networks import train

from resiliency.training import engine


@pytest.mark.parametrize(("family", "optimizer"), [("resnet", "adamw"), ("vit", "adamw"), ("resnet", "muon")])
def test_nothing_waits_for_the_device_while_a_step_is_captured(
    tmp_path, data, monkeypatch, capsys, pretended, family, optimizer
):
    """A wait, or a copy from the host, ends the capture; then the step is run as usual."""
    waits = []

    def record(step, batch):
        before = pretended.counts.waits.copy()
        step(*batch)
        waits.append(dict(pretended.counts.waits - before))
        raise RuntimeError("tried\nand more")

    monkeypatch.setattr(engine, "record", record)
    train(tmp_path, data, family, optimizer=optimizer, ema=0.9, mixup=0.2, gradient_clip=1.0)
    assert waits == [{}]
    message = "CUDA graph capture failed, running without it: tried\n"
    assert capsys.readouterr().out.count(message) == 1


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU has CUDA graphs here")
@pytest.mark.parametrize("optimizer", ["adamw", "muon"])
@pytest.mark.parametrize("family", ["resnet", "densenet", "convnext", "vit"])
def test_a_captured_training_gives_the_same_bytes(tmp_path, data, monkeypatch, capsys, family, optimizer):
    options = {"optimizer": optimizer, "epochs": 3, "ema": 0.9, "mixup": 0.2, "gradient_clip": 1.0}
    (captured,) = train(tmp_path / "captured", data, family, **options)
    assert "running training steps as a CUDA graph" in capsys.readouterr().out
    monkeypatch.setattr(engine, "WARM_UP", 100)
    (usual,) = train(tmp_path / "usual", data, family, **options)
    assert (captured / "weights.safetensors").read_bytes() == (usual / "weights.safetensors").read_bytes()
