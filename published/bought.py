"""What the exchange rates of a study say on its page: a sentence for each row, and what a family is
worth."""

import pandas as pd

from resiliency.report import words

WORTH = ("doubling_of_parameters", "doubling_of_training")


def latest_rates(tables: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """exchange_rates.csv of a study that has it; rows by the present library replace registered
    ones."""
    kept = tables["exchange_rates"]
    present = tables.get("exchange_rates_present", pd.DataFrame(columns=["exchange"]))
    return pd.concat([kept[~kept["exchange"].isin(present["exchange"])], present])


def worth(rows: dict[str, dict]) -> list[dict]:
    """How many of each thing in `WORTH` that helps buy as much as a family that is better by one
    SD, in all.

    The ends of both intervals give those of the ratio: at 95 % each, it holds at 90 % or more
    (Bonferroni).

    Args:
        rows: as from `resiliency.report.advice.facts`.

    Returns:
        For each, `exchange`, `times` and the ends `low` and `high`, and all three as `said`.
    """
    family = rows["family"] if rows else None
    if not family or not family["helps"]:
        return []
    known = [row for name in WORTH if (row := rows[name]) and row["helps"]]
    ratios = [
        {
            "exchange": row["exchange"],
            "times": family["points"] / row["points"],
            "low": family["low"] / row["high"],
            "high": family["high"] / row["low"],
        }
        for row in known
    ]
    for of in ratios:
        of["said"] = words.with_interval(of["times"], of["low"], of["high"], form=words.one_digit)
    return ratios
