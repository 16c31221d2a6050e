"""How honest the probabilities of an ensemble are: its temperature, and its calibration before and after.

Calibration is measured on the images that judge (see `resiliency.analysis.assessment`), and compared with that of the
best single member on the same images.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from resiliency.analysis.assessment import Judged, Scored, scored_images
from resiliency.analysis.corrected import corrected_interval
from resiliency.analysis.intervals import percentile_interval, with_ends
from resiliency.base.names import CORRUPTED
from resiliency.ensembles.outputs import SCORES, Ensemble, Outputs
from resiliency.metrics.classification import ECE_BINS, bin_of, fitted_temperature

VALIDATION = "validation"
# A temperature rests on wrong answers: without any the best one is 0, and with a few it is mostly chance.
LEAST_ERRORS = 10
LARGEST_FIT = 2**23  # probabilities
NO_PROBABILITIES, VOTES = "members without probabilities", "a vote has no probabilities"
NO_VALIDATION = "no predictions of validation images"
FEW_ERRORS = f"fewer than {LEAST_ERRORS} validation images are answered wrongly"
LOADED = "loaded weights may have been trained on the validation images"
MEASURES = ("nll", "ece", "brier")
TEMPERATURES = ["members", "size", "rule", "temperature", "fitted_on", "fitted_images", "note", "images"]
TEMPERATURES += [
    f"{measure}_{column}"
    for measure in MEASURES
    for column in (
        "before",
        *(f"after{end}" for end in ("", "_low", "_high")),
        *(f"{of}{end}" for of in ("change", "difference") for end in ("", "_low", "_high")),
    )
]


class Temperature(NamedTuple):
    """A temperature and where it comes from.

    Attributes:
        value: 1 where none could be fitted.
        images: number of images that it was fitted on, 0 where it was not.
        fitted_on: which images, `validation` or `corrupted` ones of the half on which ensembles are chosen; empty where
            it was not.
        note: why it was not fitted, or not on validation images, or what to beware of; may be empty.
    """

    value: float
    images: int
    fitted_on: str
    note: str


def temperature_of(validation: Ensemble | None, loaded: bool, ensemble: Ensemble, chosen: Judged) -> Temperature:
    """The temperature of an ensemble, fitted on validation images.

    If fewer than `LEAST_ERRORS` of these are answered wrongly, or none are predicted, it is fitted on the corrupted
    images on which ensembles are chosen, if there as many answers are wrong.

    Args:
        validation: the ensemble on its one condition; None where some member has no predictions of them.
        loaded: whether weights of a member were not trained here.
        ensemble: the ensemble on the test images.
        chosen: the images on which ensembles are chosen.
    """
    if not ensemble.has_probabilities:
        return Temperature(1, 0, "", NO_PROBABILITIES)
    if ensemble.rule.mean is None:
        return Temperature(1, 0, "", VOTES)
    why = NO_VALIDATION
    if validation is not None:
        labels = validation.members[0].labels(0)
        if value := _fitted(validation, [0], np.arange(len(labels))):
            return Temperature(value, len(labels), VALIDATION, LOADED if loaded else "")
        why = FEW_ERRORS
    if CORRUPTED in chosen.conditions:
        conditions, images = chosen.conditions[CORRUPTED], chosen.images[CORRUPTED]
        most = max(1, LARGEST_FIT // (len(conditions) * ensemble.members[0].classes(0)))
        images = images[np.unique(np.linspace(0, len(images) - 1, min(most, len(images))).astype(int))]
        if value := _fitted(ensemble, conditions, images):
            return Temperature(value, len(images), CORRUPTED, why)
    return Temperature(1, 0, "", why)


def _fitted(ensemble: Ensemble, conditions: list[int] | np.ndarray, images: np.ndarray) -> float | None:
    """The temperature on `images` under the conditions together; None if too few answers are wrong."""
    parts = [part for condition in conditions for part in ensemble.outputs(condition, images, disagreement=False)]
    if sum(part.errors.sum() for part in parts) < LEAST_ERRORS:
        return None
    labels = np.concatenate([ensemble.members[0].labels(condition)[images] for condition in conditions])
    return fitted_temperature(np.concatenate([part.log_probabilities for part in parts]), labels)


class Calibration(NamedTuple):
    """Measure -> float64 1 + R, of all images and of each resample, before and after scaling by the temperature."""

    before: dict[str, np.ndarray]
    after: dict[str, np.ndarray]


def scored_and_calibrated(
    ensemble: Ensemble, temperature: float, judged: Judged, scores: Sequence[str] = SCORES
) -> tuple[dict[str, Scored], dict[str, Calibration]]:
    """Set of images -> what an ensemble says of them, and its calibration there, over the conditions of the set.

    An ensemble without probabilities of its own, such as one that votes, has no calibration.

    Args:
        scores: of confidence.
    """
    found, calibration = {}, {}
    for name, images in judged.images.items():
        sums = [Sums(len(images)), Sums(len(images))] if ensemble.has_probabilities and ensemble.rule.mean else []

        def count(places: np.ndarray, parts: tuple, labels: np.ndarray, sums: list = sums) -> None:
            for total, part in zip(sums, parts, strict=False):
                total.add(places, part, labels)

        found[name] = scored_images(ensemble, temperature, judged, name, scores, count)
        if sums:
            calibration[name] = Calibration(*(total.estimates(judged.counts[name]) for total in sums))
    return found, calibration


def calibration_of(ensemble: Ensemble, temperature: float, judged: Judged) -> dict[str, Calibration]:
    """The second of `scored_and_calibrated`."""
    return scored_and_calibrated(ensemble, temperature, judged, ())[1]


def temperature_rows(
    temperature: Temperature,
    calibration: dict[str, Calibration],
    reference: dict[str, Calibration] | None,
    judged: Judged,
) -> list[dict]:
    """Rows of temperatures.csv of one ensemble, one for each set of images.

    NLL, ECE (15 bins) and Brier score before scaling, and after it with their intervals; the change with its interval;
    and the values after it less those of the best member (`reference`) after its own scaling, with an interval that
    allows for the number of measures (Bonferroni), on the same resamples. Without probabilities, figures are empty.
    """
    columns = {"temperature": temperature.value if temperature.images else np.nan, "note": temperature.note}
    columns |= {"fitted_on": temperature.fitted_on, "fitted_images": temperature.images}
    rows = []
    for name in judged.conditions:
        row = columns | {"images": name}
        for measure in MEASURES if name in calibration else ():
            before, after = (of[measure] for of in calibration[name])
            row[f"{measure}_before"] = before[0]
            for column, values in ((f"{measure}_after", after), (f"{measure}_change", after - before)):
                row |= with_ends(column, values[0], percentile_interval(values[1:], judged.confidence))
            if reference and name in reference:
                values = after - reference[name].after[measure]
                ends = corrected_interval(values[1:], judged.confidence, len(MEASURES))
                row |= with_ends(f"{measure}_difference", values[0], ends)
        rows.append(row)
    return rows


class Sums:
    """Sums over conditions of what NLL, ECE and Brier score are means of, for each of N images."""

    def __init__(self, images: int):
        self.losses, self.squares, self.answers = np.zeros(images), np.zeros(images), np.zeros(images)
        self.gaps = np.zeros((images, ECE_BINS))

    def add(self, images: np.ndarray, part: Outputs, labels: np.ndarray) -> None:
        """Count the outputs to n images."""
        probabilities, everyone = np.exp(part.log_probabilities), np.arange(len(labels))
        confidence = probabilities.max(axis=-1)
        self.losses[images] -= part.log_probabilities[everyone, labels]
        self.squares[images] += np.square(probabilities).sum(axis=-1) - 2 * probabilities[everyone, labels] + 1
        self.answers[images] += 1
        self.gaps[images, bin_of(confidence)] += 1 - part.errors - confidence

    def estimates(self, counts: np.ndarray) -> dict[str, np.ndarray]:
        """Each measure of all images and of each resample, float64 1 + R; counts float64 R x N."""
        parts = [self._estimates(weights) for weights in (np.ones((1, counts.shape[1])), counts)]
        return {measure: np.concatenate([part[measure] for part in parts]) for measure in MEASURES}

    def _estimates(self, weights: np.ndarray) -> dict[str, np.ndarray]:
        answers = weights @ self.answers
        return {
            "nll": weights @ self.losses / answers,
            "ece": np.abs(weights @ self.gaps).sum(axis=1) / answers,
            "brier": weights @ self.squares / answers,
        }
