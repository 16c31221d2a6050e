"""Correlation of ensemble diversity with ensemble accuracy, with intervals that leave out a member at a time."""

from collections.abc import Callable, Iterator

import numpy as np
import pandas as pd

from resiliency.analysis.left_out import LeftOut
from resiliency.base.names import INDEPENDENT, design_of, diversity_of
from resiliency.diversity.metrics import ENSEMBLE_METRICS
from resiliency.metrics.classification import images_of
from resiliency.statistics.correlation import MEASURES, independent_interval
from resiliency.statistics.jackknife import FISHER, holm, in_groups, jackknife_interval, p_value

TESTED = ["low", "high", "confidence", "p_value", "p_holm", "members"]
GROUP = ["rule", "size", "condition", "measure"]
CORRELATIONS = [*GROUP, "kind", "metric", "correlation", *TESTED]
CORRELATIONS += ["design_low", "design_high", "naive_low", "naive_high", "width_ratio", "ensembles", "possible"]
DIFFERENCES = [*GROUP, "attribution", "prediction", "difference", *TESTED]


def diversity_columns(pairs: pd.DataFrame, condition: str) -> dict[str, tuple[str, str]]:
    """Column -> (kind, metric) of the diversities of pairs that go with accuracy on `condition`.

    Prediction diversity is taken on the same images as the accuracy; attributions and activations on clean probes.
    """
    return {
        f"{metric}_{condition if kind == 'prediction' else 'clean'}": (kind, metric)
        for kind, metric in zip(pairs["kind"], pairs["metric"], strict=True)
    }


def _all_columns(ensembles: pd.DataFrame, pairs: pd.DataFrame, condition: str) -> dict[str, tuple[str, str]]:
    """The same with the metrics of whole ensembles that `ensembles` has."""
    columns = {diversity_of(name, condition): (metric.kind, name) for name, metric in ENSEMBLE_METRICS.items()}
    return diversity_columns(pairs, condition) | {c: names for c, names in columns.items() if c in ensembles}


def _groups(
    ensembles: pd.DataFrame, by_corruption: pd.DataFrame, unit: Callable[[str], str] = str
) -> Iterator[tuple[dict, LeftOut]]:
    """Rule and size, and the ensembles of independent members of each.

    A member, or the unit that it belongs to, is left out at a time; of very many a group of them.
    """
    pool = ensembles[ensembles.origin == INDEPENDENT]
    units = in_groups(unit(member) for names in pool.members.unique() for member in names.split("+"))
    for (rule, size), group in pool.groupby(["rule", "size"], sort=False):
        rows = group.merge(by_corruption, on="members", how="left")
        yield {"rule": rule, "size": size}, LeftOut(rows, lambda member: units[unit(member)])


def correlation_table(
    ensembles: pd.DataFrame, by_corruption: pd.DataFrame, pairs: pd.DataFrame, confidence: float
) -> pd.DataFrame:
    """The rows of correlations.csv: one per rule, size, condition, metric and measure.

    Intervals and p-values leave out a member at a time, or of more than 200 members one of 100 groups. The interval of
    designs leaves out a design with all its seeds (of more than 200 designs, groups), because similar seeds are no
    independent evidence.

    Args:
        ensembles: ensembles.parquet; only those of independent members count.
        by_corruption: by_corruption.parquet.
        pairs: the table of pairs.
        confidence: of the intervals.

    Returns:
        `CORRELATIONS`, as docs/tables.md describes them.
    """
    corruptions = images_of(by_corruption)
    rows = []
    of_designs = _groups(ensembles, by_corruption, design_of)
    for (key, left_out), (_, without_designs) in zip(_groups(ensembles, by_corruption), of_designs, strict=True):
        everything = np.vstack([left_out.weights, without_designs.weights[1:]])
        members = len(left_out.weights)
        key |= {"possible": left_out.ensembles.possible.iloc[0], "members": len(left_out.members)}
        for condition in images_of(ensembles) + corruptions:
            columns = _all_columns(left_out.ensembles, pairs, condition)
            has = left_out.ensembles[list(columns)].notna().to_numpy()
            counts, effective = has.sum(axis=0), _effective_counts(has, left_out.weights[0])
            for measure in MEASURES:
                values = left_out.correlations(list(columns), condition, measure, everything)
                each = zip(columns.values(), counts, effective, values, strict=True)
                for (kind, metric), count, independent, replicates in each:
                    r, of_members, rest = replicates[0], replicates[:members], replicates[members:]
                    low, high = jackknife_interval(of_members, confidence, FISHER)
                    design_low, design_high = jackknife_interval(np.append(r, rest), confidence, FISHER)
                    naive_low, naive_high = independent_interval(measure, r, independent, confidence)
                    row = key | {"condition": condition, "measure": measure, "kind": kind, "metric": metric}
                    row |= {"correlation": r, "low": low, "high": high, "p_value": p_value(of_members, FISHER)}
                    row |= {"design_low": design_low, "design_high": design_high}
                    row |= {"naive_low": naive_low, "naive_high": naive_high}
                    row |= {"width_ratio": (high - low) / (naive_high - naive_low), "ensembles": count}
                    rows.append(row)
    return _with_p_holm(rows, CORRELATIONS, confidence)


