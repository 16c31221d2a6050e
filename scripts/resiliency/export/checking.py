"""Whether a program answers as the ensemble that the study scored, and how long it takes."""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from resiliency.base.faults import Fault
from resiliency.ensembles.outputs import Ensemble
from resiliency.export.module import Deployable
from resiliency.export.programs import onnx_runner
from resiliency.export.timing import EAGER, Run, eager_runner, milliseconds, quartiles
from resiliency.metrics.temperature import scaled

PROGRAM = "ensemble.onnx"
BATCH = 64
MOST = 2_000
# By how much logits may differ that were computed in another order, on another device.
SLACK = 1e-3
# By how many spacings of the stored logits those may differ that were computed in a precision. The spacing is one
# rounding to TF32, an eighth of one to bfloat16; four roundings are allowed for.
SPACINGS = {"float32": 1, "tf32": 4, "bfloat16": 32}


class Agreement(NamedTuple):
    """How answers compare: images compared, of so many; and the largest difference of a probability over all."""

    compared: int
    images: int
    difference: float


def agreement(
    run: Run,
    images: np.ndarray,
    chosen: np.ndarray,
    study: Ensemble,
    temperature: float,
    precision: str = "float32",
) -> Agreement:
    """Compare the answers of a program with those that the study scored on the same clean test images.

    The study keeps logits with few digits, so that an answer counts as decided where no logit moved by the spacing of
    such numbers, and by what sums in another order may differ by, could change it. Images with decided answers are
    compared.

    Args:
        images: uint8 n x H x W x 3.
        chosen: their positions among the test images.
        study: the ensemble on the study's predictions.
        temperature: of the program.
        precision: in which the study predicted; a program computes in float32.

    Raises:
        Fault: a decided answer differs.
    """
    probabilities = np.concatenate([run(images[start : start + BATCH])[0] for start in range(0, len(images), BATCH)])
    parts = list(study.outputs(0, chosen, disagreement=False))
    logs = np.concatenate([part.log_probabilities for part in parts])
    decided, answers = _decided(study, logs, chosen, SPACINGS[precision])
    wrong = decided & (probabilities.argmax(axis=1) != answers)
    if wrong.any():
        raise Fault(f"{PROGRAM}: disagrees with the study on {wrong.sum():,} of {decided.sum():,} test images")
    difference = np.nan if study.rule.mean is None else np.abs(probabilities - np.exp(scaled(logs, temperature))).max()
    return Agreement(int(decided.sum()), len(images), float(difference))


def check_refusal(run: Run, images: np.ndarray) -> None:
    """Raise a Fault if the program answers images (uint8 n x H x W x 3) that are given as floats in 0..1."""
    try:
        run(images.astype(np.float32) / 255)
    except Exception:  # onnxruntime has types of its own
        return
    raise Fault(f"{PROGRAM}: accepts float images instead of uint8 only; export with another version of torch")


def _decided(study: Ensemble, logs: np.ndarray, chosen: np.ndarray, spacings: int) -> tuple[np.ndarray, np.ndarray]:
    """Whether the answer to each image is decided, bool n, and the answer, int64 n."""
    stored = [member.logits(0, chosen) for member in study.members]
    spacing = np.max([np.spacing(np.abs(values).max(axis=1)).astype(np.float64) for values in stored], axis=0)
    reach = spacings * spacing + SLACK
    if study.rule.mean:
        return _margin(logs) > 2 * reach, logs.argmax(axis=1)
    decisions = np.stack([values.argmax(axis=1) for values in stored])
    votes = (decisions[..., None] == np.arange(logs.shape[1])).sum(axis=0)
    clear = np.all([_margin(values.astype(np.float64)) > 2 * reach for values in stored], axis=0)
    return clear & (_margin(votes) > 0), votes.argmax(axis=1)


def timed(ensemble: Deployable, path: Path, image: np.ndarray, threads: list[int]) -> list[dict]:
    """Milliseconds for one image of each member, and of the ensemble's program at `path`, in so many threads each.

    Args:
        image: uint8 1 x H x W x 3.

    Returns:
        model, runtime, threads, and median, low and high (quartiles).
    """
    parts, rows = zip(ensemble.networks, ensemble.members, strict=True), []
    members = [Deployable([part], [1.0], "mean_probability", 1).eval() for part in parts]
    for count in threads:
        runs = [(module.members[0].member, EAGER, eager_runner(module, count)) for module in members]
        runs.append(("ensemble", "onnxruntime", onnx_runner(path, count)))
        times = quartiles(milliseconds([run for *_, run in runs], image))
        for (model, runtime, _), of_run in zip(runs, times.T, strict=True):
            times_of = dict(zip(("median", "low", "high"), map(float, of_run), strict=True))
            rows.append({"model": model, "runtime": runtime, "threads": count} | times_of)
    return rows


def _margin(values: np.ndarray) -> np.ndarray:
    """The largest value of each image less the second; n of n x K."""
    ordered = np.sort(values, axis=1)
    return ordered[:, -1] - ordered[:, -2]
