"""How honest the probabilities of an ensemble are: its temperature, and its calibration before and after.

Calibration is measured on the images that judge (see `resiliency.analysis.assessment`), and compared with that of the
best single member on the same images.
"""

from typing import NamedTuple

import numpy as np

from resiliency.analysis.assessment import Judged
from resiliency.analysis.intervals import percentile_interval, with_ends
from resiliency.base.names import CORRUPTED
from resiliency.ensembles.outputs import Ensemble, Outputs
from resiliency.metrics.classification import ECE_BINS, bin_of
from resiliency.metrics.temperature import fitted_temperature, scaled

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
    parts = [part for condition in conditions for part in ensemble.outputs(condition, images)]
    if sum(part.errors.sum() for part in parts) < LEAST_ERRORS:
        return None
    labels = np.concatenate([ensemble.members[0].labels(condition)[images] for condition in conditions])
    return fitted_temperature(np.concatenate([part.log_probabilities for part in parts]), labels)


class Calibration(NamedTuple):
    """Sums over the conditions of one set of images, before and after scaling by the temperature."""

    before: "Sums"
    after: "Sums"


def calibration_of(ensemble: Ensemble, temperature: float, judged: Judged) -> dict[str, Calibration]:
    """Set of images -> calibration; empty for an ensemble without probabilities of its own, such as one that votes."""
    if not ensemble.has_probabilities or ensemble.rule.mean is None:
        return {}
    found = {}
    for name in judged.conditions:
        found[name] = Calibration(*(Sums(len(judged.images[name])) for _ in Calibration._fields))
        for condition, images, part in judged.outputs(ensemble, name):
            labels = ensemble.members[0].labels(condition)[judged.images[name][images]]
            found[name].before.add(images, part, part.log_probabilities, labels)
            found[name].after.add(images, part, scaled(part.log_probabilities, temperature), labels)
    return found


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
    rows, corrected = [], 1 - (1 - judged.confidence) / len(MEASURES)
    for name in judged.conditions:
        row, everything = columns | {"images": name}, np.ones((1, len(judged.images[name])))
        for measure in MEASURES if name in calibration else ():
            before, after = (getattr(of, measure) for of in calibration[name])
            row[f"{measure}_before"] = before(everything)[0]
            ends = percentile_interval(after(judged.counts[name]), judged.confidence)
            row |= with_ends(f"{measure}_after", after(everything)[0], ends)
            row |= _less(f"{measure}_change", after, before, judged, name, judged.confidence)
            if reference and name in reference:
                best = getattr(reference[name].after, measure)
                row |= _less(f"{measure}_difference", after, best, judged, name, corrected)
        rows.append(row)
    return rows


def _less(column: str, one: object, other: object, judged: Judged, name: str, confidence: float) -> dict[str, float]:
    """One measure less another, with the ends of its interval."""
    everything, counts = np.ones((1, len(judged.images[name]))), judged.counts[name]
    ends = percentile_interval(one(counts) - other(counts), confidence)
    return with_ends(column, (one(everything) - other(everything))[0], ends)


class Sums:
    """Sums over conditions of what NLL, ECE and Brier score are means of, for each of N images."""

    def __init__(self, images: int):
        self.losses, self.squares, self.answers = np.zeros(images), np.zeros(images), np.zeros(images)
        self.gaps = np.zeros((images, ECE_BINS))

    def add(self, images: np.ndarray, part: Outputs, logs: np.ndarray, labels: np.ndarray) -> None:
        """Count n outputs with ln probabilities n x K."""
        probabilities, everyone = np.exp(logs), np.arange(len(labels))
        confidence = probabilities.max(axis=-1)
        self.losses[images] -= logs[everyone, labels]
        self.squares[images] += np.square(probabilities).sum(axis=-1) - 2 * probabilities[everyone, labels] + 1
        self.answers[images] += 1
        self.gaps[images, bin_of(confidence)] += 1 - part.errors - confidence

    def nll(self, counts: np.ndarray) -> np.ndarray:
        """Negative log-likelihood of each resample; counts R x N."""
        return counts @ self.losses / (counts @ self.answers)

    def brier(self, counts: np.ndarray) -> np.ndarray:
        """Brier score of each resample."""
        return counts @ self.squares / (counts @ self.answers)

    def ece(self, counts: np.ndarray) -> np.ndarray:
        """Expected calibration error of each resample."""
        return np.abs(counts @ self.gaps).sum(axis=1) / (counts @ self.answers)
