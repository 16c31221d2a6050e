"""A trial of a corruption that another package adds, on a few images."""

import numpy as np

from resiliency.base.faults import Fault, brief
from resiliency.corruptions.engine import corrupt
from resiliency.corruptions.settings import SEVERITIES
from resiliency.study.trials.apart import global_states

IMAGES = 3


def corruption_fault(name: str, side: int, table: str) -> str:
    """What keeps a corruption from being used for images of `side` pixels squared; empty if nothing does.

    At each severity it must return uint8 images of the same shape, the same ones each time and in any batch, leave
    the images that it is given as they are, and draw random numbers from their streams only.
    """
    images = np.random.default_rng(0).integers(0, 256, (IMAGES, side, side, 3), np.uint8)
    for severity in SEVERITIES:
        try:
            fault = _fault(images, name, severity, table)
        except Fault as reason:
            return str(reason).removeprefix(f"{name}: ")
        except (Exception, SystemExit) as error:
            fault = f"fails on images of {side}x{side} px: {brief(error)}"
        if fault:
            return f"severity {severity}: {fault}"
    return ""


def _fault(images: np.ndarray, name: str, severity: int, table: str) -> str:
    def corrupted(some: np.ndarray, indices: list[int]) -> np.ndarray:
        return corrupt(some, name, severity, table=table, seed=0, indices=indices)

    everything, given, states = list(range(IMAGES)), images.copy(), global_states()
    once = corrupted(given, everything)
    if not np.array_equal(given, images):
        return "changes the images that it is given, in place; let it work on a copy"
    if states != global_states():
        return "draws from the global random state; draw from the streams only"
    if not np.array_equal(once, corrupted(images.copy(), everything)):
        return "returns other images when it is called again; draw random numbers from the streams only"
    alone = [corrupted(images[index : index + 1].copy(), [index])[0] for index in reversed(everything)]
    if not np.array_equal(once, alone[::-1]):
        return "returns other images when they come in other batches; treat each image by itself"
    if severity == min(SEVERITIES) and (once == once[0]).all():
        return "returns the same picture for different images; if it computes in 0 to 1, multiply by 255"
    return ""
