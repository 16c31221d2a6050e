"""Images and weights from files on a CUDA device, or the pretended one, and batches that its memory does not hold."""

import numpy as np
import pytest
import torch
from networks import DESIGNS, SINGLE, train
from PIL import Image
from safetensors.torch import load_file

from resiliency.data.pictures import FileImages
from resiliency.designs.networks import build
from resiliency.designs.settings import Design
from resiliency.designs.weights import load_member
from resiliency.devices.choice import device
from resiliency.storage.files import read_array, read_json
from resiliency.training.checkpoints import LabelledImages, Preprocessing
from resiliency.training.engine import Trainer
from resiliency.training.settings import Recipe

pytestmark = pytest.mark.usefixtures("cuda")


@pytest.mark.parametrize("workers", [0, 1])
def test_images_in_files_train(tmp_path, data, workers, monkeypatch):
    """As those of ImageNet do, from pinned memory, for which the pretended device takes a copy."""
    pinned, pin = [], torch.Tensor.pin_memory
    monkeypatch.setattr(torch.Tensor, "pin_memory", lambda tensor, *_: pinned.append(len(tensor)) or pin(tensor))
    images = read_array(data["images"])
    files = [str(tmp_path / f"{index}.png") for index in range(len(images))]
    for image, file in zip(images, files, strict=True):
        Image.fromarray(image).save(file)
    labelled = LabelledImages(FileImages(files, 32, 1), read_array(data["labels"]))
    network = build(DESIGNS["resnet"].description(32), 3, seed=0).to(device())
    recipe = Recipe(epochs=1, batch_size=8, shift=0, flip=False)
    trainer = Trainer([network], SINGLE, recipe, Preprocessing([0.5] * 3, [0.3] * 3, workers), 3, seed=0)
    (row,) = trainer.train(labelled, labelled)
    assert np.isfinite(row["training_loss"])
    assert pinned == [8] * 4 + [32]


def test_weights_in_a_file_come_to_the_device(tmp_path, data):
    design = Design(architecture="resnet18", arguments={"channels": [4, 4, 4, 8]}, weights=str(tmp_path / "a.pt"))
    torch.save(build(design.description(32), 3, seed=0).state_dict(), tmp_path / "a.pt")
    network, member = load_member(design.description(32), read_json(data["card"]), design.inputs(0))
    assert all(tensor.is_cuda for tensor in network.state_dict().values())
    assert member["device"] == torch.cuda.get_device_name()


def test_a_batch_that_memory_does_not_hold_is_handled_in_parts(tmp_path, data, capsys):
    attempts = []

    def loss(networks, images, labels):
        attempts.append(len(images))
        value = SINGLE(networks, images, labels)
        if len(attempts) == 1:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return value

    (folder,) = train(tmp_path, data, "resnet", loss)
    assert attempts == [8] + [4, 4] * 4
    assert "out of memory: accumulating gradients over 2 sub-batches" in capsys.readouterr().out
    assert load_file(folder / "weights.safetensors")["bn1.num_batches_tracked"] == 8
