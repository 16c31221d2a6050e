"""Scores of single members: accuracy, calibration and resiliency, with intervals that resample images."""

from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.stats import binomtest

from resiliency.analysis.bootstrap import interval, resampled_counts
from resiliency.metrics.classification import (
    ECE_BINS,
    brier_score,
    calibration_error,
    confidence_bins,
    negative_log_likelihood,
    softmax,
)
from resiliency.metrics.resiliency import ALEXNET_ERRORS, mean_corruption_error, relative_mean_corruption_error

LOSSES = ("nll", "brier", "ece")


class Scored(NamedTuple):
    """What is known of a member.

    Attributes:
        scores: all scores, under the names of the columns of members.csv.
        errors: top-1 error, a row per condition (corruption, severity, images, error).
        calibration: confidence against accuracy, a row per bin of confidence that holds images: columns images (clean,
            or corrupted, which pools all corrupted conditions), bin_low, bin_high (of confidence), predictions (their
            number), confidence and accuracy (their means).
    """

    scores: dict[str, float]
    errors: pd.DataFrame
    calibration: pd.DataFrame


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

    def score(self, logits: np.ndarray) -> Scored:
        """All of a member with `logits` (float16 C x N x K); probabilities are formed a condition at a time."""
        wrong, bins, losses = self._wrong(logits), [], []
        for probabilities in map(softmax, logits):
            bins.append(confidence_bins(probabilities, self.labels))
            proper = [loss(probabilities, self.labels) for loss in (negative_log_likelihood, brier_score)]
            losses.append([*proper, calibration_error(bins[-1])])
        scores = self._rates(wrong) | _means_of_losses(np.array(losses))
        return Scored(scores, self._errors(wrong), _calibration(bins))

    def _errors(self, wrong: np.ndarray) -> pd.DataFrame:
        table = self.conditions[["corruption", "severity"]].copy()
        table["images"] = len(self.labels)
        table["error"] = wrong.mean(axis=1)
        return table

    def _rates(self, wrong: np.ndarray) -> dict[str, float]:
        """Accuracy and resiliency, from bool C x N."""
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


def _means_of_losses(losses: np.ndarray) -> dict[str, float]:
    """`LOSSES` of clean images, and their means over the corrupted conditions, from float C x 3."""
    parts = {"clean": losses[0], "corrupted": losses[1:].mean(axis=0)}
    return {f"{images}_{n}": float(v) for images, part in parts.items() for n, v in zip(LOSSES, part, strict=True)}


def _calibration(bins: list[np.ndarray]) -> pd.DataFrame:
    edges = np.arange(ECE_BINS + 1) / ECE_BINS
    parts = []
    for name, (count, right, confidence) in {"clean": bins[0], "corrupted": np.sum(bins[1:], axis=0)}.items():
        shown = count > 0
        columns = {"bin_low": edges[:-1], "bin_high": edges[1:], "predictions": count.astype(int)}
        columns |= {"confidence": confidence / np.maximum(count, 1), "accuracy": right / np.maximum(count, 1)}
        parts.append(pd.DataFrame({"images": name} | {key: values[shown] for key, values in columns.items()}))
    return pd.concat(parts, ignore_index=True)
