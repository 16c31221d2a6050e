"""Which row of deployment.csv is exported."""

import re

import pandas as pd

from resiliency.faults import Fault

PACKAGES = ("onnx", "onnxscript", "onnxruntime")  # that exporting needs
BEST = "best"
UNDER = re.compile(r"best under (\d+(?:\.\d+)?) ?([kMG]?) ?MACs")
FACTORS = {"": 1, "k": 1e3, "M": 1e6, "G": 1e9}
ALLOWED = "must be best, best under N MACs (such as best under 5 M MACs), or a number of tables/deployment.csv"


def checked(ensemble: str | int) -> str | int:
    """A validator: `ensemble` if it may name an ensemble.

    Raises:
        ValueError: it may not.
    """
    text = str(ensemble)
    if text != BEST and not UNDER.fullmatch(text) and not re.fullmatch(r"[1-9]\d*", text):
        raise ValueError(ALLOWED)
    return ensemble


def chosen(deployment: pd.DataFrame, ensemble: str | int) -> pd.Series:
    """The row that `ensemble` names.

    The best has the least error on the images on which ensembles are chosen: of those of several members, or, under a
    number of multiply-accumulate operations for one image, of all, single members included.

    Args:
        deployment: deployment.csv.
        ensemble: as in `ALLOWED`.

    Raises:
        Fault: there is no such row.
    """
    text = str(ensemble)
    if text.isdecimal():
        rows = deployment[deployment.number == int(text)]
        if rows.empty:
            raise Fault(f"ensemble: tables/deployment.csv has numbers 1 to {len(deployment)}, not {text}")
        return rows.iloc[0]
    rows = deployment.dropna(subset=["selection_error"])
    if text == BEST:
        rows = rows[rows["size"] > 1] if (rows["size"] > 1).any() else rows
    else:
        value, unit = UNDER.fullmatch(text).groups()
        most = float(value) * FACTORS[unit]
        cheapest = rows.macs.min()
        rows = rows[rows.macs <= most]
        if rows.empty:
            raise Fault(
                f"ensemble: none in tables/deployment.csv is under {most:,.0f} MACs; the least is {cheapest:,.0f}"
            )
    return rows.loc[rows.selection_error.idxmin()]
