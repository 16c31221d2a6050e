"""Synthetic studies that choose the model to deploy by all rules, and know more or less of it."""

from functools import partial

import numpy as np
import pandas as pd
from synthetic import synthetic_tables

from resiliency.report.deployment import deployment_answers
from resiliency.report.overview import contenders

Tables = dict[str, pd.DataFrame]
BASE = synthetic_tables()
ROWS = BASE["deployment"]


def with_columns(name: str, **columns: object) -> Tables:
    """The synthetic tables with other columns in one of them."""
    return BASE | {name: BASE[name].assign(**columns)}


varied = partial(with_columns, "deployment")
COSTS = {"cost": 0.4, "cost_low": 0.3, "cost_high": 0.6}
CHOSEN = {  # by the rule that chooses
    "as usual": BASE,
    "by the worst condition": varied(objective="worst_condition"),
    "by costs": varied(
        objective="cost", selection_error=3 * ROWS.selection_error, behind=3 * ROWS.behind, **COSTS
    ),
    "by costs, a cheaper one is as good": varied(
        objective="cost", instead=ROWS.number.iloc[0], **COSTS
    ),
    "within limits": varied(limit_members=3, limit_macs=5e6, instead=ROWS.number.iloc[0]),
    "single members": BASE | {"deployment": ROWS[ROWS["size"] == 1]},
    "without parameters": varied(parameters=np.nan),
    "a cheaper one is as good": varied(instead=ROWS.number.iloc[0]),
    "not fit": varied(fit=ROWS["size"] == 1),
}


def differing(tables: Tables, role: str, members: str, low: float, high: float) -> Tables:
    """The recommended model's error minus that of a role has this interval."""
    row = {"role": role, "members": members, "corruption": "corrupted"}
    row |= {"difference": (low + high) / 2, "difference_low": low, "difference_high": high}
    other = row | {"corruption": "fog", "difference": 0.9, "difference_high": -0.9}
    return tables | {"contenders": pd.DataFrame([row, other])}


def compared(low: float, high: float) -> Tables:
    """A cheaper model is recommended, of whose difference from the best one the interval is
    this."""
    accurate = ROWS.loc[ROWS.selection_error.idxmin()]
    return differing(
        CHOSEN["a cheaper one is as good"], "best ensemble", accurate.members, low, high
    )


SELECTIVE, THRESHOLDS, BEST = (
    BASE["selective_prediction"],
    BASE["thresholds"],
    contenders(ROWS)[0]["members"],
)
KINDS, ONE_OF_BEST = BASE["members"].weights_kind, BASE["members"].member == BEST.split("+")[0]
VOTES = SELECTIVE[SELECTIVE.score == "max_probability"].assign(score="vote_agreement")
DIFFERENCE = ("difference", "difference_low", "difference_high")
WRONG, TARGETS = THRESHOLDS.goal == "wrong", THRESHOLDS.target
NO_THRESHOLDS = with_columns("thresholds", threshold=np.nan)
OTHER_COSTS = ROWS.macs.mask(ROWS.members == BEST)
KNOWN = {  # by what is known
    "no cost": varied(macs=np.nan),
    "no cost of the best": varied(macs=OTHER_COSTS),
    "no cost of the best, a cheaper one is as good": varied(
        macs=OTHER_COSTS, instead=ROWS.number.iloc[0]
    ),
    "no number of images would do": varied(n_images_needed=np.nan),
    "no temperature": with_columns(
        "temperatures", n_fitted_images=0, note="no predictions of them"
    ),
    "a temperature of validation images": with_columns(
        "temperatures", fitted_images="validation", note=np.nan
    ),
    "no calibration": with_columns("temperatures", ece_after=np.nan),
    "no confidence": NO_THRESHOLDS | {"selective_prediction": SELECTIVE.iloc[:0]},
    "votes alone": NO_THRESHOLDS | {"selective_prediction": VOTES},
    "no thresholds": NO_THRESHOLDS,
    "abstains on every image": with_columns(
        "thresholds", threshold=THRESHOLDS.threshold.mask(WRONG, 2)
    ),
    "abstains on no image": with_columns("thresholds", threshold=0 * THRESHOLDS.threshold),
    "too few units": with_columns(
        "thresholds", threshold=THRESHOLDS.threshold.mask(WRONG), units_needed=1 / TARGETS - 1
    ),
    "no corruption left out": with_columns(
        "thresholds", left_out_wrong=np.nan, left_out_corruption=np.nan
    ),
    "worse calibrated": with_columns(
        "temperatures", ece_difference=0.02, ece_difference_low=0.01, ece_difference_high=0.03
    ),
    "models of one cost": varied(macs=1e6),
    "clearly ahead": compared(-0.05, -0.01),
    "clearly behind": compared(0.01, 0.03),
    "perhaps behind": compared(-0.01, 0.05),
    "no clear gain": differing(BASE, "best member", "vit-s0", -0.03, 0.01),
    "a loss": differing(BASE, "best member", "vit-s0", 0.01, 0.03),
    "a member alone does better": varied(
        corrupted_error=ROWS.corrupted_error.mask(ROWS.members == "vit-s0", 0.01)
    ),
    "of no use": varied(clean_accuracy=0.899, worst_class_error=0.501, worst_error=0.501),
    "just of use": varied(clean_accuracy=0.9, worst_class_error=0.5, worst_error=0.5),
    "of no use, a single member": varied(worst_error=0.82, instead=ROWS.number.iloc[0]),
    "equal errors": with_columns("contenders", **dict.fromkeys(DIFFERENCE, 0.0)),
    "no interval of the gain": with_columns("contenders", **dict.fromkeys(DIFFERENCE[1:], np.nan)),
    "a member without network": with_columns(
        "members", weights_kind=KINDS.mask(ONE_OF_BEST, "none")
    ),
    "no network": with_columns("members", weights_kind="none"),
}


def answers(tables: Tables) -> dict[str, str]:
    """Question -> its answer, and below it the rows of its table."""
    told = deployment_answers(tables, "tiny", ["cat", "dog"], "films")
    return {of.question: "\n".join([of.said, *map(" | ".join, of.table)]) for of in told}
