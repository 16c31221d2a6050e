"""What ensembles say of half of the test images, or of all of an additional test set: errors and confidences.

Logits are read and taken apart once for all ensembles that share a member. `Ensemble.outputs` is the plain definition
of what an ensemble says; here its probabilities are means of its members' in place of their logarithms."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from typing import NamedTuple

import numpy as np
import pandas as pd

from resiliency.analysis.choices import halves
from resiliency.base.names import CLEAN
from resiliency.ensembles.combination import LEAST as SMALLEST
from resiliency.ensembles.combination import SCORES, Ensemble, Outputs, member_values, member_weights, summed
from resiliency.metrics.classification import ECE_BINS, bin_of, entropy, scaled, softmax
from resiliency.prediction.reading import Predictions, condition_groups, held_out
from resiliency.statistics.resampling import Resampling, Units

CALIBRATION_MEASURES = ("nll", "ece", "brier")
AT_ONCE = 2**16  # number of probabilities of a member at a time, which fit into a core's cache
LEAST = 1e-290  # probability below which logarithms of members' probabilities are added
PROBABLE, DISAGREEMENT = {"max_probability", "entropy"}, {"mutual_information", "vote_agreement"}


class Resampled:
    """Images that ensembles are selected or evaluated on, and resamples of them.

    Args:
        evaluation: int, the dataset's own test images that count; additional test sets count whole.
        resamples, confidence, seed: number of bootstrap resamples, level of the intervals, and seed.
        units: test set -> units of all its images; in a test set without an entry, each image is a unit.

    Attributes:
        images, units: set of images -> its images, and their units.
    """

    def __init__(
        self,
        conditions: pd.DataFrame,
        evaluation: np.ndarray,
        resamples: int,
        confidence: float,
        seed: int,
        units: Mapping[str, Units] = {},
    ):
        self.conditions, self.confidence = condition_groups(conditions) | held_out(conditions), confidence
        self._drawn_as, self._bootstrap = {}, (resamples, seed)
        self.images, self.units = {}, {}
        for name, rows in self.conditions.items():
            test_set, n_images = conditions.test_set.iloc[rows[0]], conditions.n_images.iloc[rows[0]]
            self.images[name] = evaluation if test_set == CLEAN else np.arange(n_images)
            self.units[name] = (units.get(test_set) or Units.single(n_images)).of(self.images[name])
            self._drawn_as[name] = "images" if test_set == CLEAN else name

    @cached_property
    def counts(self) -> dict[str, np.ndarray]:
        """Set of images -> how often each resample draws each image, float64 R x N, as matrix products need it."""
        drawn = {
            drawn_as: self.units[name].counts(*self._bootstrap, drawn_as).astype(np.float64)
            for name, drawn_as in self._drawn_as.items()
        }
        return {name: drawn[drawn_as] for name, drawn_as in self._drawn_as.items()}


class Judged(NamedTuple):
    """Answers of an ensemble to N images under C conditions.

    Attributes:
        errors: float32 C x N, 1 if the answer is wrong; if ties are broken at random, the probability that it is.
        answers: int32 C x N, positions of classes.
        confidences: score of confidence -> float64 C x N, the probabilities being scaled by the temperature.
        sums: `Sums` before and after scaling; none of an ensemble without probabilities, such as one that votes.
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
        shape, values = (len(conditions), len(images)), len(images) * max(map(one.classes, conditions))
        for of, ensemble in zip(found, ensembles, strict=True):
            scaled_too = calibrated and ensemble.has_probabilities and ensemble.rule.mean
            sums = tuple(Sums(shape[1]) for _ in range(2 if scaled_too else 0))
            of[name] = Judged(np.empty(shape, np.float32), np.empty(shape, np.int32), {}, sums)
        parts = min(len(images), max(threads, -(-values // AT_ONCE)))
        blocks += [(name, places) for places in np.array_split(np.arange(len(images)), parts)]

    def judge(block: tuple[str, np.ndarray]) -> None:
        """Judge some images, given by their positions in a set, under all of its conditions."""
        name, places = block
        for row, condition in enumerate(half.conditions[name]):
            images = half.images[name][places]
            parts = _outputs(ensembles, condition, images, bool(DISAGREEMENT & set(scores)))
            for of, temperature, part in zip(found, temperatures, parts, strict=True):
                _enter(of[name], row, places, part, temperature, one.labels(condition)[images], scores)

    with ThreadPoolExecutor(threads) as executor:
        list(executor.map(judge, blocks))
    return found


def _enter(
    judged: Judged,
    row: int,
    places: np.ndarray,
    part: Outputs,
    temperature: float,
    labels: np.ndarray,
    scores: Sequence[str],
) -> None:
    """Enter the outputs to some images under one condition."""
    judged.errors[row, places], judged.answers[row, places] = part.errors, part.answers
    values = {"vote_agreement": part.agreement}
    if part.mutual_information is not None:
        values["mutual_information"] = -part.mutual_information
    if part.log_probabilities is not None and (judged.sums or PROBABLE & set(scores)):
        after = Said.of(part.log_probabilities, temperature)
        values["max_probability"] = after.confidence
        if "entropy" in scores:
            values["entropy"] = -after.entropy
        before = Said(np.exp(part.log_probabilities), part.log_probabilities) if judged.sums else after
        for sums, said in zip(judged.sums, (before, after), strict=False):
            sums.add(places, said, part.errors, labels)
    for score in (score for score in scores if values.get(score) is not None):
        judged.confidences.setdefault(score, np.empty(judged.errors.shape))[row, places] = values[score]


class Said(NamedTuple):
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

    @property
    def confidence(self) -> np.ndarray:
        """The largest probability, float64 n."""
        return self.probabilities.max(axis=-1)

    @property
    def entropy(self) -> np.ndarray:
        """In nats, float64 n."""
        return -(self.probabilities * self.logs).sum(axis=-1)


class Member:
    """What a member says of n images under a condition: decisions int n, and probabilities n x K."""

    def __init__(self, member: Predictions, condition: int, images: np.ndarray):
        logits = member.logits(condition, images).astype(np.float32)
        self.decided, self.softmax = logits.argmax(axis=-1), softmax(logits)
        self.logs = scaled(logits.astype(np.float64), 1)
        self.probabilities = np.exp(self.logs)

    @cached_property
    def entropy(self) -> np.ndarray:
        """In nats, float64 n."""
        return entropy(self.probabilities)


def _outputs(
    ensembles: Sequence[Ensemble], condition: int, images: np.ndarray, disagreement: bool
) -> Iterator[Outputs]:
    """`Ensemble.outputs` of each ensemble for a block of images."""
    members = {
        id(member): member for ensemble in ensembles if ensemble.has_probabilities for member in ensemble.members
    }
    said = {key: Member(member, condition, images) for key, member in members.items()}
    labels = ensembles[0].members[0].labels(condition)[images]
    for ensemble in ensembles:
        together = None
        if ensemble.has_probabilities:
            together = _together(ensemble, [said[id(member)] for member in ensemble.members], labels, disagreement)
        if together is None:
            parts = zip(*ensemble.outputs(condition, images, disagreement), strict=True)
            together = Outputs(*(None if of[0] is None else np.concatenate(of) for of in parts))
        yield together


def _together(ensemble: Ensemble, said: list[Member], labels: np.ndarray, disagreement: bool) -> Outputs | None:
    """The outputs of an ensemble; None if a probability is too small for its logarithm."""
    weights = ensemble.weights.astype(np.float64)
    given = zip(said, ensemble.weights, strict=True)
    values = [member_values(ensemble.rule, of.softmax, len(said), weight) for of, weight in given]
    answers = summed(values, range(len(said))).argmax(axis=-1)
    information = agreement = None
    mean = _sum([of.probabilities for of in said], weights) / weights.sum()
    if mean.min() < LEAST:
        return None
    logs = np.log(mean)
    if disagreement and len(said) > 1:
        shares = weights / weights.sum()
        of_members = sum(share * of.entropy for share, of in zip(shares, said, strict=True))
        information = np.maximum(Said(mean, logs).entropy - of_members, 0)
        agreement = np.mean([of.decided == answers for of in said], axis=0, dtype=np.float32)
    if ensemble.rule.mean == "geometric":
        logs = scaled(sum(np.maximum(of.logs, np.log(SMALLEST)) for of in said) / len(said), 1)
    return Outputs(logs, answers, (answers != labels).astype(np.float32), information, agreement)


def _sum(values: list[np.ndarray], weights: np.ndarray) -> np.ndarray:
    """The sum of the members' values, n x K each, by their weights."""
    total = values[0] * weights[0]
    for of, weight in zip(values[1:], weights[1:], strict=True):
        total += of if weight == 1 else of * weight
    return total


def named_in(ensembles: Iterable[str]) -> set[str]:
    """The members of ensembles whose members are joined by "+"."""
    return {name for joined in ensembles for name in joined.split("+")}


def ensemble_of(names: list[str], rule: str, predictions: dict[str, Predictions], members: pd.DataFrame) -> Ensemble:
    """The ensemble of the members `names` under a combination rule.

    Args:
        predictions: member -> its predictions.
        members: table members.csv, indexed by member.
    """
    return Ensemble([predictions[name] for name in names], member_weights(members.loc[names]), rule)


def both_halves(predictions: dict[str, Predictions], resampling: Resampling) -> tuple[Resampled, Resampled]:
    """The half of the test images on which ensembles were selected, and the other."""
    member = next(iter(predictions.values()))
    both, units = halves(member.labels(0), resampling.seed, member.units(0)), member.units_of_test_sets()
    selection, evaluation = (Resampled(member.conditions, half, *resampling, units) for half in both)
    return selection, evaluation


def evaluation_half(predictions: dict[str, Predictions], resampling: Resampling) -> Resampled:
    """The half of the test images on which no ensemble was selected."""
    return both_halves(predictions, resampling)[1]


class Sums:
    """Sums over conditions of the terms of NLL, ECE and Brier score, for each of N images."""

    def __init__(self, n_images: int):
        self.losses, self.squares, self.answers = np.zeros(n_images), np.zeros(n_images), np.zeros(n_images)
        self.gaps = np.zeros((n_images, ECE_BINS))

    def add(self, images: np.ndarray, part: Said, errors: np.ndarray, labels: np.ndarray) -> None:
        """Count the outputs to n images, with their errors."""
        everyone = np.arange(len(labels))
        self.losses[images] -= part.logs[everyone, labels]
        squares = np.einsum("nk,nk->n", part.probabilities, part.probabilities)
        self.squares[images] += squares - 2 * part.probabilities[everyone, labels] + 1
        self.answers[images] += 1
        self.gaps[images, bin_of(part.confidence)] += 1 - errors - part.confidence

    def estimates(self, counts: np.ndarray) -> dict[str, np.ndarray]:
        """Each measure of all images and of each resample, float64 1 + R; counts float64 R x N."""
        parts = [self._estimates(weights) for weights in (np.ones((1, counts.shape[1])), counts)]
        return {measure: np.concatenate([part[measure] for part in parts]) for measure in CALIBRATION_MEASURES}

    def _estimates(self, weights: np.ndarray) -> dict[str, np.ndarray]:
        answers = weights @ self.answers
        return {
            "nll": weights @ self.losses / answers,
            "ece": np.abs(weights @ self.gaps).sum(axis=1) / answers,
            "brier": weights @ self.squares / answers,
        }
