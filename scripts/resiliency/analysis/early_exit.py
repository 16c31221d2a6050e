"""Early exit of ensembles: members are asked one after the other, until those asked are sure together.

The cheapest member is asked first; the answer is that of the members asked, once their combined probability of it
reaches a threshold (Wang et al., ICLR 2022). The threshold is chosen on one half of the test images: the one with the
fewest mean multiply-accumulate operations (MACs) of those that err no more there than the whole ensemble does. The
other half judges it.
"""

import numpy as np

from resiliency.analysis.assessment import Judged
from resiliency.analysis.bootstrap import interval
from resiliency.ensembles.outputs import Ensemble
from resiliency.names import CORRUPTED

THRESHOLDS = (0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.999)
COLUMNS = ["members", "size", "rule", "order", "threshold", "selection_error", "selection_macs"]
COLUMNS += ["mean_corruption_error", "low", "high", "error_change", "error_change_low", "error_change_high"]
COLUMNS += ["macs", "all_macs", "members_asked", "confidence"]


def cheapest_first(macs: np.ndarray) -> np.ndarray:
    """The order in which members are asked, int M; macs float M."""
    return np.argsort(macs, kind="stable")


def stops(confidences: np.ndarray, threshold: float) -> np.ndarray:
    """After which member (0 up) each image is answered, int ...; confidences M x ... of the first 1, 2, ..., M."""
    sure = confidences >= threshold
    sure[-1] = True
    return sure.argmax(axis=0)


def early_exit(members: Ensemble, macs: np.ndarray, chosen: np.ndarray, judged: Judged) -> dict:
    """The row of early_exit.csv of one ensemble: `COLUMNS` but for its names.

    Args:
        members: in the order in which they are asked.
        macs: float M, of them.
        chosen: images on which the threshold is chosen.
        judged: the images that judge it.
    """
    images = np.concatenate([chosen, judged.images[CORRUPTED]])
    confidences, errors = _of_the_first(members, judged.conditions[CORRUPTED], images)
    half, spent = len(chosen), np.cumsum(macs)
    whole = errors[-1, :, :half].mean()
    outcomes = []
    for threshold in (*THRESHOLDS, np.inf):
        at = stops(confidences, threshold)
        wrong = np.take_along_axis(errors, at[None], axis=0)[0]
        outcomes.append((threshold, wrong, at, wrong[:, :half].mean(), spent[at][:, :half].mean()))
    threshold, wrong, at, error, cost = min((row for row in outcomes if row[3] <= whole), key=lambda row: row[4])
    by_image, change = wrong[:, half:].mean(axis=0), (wrong - errors[-1])[:, half:].mean(axis=0)
    counts = judged.counts[CORRUPTED]
    ends = [interval(counts @ values / len(values), judged.confidence) for values in (by_image, change)]
    return {
        "threshold": threshold,
        "selection_error": error,
        "selection_macs": cost,
        "mean_corruption_error": by_image.mean(),
        **dict(zip(("low", "high"), ends[0], strict=True)),
        "error_change": change.mean(),
        **dict(zip(("error_change_low", "error_change_high"), ends[1], strict=True)),
        "macs": spent[at][:, half:].mean(),
        "all_macs": spent[-1],
        "members_asked": 1 + at[:, half:].mean(),
        "confidence": judged.confidence,
    }


def _of_the_first(members: Ensemble, conditions: np.ndarray, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Confidence and errors of the first 1, 2, ..., M members together; float32 M x C x n each."""
    shape = len(members.members), len(conditions), len(images)
    confidences, errors = np.empty(shape, np.float32), np.empty(shape, np.float32)
    for count in range(1, shape[0] + 1):
        first = Ensemble(members.members[:count], members.weights[:count], members.name)
        for row, condition in enumerate(conditions):
            parts = list(first.outputs(condition, images))
            errors[count - 1, row] = np.concatenate([part.errors for part in parts])
            probabilities = [part.confidences(1)["max_probability"] for part in parts]
            confidences[count - 1, row] = np.concatenate(probabilities)
    return confidences, errors
