"""The verdicts of a study with several study seeds, or by several choices, in sentences."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from resiliency.analysis.observations.architecture import MARGIN
from resiliency.analysis.verdicts import (
    CONTRADICTED,
    IN_PART,
    NO_DIFFERENCE,
    NOISE,
    NOT_TESTED,
    SUPPORTED,
    UNDECIDED,
)
from resiliency.report import words

VERDICTS = (SUPPORTED, IN_PART, NO_DIFFERENCE, CONTRADICTED, NOISE, UNDECIDED, NOT_TESTED)


def agreement(verdicts: pd.DataFrame) -> list[str]:
    """On which observations all seeds give the same verdict, and how often which verdict comes on
    each other.

    Args:
        verdicts: a row per seed and observation, or per seed and part of one.
    """
    verdicts = verdicts.astype({"observation": str})
    observations = verdicts.drop_duplicates(["seed", "observation"])
    seeds = observations["seed"].nunique()
    first = observations.drop_duplicates("observation").set_index("observation")["verdict"]
    counts = {number: verdict_counts(observations, number) for number in sorted(first.index)}
    alike = [f"{number} ({first[number]})" for number, counted in counts.items() if not counted]
    sentences = (
        [f"All {seeds} seeds give the same verdict on {_listed_observations(alike)}."]
        if alike
        else []
    )
    return sentences + [
        f"Observation {number} is {counted}." for number, counted in counts.items() if counted
    ]


def verdict_counts(verdicts: pd.DataFrame | None, observation: str) -> str:
    """Such as "supported with 3 and undecided with 2 of 5 seeds"; "" if all seeds agree, or only
    one is known."""
    if verdicts is None:
        return ""
    by_seed = verdicts[verdicts["observation"].astype(str) == observation].drop_duplicates("seed")[
        "verdict"
    ]
    counts = by_seed.value_counts()
    reached = [f"{verdict} with {counts[verdict]}" for verdict in VERDICTS if verdict in counts]
    return f"{words.listed(reached)} of {len(by_seed)} seeds" if len(reached) > 1 else ""


def with_verdicts(choices: pd.DataFrame) -> pd.DataFrame:
    """Variants of a study with the verdict on 1a by the present rule, but for its negative control.

    Args:
        choices: a row per variant, with `size_low` and `size_high`, one-sided 95 % bounds of family
            against size.
    """
    low, high = choices["size_low"], choices["size_high"]
    verdicts = np.select(
        [low > 0, (low > -MARGIN) & (high < MARGIN)], [SUPPORTED, NO_DIFFERENCE], UNDECIDED
    )
    return choices.assign(verdict=verdicts)


def counted_verdicts(choices: pd.DataFrame) -> str:
    """Such as "undecided in 7, contradicted in 3 and no practical difference in 2 of 12", the most
    frequent first.

    Args:
        choices: a row per variant of a study, with its verdict.
    """
    counts = choices["verdict"].value_counts(sort=False).reindex(VERDICTS).dropna().astype(int)
    ordered = counts.sort_values(ascending=False, kind="stable")
    return (
        f"{words.listed([f'{verdict} in {count}' for verdict, count in ordered.items()])} of "
        f"{counts.sum()}"
    )


def _listed_observations(names: Sequence[str]) -> str:
    return f"observation{'s' if len(names) > 1 else ''} {words.listed(names)}"
