"""The ensembles of deployment.csv on the images that judge them: each assessed, and the best of them compared."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import pandas as pd

from resiliency.analysis.assessment import Judged, selective_rows
from resiliency.analysis.best import best_member
from resiliency.analysis.choices import halves
from resiliency.analysis.contenders import (
    BEST_MEMBER,
    CALIBRATION_OF_ROLES,
    RECOMMENDED,
    UNDER_CORRUPTION,
    WHO,
    calibration_bins,
    corrupted_conditions,
    errors_under,
    under_corruptions,
)
from resiliency.analysis.failures import (
    CLASS_ERRORS,
    CONFUSIONS,
    FAILURES,
    answers_of,
    class_error_table,
    confusion_table,
    failure_table,
)
from resiliency.analysis.intervals import Resampling
from resiliency.analysis.temperatures import (
    TEMPERATURES,
    Temperature,
    calibration_of,
    scored_and_calibrated,
    temperature_of,
    temperature_rows,
)
from resiliency.analysis.thresholds import THRESHOLDS, threshold_rows
from resiliency.base.names import CLEAN, CORRUPTED
from resiliency.base.progress import Progress
from resiliency.designs.members import LOADED
from resiliency.ensembles.combination import member_weights
from resiliency.ensembles.outputs import Ensemble
from resiliency.prediction.reading import Predictions


class Assessment(NamedTuple):
    """selective_prediction.csv, temperatures.csv, thresholds.csv and risk_coverage.parquet."""

    selective: pd.DataFrame
    temperatures: pd.DataFrame
    thresholds: pd.DataFrame
    curves: pd.DataFrame


def named_in(ensembles: Iterable[str]) -> set[str]:
    """The members of ensembles whose members are joined by "+"."""
    return {name for joined in ensembles for name in joined.split("+")}


def ensemble_of(names: list[str], rule: str, predictions: dict[str, Predictions], members: pd.DataFrame) -> Ensemble:
    """The ensemble of the members `names` under a combination rule.

    Args:
        predictions: member -> its predictions.
        members: members.csv, with the member as index.
    """
    return Ensemble([predictions[name] for name in names], member_weights(members.loc[names]), rule)


def both_halves(predictions: dict[str, Predictions], resampling: Resampling) -> tuple[Judged, Judged]:
    """The half of the test images on which ensembles were chosen, and the other."""
    member = next(iter(predictions.values()))
    both, units = halves(member.labels(0), resampling.seed, member.units(0)), member.units_of_test_sets()
    return tuple(Judged(member.conditions, half, *resampling, units) for half in both)


def judged_half(predictions: dict[str, Predictions], resampling: Resampling) -> Judged:
    """The half of the test images on which no ensemble was chosen."""
    return both_halves(predictions, resampling)[1]


def assessment(
    deployment: pd.DataFrame,
    members: pd.DataFrame,
    predictions: dict[str, Predictions],
    validation: dict[str, Predictions],
    resampling: Resampling,
) -> Assessment:
    """How sure each ensemble is, and a temperature for it.

    Args:
        deployment: deployment.csv.
        members: members.csv.
        predictions: member -> its predictions, of those that `deployment` names.
        validation: member -> its predictions of validation images, of those that have any.
    """
    members = members.set_index("member")
    chosen, judged = both_halves(predictions, resampling)

    def of_row(row: pd.Series) -> tuple[Ensemble, Temperature]:
        names = row["members"].split("+")
        ensemble = ensemble_of(names, row["rule"], predictions, members)
        known = validation.keys() >= set(names)
        validated = ensemble_of(names, row["rule"], validation, members) if known else None
        loaded = bool(members.weights_kind[names].isin(LOADED).any())
        return ensemble, temperature_of(validated, loaded, ensemble, chosen)

    best, progress = best_member(deployment), Progress(len(deployment), pause=5)
    reference = None
    if best is not None:
        ensemble, temperature = of_row(best)
        reference = calibration_of(ensemble, temperature.value, judged)
    selective, temperatures, thresholds, curves = [], [], [], []
    for _, row in deployment.iterrows():
        ensemble, temperature = of_row(row)
        scored, calibration = scored_and_calibrated(ensemble, temperature.value, judged)
        of_scores, of_curves = selective_rows(scored, judged)
        key = {"members": row["members"], "size": row["size"], "rule": row["rule"]}
        selective += [key | scores for scores in of_scores]
        curves += [key | point for point in of_curves]
        compared = None if best is not None and row["members"] == best["members"] else reference
        temperatures += [key | changes for changes in temperature_rows(temperature, calibration, compared, judged)]
        thresholds += [key | of for of in threshold_rows(ensemble, temperature.value, chosen, scored, judged)]
        progress.step("ensembles")
    return Assessment(
        pd.DataFrame(selective).assign(confidence=resampling.confidence),
        pd.DataFrame(temperatures).reindex(columns=TEMPERATURES).assign(confidence=resampling.confidence),
        pd.DataFrame(thresholds, columns=None if thresholds else THRESHOLDS).assign(confidence=resampling.confidence),
        pd.DataFrame(curves),
    )


class Failures(NamedTuple):
    """confusions.csv, class_errors.csv and failures.csv."""

    confusions: pd.DataFrame
    class_errors: pd.DataFrame
    failures: pd.DataFrame


def failures(
    roles: dict[str, pd.Series],
    members: pd.DataFrame,
    temperatures: pd.DataFrame,
    predictions: dict[str, Predictions],
    names: Sequence[str],
    classes: Sequence[str],
    confidence: float,
    seed: int,
) -> Failures:
    """What the recommended model and the best member confuse, and failures of the former.

    Args:
        roles: as from `contenders`.
        members, temperatures: tables of these names.
        predictions: member -> its predictions, of those that `roles` names.
        names: of the test images; none if they have no names.
        classes: names of the classes; none if they have no names.
        confidence: of the intervals.
        seed: of the study.
    """
    shown = {role: roles[role] for role in (RECOMMENDED, BEST_MEMBER) if role in roles}
    if not shown:
        return Failures(*(pd.DataFrame(columns=columns) for columns in (CONFUSIONS, CLASS_ERRORS, FAILURES)))
    members, (_, judged) = members.set_index("member"), both_halves(predictions, Resampling(1, 0.5, seed))
    fitted = temperatures.drop_duplicates("members").set_index("members").temperature.fillna(1)
    answers, ensembles = {}, {}
    for role, row in shown.items():
        ensembles[role] = ensemble_of(row["members"].split("+"), row["rule"], predictions, members)
        answers[role] = answers_of(ensembles[role], fitted[row["members"]], judged)
    one, first = next(iter(predictions.values())), next(iter(shown))
    labels = one.labels(0)[judged.images[CLEAN]]
    return Failures(
        confusion_table(shown, answers, labels, classes),
        class_error_table(shown, answers, one.conditions, labels, judged.units[CLEAN], classes, confidence),
        failure_table(ensembles[first], answers[first], judged, names, classes),
    )


class Comparison(NamedTuple):
    """contenders.csv and contender_calibration.csv."""

    under_corruptions: pd.DataFrame
    calibration: pd.DataFrame


def comparison(
    roles: dict[str, pd.Series], members: pd.DataFrame, predictions: dict[str, Predictions], resampling: Resampling
) -> Comparison:
    """Errors under each corruption and calibration of all roles; without rows where nobody has any.

    Args:
        roles: as from `contenders`.
        members: members.csv.
        predictions: member -> its predictions, of those that `roles` names.
    """
    if not roles:
        nothing = pd.DataFrame(columns=UNDER_CORRUPTION).assign(confidence=resampling.confidence)
        return Comparison(nothing, pd.DataFrame(columns=CALIBRATION_OF_ROLES))
    members, judged = members.set_index("member"), judged_half(predictions, resampling)
    errors, bins = {}, [pd.DataFrame(columns=CALIBRATION_OF_ROLES)]
    for role, row in roles.items():
        ensemble = ensemble_of(row["members"].split("+"), row["rule"], predictions, members)
        errors[role] = errors_under(ensemble, judged)
        bins.append(calibration_bins(ensemble, judged).assign(role=role, members=row["members"], size=row["size"]))
    conditions = next(iter(predictions.values())).conditions
    corruptions = conditions.corruption.iloc[corrupted_conditions(judged)]
    counts, units = judged.counts[CORRUPTED], judged.units[CORRUPTED]
    table = under_corruptions(errors, corruptions, counts, units.number, resampling.confidence)
    table = table.merge(
        pd.DataFrame([row[WHO[1:]].to_dict() | {"role": role} for role, row in roles.items()]), on="role"
    )
    return Comparison(
        table.reindex(columns=UNDER_CORRUPTION).assign(confidence=resampling.confidence),
        pd.concat(bins, ignore_index=True)[CALIBRATION_OF_ROLES],
    )
