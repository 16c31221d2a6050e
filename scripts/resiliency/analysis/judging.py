"""What ensembles say of half of the test images, or of all of an additional test set: errors and
confidences.

The best of thousands of ensembles looks better than it is on the images that it was selected on.
Corrupted images are test images (published sets have no others), so these are split: one half is
for selection, and the other, which the selection has not seen, evaluates it.

Logits are read and taken apart once for all ensembles that share a member. `Ensemble.outputs` is
the plain definition of what an ensemble says; here its probabilities are means of its members' in
place of their logarithms."""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
import pandas as pd

from resiliency.base.names import CLEAN, CORRUPTED, HELD_OUT_IMAGES, means_over
from resiliency.base.streams import stream
from resiliency.data.split import sample_of_groups, stratified_sample
from resiliency.ensembles.combination import (
    MEAN,
    SCORES,
    Ensemble,
    Outputs,
    member_values,
    summed,
)
from resiliency.metrics.classification import ECE_BINS, as_float32, bin_of, entropy, scaled, softmax
from resiliency.prediction.reading import Predictions, condition_groups, held_out
from resiliency.statistics.resampling import Resampling, Units

CALIBRATION_MEASURES = ("nll", "ece", "brier")
AT_ONCE = 2**16  # number of probabilities of a member at a time, which fit into a core's cache
LEAST = 1e-290  # probability below which logarithms of members' probabilities are added
REFERENCE = "max_probability"
DISAGREEMENT = "mutual_information"


