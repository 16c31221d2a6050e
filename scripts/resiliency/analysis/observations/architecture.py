"""Observation 1: whether family says more of corrupted error than size and than clean accuracy."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from resiliency.analysis.parts import Part
from resiliency.analysis.shifts import SHIFTED_ERROR
from resiliency.analysis.verdicts import Observation
from resiliency.base.names import INDEPENDENT
from resiliency.statistics.closeness import Families, replicates, share_within
from resiliency.statistics.jackknife import FISHER
from resiliency.statistics.variance_shares import FAMILY, explained_shares, shapley

FAMILIES = 8  # of two designs or more; with fewer, leaving out a family says too little of the others
ESTIMABLE = 3  # of these, for an estimate at all
# Least share of variance of size, and of clean accuracy, that lies within families. Below it family contains either, so
# that a pool can hardly contradict, a curved line counts for family, and a true effect of accuracy looks like none.
WITHIN = 0.15
MARGIN = 0.15  # of a Cliff's delta, which is called negligible below .147 (Romano et al. 2006)
MEASURED = ("clean_accuracy", "corrupted_error")
OTHERS = ("log10 parameters", "clean accuracy")


def architecture_matters_more(members: pd.DataFrame, images: int, shifts: Sequence[str] = ()) -> Observation:
    """Test observation 1: architecture matters more for robustness than size, or than clean accuracy.

    The statistics are the closeness of family against size and against clean accuracy, from -1 to 1
    (`resiliency.statistics.closeness`). A design is the mean of its seeds. Families are left out in turn, with all
    their designs, because the statement is about families. Families of one design have no distances within and do not
    count for degrees of freedom. Shares of variance within families, R² of all subsets of predictors, and Shapley
    contributions are listed beside, without a verdict.

    Args:
        members: table members.csv, one row per member; only independently trained members count.
        images: number of test images.
        shifts: further test sets whose mean error, the column shifted_error, stands in place of corrupted error.

    Returns:
        The statistics, for `observation_table`; `missing` names what the rule needs and the tables do not have, if any.
    """
    members = members[members.origin == INDEPENDENT]
    response, error = response_of(shifts), "mean error on natural shifts" if shifts else "corrupted error"
    means = {"parameters": "first"} | dict.fromkeys(("clean_accuracy", response), "mean")
    designs = members.groupby(["design", "family"], as_index=False, sort=False).agg(means)
    families, values = Families.of(designs.family.to_numpy(str)), _values(designs, response)
    parts, beside, shares = [], [], {}
    if families.large >= ESTIMABLE and np.isfinite(values).all():
        shares = dict(zip(OTHERS, share_within(values[None], families)[0], strict=False))
        names, freedom = sorted(set(designs.family)), families.large - 1
        parts = [
            Part.from_replicates(f"{FAMILY} - {name}", of_part, FISHER, names, freedom)
            for name, of_part in zip(OTHERS, replicates(values[None], families)[0].T, strict=True)
        ]
        beside = _parts_beside(values, families, shares, error)
    return Observation(
        number=1,
        statement=f"Architecture matters more for {'robustness to natural shifts' if shifts else 'resiliency'} than "
        "model size or model accuracy.",
        statistic=f"closeness in {error}: P(two designs of one family differ less than two of different families that "
        "have the same size, or accuracy) − P(they differ more)",
        sign=1,
        margin=MARGIN,
        unit="families",
        minimum=FAMILIES,
        resampled="families",
        parts=parts,
        beside=beside,
        missing=_missing(designs, families, shares, error),
        designs=len(designs),
        members=len(members),
        images=images,
        shifts=tuple(shifts),
    )


def response_of(shifts: Sequence[str]) -> str:
    """The column of members.csv that observation 1 is about, without or with test sets in place of corruptions."""
    return SHIFTED_ERROR if shifts else MEASURED[1]


def _missing(designs: pd.DataFrame, families: Families, shares: dict[str, float], error: str) -> str:
    """What the study lacks for a verdict."""
    if designs.empty:
        return f"needs members whose parameters and {error} are known; there are none"
    reasons = []
    if families.large < FAMILIES:
        reasons.append(f"needs {FAMILIES} families of two designs or more; there are {families.large}")
    for name, share in shares.items():
        if not share >= WITHIN:
            reasons.append(
                f"family and {name} cannot be told apart: {share * 100:.1f}% of the variance of {name} lies within "
                f"families; needs {WITHIN * 100:.0f}%, by designs that differ more from others of their family"
            )
    return "; ".join(reasons)


def _values(designs: pd.DataFrame, response: str) -> np.ndarray:
    """float64 n x 3: log10 of the parameters, clean accuracy and the response of each design."""
    measured = [designs[name].to_numpy(float) for name in ("clean_accuracy", response)]
    columns = [np.log10(designs.parameters.to_numpy(float)), *measured]
    return np.column_stack(columns)


def _parts_beside(values: np.ndarray, families: Families, shares: dict[str, float], error: str) -> list[Part]:
    """What stands beside the verdict, without intervals."""
    r_squared = explained_shares(values, families, OTHERS)
    of_subsets = {", ".join(subset): share for subset, share in r_squared.items() if subset}
    groups = {
        "share within families": ("share of the variance that lies within families", shares),
        "R²": (f"adjusted R² of {error}, families of equal weight; can be negative", of_subsets),
        "LMG": ("Shapley (LMG) contribution to the R² of all three", shapley(r_squared)),
    }
    return [
        Part(f"{short}: {name}", float(value), statistic=statistic, units=len(families.sizes))
        for short, (statistic, rows) in groups.items()
        for name, value in rows.items()
    ]
