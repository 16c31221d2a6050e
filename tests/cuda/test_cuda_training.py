"""Training on a CUDA device, or the pretended one."""

import numpy as np
import pytest
import torch
from networks import DESIGNS, train

from resiliency.training import engine

RECIPES = {
    "plain": {},
    "sgd": {"optimizer": "sgd"},
    "all": {"ema": 0.9, "mixup": 0.2, "gradient_clip": 1.0},
    "float32": {"precision": "float32"},
}


@pytest.mark.usefixtures("cuda")
@pytest.mark.parametrize("recipe", RECIPES)
@pytest.mark.parametrize("family", DESIGNS)
def test_every_family_trains_by_every_recipe(tmp_path, data, family, recipe):
    (folder,) = train(tmp_path, data, family, **RECIPES[recipe])
    assert (folder / "weights.safetensors").exists()


def test_images_kept_on_the_device_are_chosen_there(tmp_path, data, pretended, monkeypatch):
    """The fault that the pretended device was made for: NumPy was to choose from a tensor of the device."""

    def faulty(images, indices, device, workers, read=None):
        for chosen in indices:
            yield torch.from_numpy(np.ascontiguousarray(images[chosen])).to(device)

    monkeypatch.setattr(engine, "batches", faulty)
    with pytest.raises(TypeError, match="can't convert cuda:0 device type tensor to numpy"):
        train(tmp_path, data, "resnet")
