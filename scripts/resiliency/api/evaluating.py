"""The corruption report of any classifier that is a function from images to logits or
probabilities."""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import product
from numbers import Integral
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd
from scipy.special import softmax

from resiliency.base.faults import Fault, Progress, brief, expected, short
from resiliency.base.names import CLEAN, CORRUPTED, MAIN, averaged, check_written_alike
from resiliency.base.settings import AUTO
from resiliency.corruptions import engine
from resiliency.corruptions.settings import SEVERITIES, table_for
from resiliency.metrics.classification import (
    ECE_BINS,
    PUBLISHED_ERRORS,
    bin_of,
    calibration_error,
    may_be_probabilities,
    mean_corruption_error,
)
from resiliency.statistics.intervals import share, wilson
from resiliency.statistics.resampling import Units

if TYPE_CHECKING:
    import altair as alt

    from resiliency.data.source import Images

Condition = tuple[str, int]
SLACK = 5e-3  # how far probabilities may sum from 1, as those in 16 bits do
LEAST = 1e-12
MEAN = "all severities"
MEASURES = ["n_images", "error", "error_low", "error_high", "nll", "brier", "ece"]


def evaluate(
    predict: Callable[[np.ndarray], object],
    images: "Images",
    labels: np.ndarray,
    *,
    units: Sequence[object] | None = None,
    corruptions: Sequence[str] = MAIN,
    severities: Sequence[int] = SEVERITIES,
    baseline: "Mapping[str, float] | Evaluation | str | None" = None,
    table: str = AUTO,
    seed: int = 0,
    batch_size: int = 64,
    confidence: float = 0.95,
    progress: bool = True,
) -> "Evaluation":
    """Evaluate a classifier of any framework on clean images and under corruptions.

    Each corrupted batch is made once, while the classifier predicts the one before. Images are
    corrupted alike at any batch size, so that classifiers are compared on the same images.

    Args:
        predict: function from images, uint8 B x H x W x 3, to logits or probabilities B x K, K 2 or
            more: a NumPy array, or a tensor of torch, TensorFlow or JAX. It normalises the images
            itself. Rows of non-negative numbers that sum to 1 are probabilities, all others logits;
            what may be rounded probabilities is refused.
        images: uint8 N x H x W x 3, H and W at least 32: an array, or any object that returns such
            arrays for slices.
        labels: integers N, in 0..K-1.
        units: N numbers or names: images with equal ones, such as frames of one film, are not
            independent, and intervals allow for it; by default all images are independent.
        corruptions: names of some of CORRUPTIONS; by default the 15 of mCE.
        severities: some of the integers 1 to 5.
        baseline: baseline of mCE: its error under each corruption, mean over the severities, by
            name; or another evaluation of the same images at the same severities of the same table
            with the same seed; or "alexnet", whose published errors are for the table "imagenet-c"
            at severities 1 to 5.
        table: the published severity parameters: "cifar-10-c", "imagenet-c" or "auto", the first
            for images of up to 64 pixels.
        seed: seed of the random streams of the corruptions.
        batch_size: number of images in a batch; the last one may have fewer.
        confidence: level of the intervals, between 0 and 1.
        progress: whether to print the progress of the evaluation.

    Returns:
        An Evaluation: printed, it is a report; its attributes are tables and numbers.

    Raises:
        Fault: an argument has another shape, type or range, `predict` fails, or predictions are
            neither logits nor probabilities.

    >>> images = np.random.default_rng(0).integers(0, 256, (20, 32, 32, 3), np.uint8)
    >>> labels = images.mean(axis=(1, 2)).argmax(axis=1)
    >>> brightest = lambda images: images.mean(axis=(1, 2))  # a classifier of three classes
    >>> evaluation = evaluate(
    ...     brightest, images, labels, corruptions=["glass_blur"], severities=[1, 5], progress=False
    ... )
    >>> evaluation.errors[["corruption", "severity", "n_images", "error"]]
       corruption  severity  n_images  error
    0       clean         0        20   0.00
    1  glass_blur         1        20   0.30
    2  glass_blur         5        20   0.35
    """
    if not hasattr(images, "__len__") or not len(images):
        got = "none" if hasattr(images, "__len__") else short(images)
        raise Fault(f"images: {expected('at least one image', got)}")
    first = np.asarray(images[:1])
    # Which refuses images and tables that it cannot use.
    engine.corrupt(first, MAIN[0], 1, table=table, seed=0)
    labels = labels_of(labels, len(images))
    table = table_for(max(first.shape[1:3])) if table == AUTO else table
    conditions = [(CLEAN, 0), *engine.checked_conditions(corruptions, severities)]
    if not isinstance(batch_size, Integral) or batch_size < 1:
        raise Fault(f"batch_size: {expected('a whole number from 1', short(batch_size))}")
    if not isinstance(confidence, int | float) or not 0 < confidence < 1:
        raise Fault(f"confidence: {expected('a number between 0 and 1', short(confidence))}")
    severities = sorted({severity for _, severity in conditions[1:]})
    seen = Seen(table, severities, seed, _digest(images, labels, int(batch_size)))
    baseline = _baseline_errors(baseline, conditions[1:], seen)
    answers = Answers(labels, _units_of(units, len(labels)), conditions)
    bar = Progress(len(conditions) * -(-len(labels) // batch_size), pause=5) if progress else None
    for position, chosen, batch in _batches(
        images, len(labels), int(batch_size), conditions, table, seed
    ):
        try:
            predicted = predict(batch)
        except (Exception, SystemExit) as error:
            raise Fault(f"predict: fails on {len(batch)} images: {brief(error)}") from error
        answers.add(position, chosen, predicted)
        if bar:
            bar.step("batches predicted")
    return evaluation_of(answers, confidence, baseline, seen)


def _batches(
    images: "Images", count: int, size: int, conditions: list[Condition], table: str, seed: int
) -> Iterator[tuple[int, slice, np.ndarray]]:
    """Position of the condition, images and batch, of each batch under each condition; the next one
    in the making."""

    def batch(start: int, position: int) -> tuple[int, slice, np.ndarray]:
        chosen, (name, severity) = slice(start, min(start + size, count)), conditions[position]
        clean = np.asarray(images[chosen])
        if name == CLEAN:
            return position, chosen, clean.copy()  # because the classifier may write into it
        indices = range(chosen.start, chosen.stop)
        return (
            position,
            chosen,
            engine.corrupt(clean, name, severity, table=table, seed=seed, indices=indices),
        )

    first, *jobs = product(range(0, count, size), range(len(conditions)))
    with ThreadPoolExecutor(1) as pool:
        made = pool.submit(batch, *first)
        for job in jobs:
            made, last = pool.submit(batch, *job), made
            yield last.result()
        yield made.result()


def _digest(images: "Images", labels: np.ndarray, size: int) -> str:
    digest = hashlib.sha256(labels.tobytes())
    for start in range(0, len(labels), size):
        digest.update(np.ascontiguousarray(images[start : start + size]).data)
    return digest.hexdigest()


def labels_of(labels: np.ndarray, count: int, classes: int = 2**63) -> np.ndarray:
    """The labels of so many images as int64; a Fault if they are no positions of classes."""
    labels = np.asarray(labels)
    within = labels.dtype.kind in "iu" and (
        not labels.size or 0 <= labels.min() <= labels.max() < classes
    )
    if labels.shape != (count,) or not within:
        got = f"{labels.dtype} of shape {labels.shape}" if within else short(labels.tolist())
        most = f" to {classes - 1}" if classes < 2**63 else ""
        raise Fault(f"labels: {expected(f'{count} integers from 0{most}, one per image', got)}")
    return labels.astype(np.int64)


def _units_of(units: Sequence[object] | None, count: int) -> Units:
    if units is None:
        return Units.single(count)
    named = np.asarray(units)
    if named.shape != (count,) or pd.isna(named).any():
        raise Fault(
            f"units: {expected(f'{count} numbers or names, one per image', short(named.tolist()))}"
        )
    if count > 1 and len(np.unique(named)) < 2:
        raise Fault(
            f"units: {expected('two units or more', 'one')}; number the images that belong together"
        )
    check_written_alike("units", np.unique(named).astype(str).tolist())
    return Units.numbered(named)


def _baseline_errors(
    baseline: object, conditions: list[Condition], seen: "Seen"
) -> dict[str, float] | None:
    """The errors of the baseline by the corruption, of those that mCE counts; of the same
    severities and images."""
    if baseline is None:
        return None
    counting = averaged(dict.fromkeys(name for name, _ in conditions))
    if isinstance(baseline, str):
        if baseline not in PUBLISHED_ERRORS:
            raise Fault(
                "baseline: "
                f"{expected('alexnet, an evaluation, or errors by corruption', short(baseline))}"
            )
        if seen.table != "imagenet-c" or seen.severities != list(SEVERITIES):
            here = f"{seen.table} at {short(seen.severities)}"
            raise Fault(
                f"baseline: {baseline}: {expected('table imagenet-c and severities 1 to 5', here)}"
            )
        baseline = PUBLISHED_ERRORS[baseline]
    elif isinstance(baseline, Evaluation):
        for name, own, theirs in zip(seen._fields, seen, baseline.seen, strict=True):
            if own != theirs:
                of_images = "one on the same images and labels", "others"
                told = of_images if name == "digest" else (f"one with {name} {own}", theirs)
                raise Fault(f"baseline: {expected(*told)}; evaluate both alike")
        baseline = baseline.by_corruption.set_index("corruption").error.to_dict()
    errors = dict(pd.Series(baseline, dtype=object))
    for name in counting:
        error = errors.get(name)
        if not isinstance(error, int | float | np.number) or not 0 <= error <= 1:
            got = "none" if error is None else short(error)
            raise Fault(f"baseline: {expected(f'an error from 0 to 1 under {name}', got)}")
    return {name: float(errors[name]) for name in counting}


class Seen(NamedTuple):
    """The images, severity table and seed with which a classifier was evaluated.

    Attributes:
        table, severities: the published severity parameters, and those of the corruptions,
            ascending.
        seed: seed of the corruptions.
        digest: SHA-256 of the images and their labels, hexadecimal.
    """

    table: str
    severities: list[int]
    seed: int
    digest: str


class Answers:
    """Correctness, confidence and losses on N images under C conditions.

    Attributes:
        labels: int64 N.
        units: units of the images.
        conditions: corruption and severity of each condition.
        kind: "logits" or "probabilities", by the first batch; None before it.
        classes: number of classes, K; None before the first batch.
        errors, confidence, nll, brier: float32 C x N each.
    """

    def __init__(self, labels: np.ndarray, units: Units, conditions: list[tuple[str, int]]):
        self.labels, self.units, self.conditions = labels, units, conditions
        self.kind: str | None = None
        self.classes: int | None = None
        shape = len(conditions), len(labels)
        self.errors, self.confidence, self.nll, self.brier = (
            np.empty(shape, np.float32) for _ in range(4)
        )

    def add(self, condition: int, chosen: slice, predicted: object) -> None:
        """Keep the answers to the `chosen` images, as predicted, under the condition at a
        position."""
        labels = self.labels[chosen]
        probabilities = self.probabilities(predicted, len(labels))
        of_label = probabilities[np.arange(len(labels)), labels]
        self.errors[condition, chosen] = probabilities.argmax(axis=1) != labels
        self.confidence[condition, chosen] = probabilities.max(axis=1)
        self.nll[condition, chosen] = -np.log(np.maximum(of_label, LEAST))
        self.brier[condition, chosen] = np.square(probabilities).sum(axis=1) - 2 * of_label + 1

    def probabilities(self, predicted: object, images: int) -> np.ndarray:
        """Probabilities, float64 B x K, of predictions of so many images; their kind is kept.

        Raises:
            Fault: `predicted` is not an array B x K of finite numbers, may be logits or
                probabilities, has another kind or number of classes than before, or a label is not
                among the classes.
        """
        values = _as_array(predicted)
        if (
            values.ndim != 2
            or len(values) != images
            or values.shape[1] < 2
            or values.dtype.kind not in "fiu"
        ):
            shape = f"({images}, {self.classes or 'classes'})"
            hint = (
                "; return the first output of the list"
                if isinstance(predicted, list | tuple)
                else ""
            )
            got = f"{values.dtype} of shape {values.shape}"
            raise Fault(f"predict: {expected(f'numbers of shape {shape}', got)}{hint}")
        wrong = ~np.isfinite(values).all(axis=1)
        if wrong.any():
            raise Fault(f"predict: NaN or infinity for {wrong.sum():,} of {images:,} images")
        values = values.astype(np.float64)
        sums = values.sum(axis=1)
        kind = (
            "probabilities" if (values >= 0).all() and (abs(sums - 1) < SLACK).all() else "logits"
        )
        if kind == "logits" and may_be_probabilities(values):
            got = f"no negative number and rows that sum to {sums.max():.4g} at most"
            remedy = "divide probabilities by their sums, or subtract 1 from logits"
            raise Fault(f"predict: {expected('probabilities or logits', got)}; {remedy}")
        self.kind, self.classes = self.kind or kind, self.classes or values.shape[1]
        if values.shape[1] != self.classes:
            raise Fault(
                f"predict: {expected(f'{self.classes} classes as before', values.shape[1])}"
            )
        if self.labels.max() >= self.classes:
            raise Fault(
                "labels: "
                f"{expected(f'at most {self.classes - 1}, the last class', self.labels.max())}"
            )
        if kind != self.kind:
            raise Fault(
                f"predict: {expected(f'{self.kind} for all batches', f'{kind} for one')}; return "
                "one kind"
            )
        return values / sums[:, None] if kind == "probabilities" else softmax(values, axis=1)


def _as_array(values: Any) -> np.ndarray:
    """An array or a tensor of any framework as an array of its type, of bfloat16 as float32."""
    # A tensor of torch, perhaps on a GPU and in bfloat16, which NumPy lacks.
    if hasattr(values, "detach"):
        values = values.detach().cpu()
        values = values.float() if values.is_floating_point() else values
    try:
        if isinstance(values, np.ma.MaskedArray):
            raise TypeError  # NumPy would take what is under the mask
        return np.asarray(values)
    except Exception as error:
        raise Fault(f"predict: {expected('an array or tensor', type(values).__name__)}") from error


@dataclass(frozen=True, repr=False)
class Evaluation:
    """Errors and calibration of a classifier on clean images and under corruptions; printed, a
    report of them.

    Errors, shares and ends of intervals are in 0..1; NLL is in nats, 0 or more; the Brier score is
    in 0..2; ECE, the expected calibration error in 15 bins, is in 0..1.

    Attributes:
        errors: a row per condition, clean first: corruption, severity (0 if clean), n_images, error
            with error_low and error_high (Wilson), nll, brier and ece.
        by_corruption: a row per corruption: corruption, error (mean over severities), ce (the error
            divided by the baseline's; NaN without a baseline, if it makes no error, or if mCE does
            not count the corruption).
        summary: rows clean and corrupted (all conditions, but of extra corruptions only if there
            are no others): n_images, error with its ends (Wilson's, by the variance over units),
            nll, brier and ece (over all answers).
        mce: mean of ce over the corruptions of mCE; NaN without a baseline.
        outputs: "logits" or "probabilities", which the classifier returned.
        confidence: level of the intervals, between 0 and 1.
        seen: what the classifier was evaluated with; see `Seen`.
    """

    errors: pd.DataFrame
    by_corruption: pd.DataFrame
    summary: pd.DataFrame
    mce: float
    outputs: str
    confidence: float
    seen: Seen

    def to_frame(self) -> pd.DataFrame:
        """All numbers as one table.

        Returns:
            A row per condition, clean first, as in `errors`; then a row per corruption, whose
            severity is missing, with the mean over severities; then the row `corrupted` with the
            mean over corruptions. The column `ce` has the CE of each corruption and, in the last
            row, mCE. What a row has no value of is missing.
        """
        rows = [self.errors, self.by_corruption]
        if CORRUPTED in self.summary.index:
            rows.append(self.summary.loc[[CORRUPTED]].assign(corruption=CORRUPTED, ce=self.mce))
        return pd.concat(rows, ignore_index=True).astype({"severity": "Int64", "n_images": "Int64"})

    def to_csv(self, path: str | Path) -> None:
        """Write the table of `to_frame` as CSV, with eight significant digits."""
        self.to_frame().to_csv(path, index=False, float_format="%.8g")

    def plot(self) -> "alt.TopLevelMixin":
        """Draw the errors as the report does: a row per severity, after their mean, and a column
        per corruption.

        Returns:
            A chart of altair, which notebooks show; its method `save` writes HTML, SVG or PNG.
        """
        from resiliency.report.charts.deployment import error_panels
        from resiliency.report.style import finish

        order = [
            MEAN,
            *(f"severity {severity}" for severity in sorted(self.errors.severity[1:].unique())),
        ]
        lines = [
            *(self._line(name) for name in self.summary.index),
            f"In %, {self.errors.n_images[0]:,} images",
        ]
        of_conditions = self.errors[1:].assign(
            row="severity " + self.errors.severity[1:].astype(str)
        )
        counting = of_conditions[
            of_conditions.corruption.isin(averaged(list(self.by_corruption.corruption)))
        ]
        means = counting.groupby("row", as_index=False).error.mean().assign(corruption="mean")
        overall = (
            self.summary.error.rename_axis("corruption").rename({CORRUPTED: "mean"}).reset_index()
        )
        whole = pd.concat([overall, self.by_corruption]).assign(row=MEAN)
        cells = pd.concat([of_conditions, means, whole]).rename(columns={"corruption": "column"})
        return finish(error_panels(cells, order), "Top-1 error under each corruption", lines)

    def __str__(self) -> str:
        table = self.errors[1:].pivot(index="corruption", columns="severity", values="error")
        table = table.loc[list(self.by_corruption.corruption)]
        table["mean"] = self.by_corruption.error.to_numpy()
        lines = [f"outputs: {self.outputs}", *(self._line(name) for name in self.summary.index)]
        if not np.isnan(self.mce):
            lines.append(f"mCE {100 * self.mce:.1f}%")
            table["CE"] = self.by_corruption.ce.to_numpy()
        if len(table):
            shown = table.map(lambda share: "" if np.isnan(share) else f"{100 * share:.1f}")
            lines += [
                "",
                "Error in % by severity:",
                shown.rename_axis(None).rename_axis(None, axis=1).to_string(),
            ]
        return "\n".join(lines)

    __repr__ = __str__

    def _line(self, name: str) -> str:
        row = self.summary.loc[name]
        ends = f"({self.confidence:.0%} CI {100 * row.error_low:.1f}–{100 * row.error_high:.1f})"
        return (
            f"{name}: error {100 * row.error:.1f}% {ends}, ECE {100 * row.ece:.1f}%, "
            f"NLL {row.nll:.3f}, Brier {row.brier:.3f}"
        )


def evaluation_of(
    answers: Answers, confidence: float, baseline: dict[str, float] | None, seen: Seen
) -> Evaluation:
    """The evaluation of `answers` to `seen` images; `baseline` has the error under each corruption
    that mCE counts."""
    corruptions, severities = zip(*answers.conditions, strict=True)
    rows = [_measures(answers, slice(place, place + 1)) for place in range(len(corruptions))]
    errors = pd.DataFrame({"corruption": corruptions, "severity": severities}).join(
        pd.DataFrame(rows)
    )
    effective = answers.units.effective(answers.units.sums(answers.errors), confidence)
    errors["error_low"], errors["error_high"] = wilson(
        errors.error.to_numpy(), effective, confidence
    ).ends
    errors = errors[["corruption", "severity", *MEASURES]]
    means = errors[1:].groupby("corruption", sort=False).error.mean()
    known = pd.Series(baseline or {}, dtype=float).reindex(means.index)
    by_corruption = pd.DataFrame(
        {"error": means, "ce": means / known.where(known > 0)}
    ).reset_index()
    of_mce = averaged(list(means.index))
    mce = (
        mean_corruption_error(means[of_mce].to_numpy(), known[of_mce].to_numpy())
        if of_mce
        else np.nan
    )
    summary = errors.loc[[0], MEASURES].set_axis([CLEAN])
    if len(errors) > 1:
        counting = np.flatnonzero(errors.corruption.isin(of_mce))
        row, mean = _measures(answers, counting), answers.errors[counting].mean(axis=0, dtype=float)
        row |= share(mean, answers.units, confidence).columns("error", row["error"])
        summary = pd.concat([summary, pd.DataFrame([row], index=[CORRUPTED])[MEASURES]])
    return Evaluation(
        errors, by_corruption, summary, float(mce), str(answers.kind), confidence, seen
    )


def _measures(answers: Answers, conditions: slice | np.ndarray) -> dict[str, float]:
    """Images, and means over all answers under some conditions."""
    errors, confidence = (
        answers.errors[conditions],
        answers.confidence[conditions].astype(np.float64).ravel(),
    )
    bins = bin_of(confidence)
    sums = (
        np.bincount(bins, weights, ECE_BINS) for weights in (None, 1 - errors.ravel(), confidence)
    )
    means = {
        name: getattr(answers, name)[conditions].mean(dtype=float) for name in ("nll", "brier")
    }
    ece = calibration_error(np.stack(list(sums)))
    return {"n_images": errors.shape[1], "error": errors.mean(dtype=float), **means, "ece": ece}
