"""Thresholds for abstaining: chosen on the images of the choice, tried on those that judge."""

from collections.abc import Callable

import numpy as np

from resiliency.analysis.assessment import REFERENCE, Judged, Scored, scored_images
from resiliency.analysis.intervals import share_interval, with_ends
from resiliency.base.names import CLEAN, CORRUPTED
from resiliency.ensembles.outputs import Ensemble
from resiliency.metrics.classification import Ranked, covering_threshold, graded, limiting_threshold, wilson
from resiliency.statistics.units import Units

COVERAGE, WRONG = "coverage", "wrong"
THRESHOLDS = ["members", "size", "rule", "basis", "goal", "target", "threshold", "selection_images", "images"]
THRESHOLDS += [f"{of}{end}" for of in ("coverage", "error", "wrong") for end in ("", "_low", "_high")]
LEFT_OUT = ["left_out_wrong", "left_out_wrong_low", "left_out_wrong_high", "left_out_corruption"]
THRESHOLDS += LEFT_OUT
COVERAGES, SHARES_WRONG = (0.99, 0.95, 0.9, 0.8), (0.02, 0.01, 0.005, 0.001)
GOALS: list[tuple[str, float, Callable[[Ranked, float], float]]] = [
    *((COVERAGE, target, covering_threshold) for target in COVERAGES),
    *((WRONG, target, limiting_threshold) for target in SHARES_WRONG),
]


def threshold_rows(
    ensemble: Ensemble, temperature: float, chosen: Judged, scored: dict[str, Scored], judged: Judged
) -> list[dict]:
    """Rows of thresholds.csv of one ensemble; none if it has no probabilities, as a plurality vote of several has none.

    Args:
        temperature: of its probabilities.
        chosen: the images that thresholds are chosen on.
        scored: what it says of those that they are tried on.
        judged: these.
    """
    if ensemble.rule.mean is None or any(REFERENCE not in of.confidences for of in scored.values()):
        return []
    tried = {name: (graded(of.confidences[REFERENCE]), of.errors) for name, of in scored.items()}
    rows = []
    for basis in (name for name in (CLEAN, CORRUPTED) if name in judged.conditions):
        confidences, errors = scored_images(ensemble, temperature, chosen, basis, (REFERENCE,))
        ranked = Ranked.of(confidences[REFERENCE], errors, chosen.units[basis])
        corruptions = ensemble.members[0].conditions.corruption.to_numpy()[judged.conditions[basis]]
        resampled = judged.units[basis], judged.counts[basis], judged.confidence
        worst = left_out(ranked, corruptions, *tried[basis], *resampled)
        for goal, target, choose in GOALS:
            threshold = choose(ranked, target)
            key = {"basis": basis, "goal": goal, "target": target, "threshold": threshold}
            key["selection_images"] = ranked.units.images
            for name in tried:
                row = key | {"images": name} | shares_at(threshold, *tried[name], judged, name)
                rows.append(row | (worst[goal, target] if name == basis else dict.fromkeys(LEFT_OUT, np.nan)))
    return rows


def left_out(
    ranked: Ranked,
    corruptions: np.ndarray,
    confidence: np.ndarray,
    errors: np.ndarray,
    units: Units,
    counts: np.ndarray,
    level: float,
) -> dict[tuple[str, float], dict]:
    """What thresholds let through that were chosen without the corruption that they meet, where that is most.

    Args:
        ranked: the answers that thresholds are chosen on, under C conditions.
        corruptions: str C, of these conditions.
        confidence, errors: float C x N, graded confidences and errors of the images that judge.
        units: of these.
        counts: how often each resample has each of them, float64 R x N.
        level: confidence of the intervals, which allow for the number of corruptions (Bonferroni).

    Returns:
        goal, target -> `LEFT_OUT`: the largest share of images that is answered wrongly under a corruption that was
        left out, over its severities, its interval, and that corruption; NaN without a second one or a threshold.
    """
    names = dict.fromkeys(corruptions) if len(set(corruptions)) > 1 else {}
    worst = {(goal, target): dict.fromkeys(LEFT_OUT, np.nan) for goal, target, _ in GOALS}
    for name in names:
        own = np.flatnonzero(corruptions == name)
        others = ranked.without(own)
        for goal, target, choose in GOALS:
            threshold = choose(others, target)
            wrong = ((confidence[own] >= threshold) * errors[own]).mean(axis=0, dtype=np.float64)
            if not np.isnan(threshold) and not wrong.mean() <= worst[goal, target][LEFT_OUT[0]]:
                drawn = counts @ wrong / counts.sum(axis=1)
                ends = share_interval(wrong.mean(), drawn, units.number, 1 - (1 - level) / len(names))
                worst[goal, target] = with_ends(LEFT_OUT[0], wrong.mean(), ends) | {LEFT_OUT[3]: name}
    return worst


def shares_at(
    threshold: float, confidence: np.ndarray, errors: np.ndarray, judged: Judged, name: str
) -> dict[str, float]:
    """Coverage, error of the answers given and share of wrong answers, with intervals; NaN without a threshold.

    The intervals are Wilson's of one condition, and of several those of the bootstrap over units (`share_interval`).
    """
    if np.isnan(threshold):
        return {f"{of}{end}": np.nan for of in ("coverage", "error", "wrong") for end in ("", "_low", "_high")}
    given = (confidence >= threshold).astype(np.float32)  # of bools, sums take far longer
    answered, wrong = given.sum(axis=0) / np.float64(len(given)), (given * errors).mean(axis=0)
    images, row = (np.ones(len(answered)), answered, wrong), {}
    drawn = judged.counts[name] @ np.column_stack(images) if len(confidence) > 1 else None
    for of, part, whole in (("coverage", 1, 0), ("error", 2, 1), ("wrong", 2, 0)):
        total, has = images[whole].sum(), images[whole] > 0
        value, units = images[part].sum() / total if total else np.nan, judged.units[name].of(has)
        if drawn is None:
            effective = units.effective(units.sums(images[part][has])) if total else np.nan
            ends = wilson(value, effective, judged.confidence)
        else:
            known = drawn[:, whole] > 0
            shares = np.divide(drawn[:, part], drawn[:, whole], out=np.full(len(drawn), np.nan), where=known)
            ends = share_interval(value, shares, units.number, judged.confidence)
        row |= with_ends(of, value, tuple(map(float, ends)))
    return row
