"""What stages left out, of which members and why."""

from typing import Any

import numpy as np
import pandas as pd

from resiliency.diversity.representations import applicable
from resiliency.external.skipped import skipped_rows

NO_STAGES = "the network lists no feature stages (feature_info)"


def skipped_table(
    members: pd.DataFrame,
    attributions: dict[str, dict[str, str]],
    stages: dict[str, np.ndarray],
    settings: dict[str, Any],
) -> pd.DataFrame:
    """Columns member ("" for the study as a whole), skipped and reason; members known by their networks first.

    Args:
        members: members.csv.
        attributions: member -> method of attribution that does not apply -> why.
        stages: member -> what its feature stages are compared by, NaN where it has none.
        settings: `kinds`, member from elsewhere -> how it is known; `lacking`, tables that the study does without;
            `left_out` of files from elsewhere, with the reason; and `least_clean_accuracy` of a member of an ensemble.
    """
    rows = [(member, *item) for member, reasons in attributions.items() for item in reasons.items()]
    applies = zip(stages, applicable(list(stages.values())), strict=True)
    rows += [(member, "stages", NO_STAGES) for member, has_stages in applies if not has_stages]
    rows += [("", *item) for item in settings["left_out"].items()]
    rows += skipped_rows(members, settings["kinds"], settings["lacking"], settings["least_clean_accuracy"])
    return pd.DataFrame(rows, columns=["member", "skipped", "reason"])
