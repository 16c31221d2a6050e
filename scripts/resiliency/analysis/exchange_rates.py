"""What buys robustness: by how much designs, training and ensembles lower the error, and what they cost."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import pandas as pd

from resiliency.analysis.equal_accuracy import mean_of_groups
from resiliency.analysis.exchange import Exchange, table_of
from resiliency.analysis.exchanges_of_ensembles import joint_training, mixing, more_members, scored
from resiliency.analysis.exchanges_of_members import (
    another_seed,
    designs,
    enough,
    families,
    family_at_equal_accuracy,
    predictors,
)
from resiliency.analysis.observations.architecture import response_of
from resiliency.analysis.without_images import WithoutImages
from resiliency.base.names import CORRUPTED, INDEPENDENT, SEPARATE_ACCURACY, SEPARATE_IMAGES


class OfEnsembles(NamedTuple):
    """Tables that a study of ensembles has.

    Attributes:
        ensembles: ensembles.parquet.
        image_errors: of jointly trained ensembles, image_errors.parquet.
        without_images: members, and some ensembles, without each group of images.
    """

    ensembles: pd.DataFrame
    image_errors: pd.DataFrame
    without_images: WithoutImages


def exchange_rates(
    members: pd.DataFrame,
    of_ensembles: OfEnsembles | None,
    images: int,
    rule: str,
    confidence: float,
    reference: str | None = None,
    shifts: Sequence[str] = (),
) -> pd.DataFrame:
    """The rows of exchange_rates.csv.

    Args:
        members: members.csv.
        of_ensembles: None where there are no ensembles.
        images: number of clean test images; 0 where it is not known.
        rule: the combination rule.
        confidence: of the intervals.
        reference: the recipe of the members that families are compared by; None for all.
        shifts: further test sets whose mean error stands in place of corrupted error.
    """
    measured_on = tuple(shifts) or (CORRUPTED,)
    response = response_of(shifts)
    known = members[(members["origin"] == INDEPENDENT) & members[response].notna()]
    without = of_ensembles.without_images.members if of_ensembles else pd.DataFrame()
    errors, accuracies = _on_images(known, without, response), _accuracies(known, without)
    compared = known[known["recipe"] == reference] if reference else known
    rows = [*another_seed(compared, errors, confidence)]
    sized = compared.dropna(subset=["parameters"])
    if enough(sized):
        of_designs = designs(sized, errors, accuracies, response)
        separate = not shifts and len(without) and set(sized["member"]) <= set(without["member"])
        rows += [*families(of_designs, confidence), *predictors(of_designs, confidence)]
        scores = without if separate else None
        rows += family_at_equal_accuracy(sized, scores, images, shifts, confidence)
    if of_ensembles:
        rows += _of_ensembles(members, known, of_ensembles, errors, rule, confidence, measured_on)
    return table_of(rows, "+".join(measured_on), confidence)


def _on_images(members: pd.DataFrame, without: pd.DataFrame, column: str) -> list[pd.Series]:
    """A column by member, on all images and without each group of images as far as that is known."""
    groups = [of for _, of in without.groupby("without")] if column in without else []
    return [table.set_index("member")[column].astype(float) for table in (members, *groups)]


def _accuracies(members: pd.DataFrame, without: pd.DataFrame) -> list[pd.Series]:
    """Clean accuracy as `_on_images` has it, or that of the test set that the study takes clean accuracy from."""
    if SEPARATE_ACCURACY not in without:
        return _on_images(members, without, "clean_accuracy")
    groups = without["without"].unique()
    everything = mean_of_groups(without, SEPARATE_ACCURACY, SEPARATE_IMAGES, groups)
    of_all = members.assign(**{SEPARATE_ACCURACY: everything.reindex(members["member"]).to_numpy()})
    return _on_images(of_all, without, SEPARATE_ACCURACY)


def _of_ensembles(
    members: pd.DataFrame,
    known: pd.DataFrame,
    tables: OfEnsembles,
    errors: list[pd.Series],
    rule: str,
    confidence: float,
    images: tuple[str, ...],
) -> Iterator[Exchange]:
    """What is estimated from ensembles."""
    pool = scored(tables.ensembles, tables.without_images.ensembles, rule, images)
    yield from more_members(pool, dict(zip(known["member"], known["family"], strict=True)), confidence)
    yield from mixing(pool, known, errors, confidence)
    if images == (CORRUPTED,):
        yield from joint_training(tables.image_errors, members, confidence)