def _effective_counts(chosen: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """How many ensembles of equal weight say as much as the chosen ones: (sum w)^2 / sum w^2 (Kish 1965).

    Args:
        chosen: bool E x C.
        weights: float E.

    Returns:
        float64 C; 0 where none is chosen.
    """
    squares = np.square(weights) @ chosen
    return np.divide((weights @ chosen) ** 2, squares, out=np.zeros_like(squares), where=squares > 0)


def difference_table(
    ensembles: pd.DataFrame, by_corruption: pd.DataFrame, pairs: pd.DataFrame, confidence: float
) -> pd.DataFrame:
    """The rows of correlation_differences.csv: r(attribution diversity, accuracy) - r(prediction diversity, accuracy).

    A row per rule, size, condition (clean, corrupted or a further test set) and pair of metrics, over the ensembles
    that have both, as observation 2 has it of means; columns `DIFFERENCES`. p_holm is corrected for all pairs of
    metrics of one rule, size and condition.
    """
    rows = []
    for key, left_out in _groups(ensembles, by_corruption):
        for condition in images_of(ensembles):
            columns = _all_columns(left_out.ensembles, pairs, condition)
            of_kind = {
                wanted: {metric: column for column, (kind, metric) in columns.items() if kind == wanted}
                for wanted in ("attribution", "prediction")
            }
            attributions, predictions = of_kind.values()
            values = left_out.differences(list(attributions.values()), list(predictions.values()), condition)
            for i, attribution in enumerate(attributions):
                for j, prediction in enumerate(predictions):
                    replicates = values[:, i, j]
                    low, high = jackknife_interval(replicates, confidence)
                    row = key | {"condition": condition, "measure": "pearson"}
                    row |= {"attribution": attribution, "prediction": prediction, "difference": replicates[0]}
                    row |= {"low": low, "high": high, "p_value": p_value(replicates), "members": len(left_out.members)}
                    rows.append(row)
    return _with_p_holm(rows, DIFFERENCES, confidence)


def narrowness(table: pd.DataFrame) -> str:
    """How much too narrow intervals are that take ensembles for independent, in words; "" where no interval is known.

    Args:
        table: correlations.csv.
    """
    ratios = table[table["measure"] == "pearson"].groupby("size")["width_ratio"].median().dropna()
    factors = ", ".join(f"{ratio:.1f} times for {size} members" for size, ratio in ratios.items())
    return f"Intervals that take ensembles for independent would be too narrow: {factors} (medians)" if factors else ""


def _with_p_holm(rows: list[dict], columns: list[str], confidence: float) -> pd.DataFrame:
    """The table of `rows` with p_holm: tests of one `GROUP` are a family."""
    table = pd.DataFrame(rows, columns=columns)
    table["confidence"] = confidence
    table["p_holm"] = table.groupby(GROUP, sort=False)["p_value"].transform(lambda values: holm(values.to_numpy()))
    return table
