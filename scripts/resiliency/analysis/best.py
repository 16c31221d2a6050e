"""The best row of deployment.csv, as the report, the comparison of contenders and the export have it."""

import pandas as pd


def eligible(deployment: pd.DataFrame) -> pd.DataFrame:
    """The rows that may be best: errors are known both on the images of the choice and on those that judge."""
    return deployment.dropna(subset=["selection_error", "mean_corruption_error"])


def best_row(rows: pd.DataFrame) -> pd.Series:
    """The eligible row with the least selection_error; errors that judge are not known when one chooses."""
    return rows.loc[rows["selection_error"].idxmin()]
