"""Tables of the members of a study: their scores with intervals over images, and how they were
trained.

Of some members only the errors under each condition are known."""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import pandas as pd

from resiliency.base.names import CLEAN, CLEAN_ON, accuracy_of, averaged, few_images
from resiliency.designs.members import Member
from resiliency.metrics.classification import (
    ALEXNET_ERRORS,
    LARGEST_RELATIVE_ERROR,
    PUBLISHED_ERRORS,
    accuracies,
    baseline_errors,
    brier_score,
    calibration_error,
    confidence_bins,
    mean_corruption_error,
    member_warnings,
    negative_log_likelihood,
    relative_mean_corruption_error,
)
from resiliency.prediction.reading import (
    Predictions,
    additional_test_sets,
    condition_groups,
    corruption_conditions,
)
from resiliency.statistics.intervals import (
    POSITIVE,
    UNKNOWN,
    WILSON,
    Interval,
    of_linear,
    reach_of_none,
    share,
)
from resiliency.statistics.resampling import Units

LOSSES = ("nll", "brier", "ece")
# Scores of members if there are no corruptions.
RESILIENCY = dict.fromkeys(
    [f"{name}{end}" for name in ("corrupted_error", "mce") for end in ("", "_low", "_high")]
)
UNDEFINED = ("mce_undefined_under", "relative_mce_undefined_under")
RESILIENCY |= dict.fromkeys(("relative_mce", *UNDEFINED))


class Scorer:
    """Scores members on the same test sets, against the same baseline.

    Args:
        baseline: predictions of the baseline, or None for AlexNet's published errors.
        confidence: level of the intervals, between 0 and 1.
        units: units of the clean images; None if each image is a unit.
    """

    def __init__(
        self,
        conditions: pd.DataFrame,
        baseline: Predictions | None,
        confidence: float,
        units: Units | None = None,
    ):
        self.conditions, self.confidence = conditions, confidence
        self.groups, self.corruptions = (
            condition_groups(conditions),
            corruption_conditions(conditions),
        )
        self.units = units or Units.single(conditions.n_images.iloc[0])
        self.few = few_images(CLEAN, self.units.number)
        self.undefined, self.averaged = dict.fromkeys(UNDEFINED, ""), averaged(self.corruptions)
        self.of_baseline = np.zeros((len(self.averaged), 1))  # on each image, if they are known
        if not self.averaged or baseline is None:
            self.baseline, self.baseline_clean = (
                np.array([ALEXNET_ERRORS[name] for name in self.averaged]),
                np.nan,
            )
        else:
            wrong = [~baseline.correct(condition) for condition in range(len(baseline))]
            self.of_baseline = self._under_corruptions(wrong)
            self.baseline, self.baseline_clean = self.of_baseline.mean(axis=1), wrong[0].mean()
            denominators = self.of_baseline, self.of_baseline - wrong[0]
            self.undefined = dict(zip(UNDEFINED, map(self._uncertain, denominators), strict=True))

    def score(self, predictions: Predictions) -> tuple[dict[str, float | str], pd.DataFrame]:
        """Scores of one member by column of members.csv, and its top-1 errors, a row per condition.

        Its probabilities are computed one condition at a time.
        """
        wrong, losses = (
            [~predictions.correct(condition) for condition in range(len(predictions))],
            [],
        )
        errors = self.conditions[["test_set", "corruption", "severity", "n_images"]]
        errors = errors.assign(error=[of_condition.mean() for of_condition in wrong])
        scores: dict[str, float | str] = {**self._accuracy(CLEAN, ~wrong[0], predictions.units(0))}
        scores |= self._resiliency(wrong) if self.corruptions else RESILIENCY
        scores["confidence"] = self.confidence
        for name in additional_test_sets(self.conditions):
            condition = self.groups[name][0]
            scores |= self._accuracy(name, ~wrong[condition], predictions.units(condition))
            if predictions.has_fewer_classes(condition):
                clean = predictions.clean_on(condition)
                scores |= self._accuracy(f"{CLEAN_ON}{name}", clean.correct(0), clean.units(0))
        if not predictions.has_probabilities:
            return scores, errors
        for condition in range(len(predictions)):
            probabilities, labels = (
                predictions.probabilities(condition),
                predictions.labels(condition),
            )
            proper = [
                loss(probabilities, labels) for loss in (negative_log_likelihood, brier_score)
            ]
            losses.append([*proper, calibration_error(confidence_bins(probabilities, labels))])
        for images, chosen in self.groups.items():
            means = np.array(losses)[chosen].mean(axis=0)
            scores |= {
                f"{images}_{name}": float(value) for name, value in zip(LOSSES, means, strict=True)
            }
        return scores, errors

    def _resiliency(self, wrong: list[np.ndarray]) -> dict[str, object]:
        """Corrupted error and mCE; without errors the interval of mCE ends where that of the share
        of errors does."""
        of_images = self._under_corruptions(wrong)
        errors, of_error, of_mce = of_images.mean(axis=1), UNKNOWN, UNKNOWN
        mce = float(mean_corruption_error(errors, self.baseline))
        relative = relative_mean_corruption_error(
            errors, wrong[0].mean(), self.baseline, self.baseline_clean
        )
        if not self.few:
            of_error = share(of_images.mean(axis=0), self.units, self.confidence)
            if mce == 0:
                end = np.mean(1 / self.baseline) * reach_of_none(self.units.number, self.confidence)
                of_mce = Interval(0.0, float(end), WILSON, self.units.number)
            elif not np.isnan(mce):
                ratios = (errors / self.baseline)[:, None]
                parts = (of_images - ratios * self.of_baseline) / self.baseline[:, None]
                of_mce = of_linear(mce, parts.mean(axis=0), self.units, self.confidence, POSITIVE)
        scores = of_error.columns("corrupted_error", float(errors.mean())) | of_mce.columns(
            "mce", mce
        )
        return scores | {"relative_mce": float(relative), **self.undefined}

    def _uncertain(self, denominators: np.ndarray) -> str:
        """The corruptions under which a denominator is too uncertain for a ratio, joined by spaces.

        That is so if it is not above 0, or its relative standard error over images exceeds
        `LARGEST_RELATIVE_ERROR`.

        Args:
            denominators: float corruptions x N, means over images.
        """
        means = denominators.mean(axis=1)
        certain = means * LARGEST_RELATIVE_ERROR >= np.sqrt(
            self.units.variance_of_mean(denominators)
        )
        return " ".join(np.array(self.averaged)[~(certain & (means > 0))])

    def _accuracy(self, name: str, correct: np.ndarray, units: Units) -> dict[str, float]:
        """Accuracy on a test set, with Wilson's interval, from bool N."""
        effective = units.effective(units.sums(correct), self.confidence)
        columns = accuracies(name, correct.mean(), effective, self.confidence)
        return {column: float(value) for column, value in columns.items()}

    def _under_corruptions(self, wrong: list[np.ndarray]) -> np.ndarray:
        """Error of each image under each corruption that counts, mean over severities: float64
        corruptions x N."""
        return np.stack(
            [np.mean([wrong[c] for c in self.corruptions[name]], axis=0) for name in self.averaged]
        )


