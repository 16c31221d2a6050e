"""Scores of single members: accuracy, calibration and resiliency, with intervals that resample images."""

import numpy as np
import pandas as pd
from scipy.stats import binomtest

from resiliency.analysis.bootstrap import interval, resampled_counts
from resiliency.metrics.classification import (
    ECE_BINS,
    brier_score,
    confidence_bins,
    expected_calibration_error,
    negative_log_likelihood,
    softmax,
)
from resiliency.metrics.resiliency import ALEXNET_ERRORS, mean_corruption_error, relative_mean_corruption_error


class Scorer:
    """Scores members on the same test images, against the same baseline.

    Args:
        conditions: the table of conditions (condition, corruption, severity), clean first.
        labels: int64 N.
        baseline: logits float16 C x N x K of the baseline, or None for AlexNet's published errors.
        resamples, confidence: of the bootstrap over images.
        seed: of the study.
    """

    def __init__(
        self,
        conditions: pd.DataFrame,
        labels: np.ndarray,
        baseline: np.ndarray | None,
        resamples: int,
        confidence: float,
        seed: int,
    ):
        self.conditions, self.labels, self.confidence = conditions, labels, confidence
        self.corruptions = list(conditions.corruption.iloc[1:].unique())
        counts = resampled_counts(len(labels), resamples, seed, "images")
        self.weights = np.vstack([np.ones(len(labels)), counts]) / len(labels)
        if baseline is None:
            self.baseline, self.baseline_clean = np.array([[ALEXNET_ERRORS[c] for c in self.corruptions]]), np.nan
        else:
            wrong = self._wrong(baseline)
            self.baseline, self.baseline_clean = self._resampled(wrong), wrong[0].mean()

    def errors(self, logits: np.ndarray) -> pd.DataFrame:
        """Top-1 error under each condition: a row per condition (corruption, severity, images, error)."""
        table = self.conditions[["corruption", "severity"]].copy()
        table["images"] = len(self.labels)
        table["error"] = self._wrong(logits).mean(axis=1)
        return table

    def calibration(self, logits: np.ndarray) -> pd.DataFrame:
        """Confidence against accuracy: a row per bin of confidence that holds images, clean and corrupted.

        Returns:
            Columns images (clean, or corrupted, which pools all corrupted conditions), bin_low, bin_high (of
            confidence), predictions (their number), confidence and accuracy (their means).
        """
        bins = np.array([confidence_bins(softmax(values), self.labels) for values in logits])
        edges = np.arange(ECE_BINS + 1) / ECE_BINS
        parts = []
        for name, (count, right, confidence) in {"clean": bins[0], "corrupted": bins[1:].sum(axis=0)}.items():
            shown = count > 0
            columns = {"bin_low": edges[:-1], "bin_high": edges[1:], "predictions": count.astype(int)}
            columns |= {"confidence": confidence / np.maximum(count, 1), "accuracy": right / np.maximum(count, 1)}
            parts.append(pd.DataFrame({"images": name} | {key: values[shown] for key, values in columns.items()}))
        return pd.concat(parts, ignore_index=True)

    def scores(self, logits: np.ndarray) -> dict[str, float]:
        """All scores of a member with `logits` (float16 C x N x K), under the names of the columns of members.csv."""
        wrong = self._wrong(logits)
        errors = self._resampled(wrong)
        right = int((~wrong[0]).sum())
        accuracy = binomtest(right, len(self.labels)).proportion_ci(self.confidence, method="wilson")
        return {
            "clean_accuracy": right / len(self.labels),
            "clean_accuracy_low": accuracy.low,
            "clean_accuracy_high": accuracy.high,
            **self._with_interval("mean_corruption_error", errors.mean(axis=1)),
            **self._with_interval("mce", mean_corruption_error(errors, self.baseline)),
            "relative_mce": float(
                relative_mean_corruption_error(errors[0], wrong[0].mean(), self.baseline[0], self.baseline_clean)
            ),
            "confidence": self.confidence,
            **self._probability_scores(logits),
        }

    def _wrong(self, logits: np.ndarray) -> np.ndarray:
        return logits.argmax(axis=-1) != self.labels

    def _resampled(self, wrong: np.ndarray) -> np.ndarray:
        """Error per corruption over severities: float64 (1 + resamples) x corruptions, the actual images first."""
        by_image = np.stack([wrong[self.conditions.corruption == name].mean(axis=0) for name in self.corruptions])
        return self.weights @ by_image.T

    def _with_interval(self, name: str, values: np.ndarray) -> dict[str, float]:
        low, high = interval(values[1:], self.confidence)
        return {name: float(values[0]), f"{name}_low": low, f"{name}_high": high}

    def _probability_scores(self, logits: np.ndarray) -> dict[str, float]:
        scores = {"nll": negative_log_likelihood, "brier": brier_score, "ece": expected_calibration_error}
        values = np.array([[score(p, self.labels) for score in scores.values()] for p in map(softmax, logits)])
        clean, corrupted = values[0], values[1:].mean(axis=0)
        return {f"clean_{name}": float(value) for name, value in zip(scores, clean, strict=True)} | {
            f"corrupted_{name}": float(value) for name, value in zip(scores, corrupted, strict=True)
        }
