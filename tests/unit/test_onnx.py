"""Designs that are ONNX files: what their networks answer, what is refused, how they are exported."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
import small_onnx
import torch
from fault_messages import fault_of
from onnx import TensorProto, helper
from torch import nn

from resiliency.designs.members import Member
from resiliency.designs.networks import parameters_and_macs
from resiliency.designs.onnx import read_onnx
from resiliency.designs.settings import Design
from resiliency.designs.weights import load_member
from resiliency.export.exporting import check_refusal
from resiliency.export.loading import Deployable
from resiliency.export.programs import eager_runner, onnx_runner, write_program

SIDE = 32
MEAN, STD = [0.4, 0.5, 0.6], [0.2, 0.25, 0.3]
CARD = {"image_shape": [SIDE, SIDE, 3], "classes": ["red", "green", "blue"], "mean": MEAN, "std": STD}


def design(path: Path, **changed) -> Design:
    return Design(**{"weights": str(path), "mean": MEAN, "std": STD} | changed)


def loaded(path: Path, **changed) -> tuple[nn.Module, dict]:
    of = design(path, **changed)
    return load_member(of.description(SIDE), CARD, of.inputs(0))


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


def in_files(path: Path, *names: str) -> Path:
    """A model whose weights, of a constant, of an attribute and of an inner graph, are in files of these names."""

    def tensor(name: str, file: str) -> TensorProto:
        made = helper.make_tensor(name, TensorProto.FLOAT, [3], bytes(12), raw=True)
        onnx.external_data_helper.set_external_data(made, file)
        (path.parent / file).parent.mkdir(parents=True, exist_ok=True)
        (path.parent / file).write_bytes(made.raw_data)
        made.ClearField("raw_data")
        return made

    first, second, third = [*names, *names[-1:] * 2][:3]
    inner = helper.make_graph([helper.make_node("Identity", ["w"], ["y"])], "inner", [], [], [tensor("w", third)])
    nodes = [
        helper.make_node("Constant", [], ["b"], value=tensor("b", second)),
        helper.make_node("If", ["c"], ["y"], then_branch=inner, else_branch=inner),
    ]
    graph = helper.make_graph(nodes, "outer", [], [], [tensor("a", first)])
    path.write_bytes(helper.make_model(graph).SerializeToString())
    return path


@pytest.mark.parametrize("names", [("model.onnx_data",), ("m1_weights.bin",), ("a", "b", "deep/c.raw")])
def test_files_of_weights_are_inputs_by_whatever_name(tmp_path, names):
    path = in_files(tmp_path / "m1.onnx", *names)
    inputs = design(path).inputs(0)
    assert inputs.pop("weights") == str(path)
    assert sorted(inputs.values()) == sorted(str(tmp_path / name) for name in names)


@pytest.mark.parametrize(
    "made",
    [
        {"softmax": True, "scale": 5.0},
        {"shape": (4, 3, SIDE, SIDE)},
        {"shape": ("batch", 3, SIDE, "width")},
        {"kind": TensorProto.FLOAT16},
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


def text(path: Path) -> Path:
    path.write_text("not a model", encoding="utf-8")
    return path


def constant(path: Path) -> Path:
    """A model whose answers are NaN."""
    return small_onnx.write(path, scale=float("nan"))


@pytest.mark.parametrize(
    ("write", "outputs", "message"),
    [
        (text, 3, r"not an ONNX model \(.*\); export it again"),
        (lambda path: small_onnx.write(path, shape=("b", 3, 64, 64)), 3, "expected images of 32 px, got 64 px; export"),
        (
            small_onnx.write,
            10,
            r"expected an output of shape \(2, 10\) for 2 images, got \(2, 3\); list the names of its",
        ),
        (constant, 3, "predictions differ|NaN"),
    ],
)
def test_files_that_are_no_network_for_these_images_are_refused_in_a_line(tmp_path, write, outputs, message):
    path = write(tmp_path / "model.onnx")
    fault = fault_of(read_onnx, path, SIDE, outputs)
    assert re.search(message, fault)
    assert str(path) in fault


@pytest.mark.parametrize("rule", ["mean_probability", "plurality_vote"])
def test_an_ensemble_with_files_is_exported_as_one_onnx_file(exported, tmp_path, rule):
    files = [
        loaded(exported),
        loaded(small_onnx.write(tmp_path / "b.onnx", classes=4, softmax=True), classes=["blue", "a", "red", "green"]),
        loaded(small_onnx.write(tmp_path / "c.onnx", kind=TensorProto.UINT8), mean=[0.0] * 3, std=[1 / 255] * 3),
    ]
    members = [(network, Member(f"m-s{place}", **described)) for place, (network, described) in enumerate(files)]
    torch.manual_seed(1)
    own = nn.Sequential(nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(12, 3)).eval()
    members.insert(1, (own, replace(members[0][1], member="torch-s0", outputs=None)))
    ensemble = Deployable(members, [1.0] * len(members), rule, 0.7).eval()
    path = tmp_path / "ensemble.onnx"
    write_program(ensemble, SIDE, path)
    images = np.random.default_rng(0).integers(0, 256, (9, SIDE, SIDE, 3), np.uint8)
    expected, run = eager_runner(ensemble, 1)(images), onnx_runner(path, 1)
    for count in (1, 9):
        for of_program, of_module in zip(run(images[:count]), expected, strict=True):
            np.testing.assert_allclose(of_program, of_module[:count], atol=1e-5)
    check_refusal(run, images[:1])