def outside_scores(
    errors: pd.DataFrame, scored: Mapping[str, dict[str, float]], baseline: str, confidence: float
) -> dict[str, dict[str, float]]:
    """Member -> its scores (see `error_scores`), of the members of corruption_errors.csv that are
    not `scored` yet.

    Args:
        errors: table as for `error_scores`, with a column member.
        scored: scores of the members with predictions, by these; if there are any, they say what is
            undefined.
        baseline: name of a member, or of `PUBLISHED_ERRORS`, which have no clean error.
    """
    corruptions = averaged([name for name in errors["corruption"].unique() if name != CLEAN])
    of_baseline = baseline_errors(errors, baseline, corruptions)
    clean = errors[
        (errors.member == baseline) & (errors.test_set == CLEAN) & (errors.corruption == CLEAN)
    ]
    clean_error = (
        clean["error"].iloc[0] if len(clean) and baseline not in PUBLISHED_ERRORS else np.nan
    )
    others = errors[~errors.member.isin(list(scored))]
    known = {name: scores[name] for scores in scored.values() for name in UNDEFINED}
    return {
        member: error_scores(rows, of_baseline, clean_error, confidence) | known
        for member, rows in others.groupby("member", sort=False)
    }


def error_scores(
    errors: pd.DataFrame, baseline: np.ndarray, baseline_clean: float, confidence: float
) -> dict[str, float]:
    """Accuracy on each test set, corrupted error and mCE of one member, as in members.csv.

    Accuracies have Wilson's interval where the number of images is known. Errors of corruptions are
    of the same images, so that nothing can be said of the interval of their mean without the
    decisions.

    Args:
        errors: a row per condition: test_set, corruption, severity, n_images (0 if unknown) and
            error, in 0..1 or NaN.
        baseline: error of the baseline under each corruption that mCE counts, mean over severities.
        baseline_clean: clean error of the baseline; NaN if unknown.
        confidence: level of the intervals, between 0 and 1.
    """
    clean = errors[errors.corruption == CLEAN]
    of_corruption = (
        errors[errors.corruption != CLEAN].groupby("corruption", sort=False)["error"].mean()
    )
    scores = {}
    for row in clean.itertuples():
        scores |= accuracies(row.test_set, 1 - row.error, row.n_images or np.nan, confidence)
    names = averaged(of_corruption.index)
    chosen = of_corruption[names].to_numpy()
    clean_error = clean.loc[clean.test_set == CLEAN, "error"].iloc[0]
    relative = (
        relative_mean_corruption_error(chosen, clean_error, baseline, baseline_clean)
        if len(chosen)
        else np.nan
    )
    mce = mean_corruption_error(chosen, baseline) if len(chosen) else np.nan
    denominators = np.reshape(baseline, -1), np.reshape(baseline, -1) - baseline_clean
    scores |= {
        f"{name}_{end}": None for name in ("corrupted_error", "mce") for end in ("low", "high")
    }
    scores |= {
        "corrupted_error": of_corruption[names].mean(),
        "mce": mce,
        "relative_mce": float(relative),
    }
    scores |= {
        key: " ".join(np.array(names)[of <= 0])
        for key, of in zip(UNDEFINED, denominators, strict=True)
    }
    return scores | {"confidence": confidence}


