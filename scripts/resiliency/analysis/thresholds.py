"""Thresholds for abstaining: chosen on the images of the choice, tried on those that judge."""

import numpy as np

from resiliency.analysis.assessment import REFERENCE, Judged, scores_and_errors
from resiliency.analysis.intervals import share_interval, with_ends
from resiliency.base.names import CLEAN, CORRUPTED
from resiliency.ensembles.outputs import Ensemble
from resiliency.metrics.accuracy import accuracies
from resiliency.metrics.thresholds import covering_threshold, limiting_threshold

COVERAGE, ERROR = "coverage", "error"
THRESHOLDS = ["members", "size", "rule", "basis", "goal", "target", "threshold", "selection_images", "images"]
THRESHOLDS += [f"{of}{end}" for of in ("coverage", "error", "wrong") for end in ("", "_low", "_high")]
COVERAGES, ERRORS = (0.99, 0.95, 0.9, 0.8), (0.02, 0.01, 0.005, 0.001)


def threshold_rows(ensemble: Ensemble, temperature: float, chosen: Judged, judged: Judged) -> list[dict]:
    """Rows of thresholds.csv of one ensemble; none if it has no probabilities.

    Args:
        temperature: of its probabilities.
        chosen, judged: the images that thresholds are chosen on, and those that they are tried on.
    """
    names = [name for name in (CLEAN, CORRUPTED) if name in judged.conditions]
    tried = {name: _maxima(ensemble, temperature, judged, name) for name in judged.conditions}
    if tried[names[0]] is None:
        return []
    rows = []
    for basis in names:
        confidence, errors = _maxima(ensemble, temperature, chosen, basis)
        found = [(COVERAGE, target, covering_threshold(confidence, target)) for target in COVERAGES]
        found += [(ERROR, target, limiting_threshold(confidence, errors, target)) for target in ERRORS]
        for goal, target, threshold in found:
            key = {"basis": basis, "goal": goal, "target": target, "threshold": threshold}
            key["selection_images"] = confidence.shape[1]
            rows += [key | {"images": name} | _tried(threshold, *tried[name], judged, name) for name in tried]
    return rows


def _maxima(ensemble: Ensemble, temperature: float, judged: Judged, name: str) -> tuple | None:
    """The maximum probability and the errors of all answers, C x N each; None without probabilities."""
    confidences, errors = scores_and_errors(ensemble, temperature, judged, name)
    return (confidences[REFERENCE], errors) if REFERENCE in confidences else None


def _tried(threshold: float, confidence: np.ndarray, errors: np.ndarray, judged: Judged, name: str) -> dict[str, float]:
    """Coverage, error of the answers given and share of wrong answers, with intervals; NaN without a threshold.

    The intervals are Wilson's of one condition, and of several those of the bootstrap over images (`share_interval`).
    """
    if np.isnan(threshold):
        return {f"{of}{end}": np.nan for of in ("coverage", "error", "wrong") for end in ("", "_low", "_high")}
    given = confidence >= threshold
    answered, wrong = given.mean(axis=0), (given * errors).mean(axis=0)
    counts, images = judged.counts[name], len(answered)
    everything, row = np.ones(images), {}
    for of, part, whole in (
        ("coverage", answered, everything),
        ("error", wrong, answered),
        ("wrong", wrong, everything),
    ):
        total = whole.sum()
        value = part.sum() / total if total else np.nan
        if len(confidence) == 1:
            ends = list(accuracies(name, value, total or np.nan, judged.confidence).values())[1:]
        else:
            drawn = counts @ np.column_stack([part, whole])
            shares = np.divide(*drawn.T, out=np.full(len(drawn), np.nan), where=drawn[:, 1] > 0)
            ends = share_interval(value, shares, np.count_nonzero(whole), judged.confidence)
        row |= with_ends(of, value, tuple(map(float, ends)))
    return row
