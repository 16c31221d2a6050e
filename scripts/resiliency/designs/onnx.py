"""Networks from ONNX files: onnxruntime runs them, on the CPU, and they have no gradients and no features.

The file's bytes are the weights of the network, so that members are written, read back and exported like others.
"""

import math
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from resiliency.base.faults import Fault, brief, expected
from resiliency.designs.checks import logits_fault, trial_images

PACKAGES = ("onnx", "onnxruntime")
TYPES = {"tensor(float)": torch.float32, "tensor(float16)": torch.float16, "tensor(uint8)": torch.uint8}
LARGEST = 2**31 - 1  # largest size of a protocol buffer in bytes
LEAST = 1e-12


class OnnxNetwork(nn.Module):
    """A model that onnxruntime runs on the CPU, as a network: normalised images float32 Bx3xHxW -> logits BxK.

    The input of the model is images x 3 x H x W or images x H x W x 3. Integers get the normalised values rounded,
    so that a mean of 0 and a standard deviation of 1/255 give them the pixels. If there are several outputs, the first
    one counts.

    Args:
        size: size of the file in bytes.
        probabilities: whether outputs are probabilities; the logits are then their logarithms.
    """

    differentiable = False

    def __init__(self, size: int, probabilities: bool = False):
        super().__init__()
        self.probabilities = probabilities
        self.place = nn.Parameter(torch.zeros(0))  # stays on the device of the network
        self.register_buffer("model", torch.zeros(size, dtype=torch.uint8))
        self._sessions: dict[int, Any] = {}

    def forward(self, images: Tensor) -> Tensor:
        """Logits float32 BxK, on the device of the images."""
        return self.to_logits(self.run(self.prepare(images)).to(images.device))

    def prepare(self, images: Tensor) -> Tensor:
        """Normalised images in the layout and type that the model takes."""
        model_input = self.input
        values = images.permute(0, 2, 3, 1) if model_input.channels_last else images
        return (values.round() if model_input.type == torch.uint8 else values).to(model_input.type).contiguous()

    def run(self, prepared: Tensor) -> Tensor:
        """The first output of the model, BxK on the CPU, of its own type."""
        values, batch = prepared.detach().cpu().numpy(), self.input.batch
        step = batch or max(len(values), 1)
        parts = [self._run_batch(values[start : start + step], batch) for start in range(0, len(values), step)]
        return torch.from_numpy(np.concatenate(parts))

    def to_logits(self, output: Tensor) -> Tensor:
        """Logits float32 BxK from the first output of the model."""
        return output.float().clamp_min(LEAST).log() if self.probabilities else output.float()

    @property
    def input(self) -> "Input":
        """The input of the model."""
        return _input_of(self._session())

    @property
    def content(self) -> bytes:
        """The file."""
        return self.model.cpu().numpy().tobytes()

    def parameters_and_macs(self, image_shape: list[int]) -> tuple[int, int | None]:
        """Number of constants in floating point, and MACs for one image of shape H, W, 3, None if shapes are unknown.

        Convolutions and matrix products count.
        """
        import onnx
        from onnx import TensorProto, shape_inference

        model = onnx.load_from_string(self.content)
        floats = {TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.BFLOAT16, TensorProto.DOUBLE}
        constants = {tensor.name: list(tensor.dims) for tensor in model.graph.initializer}
        parameters = sum(math.prod(one.dims) for one in model.graph.initializer if one.data_type in floats)
        (images,) = [one for one in model.graph.input if one.name not in constants]
        height, width, channels = image_shape
        lengths = (1, height, width, channels) if self.input.channels_last else (1, channels, height, width)
        for dimension, length in zip(images.type.tensor_type.shape.dim, lengths, strict=True):
            dimension.dim_value = length
        for output in model.graph.output:
            output.type.tensor_type.ClearField("shape")
        inferred = shape_inference.infer_shapes(model, data_prop=True).graph
        shapes = constants | {
            value.name: [dimension.dim_value for dimension in value.type.tensor_type.shape.dim]
            for value in (*inferred.value_info, *inferred.input, *inferred.output)
        }
        macs = [_macs(node, shapes) for node in inferred.node]
        return parameters, None if None in macs else sum(macs)

    def _run_batch(self, values: np.ndarray, batch: int | None) -> np.ndarray:
        """The first output for up to `batch` images, filled up by copies if the model takes this number only."""
        lacking = batch - len(values) if batch else 0
        filled = np.concatenate([values, np.repeat(values[-1:], lacking, axis=0)]) if lacking else values
        return np.asarray(self._session().run(None, {self.input.name: filled})[0])[: len(values)]

    def _session(self) -> Any:
        """The model, ready to run in as many threads as torch."""
        threads = torch.get_num_threads()
        if threads not in self._sessions:
            self._sessions = {threads: _session(self.content, "model", threads)}
        return self._sessions[threads]


class Input(NamedTuple):
    """The input of a model.

    Attributes:
        type: type of its numbers.
        channels_last: whether its shape is images x H x W x 3.
        batch: number of images per call; None for any.
    """

    name: str
    type: torch.dtype
    channels_last: bool
    batch: int | None


def network(size: int, probabilities: bool = False) -> OnnxNetwork:
    """The factory of networks of ONNX files; arguments as of `OnnxNetwork`."""
    return OnnxNetwork(size, probabilities)


