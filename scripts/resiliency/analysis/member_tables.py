"""Tables of the members of a study: their descriptions, their scores, their training, and what was left out.

Effective robustness is accuracy under a shift beyond what accuracy without it predicts (Taori et al. 2020)."""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.special import expit, logit

from resiliency.analysis.member_scores import Scorer, outside_scores
from resiliency.base.names import CLEAN, CLEAN_ON, CORRUPTED, JOINT, accuracy_of, few_images
from resiliency.designs.members import Member
from resiliency.diversity.representations import applicable
from resiliency.ensembles.pool import is_inaccurate
from resiliency.metrics.classification import CALIBRATION, member_warnings
from resiliency.metrics.resiliency import PUBLISHED_ERRORS
from resiliency.prediction.reading import Predictions, additional_test_sets

SAME_ANSWERS = "same answers as"
FIRST = slice(0, 1000)


def copies(predictions: dict[str, Predictions]) -> dict[str, str]:
    """Member -> an earlier member that gives the same answers to all images of all conditions.

    Alike are logits of the same values, or, of members that are known by their decisions, the same decisions, unless
    all of them are right, as those of two different classifiers may be.
    """
    earlier: dict[str, list[str]] = {}
    found = {}
    for member, of_member in predictions.items():
        digest = hashlib.blake2b(np.ascontiguousarray(_answers(of_member, 0, FIRST))).hexdigest()
        alike = earlier.setdefault(digest, [])
        same = [other for other in alike if _same(predictions[other], of_member)]
        if same:
            found[member] = same[0]
        else:
            alike.append(member)
    return found


def _same(one: Predictions, other: Predictions) -> bool:
    if one.has_probabilities != other.has_probabilities:
        return False
    conditions = range(len(one))
    if not all(np.array_equal(_answers(one, c), _answers(other, c)) for c in conditions):
        return False
    return one.has_probabilities or not all(one.correct(c).all() for c in conditions)


def _answers(predictions: Predictions, condition: int, images: slice = slice(None)) -> np.ndarray:
    answers = predictions.logits if predictions.has_probabilities else predictions.decisions
    return answers(condition, images)


STILL_LEARNING = "still learning"
FEWEST_EPOCHS = 5  # so that the last one is a fifth
SETTLED = 0.8  # share of the epochs after which little should change
LITTLE = 0.01
HISTORY_DESCRIBED = ["member", "design", "family", "origin", "objective", "setting", "loss_weight", "seed"]
LEARNED = ["epoch", "learning_rate", "training_loss", "validation_accuracy"]


def history_table(members: pd.DataFrame, histories: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """The rows of histories.csv: a row per member and epoch.

    Args:
        members: rows of members.csv.
        histories: member -> its history.csv; a member that was not trained here has none.
    """
    described = members[HISTORY_DESCRIBED]
    tables = [described[described["member"] == m].merge(table[LEARNED], how="cross") for m, table in histories.items()]
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=HISTORY_DESCRIBED + LEARNED)


def late_gain(curves: pd.DataFrame, fewest: int = FEWEST_EPOCHS) -> float | None:
    """How far mean validation accuracy rose in the last fifth of the epochs, above its best before.

    None if there are fewer epochs than `fewest`.

    Args:
        curves: rows with epoch and validation_accuracy, from one training or from several of equal length.
        fewest: 2 or more; with two to four epochs, the last one counts as the last fifth.
    """
    curve = curves.groupby("epoch")["validation_accuracy"].mean()
    if len(curve) < fewest:
        return None
    return float(curve.iloc[-1] - curve.loc[: SETTLED * curve.index[-1]].max())


def still_learning(members: Iterable[Member], histories: dict[str, pd.DataFrame]) -> set[str]:
    """Jointly trained members in whose setting accuracy rose by a point or more over the last fifth of the epochs.

    The mean over the ensembles of a setting decides, because a single curve is noisy.

    Args:
        histories: member -> its history.csv.
    """
    settings = defaultdict(list)
    for member in members:
        if member.origin == "joint" and member.member in histories:
            settings[member.setting].append(member.member)
    gains = {setting: late_gain(pd.concat([histories[name] for name in names])) for setting, names in settings.items()}
    return {name for setting, names in settings.items() if (gains[setting] or 0) >= LITTLE for name in names}


