"""What a page says of the designs that a study trained."""

import pandas as pd

from resiliency.base.names import INDEPENDENT
from resiliency.designs.members import LEARNED_HERE

LEVELS = (0.99, 0.98, 0.97, 0.95, 0.9, 0.8, 0.7, 0.6, 0.5)  # of clean accuracy


def trained_designs(members: pd.DataFrame, study: dict) -> list[dict]:
    """Each design that independent members were trained of, with its epochs and the means over its members."""
    trained = members[(members["origin"] == INDEPENDENT) & members["weights_kind"].isin(LEARNED_HERE)]
    means = dict.fromkeys(("clean_accuracy", "corrupted_error"), "mean")
    columns = {"family": "first", "parameters": "first", "macs": "first", "member": "count"} | means
    designs = trained.groupby("design", as_index=False, sort=False).agg(columns)
    epochs = [
        study["designs"][design].get("training", {}).get("epochs", study["training"]["epochs"])
        for design in designs["design"]
    ]
    return designs.assign(epochs=epochs).sort_values("clean_accuracy", ascending=False).to_dict("records")


def common_level(accuracies: list[float]) -> dict[str, float] | None:
    """The highest of `LEVELS` that half of the designs reach, and how many do; None if they reach none."""
    for accuracy in LEVELS:
        above = sum(value >= accuracy for value in accuracies)
        if 2 * above >= len(accuracies) > 1:
            return {"accuracy": accuracy, "above": above}
    return None
