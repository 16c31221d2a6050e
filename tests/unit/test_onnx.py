"""Designs that are ONNX files: what their networks answer, what is refused, how they are exported."""

import re
from pathlib import Path

import pytest
import small_onnx
import torch
from fault_messages import fault_of
from onnx import TensorProto
from torch import nn

from resiliency.designs.networks import parameters_and_macs
from resiliency.designs.onnx import read_onnx
from resiliency.designs.settings import Design

SIDE = 32
MEAN, STD = [0.4, 0.5, 0.6], [0.2, 0.25, 0.3]
CARD = {"image_shape": [SIDE, SIDE, 3], "classes": ["red", "green", "blue"], "mean": MEAN, "std": STD}


def design(path: Path, **changed) -> Design:
    return Design(**{"weights": str(path), "mean": MEAN, "std": STD} | changed)


def images_of(count: int) -> torch.Tensor:
    return torch.rand(count, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(0))


def small_network() -> nn.Module:
    """Convolutions, a transposed one, matrix products and an attention: what MACs are counted of."""
    torch.manual_seed(0)
    return Small().eval()


class Small(nn.Module):
    def __init__(self):
        super().__init__()
        self.convolutions = nn.Sequential(
            nn.Conv2d(3, 8, 3, stride=2), nn.ReLU(), nn.Conv2d(8, 8, 3, groups=4), nn.ConvTranspose2d(8, 4, 2, stride=2)
        )
        self.head = nn.Linear(4, 3)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        maps = self.convolutions(images).flatten(2)
        attended = torch.softmax(maps @ maps.transpose(1, 2), dim=-1) @ maps
        return self.head(attended.mean(dim=2))


@pytest.fixture(scope="module")
def exported(tmp_path_factory) -> Path:
    """A network of torch as torch writes it, its weights in a file beside it."""
    path = tmp_path_factory.mktemp("exported") / "small.onnx"
    shapes = ({0: torch.export.Dim("images")},)
    program = torch.onnx.export(small_network(), (images_of(2),), dynamo=True, dynamic_shapes=shapes, verbose=False)
    program.save(path, external_data=True)
    return path


def test_it_answers_as_the_network_of_torch_and_counts_as_much(exported):
    assert Path(f"{exported}.data").exists()
    of_file, _ = read_onnx(exported, SIDE, 3)
    of_torch = small_network()
    with torch.inference_mode():
        torch.testing.assert_close(of_file(images_of(5)), of_torch(images_of(5)), atol=1e-5, rtol=1e-4)
    assert parameters_and_macs(of_file, CARD["image_shape"]) == parameters_and_macs(of_torch, CARD["image_shape"])
    assert design(exported).inputs(0) == {"weights": str(exported), "data_1": f"{exported}.data"}


@pytest.mark.parametrize(
    "made",
    [
        {"softmax": True, "scale": 5.0},
        {"shape": (4, 3, SIDE, SIDE)},
        {"shape": ("batch", 3, SIDE, "width")},
        {"kind": TensorProto.UINT8},
    ],
)
def test_any_batch_layout_and_type_is_answered(tmp_path, made):
    of_file, arguments = read_onnx(small_onnx.write(tmp_path / "a.onnx", **made), SIDE, 3)
    scale = 255 if made.get("kind") == TensorProto.UINT8 else 1
    pixels = images_of(7) * scale
    logits = of_file(pixels)
    expected = pixels.mean(dim=(2, 3)) * made.get("scale", 1.0)
    assert arguments["probabilities"] is made.get("softmax", False)
    if arguments["probabilities"]:
        torch.testing.assert_close(logits, expected.log_softmax(dim=1), atol=1e-5, rtol=1e-5)
    else:
        torch.testing.assert_close(logits, expected, atol=2e-3 * scale, rtol=1e-3)


@pytest.mark.parametrize(
    ("write", "outputs", "message"),
    [
        (lambda path: path.write_text("text") and path, 3, r"not an ONNX model \(.*\); export it again"),
        (lambda path: small_onnx.write(path, shape=("b", 3, 64, 64)), 3, "expected images of 32 px, got 64 px; export"),
        (small_onnx.write, 10, r"expected an output of shape \(2, 10\) for 2 images, got \(2, 3\)"),
        (lambda path: small_onnx.write(path, scale=float("nan")), 3, "predictions differ|NaN"),
    ],
)
def test_files_that_are_no_network_for_these_images_are_refused_in_a_line(tmp_path, write, outputs, message):
    path = write(tmp_path / "model.onnx")
    fault = fault_of(read_onnx, path, SIDE, outputs)
    assert re.search(message, fault)
    assert str(path) in fault
