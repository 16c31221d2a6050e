"""The one order of conditions: clean first, then each corruption at each severity."""

import pandas as pd

CLEAN = "clean"


def conditions(corruptions: list[str], severities: list[int]) -> pd.DataFrame:
    """A row per condition: its index, corruption and severity; (0, clean, 0) comes first."""
    pairs = [(CLEAN, 0), *((corruption, severity) for corruption in corruptions for severity in severities)]
    table = pd.DataFrame(pairs, columns=["corruption", "severity"])
    table.insert(0, "condition", range(len(table)))
    return table
