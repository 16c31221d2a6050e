"""What a page of results takes from the tables of a study."""

import pandas as pd

from resiliency.analysis.assessment import REFERENCE
from resiliency.analysis.contenders import RECOMMENDED, ROLES
from resiliency.base.names import CLEAN, CORRUPTED, HELD_OUT_IMAGES, INDEPENDENT
from resiliency.designs.members import LEARNED_HERE
from resiliency.report.pearson import main_correlations

LISTED = 10  # confusions, and classes
ANSWERED = (0.9, 0.95)
LEVELS = (0.99, 0.98, 0.97, 0.95, 0.9, 0.8, 0.7, 0.6, 0.5)  # of clean accuracy


def in_use(thresholds: pd.DataFrame, contenders: list[dict]) -> list[dict]:
    """The thresholds of the recommended model at which it answers `ANSWERED` of clean, and of corrupted images."""
    members = next((row["members"] for row in contenders if row["role"].lower() == RECOMMENDED), None)
    own = thresholds[(thresholds["members"] == members) & (thresholds["goal"] == "coverage")]
    return own[own["target"].isin(ANSWERED) & own["basis"].isin([CLEAN, CORRUPTED])].to_dict("records")


def samples(correlations: pd.DataFrame) -> list[dict]:
    """The sizes of which a sample of the possible ensembles was scored: `size` and `possible`."""
    sizes = correlations.groupby("size", as_index=False)[["ensembles", "possible"]].max()  # some lack a metric
    return sizes[sizes["ensembles"] < sizes["possible"]].to_dict("records")


def most_confused(confusions: pd.DataFrame) -> list[dict]:
    """The most frequent confusions of the recommended model, with the share that the best member has of each."""
    wrong = confusions[(confusions["images"] == CORRUPTED) & (confusions["class"] != confusions["predicted"])]
    roles, keys = wrong["role"] == RECOMMENDED, ["class", "predicted"]
    best = wrong[~roles].set_index(keys)["share"].rename("of_best_member")
    own = wrong[roles].sort_values("share", ascending=False, kind="stable").head(LISTED)
    return own.join(best, on=keys).fillna({"of_best_member": 0.0}).to_dict("records")


def class_cells(class_errors: pd.DataFrame) -> pd.DataFrame:
    """The errors of the recommended model on each class under each corruption."""
    own = class_errors[class_errors["role"] == RECOMMENDED]
    return own[~own["corruption"].isin([CLEAN, CORRUPTED])]


def hardest_classes(class_errors: pd.DataFrame) -> list[dict]:
    """The highest errors of the recommended model on a class under one corruption."""
    rows = class_cells(class_errors)
    return rows.sort_values("error", ascending=False, kind="stable").head(LISTED).to_dict("records")


def compared_costs(costs: pd.DataFrame) -> list[dict]:
    """The costs of the roles, without those of single members of the recommended model."""
    return costs[costs["role"].isin(ROLES)].to_dict("records")


def costliest(confusions: pd.DataFrame) -> list[dict]:
    """The costliest confusions of the recommended model."""
    rows = confusions[(confusions["images"] == CORRUPTED) & (confusions["role"] == RECOMMENDED)]
    return rows.head(LISTED).to_dict("records")


def held_out_errors(contenders: pd.DataFrame) -> dict[str, dict]:
    """Role -> its row under the corruptions by which nothing was selected; empty without such."""
    rows = contenders[contenders["corruption"] == HELD_OUT_IMAGES]
    return {row["role"].capitalize(): row for row in rows.to_dict("records")}


def abstentions(selective: pd.DataFrame, contenders: list[dict]) -> list[dict]:
    """The rows of selective_prediction.csv of each of the contenders, by the maximum probability, with their roles.

    Args:
        contenders: rows with `role` and `members`, the recommended one first.
    """
    rows = selective[selective["score"] == REFERENCE]
    found, seen = [], set()
    for contender in sorted(contenders, key=lambda row: ROLES.index(row["role"].lower())):
        if contender["members"] not in seen:
            own = rows[rows["members"] == contender["members"]]
            found += own.assign(role=contender["role"]).to_dict("records")
            seen.add(contender["members"])
    return found


def best_of_sizes(best_ensembles: pd.DataFrame) -> list[dict]:
    """The most accurate ensemble of each size, and the most accurate member."""
    return best_ensembles[best_ensembles["rank"] == 1].sort_values("size").to_dict("records")


def correlations(table: pd.DataFrame, further: list[str]) -> list[dict]:
    """The `main_correlations` on all sets of images, the `further` test sets among them."""
    return main_correlations(table, [CLEAN, CORRUPTED, *further]).to_dict("records")


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
