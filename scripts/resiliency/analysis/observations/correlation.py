"""Correlation of diversity with accuracy of ensembles: tables that leave out a design at a time,
and observation 2."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import combinations, repeat

import numpy as np
import pandas as pd

from resiliency.analysis.left_out import LeftOut, Part, is_sample, mean_over_sizes, units_of
from resiliency.analysis.verdicts import DRAWS, Observation, Placebo, ends
from resiliency.base.names import CLEAN, CORRUPTED, INDEPENDENT, design_of, diversity_of
from resiliency.base.streams import stream
from resiliency.diversity.metrics import ENSEMBLE_METRICS
from resiliency.diversity.settings import LABEL_FREE, MAIN
from resiliency.metrics.classification import images_of
from resiliency.statistics.correlation import MEASURES, correlations
from resiliency.statistics.intervals import (
    FISHER,
    LINEAR,
    holm,
    jackknife,
    p_value,
    studentised,
)
from resiliency.statistics.resampling import in_groups

GROUP = ["rule", "size", "images", "measure"]
CORRELATIONS = [*GROUP, "kind", "metric", "correlation", "low", "high", "confidence"]
CORRELATIONS += ["p_value", "p_holm", "members", "units", "ensembles", "possible"]


def diversity_columns(pairs: pd.DataFrame, images: str) -> dict[str, tuple[str, str]]:
    """Column -> (kind, metric) of the diversities of pairs that go with accuracy on `images`.

    Prediction diversity is taken on the same images as the accuracy; attributions and activations
    on clean probes.
    """
    return {
        f"{metric}_{images if kind == 'prediction' else 'clean'}": (kind, metric)
        for kind, metric in zip(pairs["kind"], pairs["metric"], strict=True)
    }


def _all_columns(
    ensembles: pd.DataFrame, pairs: pd.DataFrame, images: str
) -> dict[str, tuple[str, str]]:
    """The columns of `diversity_columns`, and those of metrics of whole ensembles in
    `ensembles`."""
    columns = {
        diversity_of(name, images): (metric.kind, name) for name, metric in ENSEMBLE_METRICS.items()
    }
    return diversity_columns(pairs, images) | {
        c: names for c, names in columns.items() if c in ensembles
    }


def _groups(
    ensembles: pd.DataFrame, by_corruption: pd.DataFrame
) -> Iterator[tuple[dict[str, object], LeftOut]]:
    """Rule and size, and the ensembles of independent members of each.

    A design is left out at a time with all its seeds, because similar seeds are no independent
    evidence; of very many a group of them. Of a single design, seeds are left out.
    """
    pool = ensembles[ensembles.origin == INDEPENDENT]
    members = set("+".join(pool.members.unique()).split("+"))
    unit = design_of if len(set(map(design_of, members))) > 1 else str
    units = in_groups(map(unit, members))
    for (rule, size), group in pool.groupby(["rule", "size"], sort=False):
        rows = group.merge(by_corruption, on="members", how="left")
        yield {"rule": rule, "size": size}, LeftOut(rows, lambda member: units[unit(member)])


def correlation_table(
    ensembles: pd.DataFrame,
    by_corruption: pd.DataFrame,
    pairs: pd.DataFrame,
    confidence: float,
    threads: int = 1,
) -> pd.DataFrame:
    """The table correlations.csv: a row per rule, size, set of images, metric and measure, over
    ensembles that have it. `p_holm` corrects for the tests of one `GROUP`.

    Args:
        ensembles: ensembles.parquet; only those of independent members count.
        by_corruption: by_corruption.parquet.
        pairs: the kind and metric of each diversity of pairs.
        confidence: level of the intervals, between 0 and 1.
        threads: number of sets of images at a time, which changes no byte.
    """
    asked, rows = images_of(ensembles) + images_of(by_corruption), []
    for key, left_out in _groups(ensembles, by_corruption):
        of_images = [_all_columns(left_out.ensembles, pairs, images) for images in asked]
        with ThreadPoolExecutor(threads) as executor:
            found = executor.map(
                left_out.correlations, map(list, of_images), asked, repeat(MEASURES)
            )
        for images, columns, of_measures in zip(asked, of_images, found, strict=True):
            for measure, values in zip(MEASURES, of_measures, strict=True):
                for (column, (kind, metric)), replicates in zip(
                    columns.items(), values, strict=True
                ):
                    row = key | {
                        "images": images,
                        "measure": measure,
                        "kind": kind,
                        "metric": metric,
                    }
                    kept, counts = left_out.behind(column)
                    interval = jackknife(replicates[kept], confidence, FISHER)
                    row |= {
                        "correlation": replicates[0],
                        "low": interval.low,
                        "high": interval.high,
                        "p_value": p_value(replicates[kept], FISHER),
                    }
                    rows.append(row | counts)
    table = pd.DataFrame(rows, columns=CORRELATIONS).assign(confidence=confidence)
    of_groups = table.groupby(GROUP, sort=False)["p_value"]
    return table.assign(p_holm=of_groups.transform(lambda values: holm(values.to_numpy())))


FAMILIES = 8  # with fewer, designs are left out in turn
DESIGNS = 12  # with fewer, the error of a correlation over the ensembles is as large as the effect
MARGIN = 0.3  # Cohen's q: a medium difference of correlations (Cohen 1988, chapter 4)
ENSEMBLES = 3  # fewer correlate with nothing
GIVEN = "given the mean accuracy of the members"
FREE, BASED = "label-free", "label-based"
RANDOM = "against random numbers"
REMOVED = "a random number per pair of members in place of its attribution diversity"
CHUNK = 50  # number of draws that are computed at a time
FEWER = 200  # draws that only give a range beside the verdict


def attribution_diversity_is_less_negative(
    ensembles: pd.DataFrame,
    pairs: pd.DataFrame,
    rule: str,
    n_images: int,
    target: str = "prediction",
    families: Mapping[str, str] | None = None,
    draws: int = DRAWS,
) -> Observation:
    """Test observation 2: attribution diversity correlates less negatively with accuracy than
    prediction diversity.

    The statistic is the mean Cohen's q: Fisher's z of the correlation of an attribution metric
    minus that of a prediction metric. Like is compared with like: attributions of the predicted
    class with the label-free prediction metrics (`LABEL_FREE`), attributions of the true label with
    prediction metrics that use the labels as well. q is averaged over pairs of metrics and over
    ensemble sizes, in each group of images. Families are left out in turn if there are enough of
    them, else designs. The other prediction metrics, correlations given the members' mean accuracy,
    and additional test sets are listed beside, without a verdict. Given the members' accuracy,
    prediction diversity goes with accuracy almost by algebra, and random numbers go with nothing:
    only what lies beyond these is told.

    Random numbers in place of attributions correlate with nothing, so that they too are less
    negatively correlated than prediction diversity. They are the placebo. The control of each part
    is therefore Fisher's z of r(attribution diversity, accuracy) itself, which random numbers have
    at 0 on average.

    Args:
        ensembles: table ensembles.parquet, one row per ensemble; only ensembles of independent
            members under `rule`, with an attribution diversity, count.
        pairs: table with the columns kind and metric of each diversity metric.
        rule: combination rule, such as mean_probability.
        n_images: number of test images.
        target: class that attributions explain, label or prediction.
        families: member -> its family; without it, designs are left out.
        draws: number of draws of the placebo; 0 for none.
    """
    scored = ensembles[(ensembles.origin == INDEPENDENT) & (ensembles.rule == rule)]
    attributions = list(_columns(pairs, CLEAN)["attribution"].values())
    pool = scored[scored[attributions].notna().any(axis=1)] if attributions else scored
    sizes = [group for _, group in pool.groupby("size") if len(group) >= ENSEMBLES]
    members = sorted(
        {member for group in sizes for joined in group.members for member in joined.split("+")}
    )
    unit_of, unit = units_of(members, families, FAMILIES)
    left_out = [LeftOut(group, unit_of) for group in sizes]
    kind = FREE if target == "prediction" else BASED
    by_images = {group: _columns(pairs, group) for group in images_of(pool)} if left_out else {}
    by_images = {
        group: columns
        for group, columns in by_images.items()
        if columns["attribution"] and columns[kind]
    }
    tested = {group: columns for group, columns in by_images.items() if group in (CLEAN, CORRUPTED)}
    parts, controls, beside, omitted = [], [], [], []
    for group, columns in by_images.items():
        part, control, further, left = _statistics(left_out, columns, kind, group)
        if group in tested:
            parts.append(part)
            controls.append(control)
            omitted += left
        beside += [*([] if group in tested else [part]), *further]
    missing, placebo = _missing(parts, len(set(map(unit_of, members))), unit), None
    if draws and not missing:
        placebo = _placebo(left_out, tested, kind, members, draws)
        beside = _beyond_noise(beside, left_out, tested, kind, members, min(draws, FEWER))
    return Observation(
        number="2",
        statement="Attribution-based diversity is less negatively correlated with ensemble "
        "accuracy than "
        "prediction-based diversity.",
        statistic=f"Cohen's q, with {kind} diversity: Fisher's z of r(attribution diversity, "
        "accuracy) - that of "
        "r(prediction diversity, accuracy)",
        sign=1,
        margin=MARGIN,
        unit=unit,
        resampled=unit,
        parts=parts,
        beside=beside,
        missing=missing,
        omitted="; ".join(dict.fromkeys(omitted)),
        metrics=kind,
        designs=len(set(map(design_of, members))),
        members=len(members),
        ensembles=sum(map(len, sizes)),
        n_images=n_images,
        sampled=is_sample(scored),
        controls=controls,
        placebo=placebo,
    )


Columns = dict[str, dict[str, str]]  # attribution and both kinds of predictions -> metric -> column


def _columns(pairs: pd.DataFrame, group: str) -> Columns:
    """Columns of the diversity that goes with accuracy on `group`: attributions, and both of
    predictions."""
    columns: Columns = {"attribution": {}, FREE: {}, BASED: {}}
    for column, (kind, metric) in diversity_columns(pairs, group).items():
        if kind == "attribution" and metric in MAIN:
            columns[kind][metric] = column
        elif kind == "prediction":
            columns[FREE if metric in LABEL_FREE else BASED][metric] = column
    return columns


def _statistics(
    left_out: list[LeftOut], columns: Columns, kind: str, group: str
) -> tuple[Part, Part, list[Part], list[str]]:
    """The statistic on a set of images, its control, statistics without a verdict, and what the
    first leaves out."""
    predictions, others = columns[kind].values(), columns[BASED if kind == FREE else FREE]

    def difference(of: Collection[str], measure: str = "pearson") -> tuple[np.ndarray, list[str]]:
        return mean_over_sizes(
            left_out, lambda of_size: np.subtract(*_both(columns, of, group, of_size, measure))
        )

    replicates, omitted = difference(predictions)
    part = Part.from_replicates(f"{group} images", replicates)
    own, _ = mean_over_sizes(
        left_out, lambda of_size: _both(columns, predictions, group, of_size)[0]
    )
    quantity = "Fisher's z of r(attribution diversity, accuracy), which random numbers have at 0"
    about = {"statistic": quantity, "reading": RANDOM}
    control, beside = Part.from_replicates(f"{group} images, {RANDOM}", own, **about), []
    readings = {f"against {metric}": ([column], "pearson") for metric, column in others.items()}
    for reading, compared in (readings | {GIVEN: (predictions, "partial")}).items():
        name, told = f"{group} images, {reading}", reading if group in (CLEAN, CORRUPTED) else ""
        beside.append(Part.from_replicates(name, difference(*compared)[0], reading=told))
    for name, of_metrics in columns.items():
        if of_metrics:
            given = list(of_metrics.values())

            def partials(of_size: LeftOut, given: list[str] = given) -> np.ndarray:
                return of_size.correlations(given, group, ["partial"])[0].T

            replicates, _ = mean_over_sizes(left_out, partials)
            full = (
                f"{group} images, partial r of {name}{' prediction' * (name != 'attribution')} "
                "diversity"
            )
            quantity = f"r(diversity, accuracy) {GIVEN}"
            beside.append(Part.from_replicates(full, replicates, FISHER, statistic=quantity))
    return part, control, beside, omitted


def _missing(parts: list[Part], units: int, unit: str) -> str:
    if not parts:
        return (
            f"needs at least {ENSEMBLES} ensembles of a size, with attributions that could be "
            "compared"
        )
    if unit == "designs" and units < DESIGNS:
        return f"needs {FAMILIES} families or {DESIGNS} designs; there are {units} designs"
    if np.isfinite([part.error for part in parts]).all():
        return ""
    return f"nothing is left to compare without some {'family' if unit == 'families' else 'design'}"


def _both(
    columns: Columns,
    predictions: Collection[str],
    group: str,
    of_size: LeftOut,
    measure: str = "pearson",
) -> tuple[np.ndarray, np.ndarray]:
    """Fisher's z of correlations of attributions, and of predictions, over the same ensembles; 1 +
    units x metrics."""
    both = of_size.compared(
        list(columns["attribution"].values()), list(predictions), group, measure
    )
    attributions, others = (of_kind.reshape(len(of_kind), -1) for of_kind in both)
    return attributions, others


def _placebo(
    left_out: list[LeftOut],
    tested: dict[str, Columns],
    kind: str,
    members: Sequence[str],
    draws: int,
) -> Placebo:
    """Draws of the parts and of their controls.

    Args:
        tested: set of images -> its columns, as from `_columns`.
        members: members to whose pairs random numbers are assigned.
    """
    drawn = [
        studentised(_of_random_numbers(left_out, columns, kind, group, members, draws), LINEAR)
        for group, columns in tested.items()
    ]
    estimates, errors = (
        np.reshape([of_group[i] for of_group in drawn], (-1, 2, draws)) for i in range(2)
    )
    freedom = np.repeat(drawn[0][2], 2 * len(drawn)).astype(float)
    return Placebo(
        *(of.swapaxes(0, 1).reshape(-1, draws).T for of in (estimates, errors)), freedom, REMOVED
    )


def _beyond_noise(
    beside: list[Part],
    left_out: list[LeftOut],
    tested: dict[str, Columns],
    kind: str,
    members: Sequence[str],
    draws: int,
) -> list[Part]:
    """The statistics beside, those given the members' accuracy with their range on random
    numbers."""
    ranges = {}
    for group, columns in tested.items():
        drawn = _of_random_numbers(left_out, columns, kind, group, members, draws, "partial")
        ranges[f"{group} images, {GIVEN}"] = ends(drawn[0, :draws])
    return [replace(part, noise=ranges.get(part.name, part.noise)) for part in beside]


def _of_random_numbers(
    left_out: list[LeftOut],
    columns: Columns,
    kind: str,
    group: str,
    members: Sequence[str],
    draws: int,
    measure: str = "pearson",
) -> np.ndarray:
    """The statistic and, after it, that of attributions alone, with random numbers for these; (1 +
    units) x 2 draws."""
    attributions, predictions = list(columns["attribution"].values()), list(columns[kind].values())

    def of_comparisons(of_size: LeftOut) -> np.ndarray:
        finite = of_size.ensembles[attributions + predictions].notna().to_numpy()
        both = finite[:, : len(attributions), None] & finite[:, None, len(attributions) :]
        sets, of_comparison = np.unique(both.reshape(len(both), -1), axis=1, return_inverse=True)
        accuracy, given = of_size.accuracies(group)
        own = np.full((sets.shape[1], draws, len(of_size.weights)), np.nan)
        for some, noise in _random_diversities(of_size.ensembles.members, members, draws):
            for index in np.flatnonzero(sets.any(axis=0)):
                has = sets[:, index]
                of_both = noise[:, has], accuracy[has], given[has]
                found = correlations([measure], of_size.weights[:, has], *of_both)
                own[index, some] = FISHER.to(found[measure])
        drawn = own[of_comparison.ravel()].transpose(2, 0, 1)
        others = _both(columns, predictions, group, of_size, measure)[1]
        return np.concatenate([drawn - others[:, :, None], drawn], axis=2)

    return mean_over_sizes(left_out, of_comparisons)[0]


def _random_diversities(
    ensembles: Iterable[str], members: Sequence[str], draws: int
) -> Iterator[tuple[slice, np.ndarray]]:
    """Some draws at a time, and the mean over the pairs of each ensemble of a random number per
    pair; float64 D x E."""
    position = {name: index for index, name in enumerate(members)}
    chosen = np.sort(
        [[position[name] for name in joined.split("+")] for joined in ensembles], axis=1
    )
    random = stream(0, "placebo", "attributions")
    for start in range(0, draws, CHUNK):
        numbers = random.standard_normal((min(CHUNK, draws - start), len(members), len(members)))
        pairs = combinations(chosen.T, 2)
        yield (
            slice(start, start + len(numbers)),
            np.mean([numbers[:, one, other] for one, other in pairs], axis=0),
        )
