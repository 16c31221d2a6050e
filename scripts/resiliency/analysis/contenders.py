"""The recommended model and its competitors: errors under each corruption, calibration, and failures of members.

All are evaluated on the half of the test images on which nothing was selected (`resiliency.analysis.deployment`).

The common-failure factor β is the coincidence of systematic failures over test images (Eckhardt and Lee, IEEE
Transactions on Software Engineering 11, 1985; Littlewood and Miller, ibid. 15, 1989). It is not the β of IEC 61508, the
share of hardware failures with a common cause."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.special import stdtrit

from resiliency.analysis.assessment import REFERENCE
from resiliency.analysis.choices import best_member, best_row, eligible, known_rows, recommended_row
from resiliency.analysis.judging import Judged, Resampled, both_halves, ensemble_of, judged
from resiliency.base.names import CLEAN, CORRUPTED, HELD_OUT_IMAGES, means_over
from resiliency.diversity.predictions import pair_failures
from resiliency.ensembles.combination import Ensemble
from resiliency.metrics.classification import CALIBRATION, ECE_BINS, bin_of
from resiliency.prediction.reading import Predictions
from resiliency.statistics.intervals import DIFFERENCE, LINEAR, UNKNOWN, max_t, of_linear, share, share_of_variance
from resiliency.statistics.resampling import Resampling, Units

RECOMMENDED, BEST_ENSEMBLE, BEST_MEMBER = "recommended model", "best ensemble", "best member"
OUTCOMES = ("common_failures", "undetected", "availability")
OF_PAIR = OUTCOMES[:2]
SHARED_FAILURES = [f"{name}{end}" for name in OUTCOMES for end in ("", "_low", "_high")] + ["pair"]
SHARED_FAILURES += [f"pair_{name}{end}" for name in OF_PAIR for end in ("", "_low", "_high")]
ROLES = (RECOMMENDED, BEST_ENSEMBLE, BEST_MEMBER, "baseline")
WHO = ["role", "members", "size"]
UNDER_CORRUPTION = [*WHO, "corruption", "severities", "n_images", "error", "low", "high"]
UNDER_CORRUPTION += ["difference", "difference_low", "difference_high", *SHARED_FAILURES]
CALIBRATION_OF_ROLES = [*WHO, *CALIBRATION]


def contenders(deployment: pd.DataFrame) -> dict[str, pd.Series]:
    """Role -> row of deployment.csv: `recommended_row`, the best ensemble, `best_member` and the baseline.

    Roles that nobody has are left out.
    """
    fit, known = eligible(deployment), known_rows(deployment)
    ensembles, baseline = fit[fit["size"] > 1], known[known["baseline"].astype(bool)]
    rows = [
        recommended_row(fit) if len(fit) else None,
        best_row(ensembles) if len(ensembles) else None,
        best_member(deployment),
        best_row(baseline) if len(baseline) else None,
    ]
    return {role: row for role, row in zip(ROLES, rows, strict=True) if row is not None}


def errors_under(ensemble: Ensemble, evaluation: Resampled) -> np.ndarray:
    """Error of an ensemble on each evaluated image under each of `own_conditions`; float32 C x N."""
    return _in_order(judged([ensemble], [1], evaluation, _own_sets(evaluation), ())[0], evaluation)


def _in_order(answers: dict[str, Judged], evaluation: Resampled) -> np.ndarray:
    rows = np.concatenate([evaluation.conditions[name] for name in _own_sets(evaluation)])
    return np.concatenate([answers[name].errors for name in _own_sets(evaluation)])[np.argsort(rows)]


def _own_sets(evaluation: Resampled) -> list[str]:
    return [name for name in (CLEAN, CORRUPTED, HELD_OUT_IMAGES) if name in evaluation.conditions]


def own_conditions(evaluation: Resampled) -> np.ndarray:
    """The clean condition and all with a corruption, extra ones included; int64, ascending."""
    return np.sort(np.concatenate([evaluation.conditions[name] for name in _own_sets(evaluation)]))


def under_corruptions(
    errors: dict[str, np.ndarray], corruptions: Sequence[str], counts: np.ndarray, units: Units, confidence: float
) -> pd.DataFrame:
    """Error under each corruption and their mean over severities, and differences from the first role.

    Args:
        errors: role -> float C x N, error on each image under each condition.
        corruptions: the corruption of each of the C conditions; `clean` for none.
        counts: float R x N, how often each resample draws each image.
        units: units of the images.
        confidence: level of the intervals, between 0 and 1.

    Returns:
        A row per role and corruption, clean first, and the last of each role of means: "corrupted", and "held_out" if
        there are corruptions that nothing was selected by. Columns: role, corruption, images (N), error with its
        interval low and high (Wilson); difference, the error of the first role less that of this one on the same
        images, NaN in the rows of the first role, with its interval. Those of all corruptions hold together (max-t);
        that of clean images or of a mean holds by itself (linearised, t).
    """
    names, rows = list(dict.fromkeys(corruptions)), []
    means, single = means_over(names), [name for name in names if name != CLEAN]
    of_images = {role: _by_corruption(values, corruptions, names) for role, values in errors.items()}
    of_images = {
        role: np.vstack([values, *(values[np.isin(names, over)].mean(axis=0) for over in means.values())])
        for role, values in of_images.items()
    }
    first, drawn_images = next(iter(of_images), ""), counts.sum(axis=1, keepdims=True)
    for role, values in of_images.items():
        low, high = share(values, units, confidence).ends
        better, intervals = of_images[first] - values, {}
        scale = LINEAR if np.array_equal(errors[role], errors[first]) else DIFFERENCE  # of the same model it is 0
        if role != first:
            intervals = {
                name: of_linear(of_name.mean(), of_name, units, confidence, scale)
                for name, of_name in zip([*names, *means], better, strict=True)
            }
            places = [names.index(name) for name in single]
            drawn = counts @ better[places].T / drawn_images
            intervals |= zip(single, max_t(better[places].mean(axis=1), drawn, units, confidence, scale), strict=True)
        for place, name in enumerate([*names, *means]):
            row = {"role": role, "corruption": name, "n_images": units.n_images, "error": values[place].mean()}
            row |= {"low": low[place], "high": high[place]}
            rows.append(row | (intervals[name].columns("difference", better[place].mean()) if intervals else {}))
    return pd.DataFrame(rows)


def _by_corruption(errors: np.ndarray, corruptions: Sequence[str], names: list[str]) -> np.ndarray:
    """Mean over severities of errors C x N: float64, corruptions x N."""
    of = np.array(corruptions)
    return np.array([errors[of == name].mean(axis=0, dtype=np.float64) for name in names])


def calibration_bins(confidence: np.ndarray, errors: np.ndarray) -> list[tuple]:
    """Lower and upper end, number of predictions, mean confidence and accuracy of each bin that is not empty.

    Args:
        confidence, errors: float C x N, before any temperature.
    """
    bins, rows = bin_of(confidence.ravel()), []
    sums = [np.bincount(bins, of, ECE_BINS) for of in (None, confidence.ravel(), 1 - errors.ravel())]
    for place, (count, sure, right) in enumerate(np.transpose(sums)):
        if count:
            rows.append((place / ECE_BINS, (place + 1) / ECE_BINS, int(count), sure / count, right / count))
    return rows


def comparison(
    roles: dict[str, pd.Series],
    members: pd.DataFrame,
    predictions: dict[str, Predictions],
    resampling: Resampling,
    threads: int = 1,
) -> dict[str, pd.DataFrame]:
    """Errors under each corruption and calibration of all roles; empty if nobody has a role.

    Args:
        roles: rows from `contenders`.
        members: members.csv.
        predictions: member -> its predictions, for the members in `roles`.
    """
    if not roles:
        nothing = pd.DataFrame(columns=UNDER_CORRUPTION).assign(confidence=resampling.confidence)
        return {"under_corruptions": nothing, "calibration": pd.DataFrame(columns=CALIBRATION_OF_ROLES)}
    members, (selection, evaluation) = members.set_index("member"), both_halves(predictions, resampling)
    ensembles = [ensemble_of(row["members"].split("+"), row["rule"], predictions, members) for row in roles.values()]
    sets, rows = _own_sets(evaluation), own_conditions(evaluation)
    found = judged(ensembles, np.ones(len(roles)), evaluation, sets, (REFERENCE,), threads=threads)
    errors, shared, bins = {}, [], []
    for (role, row), ensemble, own in zip(roles.items(), ensembles, found, strict=True):
        errors[role] = _in_order(own, evaluation)
        names = row["members"].split("+")
        several = {name: predictions[name] for name in names if len(names) > 1}
        of_pairs = shared_failures(several, selection, evaluation) if several else {}
        shared += [{"role": role, "corruption": name, **outcomes} for name, outcomes in of_pairs.items()]
        for name in (CLEAN, CORRUPTED) if ensemble.has_probabilities and ensemble.rule.mean else ():
            who = role, row["members"], row["size"], name
            bins += [who + of for of in calibration_bins(own[name].confidences[REFERENCE], own[name].errors)]
    conditions = next(iter(predictions.values())).conditions.iloc[rows]
    counts, units = evaluation.counts[CLEAN], evaluation.units[CLEAN]
    table = under_corruptions(errors, conditions.corruption, counts, units, resampling.confidence)
    table = table.merge(
        pd.DataFrame([row[WHO[1:]].to_dict() | {"role": role} for role, row in roles.items()]), on="role"
    ).merge(
        pd.DataFrame(shared, columns=["role", "corruption", *SHARED_FAILURES]), on=["role", "corruption"], how="left"
    )
    own = conditions.drop_duplicates(["corruption", "severity"]).groupby("corruption").severity.apply(list)
    own = own.to_dict() | {
        of: sorted({s for name in over for s in own[name]}) for of, over in means_over(own.index).items()
    }
    table["severities"] = ["+".join(map(str, own[name])) for name in table.corruption]
    table = table.reindex(columns=UNDER_CORRUPTION).assign(confidence=resampling.confidence)
    return {"under_corruptions": table, "calibration": pd.DataFrame(bins, columns=CALIBRATION_OF_ROLES)}


def shared_failures(
    members: dict[str, Predictions], selection: Resampled, evaluation: Resampled
) -> dict[str, dict[str, float | str]]:
    """Common failures, undetected errors and availability of an ensemble, and of the pair that shares most failures.

    A pair with errors e, g fails together on a share b of the images. Common failures are the mean of b over pairs,
    divided by the mean of sqrt(e g), which is b if one of them fails whenever the other does, at equal errors.

    Args:
        members: at least two members -> their predictions.
        selection: images on which the pair is chosen: the one with most common failures on corrupted images.
        evaluation: images of all else.

    Returns:
        `clean`, each corruption, `corrupted` and, if there are extra corruptions, `held_out` -> `OUTCOMES` with the
        ends of their intervals over units of images; `pair`, its members joined by "+", and `OF_PAIR` of it, after
        "pair_". Common failures are NaN if there is no failure.
    """
    names = list(members)
    pair = [names[place] for place in _most_shared(list(members.values()), selection)]
    counts, units = evaluation.counts[CLEAN], evaluation.units[CLEAN]
    of_all = pairs_on_images(list(members.values()), evaluation)
    of_pair = pairs_on_images([members[name] for name in pair], evaluation)
    rows: dict[str, dict[str, float | str]] = {}
    for name in of_all:
        rows[name] = {**outcomes_of(of_all[name], counts, units, evaluation.confidence), "pair": "+".join(pair)}
        two = outcomes_of(of_pair[name], counts, units, evaluation.confidence)
        rows[name] |= {f"pair_{column}": value for column, value in two.items() if column.startswith(OF_PAIR)}
    return rows


def _most_shared(members: list[Predictions], selection: Resampled) -> np.ndarray:
    """Positions of the two members that fail together most often on corrupted images, the first of several pairs."""
    images = selection.images[CORRUPTED]
    wrong = np.zeros((len(members), len(members)))
    for condition in selection.conditions[CORRUPTED]:
        decided = np.stack([member.decisions(condition, images) for member in members])
        wrong += pair_failures(decided, members[0].labels(condition)[images]).wrong
    pairs = np.transpose(np.triu_indices(len(members), 1))
    return pairs[wrong[*pairs.T].argmax()]


def pairs_on_images(members: list[Predictions], evaluation: Resampled) -> dict[str, np.ndarray]:
    """Name -> float64 (3 + M) x N, means over severities: shares of pairs that are both wrong, wrong with the same
    class, and alike; and whether each member is wrong."""
    first, second = np.triu_indices(len(members), 1)
    corruptions, images = members[0].conditions.corruption, evaluation.images[CLEAN]
    sums: dict[str, list] = {}
    for condition in np.concatenate([evaluation.conditions.get(of, []) for of in (CLEAN, CORRUPTED, HELD_OUT_IMAGES)]):
        decided = np.stack([member.decisions(int(condition), images) for member in members])
        wrong, alike = decided != members[0].labels(int(condition))[images], decided[first] == decided[second]
        both = wrong[first] & wrong[second]
        of_pairs = [values.mean(axis=0) for values in (both, both & alike, alike)]
        total = sums.setdefault(corruptions[condition], [0, 0])
        total[0], total[1] = total[0] + np.vstack([*of_pairs, wrong]), total[1] + 1
    means = {name: total / severities for name, (total, severities) in sums.items()}
    return means | {of: np.mean([means[name] for name in names], axis=0) for of, names in means_over(means).items()}


def outcomes_of(on_images: np.ndarray, counts: np.ndarray, units: Units, confidence: float) -> dict[str, float]:
    """`OUTCOMES` with the ends of their intervals, from `pairs_on_images` of one name.

    Common failures are a share of failures. Their interval is Wilson's, of as many failures as would give a proportion
    the variance that the quotient has over resamples, with Student's t for the units on which a member fails.
    """
    drawn = (counts @ on_images.T / counts.sum(axis=1, keepdims=True)).T
    means, failing = on_images.mean(axis=1), np.count_nonzero(units.sums(on_images[3:].sum(axis=0)))
    expected, of_resamples = _if_together(means[3:]), _if_together(drawn[3:])
    factor, of_factor = np.nan, UNKNOWN
    if expected:
        with np.errstate(invalid="ignore"):
            factor, variance = means[0] / expected, np.nanvar(drawn[0] / of_resamples)
        reach = stdtrit(max(failing - 1, 1), (1 + confidence) / 2)
        of_factor = share_of_variance(factor, variance, expected * units.number, confidence, reach)
    columns = of_factor.columns(OUTCOMES[0], factor)
    for name, values in zip(OUTCOMES[1:], on_images[1:3], strict=True):
        columns |= share(values, units, confidence).columns(name, values.mean())
    return columns


def _if_together(errors: np.ndarray) -> np.ndarray:
    """Mean of sqrt(e g) over pairs of errors e, g of M members, float64 M x ..."""
    first, second = np.triu_indices(len(errors), 1)
    return np.sqrt(errors[first] * errors[second]).mean(axis=0)
