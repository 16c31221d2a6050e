"""Correlation of ensemble diversity with ensemble accuracy, with intervals that resample members."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from resiliency.analysis.bootstrap import (
    ensemble_weights,
    interval,
    resampled_counts,
    weighted_pearson,
    weighted_ranks,
)
from resiliency.analysis.effect_size import weighted_cliffs_delta
from resiliency.diversity.metrics import ENSEMBLE_METRICS
from resiliency.diversity.settings import MAIN

BLOCK_VALUES = 2**22


class Resamples:
    """Ensembles of one size, and weights of them in bootstrap resamples of the members they are formed of.

    Args:
        ensembles: rows of ensembles.parquet of one size and rule, all of independent members.
        resamples: number of resamples.
        seed: of the study.
    """

    def __init__(self, ensembles: pd.DataFrame, resamples: int, seed: int):
        lists = ensembles.members.str.split("+")
        members = sorted({member for names in lists for member in names})
        index = {member: i for i, member in enumerate(members)}
        self.ensembles = ensembles
        self.members = len(members)
        self._combinations = np.array([[index[member] for member in names] for names in lists])
        drawn = resampled_counts(self.members, resamples, seed, "members")
        self._counts = np.vstack([np.ones((1, self.members), int), drawn])

    def correlations(self, columns: list[str], accuracy: str, measure: str) -> np.ndarray:
        """Correlation of each of `columns` with `accuracy`: (1 + resamples) x columns, the actual members first.

        Ensembles that lack a column, since no pair of their members could be measured, do not count for it.

        Args:
            measure: `pearson` or `spearman`.
        """
        x = self.ensembles[columns].to_numpy(np.float64).T
        known = np.isfinite(x)
        y = self.ensembles[accuracy].to_numpy(np.float64)
        parts = []
        for weights in self._weights():
            of_all = _ranked(weights, y, measure)
            found = np.full((len(weights), len(columns)), np.nan)
            for column, (values, k) in enumerate(zip(x, known, strict=True)):
                some, of_accuracy = weights, of_all
                if not k.all():
                    some = weights[:, k]
                    of_accuracy = _ranked(some, y[k], measure)
                if k.any():
                    found[:, column] = weighted_pearson(some, _ranked(some, values[k], measure), of_accuracy)
            parts.append(found)
        return np.concatenate(parts)

    def between(self, column: str, one: pd.Series) -> np.ndarray:
        """Cliff's delta of `column` of the other ensembles against those where `one` holds: 1 + resamples."""
        values = self.ensembles[column].to_numpy(np.float64)
        one, other = (chosen.to_numpy() & np.isfinite(values) for chosen in (one, ~one))
        deltas = [weighted_cliffs_delta(values[other], values[one], w[:, other], w[:, one]) for w in self._weights()]
        return np.concatenate(deltas)

    def _weights(self) -> Iterator[np.ndarray]:
        block = max(1, BLOCK_VALUES // len(self._combinations))
        for start in range(0, len(self._counts), block):
            yield ensemble_weights(self._counts[start : start + block], self._combinations)


def _ranked(weights: np.ndarray, values: np.ndarray, measure: str) -> np.ndarray:
    """What Pearson's correlation is taken of: `values`, or for `spearman` their ranks under each row of weights."""
    return weighted_ranks(weights, values) if measure == "spearman" else values


def main_diversity_columns(pairs: pd.DataFrame, condition: str) -> dict[str, tuple[str, str]]:
    """Those of `diversity_columns` that observations are about: the metrics in `MAIN`, fixed before data are seen."""
    columns = diversity_columns(pairs, condition)
    return {column: (kind, metric) for column, (kind, metric) in columns.items() if metric in MAIN}


def diversity_columns(pairs: pd.DataFrame, condition: str) -> dict[str, tuple[str, str]]:
    """Column of ensembles.parquet -> (kind, metric) of the diversities of pairs that go with accuracy on `condition`.

    Prediction diversity is taken on the same images as the accuracy; attributions and activations on clean probes.
    """
    metrics = pairs[["kind", "metric"]].drop_duplicates()
    return {
        f"{row.metric}_{condition if row.kind == 'prediction' else 'clean'}": (row.kind, row.metric)
        for row in metrics.itertuples()
    }


def _of_ensembles(ensembles: pd.DataFrame, condition: str) -> dict[str, tuple[str, str]]:
    """The same of the metrics of whole ensembles that `ensembles` has."""
    columns = {f"{metric}_{condition}": ("prediction", metric) for metric in ENSEMBLE_METRICS}
    return {column: known for column, known in columns.items() if column in ensembles}


def correlation_table(
    ensembles: pd.DataFrame, pairs: pd.DataFrame, resamples: int, confidence: float, seed: int
) -> pd.DataFrame:
    """The rows of correlations.csv: rule, size, condition, kind, metric, measure, correlation and its interval.

    `ensembles` are those that have the metric, `possible` all that could be formed of the members at that size.

    Args:
        ensembles: ensembles.parquet; only those of independent members count.
        pairs: the table of pairs.
        resamples, confidence: of the bootstrap over members.
        seed: of the study.
    """
    rows = []
    pool = ensembles[ensembles.origin == "independent"]
    for (rule, size), group in pool.groupby(["rule", "size"], sort=False):
        resampled = Resamples(group, resamples, seed)
        for condition in ("clean", "corrupted"):
            columns = diversity_columns(pairs, condition) | _of_ensembles(group, condition)
            for measure in ("pearson", "spearman"):
                values = resampled.correlations(list(columns), f"{condition}_accuracy", measure)
                known = {metric: group[column].notna().sum() for column, (_, metric) in columns.items()}
                for (kind, metric), of_metric in zip(columns.values(), values.T, strict=True):
                    low, high = interval(of_metric[1:], confidence)
                    rows.append(
                        {
                            "rule": rule,
                            "size": size,
                            "condition": condition,
                            "kind": kind,
                            "metric": metric,
                            "measure": measure,
                            "correlation": of_metric[0],
                            "low": low,
                            "high": high,
                            "confidence": confidence,
                            "ensembles": int(known[metric]),
                            "possible": group.possible.iloc[0],
                            "members": resampled.members,
                        }
                    )
    return pd.DataFrame(rows)