DESCRIBED = (
    *("member", "origin", "objective", "design", "setting", "loss_weight", "seed", "index", "family", "architecture"),
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
    """The tables `members`, `errors` (corruption_errors.csv), `histories` and `calibration`.

    Args:
        members: members in the order of the tables.
        predictions: member -> its predictions; all other members have errors in `outside`.
        outside: imported errors: tables as `Scored.errors`, with a column member.
        histories: member -> its history.csv.
        baseline: name of a member, or of `PUBLISHED_ERRORS`.
        confidence: level of the intervals, between 0 and 1.
    """
    scored = {}
    if predictions:
        units = next(iter(predictions.values())).units(0)
        scorer = Scorer(conditions, None if baseline in PUBLISHED_ERRORS else predictions[baseline], confidence, units)
        scored = {member: scorer.score(of_member) for member, of_member in predictions.items()}
    of_members = [one.errors.assign(member=member) for member, one in scored.items()]
    errors = pd.concat([*of_members, *outside], ignore_index=True)[ERRORS]
    scores = {member: one.scores for member, one in scored.items()}
    scores |= outside_scores(errors, scores, baseline, confidence)
    members, twice = list(members), copies(predictions)
    further = {name: [f"{SAME_ANSWERS} {original}"] for name, original in twice.items()}
    for name in still_learning(members, histories):
        further.setdefault(name, []).append(STILL_LEARNING)
    rows = [
        _row(member, scores[member.member], predictions.get(member.member), further.get(member.member, []))
        for member in members
    ]
    table = pd.DataFrame(rows)
    calibration = [one.calibration.assign(member=member) for member, one in scored.items()]
    return {
        "members": table,
        "errors": errors[errors["test_set"].isin(conditions["test_set"])],
        "histories": history_table(table, histories),
        "calibration": pd.concat([pd.DataFrame(columns=["member", *CALIBRATION]), *calibration]),
    }


def _row(
    member: Member, scores: dict[str, float], predictions: Predictions | None, further: list[str]
) -> dict[str, object]:
    """A row of members.csv, with warnings of members whose predictions are known.

    Args:
        further: warnings that concern other members too.
    """
    training = member.training_cost or {}
    row = {key: getattr(member, key) for key in DESCRIBED} | {"architecture": member.architecture or member.factory}
    row["training_epochs"] = training.get("epochs")
    warnings = []
    if predictions is not None:
        warnings = member_warnings(scores["clean_accuracy"], predictions.labels(0), training.get("steps"))
    warnings += further
    if warnings:
        print(f"warning: {member.member}: {', '.join(warnings)}")
    return row | scores | {"warnings": ", ".join(warnings)}


SHIFTED_ERROR = "shifted_error"


def with_shifted_error(members: pd.DataFrame, test_sets: Sequence[str]) -> pd.DataFrame:
    """`members` with the column `shifted_error`, the mean error over `test_sets`; NaN if an error is unknown.

    Args:
        members: table with the accuracy on each test set.
        test_sets: names of the test sets; the column is not added if there are none.
    """
    if not test_sets:
        return members
    accuracies = members[[accuracy_of(name) for name in test_sets]].astype(float)
    return members.assign(**{SHIFTED_ERROR: 1 - accuracies.mean(axis=1, skipna=False)})


LEAST = 1e-4  # accuracies are kept this far from 0 and 1, whose logits are infinite


class Line(NamedTuple):
    """A line on the logit scale: logit(shifted accuracy) = intercept + slope * logit(accuracy).

    Attributes:
        slope, intercept: float; NaN if fewer than two reference members differ in accuracy.
        r_squared: share of the variance of logit(shifted accuracy) that the line explains.
        reference_members: number of reference members in the fit.
    """

    slope: float
    intercept: float
    r_squared: float
    reference_members: int

    def predicted(self, accuracy: np.ndarray) -> np.ndarray:
        """beta(accuracy), the shifted accuracy that the line predicts, float64 in 0..1."""
        return expit(self.intercept + self.slope * _logit(accuracy))


def fitted_line(accuracy: np.ndarray, shifted: np.ndarray) -> Line:
    """The line of least squares over reference members, as Taori et al. fit it.

    Args:
        accuracy, shifted: float n in 0..1, accuracy of each reference member without and with the shift; members that
            lack one are ignored.
    """
    finite = np.isfinite(accuracy) & np.isfinite(shifted)
    x, y = _logit(accuracy[finite]), _logit(shifted[finite])
    if len(x) < 2 or np.ptp(x) < 1e-9:
        return Line(np.nan, np.nan, np.nan, len(x))
    slope, intercept = np.polyfit(x, y, 1)
    spread = np.square(y - y.mean()).sum()
    left = np.square(y - intercept - slope * x).sum()
    explained = 1 - left / spread if spread and len(x) > 2 else np.nan  # any two members lie on a line
    return Line(float(slope), float(intercept), float(explained), len(x))


def _logit(accuracy: np.ndarray) -> np.ndarray:
    return logit(np.clip(accuracy, LEAST, 1 - LEAST))


def robustness_table(members: pd.DataFrame, reference: str | None) -> pd.DataFrame:
    """The table effective_robustness.csv: a row per shifted set and member that is not trained jointly.

    Shifted are corrupted images, if there are any, and additional test sets. Clean accuracy is that on the classes of
    the shifted set, if members.csv has it.

    Args:
        members: members.csv.
        reference: recipe of the reference members; None for all recipes.
    """
    named = [name.removesuffix("_accuracy") for name in members if name.endswith("_accuracy")]
    further = [name for name in named if name not in (CLEAN, "validation") and not name.startswith(CLEAN_ON)]
    corrupted = [CORRUPTED] if members["corrupted_error"].notna().any() else []
    chosen = members[members["origin"] != JOINT]
    is_reference = chosen["recipe"] == reference if reference else pd.Series(True, chosen.index)
    parts = []
    for name in corrupted + further:
        clean = chosen.get(f"{CLEAN_ON}{name}_accuracy", chosen["clean_accuracy"]).astype(float)
        ends = [chosen.get(f"{name}_accuracy_{end}") for end in ("low", "high")]
        if name == CORRUPTED:
            ends = [1 - chosen[f"corrupted_error_{end}"].astype(float) for end in ("high", "low")]
        accuracy = 1 - chosen["corrupted_error"] if name == CORRUPTED else chosen[accuracy_of(name)]
        line = fitted_line(clean[is_reference].to_numpy(), accuracy[is_reference].to_numpy(float))
        predicted = line.predicted(clean.to_numpy())
        part = chosen[["member", "family", "recipe"]].assign(
            is_reference=is_reference,
            images=name,
            clean_accuracy=clean,
            accuracy=accuracy,
            low=ends[0],
            high=ends[1],
            predicted_accuracy=predicted,
            effective_robustness=accuracy.astype(float) - predicted,
            **line._asdict(),
        )
        parts.append(part.dropna(subset=["accuracy"]))
    return pd.concat(parts, ignore_index=True)


NO_STAGES = "the network lists no feature stages (feature_info)"
# Kind of a member's predictions -> what is left out for it, and why.
LEFT_OUT = {
    "decisions": {
        "probabilities": "only predicted labels are available: no calibration, no diversity of probabilities, no "
        "rule except plurality_vote",
        "attributions and activations": "only predicted labels are available; these need the network",
    },
    "logits": {"attributions and activations": "only logits are available; these need the network"},
    "probabilities": {"attributions and activations": "only probabilities are available; these need the network"},
    "scores": {
        "ensembles": "only accuracies are available; an ensemble needs predictions per image",
        "probabilities": "only accuracies are available: no calibration",
        "attributions and activations": "only accuracies are available; these need the network",
    },
}
# Table that the study lacks -> why.
LACKING = {
    "ensembles": "the study has no members with predictions, or too few for an ensemble",
    "attribution_distances": "no member has a network, which attributions need",
    "histories": "no member is trained here",
    "calibration": "no member has probabilities",
    "deployment": "no corruptions, on which ensembles to deploy are selected, or no ensembles",
    "effective_robustness": "no shifted images",
}


def skipped_table(
    members: pd.DataFrame,
    attributions: dict[str, dict[str, str]],
    stages: dict[str, np.ndarray],
    kinds: dict[str, str],
    left_out: dict[str, str],
    lacking: list[str],
    for_few: list[str],
    conditions: pd.DataFrame,
    min_clean_accuracy: float,
) -> pd.DataFrame:
    """Columns member ("" for the study as a whole), skipped and reason; members known by their networks first.

    Args:
        members: members.csv.
        attributions: member -> attribution method that does not apply to it -> reason.
        stages: member -> array by which its feature stages are compared; NaN if it has none.
        kinds: imported member -> kind of its predictions.
        left_out: what imported files hold and the study does not use -> reason.
        lacking: tables that the study lacks.
        for_few: tables among these that it lacks because of few clean images.
        min_clean_accuracy: least clean accuracy of a member of an ensemble.
    """
    rows = [(member, *item) for member, reasons in attributions.items() for item in reasons.items()]
    applies = zip(stages, applicable(list(stages.values())), strict=True)
    rows += [(member, "stages", NO_STAGES) for member, has_stages in applies if not has_stages]
    rows += [("", *item) for item in left_out.items()]
    n_images = conditions.drop_duplicates("test_set").set_index("test_set")["n_images"]
    of_study = [*for_few, "intervals of corrupted errors", "verdicts on the observations"] if for_few else []
    rows += [("", item, few_images(CLEAN, int(n_images[CLEAN]))) for item in of_study]
    for name in [] if "member_ranks" in for_few else additional_test_sets(conditions):
        if n_images[name] and (reason := few_images(name, int(n_images[name]))):  # 0 if unknown
            rows.append(("", f"member_ranks on {name}", reason))
    rows += [("", table, LACKING[table]) for table in lacking if table in LACKING and table not in for_few]
    rows += [(member, item, why) for member, kind in kinds.items() for item, why in LEFT_OUT[kind].items()]
    for row, inaccurate in zip(members.itertuples(), is_inaccurate(members, min_clean_accuracy), strict=True):
        if row.member in kinds and pd.isna(row.parameters):
            rows.append((row.member, "observation 1", "no parameters: neither a table nor an architecture gives them"))
        if inaccurate:
            why = f"clean accuracy {row.clean_accuracy:.1%}, less than the {min_clean_accuracy:.1%} of the study"
            rows.append((row.member, "ensembles", why))
    return pd.DataFrame(rows, columns=["member", "skipped", "reason"])
