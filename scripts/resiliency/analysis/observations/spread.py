"""Observation 1b: how much families differ in corrupted error at equal clean accuracy and size."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from resiliency.analysis.equal_accuracy import CONSTANT, OTHER_ACCURACY, Model, designs_of, model_of
from resiliency.analysis.observations.architecture import FAMILIES, FEWER, MOST_DESIGNS, response_of
from resiliency.analysis.parts import DRAWS, Part, Placebo
from resiliency.analysis.verdicts import Observation
from resiliency.base.names import INDEPENDENT

# The smallest spread that somebody who chooses a model would pay for, in percentage points: two families that are
# picked at random then differ by 1.13 points on average, which is a little more than what the choice of a model takes
# for no difference (one point).
WORTH = 1.0
# An SD has a short bound where no family happens to lie far out; a longer one says that a spread is small.
CAUTION = 2.5
# Factor of the jackknife's error, which is too small where effects of families are skewed and trainings fail: without
# it, false verdicts came in 9 % of simulated studies in place of 5 %.
SKEWED = 1.2
REMOVED = "data drawn from the fitted model without a spread between families, with noise added to clean accuracy"
PART = "SD between families at equal clean accuracy and size"


def families_differ_at_equal_accuracy(
    members: pd.DataFrame, images: float, shifts: Sequence[str] = (), *, draws: int = DRAWS
) -> Observation:
    """Test observation 1b: architecture matters for robustness at equal clean accuracy and size.

    The statistic is the standard deviation between families, in percentage points, of the mixed model in
    `resiliency.analysis.equal_accuracy`. Families are left out in turn. It is a verdict only where training lengths
    vary, so that clean accuracy varies by intervention, and where accuracy and error are of different images. The
    model's slopes are listed beside, in logits.

    Args:
        members: members.csv; only independently trained members count. `other_accuracy`, the clean accuracy on the
            images of the error, says that accuracy and error are of different images.
        images: number of images that accuracy, and that error, is of; 0 if it is not known.
        shifts: further test sets whose mean error, the column shifted_error, stands in place of corrupted error.
        draws: of the placebo; none if 0.

    Returns:
        The statistics, for `observation_table`; `missing` names what the rule needs and the tables do not have, if any.
    """
    members = members[members.origin == INDEPENDENT]
    response = response_of(shifts)
    designs = designs_of(members, response)
    model = model_of(members, response, images)
    robust, error = ("robustness", "mean error on natural shifts") if shifts else ("resiliency", "corrupted error")
    return Observation(
        number="1b",
        statement=f"Architecture matters for {robust} at equal clean accuracy and size.",
        statistic=f"standard deviation between families of {error} at equal clean accuracy and size, in percentage "
        "points at the median of all designs",
        sign=1,
        margin=WORTH,
        least=WORTH,
        unit="families",
        minimum=FAMILIES,
        resampled="families",
        parts=[part_of(model)] if model else [],
        beside=_slopes(model) if model else [],
        missing=_missing(designs, bool(shifts) or OTHER_ACCURACY in members),
        omitted=_omitted(designs),
        designs=len(designs),
        members=len(members),
        images=int(images),
        shifts=tuple(shifts),
        placebo=_placebo(model, draws) if model and draws else None,
    )


def _missing(designs: pd.DataFrame, separate: bool) -> str:
    """What the study lacks for a verdict."""
    reasons = []
    families = designs["family"].nunique()
    if families < FAMILIES:
        reasons.append(f"needs {FAMILIES} families; there are {families}")
    lengths = designs.groupby(["family", "architecture"])["epochs"].nunique()
    varied = int((lengths > 1).groupby("family").any().sum())
    if varied < FAMILIES:
        reasons.append(
            f"needs {FAMILIES} families with an architecture that is trained for two lengths or more (designs that "
            f"differ in training.epochs); there are {varied}"
        )
    if not separate:
        reasons.append("clean accuracy and error are of the same images, whose noise looks like a spread of families")
    return "; ".join(reasons)


def _omitted(designs: pd.DataFrame) -> str:
    """That families cannot be told from architectures, where each has one."""
    several = designs.groupby("family")["architecture"].nunique().max() if len(designs) else 0
    return "each family has one architecture, so that the spread is that of both" if several == 1 else ""


def part_of(model: Model) -> Part:
    """The spread between families, with the error that its verdict allows for."""
    part = Part.from_replicates(PART, model.spread, model.scale, model.families, model.freedom, caution=CAUTION)
    return replace(part, error=max(SKEWED * part.error, model.least_error))


def _placebo(model: Model, draws: int) -> Placebo:
    estimates, errors = model.without_family(min(draws, FEWER) if len(model.accuracy) > MOST_DESIGNS else draws)
    errors = np.maximum(SKEWED * errors, model.least_error)
    return Placebo(estimates[:, None], errors[:, None], np.array([model.freedom]), REMOVED)


def _slopes(model: Model) -> list[Part]:
    """The fixed effects, with intervals by leaving out families."""
    return [
        Part.from_replicates(f"slope: {name}", of, statistic="slope of the mixed model, in logits of the error")
        for name, of in model.coefficients.items()
        if name != CONSTANT and np.isfinite(of).all()
    ]
