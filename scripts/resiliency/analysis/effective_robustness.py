"""Effective robustness: accuracy under a shift beyond what accuracy without it predicts (Taori et al. 2020)."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.special import expit, logit

from resiliency.base.names import CLEAN, CLEAN_ON, CORRUPTED, JOINT, accuracy_of, few_images
from resiliency.diversity.representations import applicable
from resiliency.ensembles.pool import is_inaccurate
from resiliency.prediction.reading import additional_test_sets

SHIFTED_ERROR = "shifted_error"


def with_shifted_error(members: pd.DataFrame, test_sets: Sequence[str]) -> pd.DataFrame:
    """`members` with the column `shifted_error`, each one's mean error over `test_sets`; NaN if one is not known.

    Args:
        members: a table with the accuracy on each test set.
        test_sets: their names; without any there is no such column.
    """
    if not test_sets:
        return members
    accuracies = members[[accuracy_of(name) for name in test_sets]].astype(float)
    return members.assign(**{SHIFTED_ERROR: 1 - accuracies.mean(axis=1, skipna=False)})


COLUMNS = ["member", "family", "recipe", "is_reference", "test_set", "clean_accuracy", "accuracy", "low", "high"]
COLUMNS += ["predicted_accuracy", "effective_robustness", "slope", "intercept", "r_squared", "reference_members"]
LEAST = 1e-4  # accuracies are kept this far from 0 and 1, whose logits are infinite


class Line(NamedTuple):
    """A line on the logit scale: logit(shifted accuracy) = intercept + slope * logit(accuracy).

    Attributes:
        slope, intercept: float; NaN where fewer than two reference members differ in accuracy.
        r_squared: share of the variance of logit(shifted accuracy) that the line explains.
        members: number of reference members that it is fitted to.
    """

    slope: float
    intercept: float
    r_squared: float
    members: int

    def predicted(self, accuracy: np.ndarray) -> np.ndarray:
        """beta(accuracy), the shifted accuracy that the line predicts, float64 in 0..1."""
        return expit(self.intercept + self.slope * _logit(accuracy))


def fitted_line(accuracy: np.ndarray, shifted: np.ndarray) -> Line:
    """The line of least squares over reference members, as Taori et al. fit it.

    Args:
        accuracy, shifted: float n in 0..1, accuracy of each reference member without and with the shift; members that
            lack one do not count.
    """
    finite = np.isfinite(accuracy) & np.isfinite(shifted)
    x, y = _logit(accuracy[finite]), _logit(shifted[finite])
    if len(x) < 2 or np.ptp(x) < 1e-9:
        return Line(np.nan, np.nan, np.nan, len(x))
    slope, intercept = np.polyfit(x, y, 1)
    spread = np.square(y - y.mean()).sum()
    left = np.square(y - intercept - slope * x).sum()
    return Line(float(slope), float(intercept), float(1 - left / spread) if spread else np.nan, len(x))


def effective_robustness(accuracy: np.ndarray, shifted: np.ndarray, line: Line) -> np.ndarray:
    """shifted - beta(accuracy); float64 n in -1..1, positive above the line."""
    return shifted - line.predicted(accuracy)


def _logit(accuracy: np.ndarray) -> np.ndarray:
    return logit(np.clip(accuracy, LEAST, 1 - LEAST))


def shifted_sets(members: pd.DataFrame) -> list[str]:
    """Names of the images of members.csv that are shifted: corrupted ones, and further test sets."""
    names = [name.removesuffix("_accuracy") for name in members if name.endswith("_accuracy")]
    further = [name for name in names if name not in ("clean", "validation") and not name.startswith(CLEAN_ON)]
    return ([CORRUPTED] if members["corrupted_error"].notna().any() else []) + further


def robustness_table(members: pd.DataFrame, reference: str | None) -> pd.DataFrame:
    """A row per shifted set and member that is not trained jointly, with its effective robustness.

    Clean accuracy is that on the classes that the shifted set has, where members.csv tells it.

    Args:
        members: members.csv.
        reference: recipe of the members that lines are fitted to; None for all.

    Returns:
        Columns `COLUMNS`; accuracies and their intervals in 0..1.
    """
    chosen = members[members["origin"] != JOINT]
    is_reference = chosen["recipe"] == reference if reference else pd.Series(True, chosen.index)
    parts = []
    for name in shifted_sets(members):
        clean = chosen.get(f"{CLEAN_ON}{name}_accuracy", chosen["clean_accuracy"])
        ends = [chosen.get(f"{name}_accuracy_{end}") for end in ("low", "high")]
        if name == CORRUPTED:
            ends = [1 - chosen[f"corrupted_error_{end}"].astype(float) for end in ("high", "low")]
        accuracy = 1 - chosen["corrupted_error"] if name == CORRUPTED else chosen[accuracy_of(name)]
        line = fitted_line(clean[is_reference].to_numpy(float), accuracy[is_reference].to_numpy(float))
        part = chosen[["member", "family", "recipe"]].assign(
            is_reference=is_reference,
            test_set=name,
            clean_accuracy=clean,
            accuracy=accuracy,
            low=ends[0],
            high=ends[1],
            predicted_accuracy=line.predicted(clean.to_numpy(float)),
            effective_robustness=effective_robustness(clean.to_numpy(float), accuracy.to_numpy(float), line),
            slope=line.slope,
            intercept=line.intercept,
            r_squared=line.r_squared,
            reference_members=line.members,
        )
        parts.append(part[COLUMNS].dropna(subset=["accuracy"]))
    return pd.concat(parts, ignore_index=True)


NO_STAGES = "the network lists no feature stages (feature_info)"
# How a member is known -> what is left out of it, and why.
LEFT_OUT = {
    "decisions": {
        "probabilities": "only predicted labels are available: no calibration, no diversity of probabilities, no "
        "rule except plurality_vote",
        "attributions and activations": "only predicted labels are available; these need the network",
    },
    "logits": {"attributions and activations": "only logits are available; these need the network"},
    "probabilities": {"attributions and activations": "only probabilities are available; these need the network"},
    "scores": {
        "ensembles": "only accuracies are available; an ensemble needs predictions per image",
        "probabilities": "only accuracies are available: no calibration",
        "attributions and activations": "only accuracies are available; these need the network",
    },
}
# Table that the study does without -> why.
LACKING = {
    "ensembles": "the study has no members with predictions, or too few for an ensemble",
    "attribution_distances": "no member has a network, which attributions need",
    "histories": "no member is trained here",
    "calibration": "no member has probabilities",
    "deployment": "no corruptions, on which ensembles to deploy are selected, or no ensembles",
    "effective_robustness": "no shifted images",
}


def skipped_table(
    members: pd.DataFrame,
    attributions: dict[str, dict[str, str]],
    stages: dict[str, np.ndarray],
    kinds: dict[str, str],
    left_out: dict[str, str],
    lacking: list[str],
    for_few: list[str],
    conditions: pd.DataFrame,
    min_clean_accuracy: float,
) -> pd.DataFrame:
    """Columns member ("" for the study as a whole), skipped and reason; members known by their networks first.

    Args:
        members: members.csv.
        attributions: member -> method of attribution that does not apply -> why.
        stages: member -> what its feature stages are compared by, NaN where it has none.
        kinds: member from elsewhere -> how it is known.
        left_out: what files from elsewhere hold and the study does not use -> why.
        lacking: tables that the study does without.
        for_few: those of them that it does without because of few clean images.
        conditions: the table of conditions.
        min_clean_accuracy: that a member of an ensemble needs.
    """
    rows = [(member, *item) for member, reasons in attributions.items() for item in reasons.items()]
    applies = zip(stages, applicable(list(stages.values())), strict=True)
    rows += [(member, "stages", NO_STAGES) for member, has_stages in applies if not has_stages]
    rows += [("", *item) for item in left_out.items()]
    rows += few_rows(conditions, for_few)
    rows += skipped_rows(members, kinds, [name for name in lacking if name not in for_few], min_clean_accuracy)
    return pd.DataFrame(rows, columns=["member", "skipped", "reason"])


def few_rows(conditions: pd.DataFrame, for_few: list[str]) -> list[tuple[str, str, str]]:
    """What does without something because a test set has few images; arguments as above."""
    images = conditions.drop_duplicates("test_set").set_index("test_set")["images"]
    of_study = [*for_few, "intervals of corrupted errors", "verdicts on the observations"] if for_few else []
    rows = [("", item, few_images(CLEAN, int(images[CLEAN]))) for item in of_study]
    further = [] if "member_ranks" in for_few else additional_test_sets(conditions)
    reasons = {name: few_images(name, int(images[name])) for name in further if images[name]}  # 0: not known
    return rows + [("", f"member_ranks on {name}", reason) for name, reason in reasons.items() if reason]


def skipped_rows(
    members: pd.DataFrame, kinds: dict[str, str], lacking: list[str], min_clean_accuracy: float
) -> list[tuple[str, str, str]]:
    """What does without something because of how it is known or how accurate it is; arguments as above."""
    rows = [("", table, LACKING[table]) for table in lacking if table in LACKING]
    rows += [(member, item, why) for member, kind in kinds.items() for item, why in LEFT_OUT[kind].items()]
    for row, inaccurate in zip(members.itertuples(), is_inaccurate(members, min_clean_accuracy), strict=True):
        if row.member in kinds and pd.isna(row.parameters):
            rows.append((row.member, "observation 1", "no parameters: neither a table nor an architecture gives them"))
        if inaccurate:
            why = f"clean accuracy {row.clean_accuracy:.1%}, less than the {min_clean_accuracy:.1%} of the study"
            rows.append((row.member, "ensembles", why))
    return rows
