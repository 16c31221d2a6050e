"""Observation 1: family against size, and how much families differ in corrupted error at equal
accuracy and size."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
from scipy.special import expit

from resiliency.analysis.equal_accuracy import (
    CONSTANT,
    Model,
    designs_of,
    empirical_logit,
    model_of,
    on_halves,
    on_one_set,
    recipes_of,
)
from resiliency.analysis.left_out import Part
from resiliency.analysis.member_tables import SHIFTED_ERROR
from resiliency.analysis.verdicts import DRAWS, Observation, Placebo, ends
from resiliency.base.names import INDEPENDENT
from resiliency.base.streams import stream
from resiliency.statistics.closeness import (
    CONTESTS,
    RESPONSE,
    Families,
    closeness,
    replicates,
    share_within,
)
from resiliency.statistics.intervals import FISHER, Scale

# Families with two designs or more; with fewer, leaving out a family says too little about the
# others.
FAMILIES = 8
ESTIMABLE = 3  # least number of such families for an estimate
# Least share of variance of size that lies within families. Below it family contains size, so that
# a pool can hardly contradict, and a true effect of size looks like none.
WITHIN = 0.15
MARGIN = 0.15  # Cliff's delta; below 0.147 it is called negligible (Romano et al. 2006)
MEASURED = ("clean_accuracy", "corrupted_error")
FAMILY = "architecture family"
SIZE, ACCURACY = range(2)  # columns of predictors, and of closeness to each
OTHERS = ("log10 parameters", "clean accuracy")
AGAINST_SIZE = f"{FAMILY} - {OTHERS[SIZE]}"
CLOSENESS = (
    "closeness in {}: P(two designs of one family differ less than two of different families that "
    "have the same size, "
    "or accuracy) − P(they differ more)"
)
NOBODY = "needs members whose parameters and {} are known; there are none"
MOST_DESIGNS, FEWER = 150, 200  # with more designs, fewer draws, as they would take minutes
REMOVED = "families permuted among designs of about the same size"
CLEAN_ERROR = "for the clean error"
OF_VARIANCE = "share of the variance that lies within families"


def architecture_matters_more(
    members: pd.DataFrame, n_images: int, shifts: Sequence[str] = (), *, draws: int = DRAWS
) -> Observation:
    """Test observation 1a: architecture matters more for robustness than size.

    The statistic is the closeness of family against size, from -1 to 1
    (`resiliency.statistics.closeness`). A design is the mean of its seeds. Families are left out in
    turn, with all their designs, because the statement is about families. Families of one design
    have no distances within and do not count for degrees of freedom. Closeness of family against
    clean accuracy on three scales of the error, and shares of variance within families, are listed
    beside, without a verdict: accuracy is how family works, and the error under corruption contains
    that without. So is the same test of the clean error, with the error in the place of clean
    accuracy. A second control draws the error from clean accuracy and chance alone. An architecture
    that is trained for several lengths counts with one, as `of_one_training` has it.

    Args:
        members: table members.csv, one row per member; only independently trained members count.
        n_images: number of test images; 0 if unknown.
        shifts: additional test sets whose mean error, the column shifted_error, replaces corrupted
            error.
        draws: number of draws of the placebo; 0 for none.
    """
    response, error = (
        response_of(shifts),
        "mean error on natural shifts" if shifts else "corrupted error",
    )
    designs = of_one_training(designs_of(members[members.origin == INDEPENDENT], response))
    families, values = Families.of(designs.family.to_numpy(str)), _values(designs, response)
    parts, beside, shares, placebo, accuracy = [], [], {}, None, None
    if families.large >= ESTIMABLE and np.isfinite(values).all():
        freedom = families.large - 1
        of_both = replicates(values[None], families)[0]
        parts = [Part.from_replicates(AGAINST_SIZE, of_both[:, SIZE], FISHER, freedom)]
        moved = _permuted(values[:, SIZE], families, draws)
        if draws:
            placebo = _placebo(values[moved], families, parts[0], REMOVED)
            alone = _of_accuracy_alone(values, families, n_images, min(draws, FEWER))
            accuracy = _placebo(alone, families, parts[0]) if np.isfinite(alone).all() else None
        of_scales = {error: of_both[:, ACCURACY]} | _other_scales(values, families, error, n_images)
        beside = [_clean_error(values, families, moved)]
        beside += [
            Part.from_replicates(
                f"{FAMILY} - {OTHERS[ACCURACY]}, {scale}",
                of,
                FISHER,
                freedom,
                statistic=CLOSENESS.format(scale),
            )
            for scale, of in of_scales.items()
        ]
        shares = dict(zip(OTHERS, share_within(values[None], families)[0], strict=False))
        beside += [
            Part(
                f"share within families: {name}",
                float(share),
                units=len(families.sizes),
                statistic=OF_VARIANCE,
            )
            for name, share in shares.items()
        ]
    return Observation(
        number="1a",
        statement="Architecture matters more for "
        f"{'robustness to natural shifts' if shifts else 'resiliency'} than "
        "model size.",
        statistic=CLOSENESS.format(error),
        sign=1,
        margin=MARGIN,
        unit="families",
        resampled="families",
        parts=parts,
        beside=beside,
        missing=_missing(designs, families, shares, error),
        designs=len(designs),
        members=int(designs["seeds"].sum()),
        n_images=n_images,
        shifts=tuple(shifts),
        placebo=placebo,
        accuracy=accuracy,
    )


def of_one_training(designs: pd.DataFrame) -> pd.DataFrame:
    """Designs, as from `designs_of`, without those trainings that would make sizes and families
    differ by their length.

    Of an architecture that is trained for several lengths, those designs stay whose recipe and
    length most designs of all have; equally many: the first.
    """
    architecture = ["family", "architecture"]
    several = designs.groupby(architecture)["epochs"].transform("nunique") > 1
    shared = designs["recipe"].map(designs["recipe"].value_counts())
    by_share = designs.loc[shared.sort_values(ascending=False, kind="stable").index]
    common = designs[architecture].merge(by_share.drop_duplicates(architecture), how="left")[
        "recipe"
    ]
    return designs[~several | (designs["recipe"] == common)]


def response_of(shifts: Sequence[str]) -> str:
    """The column of members.csv that observation 1 is about, without or with test sets in place of
    corruptions."""
    return SHIFTED_ERROR if shifts else MEASURED[1]


def _missing(
    designs: pd.DataFrame, families: Families, shares: dict[str, float], error: str
) -> str:
    """The requirements of a verdict that the study lacks, in words."""
    if designs.empty:
        return NOBODY.format(error)
    reasons = []
    if families.large < FAMILIES:
        reasons.append(
            f"needs {FAMILIES} families of two designs or more; there are {families.large}"
        )
    name = OTHERS[SIZE]
    if name in shares and not shares[name] >= WITHIN:
        reasons.append(
            f"family and {name} cannot be told apart: {shares[name] * 100:.1f}% of the variance of "
            f"{name} lies within "
            f"families; needs {WITHIN * 100:.0f}%, by designs that differ more from others of "
            "their family"
        )
    return "; ".join(reasons)


def _values(designs: pd.DataFrame, response: str) -> np.ndarray:
    """float64 n x 3: log10 of the parameters, clean accuracy and the response of each design."""
    measured = [designs[name].to_numpy(float) for name in ("clean_accuracy", response)]
    columns = [np.log10(designs.parameters.to_numpy(float)), *measured]
    return np.column_stack(columns)


def _permuted(size: np.ndarray, families: Families, draws: int) -> np.ndarray:
    """Which design's size and errors each design of a family has in each draw, int D x n.

    The number of designs of each family is kept, and so are their sizes, up to classes of as many
    designs as there are families.
    """
    count = len(size)
    classes = (
        np.argsort(np.argsort(size, kind="stable"))
        * max(round(count / len(families.sizes)), 2)
        // count
    )
    before = np.argsort(classes, kind="stable")
    draws = min(draws, FEWER) if count > MOST_DESIGNS else draws
    drawn = np.argsort(classes + stream(0, "placebo", "families").random((draws, count)), axis=1)
    moved = np.empty_like(drawn)
    moved[:, before] = drawn
    return moved


def _of_accuracy_alone(
    values: np.ndarray, families: Families, n_images: int, draws: int
) -> np.ndarray:
    """Designs whose logit error is a line in logit clean accuracy and chance, float64 D x n x 3;
    not finite if unknown.

    Chance is drawn from the residuals within families, scaled to the variance that designs of a
    family have.
    """
    accuracy, error = (
        empirical_logit(values[:, column], n_images) for column in (ACCURACY, RESPONSE)
    )
    drawn = np.repeat(values[None], draws, axis=0)
    if not np.isfinite([accuracy, error]).all():
        return np.full_like(drawn, np.nan)
    line = np.polynomial.Polynomial.fit(accuracy, error, 1)(accuracy)
    means = np.bincount(families.of_design, error - line) / families.sizes
    sizes = families.sizes[families.of_design]
    left = (error - line - means[families.of_design]) * np.sqrt(sizes / np.maximum(sizes - 1, 1))
    chosen = stream(0, "placebo", "accuracy").choice(left[sizes > 1], (draws, len(values)))
    drawn[:, :, RESPONSE] = expit(line + chosen)
    return drawn


def _placebo(drawn: np.ndarray, families: Families, part: Part, removed: str = "") -> Placebo:
    """Closeness of family against size in drawn studies, float64 D x n x 3."""
    if drawn.shape[1] > MOST_DESIGNS:
        estimates = closeness(drawn, families, CONTESTS[:1])
        errors = np.full_like(estimates, part.error)
    else:
        of_all = replicates(drawn, families, CONTESTS[:1])
        estimates = of_all[:, 0]
        errors = np.sqrt((len(families.sizes) - 1) * FISHER.to(of_all[:, 1:]).var(axis=1))
    return Placebo(estimates, errors, np.array([part.freedom]), removed)


def _clean_error(values: np.ndarray, families: Families, moved: np.ndarray) -> Part:
    """The same test of the clean error, which changes places with the error, and its range on
    permuted families."""
    exchanged = np.column_stack([values[:, SIZE], 1 - values[:, RESPONSE], 1 - values[:, ACCURACY]])
    of_all = replicates(exchanged[None], families, CONTESTS[:1])[0, :, 0]
    about = {"statistic": CLOSENESS.format("clean error"), "reading": CLEAN_ERROR}
    part = Part.from_replicates(
        f"{AGAINST_SIZE}, clean error", of_all, FISHER, families.large - 1, **about
    )
    return (
        replace(part, noise=ends(closeness(exchanged[moved], families, CONTESTS[:1])[:, 0]))
        if len(moved)
        else part
    )


def _other_scales(
    values: np.ndarray, families: Families, error: str, n_images: int
) -> dict[str, np.ndarray]:
    """Closeness of family against clean accuracy, float 1 + F, for the error in excess of the clean
    error."""
    clean, response = 1 - values[:, ACCURACY], values[:, RESPONSE]
    scales = {
        f"excess of {error} over clean error": response - clean,
        f"excess of {error} over clean error in logits": empirical_logit(response, n_images)
        - empirical_logit(clean, n_images),
    }
    return {
        scale: replicates(np.column_stack([values[:, :2], excess])[None], families)[0, :, ACCURACY]
        for scale, excess in scales.items()
        if np.isfinite(excess).all()
    }


# The smallest spread that somebody who chooses a model would pay for, in percentage points: two
# families that are picked at random then differ by 1.13 points on average, which is a little more
# than what the choice of a model takes for no difference (one point).
WORTH = 1.0
# The bound of an SD is short if no family happens to lie far out; only a longer one shows that a
# spread is small.
CAUTION = 2.5
# Factor of the jackknife's error, which is too small where effects of families are skewed and
# trainings fail: without it, false verdicts came in 9 % of simulated studies in place of 5 %.
SKEWED = 1.2
SPREAD_REMOVED = (
    "data drawn from the fitted model without a spread between families, with noise "
    "added to clean accuracy"
)
SPREAD = "SD between families at equal clean accuracy and size"
IN_LOG_ODDS = f"{SPREAD}, in log odds"
# SD between families of their slopes on clean accuracy, as a share of the mean, whose effect is
# listed.
SLOPES = 0.15


def families_differ_at_equal_accuracy(
    members: pd.DataFrame,
    n_images: float,
    shifts: Sequence[str] = (),
    *,
    draws: int = DRAWS,
    scores: pd.DataFrame | None = None,
    without: int | None = None,
) -> Observation:
    """Test observation 1b: architecture matters for robustness at equal clean accuracy and size.

    The statistic is the standard deviation between families, in percentage points, of the mixed
    model in `resiliency.analysis.equal_accuracy`. Families are left out in turn. It is a verdict
    only where training lengths vary, so that clean accuracy varies by intervention, and where
    accuracy and error are of different images. Beside it are listed the same in log odds, what
    slopes that vary between families would give alone, and the model's slopes, in logits.

    Args:
        members: members.csv; only independently trained members count. `other_accuracy`, the clean
            accuracy on the images of the error, says that accuracy and error are of different
            images.
        n_images: number of images behind each accuracy, and each error; 0 if unknown.
        shifts: additional test sets whose mean error, the column shifted_error, replaces corrupted
            error.
        draws: number of draws of the placebo; 0 for none.
        scores: table of `on_halves`, by which accuracy and error are of different images; None
            without it.
        without: a group of images that is left out; then estimates have no errors.
    """
    members = members[members.origin == INDEPENDENT]
    response = response_of(shifts)
    designs = designs_of(members, response)
    measured = (
        on_one_set(members, response, n_images)
        if scores is None
        else on_halves(members, scores, without)
    )
    model = model_of(measured, response, leave_out=without is None)
    robust, error = (
        ("robustness", "mean error on natural shifts")
        if shifts
        else ("resiliency", "corrupted error")
    )
    parts, placebo = [part_of(model)] if model else [], None
    if model and draws:  # families are not left out of draws, which have the error of the study
        estimates = model.without_family(min(draws, FEWER))[:, None]
        errors = np.full_like(estimates, parts[0].error)
        placebo = Placebo(estimates, errors, np.array([model.freedom]), SPREAD_REMOVED)
    return Observation(
        number="1b",
        statement=f"Architecture matters for {robust} at equal clean accuracy and size.",
        statistic=f"standard deviation between families of {error} at equal clean accuracy and "
        "size, in percentage "
        "points at the median of all designs",
        sign=1,
        margin=WORTH,
        least=WORTH,
        unit="families",
        resampled="families",
        parts=parts,
        beside=_beside(model) if model else [],
        missing=_missing_for_spread(designs, error, bool(shifts) or measured.other is not None),
        omitted=_omitted(designs),
        designs=len(designs),
        members=len(members),
        n_images=int(measured.n_images.mean()),
        shifts=tuple(shifts),
        placebo=placebo,
    )


def _missing_for_spread(designs: pd.DataFrame, error: str, separate: bool) -> str:
    """The requirements of a verdict that the study lacks, in words."""
    if designs.empty:
        return NOBODY.format(error)
    reasons = []
    families = designs["family"].nunique()
    if families < FAMILIES:
        reasons.append(
            f"needs {FAMILIES} families whose parameters and {error} are known; there are "
            f"{families}"
        )
    lengths = designs.groupby(["family", "architecture"])["epochs"].nunique()
    varied = int((lengths > 1).groupby("family").any().sum())
    if varied < FAMILIES:
        reasons.append(
            f"needs {FAMILIES} families with an architecture that is trained for two lengths or "
            "more (designs that "
            f"differ in training.epochs); there are {varied}"
        )
    if not separate:
        reasons.append(
            "clean accuracy and error are of the same images, whose noise looks like a spread of "
            "families"
        )
    return "; ".join(reasons)


def _omitted(designs: pd.DataFrame) -> str:
    """In words, what families cannot be separated from: architectures, recipes and lengths of
    training."""
    several = designs.groupby("family")["architecture"].nunique().max() if len(designs) else 0
    reasons = (
        ["each family has one architecture, so that the spread is that of both"]
        if several == 1
        else []
    )
    if designs["recipe"].nunique() > 1 and not recipes_of(designs).any():
        families = designs.groupby("recipe")["family"].agg(lambda of: sorted(set(of)))
        rare = families[families.map(len) < families.map(len).max()]
        trained = [f"{' and '.join(of)} ({_in_words(recipe)})" for recipe, of in rare.items()]
        usual = _in_words(families.map(len).idxmax())
        reasons.append(
            f"families differ in training, and count with it: {', '.join(trained)}; most others: "
            f"{usual}"
        )
    return "; ".join(reasons)


def _in_words(recipe: str) -> str:
    """The name of a recipe of `designs_of`, which ends with the number of epochs."""
    name, _, epochs = recipe.rpartition(" ")
    return (
        ", ".join(filter(None, (name, "" if epochs == "nan" else f"{float(epochs):g} epochs")))
        or "no recipe"
    )


def part_of(model: Model) -> Part:
    """The spread between families, with the error that its verdict allows for."""
    return _part(SPREAD, model.spread, model.scale_in_points, model)


def _part(name: str, replicates: np.ndarray, scale: Scale, model: Model, **fields: object) -> Part:
    part = Part.from_replicates(
        name, replicates, scale, freedom=model.freedom, caution=CAUTION, **fields
    )
    return replace(part, error=max(SKEWED * part.error, model.least_error))


def _beside(model: Model) -> list[Part]:
    """The spread in log odds, what else would give one, and the fixed effects."""
    slopes = (
        f"SD that slopes on clean accuracy would give that vary by {SLOPES:.0%} between families"
    )
    parts = [
        _part(
            IN_LOG_ODDS,
            model.deviations,
            model.scale,
            model,
            statistic="standard deviation in logits of the error",
        ),
        Part.from_replicates(
            slopes,
            model.of_slopes(SLOPES),
            model.scale_in_points,
            statistic="standard deviation, in percentage points",
        ),
    ]
    for name, of in model.coefficients.items():
        if name != CONSTANT and np.isfinite(of).all():
            about = {
                "freedom": model.freedoms[name],
                "statistic": "slope of the mixed model, in logits of the error",
            }
            parts.append(Part.from_replicates(f"slope: {name}", of, **about))
    return parts
