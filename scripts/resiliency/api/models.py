"""Classifiers that are named on a command line, as functions that `evaluate` takes."""

from collections.abc import Callable
from importlib import import_module
from pathlib import Path

import numpy as np

from resiliency.base.faults import Fault, brief, expected

MEAN, STD = (np.array(of, np.float32) for of in ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]))  # of ImageNet


def model_of(name: str, size: int) -> Callable[[np.ndarray], object]:
    """A function from images, uint8 B x `size` x `size` x 3, to logits or probabilities B x K.

    Args:
        name: an ONNX file, or module:function. A file that takes uint8 gets the images as they are, another one float32
            B x 3 x H x W, normalised by the mean and standard deviation of ImageNet.

    Raises:
        Fault: there is no such file, module or function, onnxruntime is missing or cannot read the file, or it takes
            images of another size.
    """
    if name.endswith(".onnx"):
        return _of_onnx(name, size)
    module, colon, function = name.partition(":")
    if not colon:
        raise Fault(f"{name}: {expected('an ONNX file or module:function', 'neither')}; write package.module:function")
    try:
        return getattr(import_module(module), function)
    except (ImportError, AttributeError) as error:
        raise Fault(f"{name}: cannot be imported ({brief(error)}); put its folder on PYTHONPATH") from None


def _of_onnx(name: str, size: int) -> Callable[[np.ndarray], object]:
    if not Path(name).is_file():
        raise Fault(f"{name}: no such file; name an ONNX file")
    try:
        import onnxruntime

        session = onnxruntime.InferenceSession(name, providers=["CPUExecutionProvider"])
    except ImportError:
        raise Fault("onnxruntime: is not installed; run pip install '.[export]'") from None
    except Exception as error:
        raise Fault(f"{name}: onnxruntime cannot read it: {brief(error)}") from None
    first = session.get_inputs()[0]
    as_they_are = first.type == "tensor(uint8)"
    side = first.shape[1 if as_they_are else 2]  # text where any will do
    if isinstance(side, int) and side != size:
        raise Fault(f"{name}: {expected(f'images of {side} pixels a side', f'--size {size}')}; give --size {side}")
    if as_they_are:
        return lambda images: session.run(None, {first.name: images})[0]

    def predict(images: np.ndarray) -> np.ndarray:
        normalised = (images.astype(np.float32) / 255 - MEAN) / STD
        return session.run(None, {first.name: normalised.transpose(0, 3, 1, 2)})[0]

    return predict
