"""What stages left out, of which members and why."""

import numpy as np
import pandas as pd

from resiliency.base.names import CLEAN, few_images
from resiliency.diversity.representations import applicable
from resiliency.ensembles.eligible import is_inaccurate
from resiliency.prediction.reading import additional_test_sets

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
