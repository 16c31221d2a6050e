"""Which ensembles charts draw, and which diversities were measured of them."""

import pandas as pd

from resiliency.diversity.settings import MAIN
from resiliency.report.words import KINDS, kind_of, label, plural


def under_main_rule(table: pd.DataFrame) -> pd.DataFrame:
    """The rows of a table that are under the main combination rule, which it names first."""
    return table[table["rule"] == table["rule"].iloc[0]] if len(table) else table


def main_pool(ensembles: pd.DataFrame) -> pd.DataFrame:
    """Ensembles of independent members under the main combination rule."""
    return under_main_rule(ensembles[ensembles["origin"] == "independent"])


def judged_on(ensembles: pd.DataFrame) -> str:
    """The images that ensembles are judged on: corrupted ones, or clean ones where the study has no others."""
    return "corrupted" if "corrupted_accuracy" in ensembles else "clean"


def measured_columns(pool: pd.DataFrame) -> dict[str, str]:
    """Main metric -> its column: on corrupted images where it was measured on them, else on clean ones."""
    candidates = [(metric, f"{metric}_{images}") for metric in MAIN for images in ("clean", "corrupted")]
    return {metric: column for metric, column in candidates if column in pool and pool[column].notna().any()}


def how_many(pool: pd.DataFrame) -> str:
    """How many ensembles of `pool`, under one rule, there are, such as "6,868 ensembles"; or of how many a sample."""
    count, possible = plural(len(pool), "ensemble"), int(pool.groupby("size")["possible"].first().sum())
    return count if len(pool) == possible else f"{count}, a sample of {possible:,}"


def heading(metric: str, column: str) -> str:
    """What a panel of one metric shows."""
    return f"{KINDS[kind_of(metric)]}: {label(metric)} ({column.rsplit('_', 1)[1]} images)"
