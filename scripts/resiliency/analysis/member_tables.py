"""The tables of a study's members: what is known of each, with its scores, and how each was trained."""

from collections.abc import Iterable
from typing import NamedTuple

import pandas as pd

from resiliency.analysis.copies import SAME_ANSWERS, copies
from resiliency.analysis.histories import STILL_LEARNING, history_table, still_learning
from resiliency.analysis.intervals import Resampling
from resiliency.analysis.member_scores import Scored, Scorer, outside_scores
from resiliency.designs.members import Member
from resiliency.metrics.classification import CALIBRATION
from resiliency.metrics.resiliency import PUBLISHED_ERRORS
from resiliency.prediction.reading import Predictions
from resiliency.reliability import member_warnings

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
