"""Test images that come in groups, such as frames of tracks, and what the tables report of them;
see interval_coverage.

Each image answers as the first of its group does with a probability of sqrt(.4), else on its own:
whatever is measured has an intraclass correlation of .4, and the expectation that it has over
independent images. *Naive* is the same function told that each image is a unit of its own.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.special import expit, log_softmax
from simulated_correlations import CONFIDENCE, Case, Interval

from resiliency.analysis.assessment import selective_rows, shares_at
from resiliency.analysis.coincident_failures import ceiling_table
from resiliency.analysis.compared_members import rank_rows
from resiliency.analysis.contenders import class_error, under_corruptions
from resiliency.analysis.deployment import differences, drawn_errors
from resiliency.analysis.judging import Judged, Resampled, Said, Sums
from resiliency.analysis.member_tables import Scorer
from resiliency.analysis.without_images import GROUPS, image_groups
from resiliency.api.evaluating import Answers, Seen, evaluation_of
from resiliency.base.names import CLEAN, CORRUPTED
from resiliency.base.streams import stream
from resiliency.ensembles.pool import EnsembleErrors
from resiliency.metrics.classification import accuracies
from resiliency.prediction.reading import Predictions, Truth, all_conditions
from resiliency.statistics.intervals import POSITIVE, bootstrap, jackknife
from resiliency.statistics.resampling import Resampling, Units

CORRELATION, SIZE, UNITS = 0.4, 5, 100
MEMBERS, SEVERITIES = 3, 3
IMAGES = SIZE * UNITS
GROUPED, ALONE = Units.numbered(np.arange(IMAGES) // SIZE), Units.single(IMAGES)
CONDITIONS = all_conditions(["fog"], list(range(1, SEVERITIES + 1)), {CLEAN: IMAGES}, {CLEAN: 2})
# Times the resamples of other rows: as many as a study has, for quantiles of few are too near the
# middle.
FINER = 5
LABELS, SEEN = np.zeros(IMAGES, int), Seen("imagenet-c", [1], 0, "")


class Drawn(NamedTuple):
    """Margins of the answers of members to images, wrong where they are positive; float members x
    conditions x N."""

    margins: np.ndarray

    @property
    def wrong(self) -> np.ndarray:
        return self.margins > 0

    def predictions(self, units: Units) -> list[Predictions]:
        """Of two classes, of which the first is right."""
        logits = np.stack([-self.margins, self.margins], axis=-1).astype(np.float32)
        return [
            Predictions(CONDITIONS, {CLEAN: of}, {CLEAN: Truth(LABELS, None, units)})
            for of in logits
        ]


def independent(random: np.random.Generator, n_images: int) -> np.ndarray:
    """Margins to images of which some are hard for all members and under all conditions."""
    hard, of_members = (
        random.standard_normal(n_images),
        random.standard_normal((MEMBERS, 1, n_images)),
    )
    own = random.standard_normal((MEMBERS, 1 + SEVERITIES, n_images))
    skill = np.array([0.0, 0.0, 0.2])[:, None, None]
    return (
        (hard + of_members + own) / np.sqrt(3)
        - 0.8
        - skill
        + 0.2 * np.arange(1 + SEVERITIES)[:, None]
    )


def study(random: np.random.Generator) -> Drawn:
    """Margins to images in groups."""
    of_groups, own = independent(random, UNITS), independent(random, IMAGES)
    follows = random.random(IMAGES) < np.sqrt(CORRELATION)
    return Drawn(np.where(follows, of_groups[..., GROUPED.of_image], own))


MANY = Drawn(independent(stream(0, "coverage", "units"), 400_000))


def case(
    statistic: str,
    truth: Callable[[Drawn], float],
    interval: Callable[[Drawn, Units, Resampling], Interval],
) -> Case:
    """The statistic of images in groups."""

    def simulate(random: np.random.Generator, resamples: int) -> dict[str, Interval]:
        drawn = study(random)
        resampling = Resampling(FINER * resamples, CONFIDENCE, int(random.integers(2**31)))
        return {
            "adopted": interval(drawn, GROUPED, resampling),
            "naive": interval(drawn, ALONE, resampling),
        }

    situation = f"images correlate by {CORRELATION:g} in groups of {SIZE}"
    return Case(statistic, situation, f"{UNITS} groups", lambda: float(truth(MANY)), simulate)


def ends(row: dict | pd.Series, name: str = "") -> Interval:
    """The ends of an interval in a row, of a column `name` or without a name."""
    low, high = (f"{name}_{end}" if name else end for end in ("low", "high"))
    return float(row[low]), float(row[high])


def of_member(column: str) -> Callable[[Drawn, Units, Resampling], Interval]:
    """A column of members.csv."""

    def interval(drawn: Drawn, units: Units, resampling: Resampling) -> Interval:
        one, other, _ = drawn.predictions(units)
        return ends(Scorer(CONDITIONS, other, CONFIDENCE, units).score(one)[0], column)

    return interval


def of_ensemble(drawn: Drawn, units: Units, resampling: Resampling) -> Interval:
    of = EnsembleErrors(drawn.predictions(units), "mean_probability")
    asked = np.arange(MEMBERS)[None], CLEAN, np.arange(IMAGES)
    columns = accuracies(
        CLEAN, of.accuracy(*asked), of.effective_images(*asked, CONFIDENCE), CONFIDENCE
    )
    return ends({name: values[0] for name, values in columns.items()}, "clean_accuracy")


def of_pair(drawn: Drawn, units: Units, resampling: Resampling) -> Interval:
    """The first member less the last under corruptions, as contenders.csv has it."""
    counts = units.counts(resampling.resamples, resampling.seed, "images")
    errors = {"first": drawn.wrong[0, 1:], "last": drawn.wrong[2, 1:]}
    table = pd.DataFrame(under_corruptions(errors, ["fog"] * SEVERITIES, counts, units, CONFIDENCE))
    return ends(
        table[(table.role == "last") & (table.corruption == CORRUPTED)].iloc[0], "difference"
    )


def of_all(drawn: Drawn, units: Units, resampling: Resampling) -> Interval:
    """Upper ends of all differences at once, by how much the nearest is above the true
    difference."""
    of, ensembles = (
        EnsembleErrors(drawn.predictions(units), "mean_probability"),
        np.arange(MEMBERS),
    )
    images, ensembles = np.arange(IMAGES), list(ensembles[:, None])
    errors = np.array([of.errors(ensemble[None], images)[0] for ensemble in ensembles])
    drawn = drawn_errors(of, ensembles, images, resampling)
    bounds = differences(errors, drawn, 0, units, CONFIDENCE).behind_high.to_numpy()[1:]
    true = MANY.wrong[:, 1:].mean(axis=(1, 2))
    return -1.0, float((bounds - (true[1:] - true[0])).min())


def of_rank(drawn: Drawn, units: Units, resampling: Resampling) -> Interval:
    """The second of two members that are as good as each other: its rank may be 1."""
    table = rank_rows(["a", "b"], drawn.wrong[:2, 0].astype(float), resampling, CLEAN, units)
    return float(table.rank_low.iloc[1]), float(table.rank_high.iloc[1])


def of_ceiling(drawn: Drawn, units: Units, resampling: Resampling) -> Interval:
    answered = ((of.astype(int), LABELS) for of in drawn.wrong.swapaxes(0, 1))
    table = ceiling_table(answered, list("abc"), CONDITIONS, CONFIDENCE, {CLEAN: units})
    return ends(table.iloc[-1], "all_wrong")


def judged_by(units: Units, resampling: Resampling) -> Resampled:
    return Resampled(CONDITIONS, np.arange(units.n_images), resampling, {CLEAN: units})


def confidences(drawn: Drawn) -> Judged:
    """How sure the first member is of its answers to corrupted images, and whether they are
    wrong."""
    sure = expit(np.abs(drawn.margins[0, 1:]))
    wrong = drawn.wrong[0, 1:]
    return Judged(wrong.astype(np.float32), wrong.astype(np.int32), {"max_probability": sure}, ())


def of_selective(measure: str) -> Callable[[Drawn, Units, Resampling], Interval]:
    def interval(drawn: Drawn, units: Units, resampling: Resampling) -> Interval:
        return ends(
            selective_rows({CORRUPTED: confidences(drawn)}, judged_by(units, resampling))[0][0],
            measure,
        )

    return interval


def selective(measure: str) -> Callable[[Drawn], float]:
    def truth(drawn: Drawn) -> float:
        scored = confidences(Drawn(drawn.margins[..., :100_000]))
        table = all_conditions(
            ["fog"], list(range(1, SEVERITIES + 1)), {CLEAN: 100_000}, {CLEAN: 2}
        )
        few = Resampled(table, np.arange(100_000), Resampling(2, CONFIDENCE, 0))
        return selective_rows({CORRUPTED: scored}, few)[0][0][measure]

    return truth


THRESHOLD = 0.6


def of_threshold(of: str) -> Callable[[Drawn, Units, Resampling], Interval]:
    def interval(drawn: Drawn, units: Units, resampling: Resampling) -> Interval:
        scored = confidences(drawn)
        answers = scored.confidences["max_probability"], scored.errors
        return ends(
            shares_at([THRESHOLD], *answers, judged_by(units, resampling), CORRUPTED)[0], of
        )

    return interval


def threshold(of: str) -> Callable[[Drawn], float]:
    def truth(drawn: Drawn) -> float:
        scored = confidences(drawn)
        given = scored.confidences["max_probability"] >= THRESHOLD
        wrong = (given * scored.errors).mean()
        return {"coverage": given.mean(), "error": wrong / given.mean(), "wrong": wrong}[of]

    return truth


def losses(drawn: Drawn) -> np.ndarray:
    """Log-probabilities of both classes from the first member, conditions x N x 2."""
    return log_softmax(np.stack([-drawn.margins[0, 1:], drawn.margins[0, 1:]], axis=-1), axis=-1)


def of_nll(drawn: Drawn, units: Units, resampling: Resampling) -> Interval:
    sums, everyone = Sums(IMAGES), np.arange(IMAGES)
    for of, wrong in zip(losses(drawn), drawn.wrong[0, 1:], strict=True):
        sums.add(everyone, Said(np.exp(of), of), wrong.astype(np.float32), LABELS)
    value, *values = sums.estimates(judged_by(units, resampling).counts[CORRUPTED])["nll"]
    return bootstrap(value, np.array(values), units, CONFIDENCE, POSITIVE).ends


def without_groups(drawn: Drawn, units: Units, resampling: Resampling) -> Interval:
    """Of a mean over images without each of ten groups, as observations have it."""
    of_image, wrong = (
        image_groups(LABELS, np.empty(0, int), resampling.seed, units),
        drawn.wrong[0, 0].astype(float),
    )
    without = [wrong[of_image != group].mean() for group in range(GROUPS)]
    return jackknife(np.array([wrong.mean(), *without]), CONFIDENCE).ends


def of_evaluation(images: str) -> Callable[[Drawn, Units, Resampling], Interval]:
    def interval(drawn: Drawn, units: Units, resampling: Resampling) -> Interval:
        conditions = list(CONDITIONS[["corruption", "severity"]].itertuples(index=False, name=None))
        answers = Answers(LABELS, units, conditions)
        for place, of in enumerate(drawn.margins[0]):
            answers.add(place, slice(None), expit(np.stack([-of, of], axis=-1)))
        return ends(evaluation_of(answers, CONFIDENCE, None, SEEN).summary.loc[images], "error")

    return interval


def error(member: int, conditions: slice) -> Callable[[Drawn], float]:
    return lambda drawn: drawn.wrong[member, conditions].mean()


FIRST, REST = slice(0, 1), slice(1, None)
CASES = [
    case("Accuracy", lambda drawn: 1 - error(0, FIRST)(drawn), of_member("clean_accuracy")),
    case("Corrupted error", error(0, REST), of_member("corrupted_error")),
    case("mCE", lambda drawn: error(0, REST)(drawn) / error(1, REST)(drawn), of_member("mce")),
    case(
        "Accuracy of an ensemble",
        lambda drawn: (expit(2 * drawn.margins[:, 0]).mean(axis=0) <= 0.5).mean(),
        of_ensemble,
    ),
    case(
        "Difference of two models",
        lambda drawn: error(0, REST)(drawn) - error(2, REST)(drawn),
        of_pair,
    ),
    case("Upper bounds of all differences (max-t)", lambda _: 0.0, of_all),
    case("Rank of a member as good as the first", lambda _: 1.0, of_rank),
    case(
        "Share that all members misclassify",
        lambda drawn: drawn.wrong[:, 1:].all(axis=0).mean(),
        of_ceiling,
    ),
    case(
        "Error of a class",
        error(0, REST),
        lambda drawn, units, _: ends(
            class_error(drawn.wrong[0, 1:].mean(axis=0), units, CONFIDENCE)
        ),
    ),
    *(
        case(f"Selective prediction: {of}", selective(of), of_selective(of))
        for of in ("aurc", "error_at_90", "auroc")
    ),
    *(
        case(f"At a threshold: {of}", threshold(of), of_threshold(of))
        for of in ("coverage", "error", "wrong")
    ),
    case("NLL", lambda drawn: -losses(drawn)[..., 0].mean(), of_nll),
    case("Mean without groups of images", error(0, FIRST), without_groups),
    *(
        case(f"Evaluation in Python, {name}", error(0, of), of_evaluation(name))
        for name, of in ((CLEAN, FIRST), (CORRUPTED, REST))
    ),
]