SAME_ANSWERS = "same answers as"
FIRST = slice(0, 1000)


def copies(predictions: dict[str, Predictions]) -> dict[str, str]:
    """Member -> an earlier member that gives the same answers to all images of all conditions.

    Alike are logits of the same values, or, of members that are known by their decisions, the same
    decisions, unless all of them are right, as those of two different classifiers may be.
    """
    alike, found = defaultdict(list), {}
    for member, of_member in predictions.items():
        digest = hashlib.blake2b(np.ascontiguousarray(_answers(of_member, 0, FIRST))).hexdigest()
        if same := [other for other in alike[digest] if _same(predictions[other], of_member)]:
            found[member] = same[0]
        else:
            alike[digest].append(member)
    return found


def _same(one: Predictions, other: Predictions) -> bool:
    conditions, known = range(len(one)), one.has_probabilities
    comparable = known == other.has_probabilities and (
        known or not all(one.correct(c).all() for c in conditions)
    )
    return comparable and all(
        np.array_equal(_answers(one, c), _answers(other, c)) for c in conditions
    )


def _answers(predictions: Predictions, condition: int, images: slice = slice(None)) -> np.ndarray:
    answers = predictions.logits if predictions.has_probabilities else predictions.decisions
    return answers(condition, images)


STILL_LEARNING = "still learning"
FEWEST_EPOCHS = 5  # so that the last one is a fifth
SETTLED = 0.8  # share of the epochs after which little should change
LITTLE = 0.01
HISTORY_DESCRIBED = [
    "member",
    "design",
    "family",
    "origin",
    "objective",
    "setting",
    "loss_weight",
    "seed",
]
LEARNED = ["epoch", "learning_rate", "training_loss", "validation_accuracy"]


