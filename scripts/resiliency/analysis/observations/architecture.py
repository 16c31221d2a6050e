"""Observation 1: what family, size and clean accuracy contribute to the variance of mean corruption error."""

import numpy as np
import pandas as pd

from resiliency.analysis import jackknife
from resiliency.analysis.parts import Part
from resiliency.analysis.variance_shares import one_hot, variance_shares
from resiliency.analysis.verdicts import Observation
from resiliency.names import INDEPENDENT

FAMILIES = 8  # of so many designs or more; with fewer, intervals that leave out a family hold the truth too rarely
DESIGNS_A_FAMILY = 2  # one design of a family cannot be told from its family
SPARE = 1 / 3  # residual degrees of freedom of the regression over designs, at least; with fewer, R² means nothing
MARGIN = 0.2  # of R²
CAUTION = 4  # with 8 to 10 families the jackknife contradicts in 9 to 12 % of studies without any effect, for 5 %
MEASURED = ("clean_accuracy", "mean_corruption_error")
OTHERS = ("log10 parameters", "clean accuracy")


def architecture_matters_more(members: pd.DataFrame, images: int) -> Observation:
    """Differences of the Shapley (LMG) contributions to adjusted R²: architecture family less size, and less accuracy.

    A design is the mean of its seeds. Families are what the statement is about and so what is left out in turn, with
    all their designs: other designs of the same families would say nothing of other families.

    Args:
        members: members.csv; only independently trained ones count.
    """
    members = members[members.origin == INDEPENDENT]
    means = {"parameters": "first"} | dict.fromkeys(MEASURED, "mean")
    designs = members.groupby(["design", "family"], as_index=False, sort=False).agg(means)
    lacking, estimable = _lacking(designs)
    parts = []
    if estimable:
        kept = jackknife.kept_weights([[family] for family in designs.family])
        shares = pd.DataFrame([shares_of(designs, weights > 0) for weights in kept])
        family = shares["architecture family"]
        parts = [Part.left_out(f"architecture family - {name}", (family - shares[name]).to_numpy()) for name in OTHERS]
    return Observation(
        number=1,
        statement="Architecture matters more for resiliency than model size or model accuracy.",
        statistic="difference of Shapley (LMG) contributions to the adjusted R² of mean corruption error",
        sign=1,
        margin=MARGIN,
        caution=CAUTION,
        unit="families",
        minimum=FAMILIES,
        resampled="families",
        parts=parts,
        lacking=lacking,
        designs=len(designs),
        members=len(members),
        images=images,
    )


def _lacking(designs: pd.DataFrame) -> tuple[str, bool]:
    """What the study lacks for a verdict, and whether its regression says anything at all."""
    if designs.empty:
        return "needs members whose parameters and mean corruption error are known; there are none", False
    counts = designs.family.value_counts()
    large, spare = int((counts >= DESIGNS_A_FAMILY).sum()), len(designs) - len(counts) - len(OTHERS)
    estimable = len(counts) > 2 and spare >= SPARE * len(designs)
    reasons = []
    if large < FAMILIES:
        reasons.append(f"needs {FAMILIES} families of {DESIGNS_A_FAMILY} designs or more; there are {large}")
    if not estimable:
        reasons.append(
            f"the regression on {len(counts)} families, size and accuracy leaves {max(spare, 0)} of "
            f"{len(designs)} designs to tell its error by; needs a third of them"
        )
    return "; ".join(reasons), estimable


def shares_of(designs: pd.DataFrame, kept: np.ndarray | slice = slice(None)) -> dict[str, float]:
    """Contribution of each predictor to adjusted R².

    Args:
        designs: a row of each with its means over seeds.
        kept: bool, which of them count; all unless said otherwise.
    """
    predictors = {
        "architecture family": one_hot(list(designs.family)),
        OTHERS[0]: np.log10(designs.parameters.to_numpy(float))[:, None],
        OTHERS[1]: designs.clean_accuracy.to_numpy(float)[:, None],
    }
    errors = designs.mean_corruption_error.to_numpy(float)[kept]
    return variance_shares({name: values[kept] for name, values in predictors.items()}, errors)
