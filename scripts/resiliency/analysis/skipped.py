"""What stages left out, of which members and why."""

import numpy as np
import pandas as pd

from resiliency.diversity.representations import applicable
from resiliency.external.skipped import skipped_rows

NO_STAGES = "the network lists no feature stages (feature_info)"


def skipped_table(
    members: pd.DataFrame,
    attributions: dict[str, dict[str, str]],
    stages: dict[str, np.ndarray],
    kinds: dict[str, str],
    left_out: dict[str, str],
    lacking: list[str],
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
        min_clean_accuracy: that a member of an ensemble needs.
    """
    rows = [(member, *item) for member, reasons in attributions.items() for item in reasons.items()]
    applies = zip(stages, applicable(list(stages.values())), strict=True)
    rows += [(member, "stages", NO_STAGES) for member, has_stages in applies if not has_stages]
    rows += [("", *item) for item in left_out.items()]
    rows += skipped_rows(members, kinds, lacking, min_clean_accuracy)
    return pd.DataFrame(rows, columns=["member", "skipped", "reason"])
