"""How sure an ensemble is when it is wrong: selective prediction, on the images that judge.

Clean and corrupted images are those of the judging half of deployment.csv, whose ensembles were chosen on the other;
all conditions of corruption count together, for one threshold of confidence has to serve them all. Of further test
sets all images count. Units of images are resampled, each with all of its conditions.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from resiliency.analysis.corrected import corrected_interval
from resiliency.analysis.intervals import percentile_interval, share_interval, with_ends
from resiliency.base.names import CLEAN
from resiliency.ensembles.outputs import SCORES, Ensemble, Outputs
from resiliency.metrics.selective import MEASURES, measures, ranking, resampled_rankings, risk_coverage
from resiliency.prediction.reading import condition_groups, held_out
from resiliency.statistics.units import Units

CURVE = np.round(np.arange(0.01, 1.005, 0.01), 2)
REFERENCE = "max_probability"
ERRORS_AT = {f"error_at_{coverage}": coverage / 100 for coverage in (80, 90, 95)}


class Judged:
    """The images that ensembles are judged on, and resamples of them.

    Args:
        conditions: the table of conditions.
        judged: images (int) of the data set's own that count; all of further test sets do.
        resamples, confidence, seed: of the bootstrap.
        units: test set -> those of its images, in all; each image is one in others.

    Attributes:
        images, units, counts: set of images -> these, their units, and how often each resample has each of them, R x N:
            as floats, which need not be converted for each product.
    """

    def __init__(
        self,
        conditions: pd.DataFrame,
        judged: np.ndarray,
        resamples: int,
        confidence: float,
        seed: int,
        units: Mapping[str, Units] = {},
    ):
        self.conditions, self.confidence = condition_groups(conditions) | held_out(conditions), confidence
        self.images, self.units, self.counts = {}, {}, {}
        for name, rows in self.conditions.items():
            test_set, images = conditions.test_set.iloc[rows[0]], conditions.images.iloc[rows[0]]
            self.images[name] = judged if test_set == CLEAN else np.arange(images)
            self.units[name] = (units.get(test_set) or Units.single(images)).of(self.images[name])
            drawn_as = "images" if test_set == CLEAN else name
            self.counts[name] = self.units[name].counts(resamples, seed, drawn_as).astype(np.float64)

    def outputs(
        self, ensemble: Ensemble, name: str, disagreement: bool = True
    ) -> Iterator[tuple[int, np.ndarray, Outputs]]:
        """What `ensemble` says of the images `name`: condition, position of each image among them, and its outputs.

        Args:
            disagreement: as for `Ensemble.outputs`.
        """
        for condition in self.conditions[name]:
            start = 0
            for part in ensemble.outputs(condition, self.images[name], disagreement):
                yield condition, np.arange(start, start + len(part.errors)), part
                start += len(part.errors)

    def interval(self, value: float, whole: float, drawn: np.ndarray) -> tuple[float, float]:
        """The interval of `value`, from what resamples differ by from `whole`, the same statistic of all images."""
        low, high = percentile_interval(drawn - whole, self.confidence)
        return value + low, value + high


class Scored(NamedTuple):
    """What an ensemble says of N images under C conditions.

    Attributes:
        confidences: score -> float64 C x N.
        errors: float32 C x N.
    """

    confidences: dict[str, np.ndarray]
    errors: np.ndarray


def selective_rows(scored: dict[str, Scored], judged: Judged) -> tuple[list[dict], list[dict]]:
    """Rows of selective_prediction.csv, and of the risk-coverage curves, of one ensemble.

    Args:
        scored: set of images -> what the ensemble says of the judged ones.

    Returns:
        For each set of images and score of confidence: `MEASURES` with the ends of their intervals, and
        aurc_difference, the AURC less that under the maximum probability, on the same resamples, with an interval
        that allows for the number of scores that are compared with it (Bonferroni); it is below 0 if the score is
        better.
    """
    rows, curves = [], []
    for name, (confidences, errors) in scored.items():
        scores, counts = {}, judged.counts[name].astype(np.float32)
        for score, confidence in confidences.items():
            exact = ranking(confidence.ravel(), errors.ravel())
            whole, drawn = resampled_rankings(confidence, errors, counts)
            scores[score] = {key: measures(ranked) for key, ranked in (("", exact), ("whole", whole), ("drawn", drawn))}
            risks = risk_coverage(exact, CURVE)
            curves += [
                {"images": name, "score": score, "coverage": c, "risk": r} for c, r in zip(CURVE, risks, strict=True)
            ]
        for score, of_score in scores.items():
            row = {"images": name, "answers": errors.size, "error": errors.mean(), "score": score}
            for measure in MEASURES:
                value, whole = of_score[""][measure][0], of_score["whole"][measure][0]
                drawn = of_score["drawn"][measure]
                if measure in ERRORS_AT:
                    answered = ERRORS_AT[measure] * judged.units[name].number
                    ends = share_interval(value, value + drawn - whole, answered, judged.confidence)
                else:
                    ends = judged.interval(value, whole, drawn)
                row |= with_ends(measure, value, np.clip(ends, 0, 1))
            rows.append(row | _excess(of_score, scores.get(REFERENCE), len(scores) - 1, score, judged))
    return rows, curves


def _excess(of_score: dict, reference: dict | None, compared: int, score: str, judged: Judged) -> dict[str, float]:
    if reference is None or score == REFERENCE:
        return with_ends("aurc_difference", np.nan, (np.nan, np.nan))
    value, whole, drawn = (of_score[key]["aurc"] - reference[key]["aurc"] for key in ("", "whole", "drawn"))
    low, high = corrected_interval(drawn - whole[0], judged.confidence, compared)
    return with_ends("aurc_difference", value[0], (value[0] + low, value[0] + high))


def scored_images(
    ensemble: Ensemble,
    temperature: float,
    judged: Judged,
    name: str,
    scores: Sequence[str] = SCORES,
    count: Callable[[np.ndarray, tuple[Outputs, Outputs], np.ndarray], None] | None = None,
) -> Scored:
    """What an ensemble says of the images `name`.

    Args:
        temperature: of its probabilities.
        scores: of confidence.
        count: called with the position of each image, the outputs before and after scaling, and the labels.
    """
    shape = len(judged.conditions[name]), len(judged.images[name])
    errors, confidences = np.empty(shape, np.float32), {}
    position = {condition: index for index, condition in enumerate(judged.conditions[name])}
    disagreement = bool({"mutual_information", "vote_agreement"} & set(scores))
    for condition, images, part in judged.outputs(ensemble, name, disagreement):
        after = part.at(temperature)
        errors[position[condition], images] = part.errors
        for score, values in after.confidences(scores).items():
            confidences.setdefault(score, np.empty(shape))[position[condition], images] = values
        if count is not None:
            count(images, (part, after), ensemble.members[0].labels(condition)[judged.images[name][images]])
    return Scored(confidences, errors)
