"""What stages leave out of members from elsewhere, and why."""

import pandas as pd

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


def skipped_rows(
    members: pd.DataFrame, kinds: dict[str, str], lacking: list[str], min_clean_accuracy: float
) -> list[tuple[str, str, str]]:
    """Rows of skipped.csv: member, "" for the study as a whole; what is left out; why.

    Args:
        members: members.csv.
        kinds: member from elsewhere -> how it is known.
        lacking: tables that the study does without.
        min_clean_accuracy: that a member of an ensemble needs.
    """
    rows = [("", table, LACKING[table]) for table in lacking if table in LACKING]
    rows += [(member, item, why) for member, kind in kinds.items() for item, why in LEFT_OUT[kind].items()]
    for row in members.itertuples():
        if row.member in kinds and pd.isna(row.parameters):
            rows.append((row.member, "observation 1", "no parameters: neither a table nor an architecture gives them"))
        if row.origin == "independent" and row.clean_accuracy < min_clean_accuracy:
            why = f"clean accuracy {row.clean_accuracy:.1%}, less than the {min_clean_accuracy:.1%} of the study"
            rows.append((row.member, "ensembles", why))
    return rows