def read_onnx(path: str | Path, side: int, outputs: int | None) -> tuple[OnnxNetwork, dict[str, Any]]:
    """The network in an ONNX file, and the arguments of the factory that makes it again.

    Args:
        side: height and width of the images in pixels.
        outputs: required number of logits; None for two or more.

    Raises:
        Fault: a package is missing, or the file cannot be run on these images, has another number of outputs, or gives
            answers that are not logits (see `logits_fault`).
    """
    if lacking := [name for name in PACKAGES if not find_spec(name)]:
        raise Fault(f"{path}: {', '.join(lacking)}: not installed; run pip install -e '.[export]'")
    content = _content(Path(path))
    session = _session(content, str(path), torch.get_num_threads())
    _check_input(session, path, side)
    onnx_network = OnnxNetwork(len(content))
    onnx_network.model = torch.frombuffer(bytearray(content), dtype=torch.uint8)
    images = trial_images(side, torch.device("cpu"))
    try:
        logits = onnx_network(images)
    except Exception as error:
        raise Fault(f"{path}: fails on images of {side}x{side} px: {brief(error)}") from error
    if logits.ndim != 2 or len(logits) != len(images) or logits.shape[1] != (outputs or max(logits.shape[-1], 2)):
        needed = f"an output of shape ({len(images)}, {outputs or 'classes'}) for {len(images)} images"
        hint = "; list the names of its outputs in classes" if outputs and logits.ndim == 2 else ""
        raise Fault(f"{path}: {expected(needed, tuple(logits.shape))}{hint}")
    onnx_network.probabilities = bool((logits >= 0).all() and (logits.sum(dim=1) - 1).abs().max() < 1e-3)
    if fault := logits_fault(onnx_network, images):
        raise Fault(f"{path}: {fault}")
    return onnx_network, {"size": len(content), "probabilities": onnx_network.probabilities}


def _content(path: Path) -> bytes:
    """The bytes of the file, with weights that are in files beside it."""
    import onnx

    try:
        model = onnx.load(path)
        size = model.ByteSize()
    except FileNotFoundError as error:
        raise Fault(f"{path}: there is no such file, or not that with its weights: {error}") from error
    except Exception as error:
        raise Fault(f"{path}: not an ONNX model ({brief(error)}); export it again") from error
    if size > LARGEST:
        raise Fault(
            f"{path}: {expected('at most 2 GB', f'{size / 1e9:.1f} GB')}; load its weights in a network of torch"
        )
    return model.SerializeToString()


def _session(content: bytes, name: str, threads: int) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    options.use_deterministic_compute = True
    options.log_severity_level = 3
    try:
        return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except Exception as error:
        raise Fault(
            f"{name}: onnxruntime {onnxruntime.__version__} cannot run it: {brief(error)}; "
            "export it with another opset, or update onnxruntime"
        ) from error


def _check_input(session: Any, path: str | Path, side: int) -> None:
    """Raise a Fault unless the model has one input, which takes images of `side` pixels squared."""
    inputs = session.get_inputs()
    if len(inputs) != 1:
        names = ", ".join(one.name for one in inputs) or "none"
        raise Fault(f"{path}: {expected('one input, the images', names)}; export it with one input")
    (one,) = inputs
    shape = list(one.shape)
    if one.type not in TYPES:
        raise Fault(f"{path}: input {one.name}: {expected(' or '.join(TYPES), one.type)}; export it with another type")
    if len(shape) != 4 or not ({_fixed_length(shape[1]), _fixed_length(shape[3])} & {3, None}):
        raise Fault(
            f"{path}: input {one.name}: {expected('images x 3 x H x W or images x H x W x 3', shape)}; export it"
        )
    sides = shape[1:3] if _input_of(session).channels_last else shape[2:4]
    if other := [length for length in map(_fixed_length, sides) if length not in (side, None)]:
        raise Fault(
            f"{path}: input {one.name}: {expected(f'images of {side} px', f'{other[0]} px')}; "
            "export it with free sides, or set dataset.image_size"
        )


def _input_of(session: Any) -> Input:
    (one,) = session.get_inputs()
    batch, second, _, last = map(_fixed_length, one.shape)
    return Input(one.name, TYPES[one.type], last == 3 and second != 3, batch)


def _fixed_length(length: object) -> int | None:
    """A length of a shape; None if it is free."""
    return length if isinstance(length, int) and length > 0 else None


def _macs(node: Any, shapes: dict[str, list[int]]) -> int | None:
    """Multiply-accumulate operations of a node; None if a shape is unknown, or the node holds a graph of its own."""
    if any(attribute.HasField("g") for attribute in node.attribute):
        return None
    if node.op_type not in ("Conv", "ConvTranspose", "MatMul", "Gemm"):
        return 0
    first, second, result = (shapes.get(name, [0]) for name in (*node.input[:2], node.output[0]))
    if 0 in (*first, *second, *result):
        return None
    if node.op_type == "Conv":
        return math.prod(result) * math.prod(second[1:])
    if node.op_type == "ConvTranspose":
        return math.prod(first) * math.prod(second[1:])
    turned = any(attribute.name == "transA" and attribute.i for attribute in node.attribute)
    return math.prod(result) * (first[-2] if turned else first[-1])
