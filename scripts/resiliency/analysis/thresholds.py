"""Thresholds for abstaining: chosen on the images of the choice, tried on those that judge."""

import numpy as np

from resiliency.analysis.assessment import REFERENCE, Judged, Scored, scored_images
from resiliency.analysis.intervals import share_interval, with_ends
from resiliency.base.names import CLEAN, CORRUPTED
from resiliency.ensembles.outputs import Ensemble
from resiliency.metrics.accuracy import accuracies
from resiliency.metrics.thresholds import covering_threshold, limiting_threshold

COVERAGE, WRONG = "coverage", "wrong"
THRESHOLDS = ["members", "size", "rule", "basis", "goal", "target", "threshold", "selection_images", "images"]
THRESHOLDS += [f"{of}{end}" for of in ("coverage", "error", "wrong") for end in ("", "_low", "_high")]
COVERAGES, SHARES_WRONG = (0.99, 0.95, 0.9, 0.8), (0.02, 0.01, 0.005, 0.001)


def threshold_rows(
    ensemble: Ensemble, temperature: float, chosen: Judged, scored: dict[str, Scored], judged: Judged
) -> list[dict]:
    """Rows of thresholds.csv of one ensemble; none if it has no probabilities.

    Args:
        temperature: of its probabilities.
        chosen: the images that thresholds are chosen on.
        scored: what it says of those that they are tried on.
        judged: these.
    """
    if any(REFERENCE not in of.confidences for of in scored.values()):
        return []
    tried = {name: (of.confidences[REFERENCE], of.errors) for name, of in scored.items()}
    rows = []
    for basis in (name for name in (CLEAN, CORRUPTED) if name in judged.conditions):
        confidences, errors = scored_images(ensemble, temperature, chosen, basis, (REFERENCE,))
        confidence = confidences[REFERENCE]
        found = [(COVERAGE, target, covering_threshold(confidence, target)) for target in COVERAGES]
        found += [(WRONG, target, limiting_threshold(confidence, errors, target)) for target in SHARES_WRONG]
        for goal, target, threshold in found:
            key = {"basis": basis, "goal": goal, "target": target, "threshold": threshold}
            key["selection_images"] = confidence.shape[1]
            rows += [key | {"images": name} | _tried(threshold, *tried[name], judged, name) for name in tried]
    return rows


def _tried(threshold: float, confidence: np.ndarray, errors: np.ndarray, judged: Judged, name: str) -> dict[str, float]:
    """Coverage, error of the answers given and share of wrong answers, with intervals; NaN without a threshold.

    The intervals are Wilson's of one condition, and of several those of the bootstrap over images (`share_interval`).
    """
    if np.isnan(threshold):
        return {f"{of}{end}": np.nan for of in ("coverage", "error", "wrong") for end in ("", "_low", "_high")}
    given = (confidence >= threshold).astype(np.float32)  # of bools, sums take far longer
    answered, wrong = given.sum(axis=0) / np.float64(len(given)), (given * errors).mean(axis=0)
    images, row = (np.ones(len(answered)), answered, wrong), {}
    drawn = judged.counts[name] @ np.column_stack(images) if len(confidence) > 1 else None
    for of, part, whole in (("coverage", 1, 0), ("error", 2, 1), ("wrong", 2, 0)):
        total = images[whole].sum()
        value = images[part].sum() / total if total else np.nan
        if drawn is None:
            ends = list(accuracies(name, value, total or np.nan, judged.confidence).values())[1:]
        else:
            known = drawn[:, whole] > 0
            shares = np.divide(drawn[:, part], drawn[:, whole], out=np.full(len(drawn), np.nan), where=known)
            ends = share_interval(value, shares, np.count_nonzero(images[whole]), judged.confidence)
        row |= with_ends(of, value, tuple(map(float, ends)))
    return row