def history_table(members: pd.DataFrame, histories: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """The rows of histories.csv: a row per member and epoch.

    Args:
        members: rows of members.csv.
        histories: member -> its history.csv; a member that was not trained here has none.
    """
    described = members[HISTORY_DESCRIBED]
    tables = [
        described[described["member"] == m].merge(table[LEARNED], how="cross")
        for m, table in histories.items()
    ]
    return (
        pd.concat(tables, ignore_index=True)
        if tables
        else pd.DataFrame(columns=HISTORY_DESCRIBED + LEARNED)
    )


def late_gain(curves: pd.DataFrame, fewest: int = FEWEST_EPOCHS) -> float | None:
    """How far mean validation accuracy rose in the last fifth of the epochs, above its best before.

    None if there are fewer epochs than `fewest`.

    Args:
        curves: rows with epoch and validation_accuracy, from one training or from several of equal
            length.
        fewest: 2 or more; with two to four epochs, the last one counts as the last fifth.
    """
    curve = curves.groupby("epoch")["validation_accuracy"].mean()
    if len(curve) < fewest:
        return None
    return float(curve.iloc[-1] - curve.loc[: SETTLED * curve.index[-1]].max())


def still_learning(members: Iterable[Member], histories: dict[str, pd.DataFrame]) -> set[str]:
    """Jointly trained members in whose setting accuracy rose by a point or more over the last fifth
    of the epochs.

    The mean over the ensembles of a setting decides, because a single curve is noisy.

    Args:
        histories: member -> its history.csv.
    """
    settings = defaultdict(list)
    for member in members:
        if member.origin == "joint" and member.member in histories:
            settings[member.setting].append(member.member)
    gains = {
        setting: late_gain(pd.concat([histories[name] for name in names]))
        for setting, names in settings.items()
    }
    return {
        name
        for setting, names in settings.items()
        if (gains[setting] or 0) >= LITTLE
        for name in names
    }


DESCRIBED = (
    *(
        "member",
        "origin",
        "objective",
        "design",
        "setting",
        "loss_weight",
        "seed",
        "index",
        "family",
        "architecture",
    ),
    *("weights_kind", "weights_source", "parameters", "macs", "validation_accuracy", "recipe"),
)
ERRORS = ["member", "test_set", "corruption", "severity", "n_images", "error"]


def member_tables(
    members: Iterable[Member],
    conditions: pd.DataFrame,
    predictions: dict[str, Predictions],
    outside: Iterable[pd.DataFrame],
    histories: dict[str, pd.DataFrame],
    baseline: str,
    confidence: float,
) -> dict[str, pd.DataFrame]:
    """The tables `members`, `errors` (corruption_errors.csv) and `histories`.

    Args:
        members: members in the order of the tables.
        predictions: member -> its predictions; all other members have errors in `outside`.
        outside: imported errors: tables of `ERRORS`.
        histories: member -> its history.csv.
        baseline: name of a member, or of `PUBLISHED_ERRORS`.
        confidence: level of the intervals, between 0 and 1.
    """
    scored = {}
    if predictions:
        units = next(iter(predictions.values())).units(0)
        scorer = Scorer(
            conditions,
            None if baseline in PUBLISHED_ERRORS else predictions[baseline],
            confidence,
            units,
        )
        scored = {member: scorer.score(of_member) for member, of_member in predictions.items()}
    of_members = [of_member.assign(member=member) for member, (_, of_member) in scored.items()]
    errors = pd.concat([*of_members, *outside], ignore_index=True)[ERRORS]
    scores = {member: of_member for member, (of_member, _) in scored.items()}
    scores |= outside_scores(errors, scores, baseline, confidence)
    members, twice = list(members), copies(predictions)
    further = {name: [f"{SAME_ANSWERS} {original}"] for name, original in twice.items()}
    for name in still_learning(members, histories):
        further.setdefault(name, []).append(STILL_LEARNING)
    table = pd.DataFrame(
        _row(
            member,
            scores[member.member],
            predictions.get(member.member),
            further.get(member.member, []),
        )
        for member in members
    )
    return {
        "members": table,
        "errors": errors[errors["test_set"].isin(conditions["test_set"])],
        "histories": history_table(table, histories),
    }


def _row(
    member: Member, scores: dict[str, float], predictions: Predictions | None, further: list[str]
) -> dict[str, object]:
    """A row of members.csv, with warnings of members whose predictions are known.

    Args:
        further: warnings that concern other members too.
    """
    training = member.training_cost or {}
    row = {key: getattr(member, key) for key in DESCRIBED} | {
        "architecture": member.architecture or member.factory
    }
    row["training_epochs"] = training.get("epochs")
    warnings = []
    if predictions is not None:
        warnings = member_warnings(
            scores["clean_accuracy"], predictions.labels(0), training.get("steps")
        )
    warnings += further
    if warnings:
        print(f"warning: {member.member}: {', '.join(warnings)}")
    return row | scores | {"warnings": ", ".join(warnings)}


SHIFTED_ERROR = "shifted_error"


def with_shifted_error(members: pd.DataFrame, test_sets: Sequence[str]) -> pd.DataFrame:
    """`members` with the column `shifted_error`, the mean error over `test_sets`; NaN if an error
    is unknown.

    Args:
        members: table with the accuracy on each test set.
        test_sets: names of the test sets; the column is not added if there are none.
    """
    if not test_sets:
        return members
    accuracies = members[[accuracy_of(name) for name in test_sets]].astype(float)
    return members.assign(**{SHIFTED_ERROR: 1 - accuracies.mean(axis=1, skipna=False)})
