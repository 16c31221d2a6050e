"""A small ONNX model: logits of a class per channel, the mean of the channel times a scale."""

from pathlib import Path

import onnx
from onnx import TensorProto, helper


def write(
    path: Path,
    scale: float = 1.0,
    shape: tuple = ("batch", 3, "height", "width"),
    kind: int = TensorProto.FLOAT,
    softmax: bool = False,
) -> Path:
    """Write the model to `path`.

    Args:
        shape: of the input `images`, B x channels x H x W; text for what may be any number.
        kind: type of the input.
        softmax: whether outputs are probabilities.
    """
    nodes = [
        helper.make_node("Cast", ["images"], ["floats"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["floats"], ["means"], axes=[2, 3], keepdims=0),
        helper.make_node("Mul", ["means", "scale"], ["scaled"]),
        helper.make_node("Softmax" if softmax else "Identity", ["scaled"], ["logits"]),
    ]
    graph = helper.make_graph(
        nodes,
        "channels",
        [helper.make_tensor_value_info("images", kind, list(shape))],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, [shape[0], shape[1]])],
        [helper.make_tensor("scale", TensorProto.FLOAT, [], [scale])],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    return path