def halves(
    labels: np.ndarray, seed: int, units: Units | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Sorted indices of the images on which ensembles are selected, and of the others, on which
    they are evaluated.

    About half of the images are selected, in whole units; a class of one unit is in the other half.

    Args:
        labels: int N.
        units: units of these images, none of which is split between the halves; None if each image
            is a unit.
    """
    if units is None or units.alone:
        selection = stratified_sample(labels, len(labels) // 2, seed, "deployment")
    else:
        selection = sample_of_groups(
            labels, units.of_image, len(labels) // 2, 1, seed, "deployment"
        )
        if not len(selection):  # each unit is the only one of a class
            some = stream(seed, "deployment").permutation(units.number)[: units.number // 2]
            selection = np.flatnonzero(np.isin(units.of_image, some))
    return selection, np.setdiff1d(np.arange(len(labels)), selection)


class Resampled:
    """Images that ensembles are selected or evaluated on, and resamples of them.

    Args:
        evaluation: int, the dataset's own test images that count; additional test sets count whole.
        units: test set -> units of all its images; in a test set without an entry, each image is a
            unit.

    Attributes:
        conditions: set of images -> its rows of the table of conditions.
        own: the sets of the dataset's own test images: clean, corrupted and, with extra
            corruptions, held out.
        images, units: set of images -> its images, and their units.
    """

    def __init__(
        self,
        conditions: pd.DataFrame,
        evaluation: np.ndarray,
        resampling: Resampling,
        units: Mapping[str, Units] = {},
    ):
        self.conditions, self.confidence = (
            condition_groups(conditions) | held_out(conditions),
            resampling.confidence,
        )
        self.own = [name for name in (CLEAN, CORRUPTED, HELD_OUT_IMAGES) if name in self.conditions]
        self._bootstrap = resampling.resamples, resampling.seed
        self.images, self.units = {}, {}
        for name, rows in self.conditions.items():
            test_set, n_images = (
                conditions.test_set.iloc[rows[0]],
                conditions.n_images.iloc[rows[0]],
            )
            self.images[name] = evaluation if test_set == CLEAN else np.arange(n_images)
            self.units[name] = (units.get(test_set) or Units.single(n_images)).of(self.images[name])

    @cached_property
    def counts(self) -> dict[str, np.ndarray]:
        """Set of images -> how often each resample draws each image, float64 R x N, as matrix
        products need it."""
        drawn_as = {name: "images" if name in self.own else name for name in self.conditions}
        drawn = {
            of: self.units[name].counts(*self._bootstrap, of).astype(np.float64)
            for name, of in drawn_as.items()
        }
        return {name: drawn[of] for name, of in drawn_as.items()}


def both_halves(
    predictions: dict[str, Predictions], resampling: Resampling
) -> tuple[Resampled, Resampled]:
    """The half of the test images on which ensembles were selected, and the other."""
    member = next(iter(predictions.values()))
    both, units = (
        halves(member.labels(0), resampling.seed, member.units(0)),
        member.units_of_test_sets(),
    )
    selection, evaluation = (Resampled(member.conditions, half, resampling, units) for half in both)
    return selection, evaluation


def by_corruption(errors: np.ndarray, corruptions: Sequence[str]) -> dict[str, np.ndarray]:
    """`clean`, each corruption, and each of `means_over` -> mean over severities, float64, of
    errors C x ... x N."""
    of, names = np.array(corruptions), list(dict.fromkeys(corruptions))
    values = np.array([errors[of == name].mean(axis=0, dtype=np.float64) for name in names])
    means = {
        name: values[np.isin(names, over)].mean(axis=0)
        for name, over in means_over(names).items()
        if over
    }
    return dict(zip(names, values, strict=True)) | means


def ensemble_of(joined: str, rule: str, predictions: dict[str, Predictions]) -> Ensemble:
    """The ensemble of the members `joined` by "+" under a combination rule.

    Args:
        predictions: member -> its predictions.
    """
    return Ensemble([predictions[name] for name in joined.split("+")], rule)


class Judged(NamedTuple):
    """Answers of an ensemble to N images under C conditions.

    Attributes:
        errors: float32 C x N, 1 if the answer is wrong; if ties are broken at random, the
            probability that it is.
        answers: int32 C x N, positions of classes.
        confidences: score of confidence -> float64 C x N, the probabilities being scaled by the
            temperature.
        sums: `Sums` before and after scaling; none of an ensemble without probabilities, such as
            one that votes.
    """

    errors: np.ndarray
    answers: np.ndarray
    confidences: dict[str, np.ndarray]
    sums: tuple["Sums", ...]


def judged(
    ensembles: Sequence[Ensemble],
    temperatures: Sequence[float],
    half: Resampled,
    names: Sequence[str] | None = None,
    scores: Sequence[str] = SCORES,
    calibrated: bool = False,
    threads: int = 1,
) -> list[dict[str, Judged]]:
    """Set of images -> what an ensemble answers, for each of the ensembles.

    Args:
        temperatures: temperature by which the logits of each ensemble are divided.
        names: names of the sets of images; by default all.
        scores: names of the confidence scores; those that an ensemble lacks are left out.
        calibrated: whether to count `sums`.
        threads: number of blocks of images at a time, which changes no byte.
    """
    found: list[dict[str, Judged]] = [{} for _ in ensembles]
    blocks, one = [], ensembles[0].members[0]
    for name in half.conditions if names is None else names:
        images, conditions = half.images[name], half.conditions[name]
        shape, values = (len(conditions), len(images)), len(images) * one.classes(conditions[0])
        for of, ensemble in zip(found, ensembles, strict=True):
            scaled_too = calibrated and ensemble.has_probabilities and ensemble.rule == MEAN
            sums = tuple(Sums(shape[1]) for _ in range(2 if scaled_too else 0))
            of[name] = Judged(np.empty(shape, np.float32), np.empty(shape, np.int32), {}, sums)
        parts = min(len(images), max(threads, -(-values // AT_ONCE)))
        blocks += [(name, places) for places in np.array_split(np.arange(len(images)), parts)]

    def judge(block: tuple[str, np.ndarray]) -> None:
        """Judge some images, given by their positions in a set, under all of its conditions,
        several at a time."""
        name, places = block
        images, conditions = half.images[name][places], half.conditions[name]
        several = max(1, AT_ONCE // (len(images) * one.classes(conditions[0])))
        for start in range(0, len(conditions), several):
            rows = slice(start, start + several)
            labels = np.concatenate(
                [one.labels(condition)[images] for condition in conditions[rows]]
            )
            parts = _outputs(ensembles, conditions[rows], images, labels, DISAGREEMENT in scores)
            for of, temperature, part in zip(found, temperatures, parts, strict=True):
                _enter(of[name], rows, places, part, temperature, labels, scores)

    with ThreadPoolExecutor(threads) as executor:
        list(executor.map(judge, blocks))
    return found


@dataclass(frozen=True)
class Said:
    """Probabilities of an ensemble and their logarithms, float64 n x K each."""

    probabilities: np.ndarray
    logs: np.ndarray

    @classmethod
    def of(cls, logs: np.ndarray, temperature: float) -> "Said":
        """Those at a temperature; `logs` sum to 1 at 1."""
        logs = logs / temperature
        logs -= logs.max(axis=-1, keepdims=True)
        probabilities = np.exp(logs)
        total = probabilities.sum(axis=-1, keepdims=True)
        probabilities /= total
        logs -= np.log(total)
        return cls(probabilities, logs)

    @cached_property
    def confidence(self) -> np.ndarray:
        """The largest probability, float64 n."""
        return self.probabilities.max(axis=-1)

    @property
    def entropy(self) -> np.ndarray:
        """In nats, float64 n."""
        return -(self.probabilities * self.logs).sum(axis=-1)


class Member:
    """What a member says of images under each of some conditions: probabilities n x K."""

    def __init__(self, member: Predictions, conditions: np.ndarray, images: np.ndarray):
        logits = as_float32(
            np.concatenate([member.logits(condition, images) for condition in conditions])
        )
        self.softmax = softmax(logits)
        self.logs = scaled(logits.astype(np.float64), 1)
        self.probabilities = np.exp(self.logs)

    @cached_property
    def entropy(self) -> np.ndarray:
        """In nats, float64 n."""
        return entropy(self.probabilities)


def _outputs(
    ensembles: Sequence[Ensemble],
    conditions: np.ndarray,
    images: np.ndarray,
    labels: np.ndarray,
    disagreement: bool,
) -> Iterator[Outputs]:
    """`Ensemble.outputs` of each ensemble for a block of images under some conditions, one after
    the other."""
    known = [ensemble for ensemble in ensembles if ensemble.has_probabilities]
    members = {id(member): member for ensemble in known for member in ensemble.members}
    said = {key: Member(member, conditions, images) for key, member in members.items()}
    for ensemble in ensembles:
        together = None
        if ensemble.has_probabilities:
            together = _together(
                ensemble, [said[id(member)] for member in ensemble.members], labels, disagreement
            )
        if together is None:
            parts = (
                part
                for condition in conditions
                for part in ensemble.outputs(condition, images, disagreement)
            )
            together = Outputs(
                *(None if of[0] is None else np.concatenate(of) for of in zip(*parts, strict=True))
            )
        yield together


def _together(
    ensemble: Ensemble, said: list[Member], labels: np.ndarray, disagreement: bool
) -> Outputs | None:
    """The outputs of an ensemble; None if a probability is too small for its logarithm."""
    values = [member_values(ensemble.rule, of.softmax, len(said)) for of in said]
    answers = summed(values, range(len(said))).argmax(axis=-1)
    mean = said[0].probabilities.copy()
    for of in said[1:]:
        mean += of.probabilities
    mean /= len(said)
    if mean.min() < LEAST:
        return None
    logs, information = np.log(mean), None
    if disagreement and len(said) > 1:
        mean_entropy = sum(of.entropy for of in said) / len(said)
        information = np.maximum(Said(mean, logs).entropy - mean_entropy, 0)
    return Outputs(logs, answers, (answers != labels).astype(np.float32), information, None)


def _enter(
    judged: Judged,
    rows: slice,
    places: np.ndarray,
    part: Outputs,
    temperature: float,
    labels: np.ndarray,
    scores: Sequence[str],
) -> None:
    """Enter the outputs to some images under some conditions, one after the other."""
    shape = -1, len(places)
    judged.errors[rows, places], judged.answers[rows, places] = (
        part.errors.reshape(shape),
        part.answers.reshape(shape),
    )
    values = {"vote_agreement": part.agreement}
    if part.mutual_information is not None:
        values[DISAGREEMENT] = -part.mutual_information
    if part.log_probabilities is not None and (judged.sums or REFERENCE in scores):
        after = Said.of(part.log_probabilities, temperature)
        values[REFERENCE] = after.confidence
        before = (
            Said(np.exp(part.log_probabilities), part.log_probabilities) if judged.sums else after
        )
        for sums, said in zip(judged.sums, (before, after), strict=False):
            sums.add(np.tile(places, len(labels) // len(places)), said, part.errors, labels)
    for score in scores:
        value = values.get(score)
        if value is not None:
            judged.confidences.setdefault(score, np.empty(judged.errors.shape))[rows, places] = (
                value.reshape(shape)
            )


class Sums:
    """Sums over conditions of the terms of NLL, ECE and Brier score, for each of N images."""

    def __init__(self, n_images: int):
        self.losses, self.squares, self.answers = (
            np.zeros(n_images),
            np.zeros(n_images),
            np.zeros(n_images),
        )
        self.gaps = np.zeros((n_images, ECE_BINS))

    def add(self, images: np.ndarray, part: Said, errors: np.ndarray, labels: np.ndarray) -> None:
        """Count outputs, with their errors; images int n, which may repeat, are those that they are
        to."""
        everyone = np.arange(len(labels))
        np.subtract.at(self.losses, images, part.logs[everyone, labels])
        squares = np.einsum("nk,nk->n", part.probabilities, part.probabilities)
        np.add.at(self.squares, images, squares - 2 * part.probabilities[everyone, labels] + 1)
        self.answers += np.bincount(images, minlength=len(self.answers))
        np.add.at(
            self.gaps.reshape(-1),
            images * ECE_BINS + bin_of(part.confidence),
            1 - errors - part.confidence,
        )

    def estimates(self, counts: np.ndarray) -> dict[str, np.ndarray]:
        """Each measure of all images and of each resample, float64 1 + R; counts float64 R x N."""
        parts: dict[str, list[np.ndarray]] = {}
        for weights in (np.ones((1, counts.shape[1])), counts):
            answers = weights @ self.answers
            parts.setdefault("nll", []).append(weights @ self.losses / answers)
            parts.setdefault("ece", []).append(np.abs(weights @ self.gaps).sum(axis=1) / answers)
            parts.setdefault("brier", []).append(weights @ self.squares / answers)
        return {measure: np.concatenate(of) for measure, of in parts.items()}
