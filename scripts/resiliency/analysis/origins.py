"""Ensembles by where their members come from, compared at equal size and at equal cost."""

import numpy as np
import pandas as pd

ORIGINS = ("one architecture", "several architectures", "sub-networks of a search", "joint training")
SCORES = ("clean_accuracy", "corrupted_accuracy", "mean_corruption_error", "mce")


def origin_of(ensembles: pd.DataFrame) -> np.ndarray:
    """Which of `ORIGINS` each row of ensembles.parquet has; "" where none.

    Independent members are of one architecture (other seeds), or each of another; mixtures of both have no origin, nor
    have members that are trained jointly at strength 0, which is independent training.
    """
    independent, joint = ensembles["origin"] == "independent", ensembles["origin"] == "joint"
    found = [
        independent & (ensembles["designs"] == 1),
        independent & (ensembles["designs"] == ensembles["size"]),
        ensembles["origin"] == "search",
        joint & (ensembles["strength"] > 0),
    ]
    return np.select(found, ORIGINS, "")


def origin_table(ensembles: pd.DataFrame) -> pd.DataFrame:
    """A row per combination rule, class of ensembles that are alike, origin and measure.

    Classes are, where `equal` is "size", the numbers of members; where it is "macs", octaves of the MACs of all members
    together. Measures are `SCORES` and the diversities.

    Args:
        ensembles: ensembles.parquet.

    Returns:
        Columns rule, equal, least and most (size, or MACs: below `most`), origin, ensembles (their number), measure,
        mean, lower_quartile, upper_quartile.
    """
    measures = [*SCORES, *(c for c in ensembles if c.endswith(("_clean", "_corrupted")))]
    octave = np.floor(np.log2(ensembles["macs"].clip(lower=1).astype(float))).astype(int)
    known = ensembles.assign(from_=origin_of(ensembles))
    sizes = known.assign(equal="size", least=known["size"], most=known["size"])
    costs = known.assign(equal="macs", least=2**octave, most=2 ** (octave + 1))
    rows = pd.concat([sizes, costs], ignore_index=True)
    long = rows[rows["from_"] != ""].melt(
        ["rule", "equal", "least", "most", "from_"], measures, "measure", "value", ignore_index=True
    )
    groups = long.groupby(["rule", "equal", "least", "most", "from_", "measure"], sort=False)["value"]
    table = pd.DataFrame({"ensembles": groups.size(), "mean": groups.mean()})
    table["lower_quartile"], table["upper_quartile"] = groups.quantile(0.25), groups.quantile(0.75)
    table = table.dropna(subset=["mean"]).reset_index().rename(columns={"from_": "origin"})
    order = {name: position for position, name in enumerate([*ORIGINS, *measures])}
    return table.sort_values(
        ["rule", "equal", "least", "origin", "measure"],
        key=lambda column: column.map(order) if column.name in ("origin", "measure") else column,
        ascending=[True, False, True, True, True],
        kind="stable",
        ignore_index=True,
    )
