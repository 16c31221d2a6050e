"""The corruption report of any classifier that is a function from images to logits or probabilities."""

import hashlib
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from numbers import Integral
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from resiliency.api.corrupting import checked_conditions
from resiliency.api.evaluation import Answers, Evaluation, Seen, probabilities_of
from resiliency.base.faults import Fault, brief, expected, short
from resiliency.base.names import CLEAN, MAIN, averaged, check_written_alike
from resiliency.base.progress import Progress
from resiliency.base.settings import AUTO
from resiliency.corruptions import engine
from resiliency.corruptions.settings import SEVERITIES, table_for
from resiliency.metrics.errors import PUBLISHED_ERRORS
from resiliency.statistics.resampling import Units

if TYPE_CHECKING:
    from resiliency.data.source import Images

MEAN, STD = (np.array(of, np.float32) for of in ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]))  # of ImageNet


def model_of(name: str, size: int) -> Callable[[np.ndarray], object]:
    """A function from images, uint8 B x `size` x `size` x 3, to logits or probabilities B x K.

    Args:
        name: path of an ONNX file, or module:function. A file that takes uint8 gets the images unchanged; any other
            gets float32 B x 3 x H x W, normalised by the mean and standard deviation of ImageNet.

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
        found = getattr(import_module(module), function)
    except (Exception, SystemExit) as error:
        raise Fault(f"{name}: cannot be imported ({brief(error)}); put its folder on PYTHONPATH") from None
    if not callable(found):
        raise Fault(f"{name}: {expected('a function', type(found).__name__)}; name one")
    return found


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
    side = first.shape[1 if as_they_are else 2]  # types for which any text will do
    if isinstance(side, int) and side != size:
        raise Fault(f"{name}: {expected(f'images of {side} pixels a side', f'--size {size}')}; give --size {side}")
    if as_they_are:
        return lambda images: session.run(None, {first.name: images})[0]

    def predict(images: np.ndarray) -> np.ndarray:
        normalised = (images.astype(np.float32) / 255 - MEAN) / STD
        return session.run(None, {first.name: normalised.transpose(0, 3, 1, 2)})[0]

    return predict


Condition = tuple[str, int]


def evaluate(
    predict: Callable[[np.ndarray], object],
    images: "Images",
    labels: np.ndarray,
    *,
    units: Sequence[object] | None = None,
    corruptions: Sequence[str] = MAIN,
    severities: Sequence[int] = SEVERITIES,
    baseline: "Mapping[str, float] | Evaluation | str | None" = None,
    table: str = AUTO,
    seed: int = 0,
    batch_size: int = 64,
    confidence: float = 0.95,
    progress: bool = True,
) -> Evaluation:
    """Evaluate a classifier of any framework on clean images and under corruptions.

    Each corrupted batch is made once, while the classifier predicts the one before. Images are corrupted alike at any
    batch size, so that classifiers are compared on the same images.

    Args:
        predict: function from images, uint8 B x H x W x 3, to logits or probabilities B x K, K 2 or more: a NumPy
            array, or a tensor of torch, TensorFlow or JAX. It normalises the images itself. Rows of non-negative
            numbers that sum to 1 are probabilities, all others logits; what may be rounded probabilities is refused.
        images: uint8 N x H x W x 3, H and W at least 32: an array, or any object that returns such arrays for slices.
        labels: integers N, in 0..K-1.
        units: N numbers or names: images with equal ones, such as frames of one film, are not independent, and
            intervals allow for it; by default all images are independent.
        corruptions: names of some of CORRUPTIONS; by default the 15 of mCE.
        severities: some of the integers 1 to 5.
        baseline: baseline of mCE: its error under each corruption, mean over the severities, by name; or another
            evaluation of the same images at the same severities of the same table with the same seed; or "alexnet",
            whose published errors are for the table "imagenet-c" at severities 1 to 5.
        table: the published severity parameters: "cifar-10-c", "imagenet-c" or "auto", the first for images of up to 64
            pixels.
        seed: seed of the random streams of the corruptions.
        batch_size: number of images in a batch; the last one may have fewer.
        confidence: level of the intervals, between 0 and 1.
        progress: whether to print the progress of the evaluation.

    Returns:
        An Evaluation: printed, it is a report; its attributes are tables and numbers.

    Raises:
        Fault: an argument has another shape, type or range, `predict` fails, or predictions are neither logits nor
            probabilities.

    >>> images = np.random.default_rng(0).integers(0, 256, (20, 32, 32, 3), np.uint8)
    >>> labels = images.mean(axis=(1, 2)).argmax(axis=1)
    >>> brightest = lambda images: images.mean(axis=(1, 2))  # a classifier of three classes
    >>> evaluation = evaluate(brightest, images, labels, corruptions=["glass_blur"], severities=[1, 5], progress=False)
    >>> evaluation.errors[["corruption", "severity", "n_images", "error"]]
       corruption  severity  n_images  error
    0       clean         0        20   0.00
    1  glass_blur         1        20   0.30
    2  glass_blur         5        20   0.35
    """
    table, labels = _checked_table(images, table), _labels_of(labels, len(images))
    conditions = [(CLEAN, 0), *checked_conditions(corruptions, severities)]
    if not isinstance(batch_size, Integral) or batch_size < 1:
        raise Fault(f"batch_size: {expected('a whole number from 1', short(batch_size))}")
    if not isinstance(confidence, int | float) or not 0 < confidence < 1:
        raise Fault(f"confidence: {expected('a number between 0 and 1', short(confidence))}")
    seen = _seen(images, labels, table, int(batch_size), seed)
    baseline = _baseline_errors(baseline, conditions[1:], seen)
    answers = Answers(labels, _units_of(units, len(labels)), conditions)
    bar = Progress(len(conditions) * -(-len(labels) // batch_size), pause=5) if progress else None
    for position, chosen, batch in _batches(images, len(labels), int(batch_size), conditions, table, seed):
        try:
            predicted = predict(batch)
        except (Exception, SystemExit) as error:
            raise Fault(f"predict: fails on {len(batch)} images: {brief(error)}") from error
        answers.add(position, chosen, probabilities_of(predicted, labels[chosen], answers))
        if bar:
            bar.step("batches predicted")
    return Evaluation.of(answers, confidence, baseline, seen)


def _batches(
    images: "Images", count: int, size: int, conditions: list[Condition], table: str, seed: int
) -> Iterator[tuple[int, slice, np.ndarray]]:
    """Position of the condition, images and batch, of each batch under each condition; the next one in the making."""

    def batch(start: int, condition: Condition) -> tuple[slice, np.ndarray]:
        chosen = slice(start, min(start + size, count))
        clean = np.asarray(images[chosen])
        if condition[0] == CLEAN:
            return chosen, clean.copy()  # because the classifier may write into it
        indices = range(chosen.start, chosen.stop)
        return chosen, engine.corrupt(clean, *condition, table=table, seed=seed, indices=indices)

    jobs = ((start, position) for start in range(0, count, size) for position in range(len(conditions)))
    with ThreadPoolExecutor(1) as pool:
        waiting: deque = deque()
        for start, position in jobs:
            waiting.append((position, pool.submit(batch, start, conditions[position])))
            if len(waiting) > 2:
                yield _next(waiting)
        while waiting:
            yield _next(waiting)


def _next(waiting: deque) -> tuple[int, slice, np.ndarray]:
    position, job = waiting.popleft()
    return (position, *job.result())


def _checked_table(images: "Images", table: str) -> str:
    """The table of severities; the engine checks it, and the images by their shape and type."""
    if not hasattr(images, "__len__") or not len(images):
        got = "none" if hasattr(images, "__len__") else short(images)
        raise Fault(f"images: {expected('at least one image', got)}")
    first = np.asarray(images[:1])
    engine.corrupt(first, MAIN[0], 1, table=table, seed=0)
    return table_for(max(first.shape[1:3])) if table == AUTO else table


def _seen(images: "Images", labels: np.ndarray, table: str, size: int, seed: int) -> Seen:
    """The description of the evaluated images, which are read `size` at a time."""
    digest = hashlib.sha256(labels.tobytes())
    for start in range(0, len(labels), size):
        batch = np.ascontiguousarray(images[start : start + size])
        digest.update(batch.data)
    height, width = batch.shape[1:3]
    return Seen(table, len(labels), height, width, seed, digest.hexdigest())


def _labels_of(labels: np.ndarray, count: int) -> np.ndarray:
    labels = np.asarray(labels)
    within = labels.dtype.kind in "iu" and (not labels.size or 0 <= labels.min() <= labels.max() < 2**63)
    if labels.shape != (count,) or not within:
        got = f"{labels.dtype} of shape {labels.shape}" if within else short(labels.tolist())
        raise Fault(f"labels: {expected(f'{count} integers from 0, one per image', got)}")
    return labels.astype(np.int64)


def _units_of(units: Sequence[object] | None, count: int) -> Units:
    if units is None:
        return Units.single(count)
    named = np.asarray(units)
    if named.shape != (count,) or pd.isna(named).any():
        raise Fault(f"units: {expected(f'{count} numbers or names, one per image', short(named.tolist()))}")
    if count > 1 and len(np.unique(named)) < 2:
        raise Fault(f"units: {expected('two units or more', 'one')}; number the images that belong together")
    check_written_alike("units", np.unique(named).astype(str).tolist())
    return Units.numbered(named)


def _baseline_errors(baseline: object, conditions: list[Condition], seen: Seen) -> dict[str, float] | None:
    """The errors of the baseline by the corruption, of those that mCE counts; of the same severities and images."""
    if baseline is None:
        return None
    corruptions, severities = (
        (list(dict.fromkeys(of)) for of in zip(*conditions, strict=True)) if conditions else ([], [])
    )
    if isinstance(baseline, str):
        if baseline not in PUBLISHED_ERRORS:
            raise Fault(f"baseline: {expected('alexnet, an evaluation, or errors by corruption', short(baseline))}")
        if seen.table != "imagenet-c" or sorted(severities) != list(SEVERITIES):
            here = f"{seen.table} at {short(sorted(severities))}"
            raise Fault(f"baseline: {baseline}: {expected('table imagenet-c and severities 1 to 5', here)}")
        baseline = PUBLISHED_ERRORS[baseline]
    elif isinstance(baseline, Evaluation):
        known = sorted(baseline.errors.severity[1:].unique().tolist())
        if known != sorted(severities):
            wanted = expected(f"an evaluation at severities {sorted(severities)}", known)
            raise Fault(f"baseline: {wanted}; evaluate both at the same ones")
        if difference := seen.difference_from(baseline.seen):
            raise Fault(f"baseline: {difference}; evaluate both alike")
        baseline = baseline.by_corruption.set_index("corruption").error.to_dict()
    errors = dict(pd.Series(baseline, dtype=object))
    for name in averaged(corruptions):
        error = errors.get(name)
        if not isinstance(error, int | float | np.number) or not 0 <= error <= 1:
            got = "none" if error is None else short(error)
            raise Fault(f"baseline: {expected(f'an error from 0 to 1 under {name}', got)}")
    return {name: float(errors[name]) for name in averaged(corruptions)}
