"""The tables of a study's members: what is known of each, with its scores, and how each was trained."""

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd
from pydantic import Field, field_validator

from resiliency.analysis.left_out import Resampling
from resiliency.analysis.member_scores import Scored, Scorer, outside_scores
from resiliency.base.names import INDEPENDENT, design_of
from resiliency.base.settings import Settings, distinct
from resiliency.designs.members import Member
from resiliency.metrics.classification import CALIBRATION
from resiliency.metrics.resiliency import PUBLISHED_ERRORS
from resiliency.prediction.reading import Predictions
from resiliency.reliability import member_warnings


class Statistics(Settings):
    resamples: int = Field(
        2000,
        ge=100,
        description="number of bootstrap resamples of the images; C corruptions (5 if fewer) need 2 C/(1 − confidence) "
        "− 1, which is 599 for 15 at 0.95",
    )
    reference: str | None = Field(
        None,
        description="recipe of the reference members, in a table that describes imported members: observation 1 and "
        "the line of effective robustness use only these; null for all members",
    )
    robustness: list[str] = Field(
        [],
        description="additional test sets whose mean error observation 1 uses in place of corrupted error; it is then "
        "about natural shifts, not about the paper's statement",
    )
    accuracy_on: str | None = Field(
        None,
        min_length=1,
        description="additional test set whose accuracy observation 1b and exchange rates use as clean accuracy, so "
        "that no image of it is one of the corrupted error; null: the images of the dataset, in halves",
    )
    confidence: float = Field(0.95, gt=0.5, lt=1, description="confidence level of the intervals")

    _distinct = field_validator("robustness")(distinct)


def units_of(
    members: Iterable[str], families: Mapping[str, str] | None, fewest: int
) -> tuple[Callable[[str], str], str]:
    """Member -> what is left out with it, and what that is in the plural: families where there are enough, or designs.

    Designs of a family are much alike, so that leaving out one of them says too little of other families.

    Args:
        families: member -> its family; none where families are not known.
        fewest: families that are enough.
    """
    if families and len({families[member] for member in members}) >= fewest:
        return families.__getitem__, "families"
    return design_of, "designs"


def lack_second_seeds(ensembles: pd.DataFrame) -> bool:
    """Whether independent members form ensembles, none of which is of one design."""
    independent = ensembles[ensembles["origin"] == INDEPENDENT]
    return bool(len(independent)) and not (independent["designs"] == 1).any()


def by_family(ensembles: pd.DataFrame, members: pd.DataFrame) -> pd.DataFrame:
    """`ensembles` as if every family were a design and its members seeds: `designs`, and names such as resnet-s3.

    So what compares designs, and leaves them out in turn, compares families and leaves these out.

    Args:
        ensembles: ensembles.parquet.
        members: members.csv.
    """
    independent = members[members["origin"] == INDEPENDENT]
    seeds = independent.groupby("family").cumcount()
    names = dict(zip(independent["member"], independent["family"] + "-s" + seeds.astype(str), strict=True))
    renamed = ["+".join(names.get(name, name) for name in joined.split("+")) for joined in ensembles["members"]]
    return ensembles.assign(members=renamed, designs=ensembles["families"])


SAME_ANSWERS = "same answers as"
FIRST = slice(0, 1000)


def copies(predictions: dict[str, Predictions]) -> dict[str, str]:
    """Member -> an earlier member that answers every image of every condition alike.

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
FEWEST_EPOCHS = 5  # of which the last is a fifth
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
        curves: rows with epoch and validation_accuracy, of one training or of several of equal length.
        fewest: 2 or more; of two to four epochs, the last one stands for a fifth.
    """
    curve = curves.groupby("epoch")["validation_accuracy"].mean()
    if len(curve) < fewest:
        return None
    return float(curve.iloc[-1] - curve.loc[: SETTLED * curve.index[-1]].max())


def still_learning(members: Iterable[Member], histories: dict[str, pd.DataFrame]) -> set[str]:
    """Jointly trained members in whose setting accuracy rose by a point or more over the last fifth of the epochs.

    The mean over the ensembles of a setting decides, because a single curve is noisy.

    Args:
        histories: as in `history_table`.
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
ERRORS = ["member", "test_set", "corruption", "severity", "images", "error"]


class MemberTables(NamedTuple):
    """members.csv, corruption_errors.csv, histories.csv and calibration.csv."""

    members: pd.DataFrame
    errors: pd.DataFrame
    histories: pd.DataFrame
    calibration: pd.DataFrame


def member_tables(
    members: Iterable[Member],
    conditions: pd.DataFrame,
    predictions: dict[str, Predictions],
    outside: Iterable[pd.DataFrame],
    histories: dict[str, pd.DataFrame],
    baseline: str,
    resampling: Resampling,
) -> MemberTables:
    """Score every member.

    Args:
        members: in the order of the tables.
        conditions: the table of conditions.
        predictions: member -> its predictions; the others are known by `outside`.
        outside: errors from elsewhere, tables as `Scored.errors` with a column member.
        histories: member -> its history.csv.
        baseline: the name of a member, or of `PUBLISHED_ERRORS`.
    """
    scored = _scores(conditions, predictions, baseline, resampling)
    of_members = [one.errors.assign(member=member) for member, one in scored.items()]
    errors = pd.concat([*of_members, *outside], ignore_index=True)[ERRORS]
    scores = {member: one.scores for member, one in scored.items()}
    scores |= outside_scores(errors, list(scores), baseline, resampling.confidence)
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
    return MemberTables(
        table,
        errors[errors["test_set"].isin(conditions["test_set"])],
        history_table(table, histories),
        pd.concat([pd.DataFrame(columns=["member", *CALIBRATION]), *calibration]),
    )


def _scores(
    conditions: pd.DataFrame, predictions: dict[str, Predictions], baseline: str, resampling: Resampling
) -> dict[str, Scored]:
    if not predictions:
        return {}
    units = next(iter(predictions.values())).units(0)
    scorer = Scorer(conditions, None if baseline in PUBLISHED_ERRORS else predictions[baseline], resampling, units)
    return {member: scorer.score(of_member) for member, of_member in predictions.items()}


def _row(
    member: Member, scores: dict[str, float], predictions: Predictions | None, further: list[str]
) -> dict[str, object]:
    """A row of members.csv, with warnings of members whose predictions are known.

    Args:
        further: warnings that go with other members.
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
