"""Choices among ensembles on one half of the test images, judged on the other: what all choices have in common.

The best of thousands of ensembles looks better than it is on the images that it was chosen on. Corrupted images are
test images (published sets have no others), so these are split: one half is for selection, and the other,
which the choice has not seen, judges it. `EnsembleErrors` decides what ensembles are chosen by: their errors on clean
images, or an objective under corruptions.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import pandas as pd

from resiliency.base.names import CLEAN
from resiliency.base.streams import stream
from resiliency.data.split import sample_of_groups, stratified_sample
from resiliency.ensembles.selection import EnsembleErrors, greedy
from resiliency.statistics.units import Units


def halves(labels: np.ndarray, seed: int, units: Units | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Sorted indices of the test images on which ensembles are chosen, and of the others, on which they are judged.

    Args:
        labels: int N.
        units: of these images, each of which is in one half; None if each image is one.
    """
    chosen = _half(labels, seed, units or Units.single(len(labels)))
    return chosen, np.setdiff1d(np.arange(len(labels)), chosen)


def _half(labels: np.ndarray, seed: int, units: Units) -> np.ndarray:
    """Sorted indices of about half of the images, all those of some units; a class of one unit is in the other half."""
    if units.alone:
        return stratified_sample(labels, len(labels) // 2, seed, "deployment")
    chosen = sample_of_groups(labels, units.of_image, len(labels) // 2, 1, seed, "deployment")
    if len(chosen):
        return chosen
    some = stream(seed, "deployment").permutation(units.number)[: units.number // 2]  # each is the only one of a class
    return np.flatnonzero(np.isin(units.of_image, some))


class Pool(NamedTuple):
    """Ensembles of one size, on the images of the choice.

    Attributes:
        ensembles: int E x size, members of each.
        objective: float64 E, what they are chosen by; less is better.
        errors: float64 E, mean of their errors over the conditions that they are chosen by.
    """

    ensembles: np.ndarray
    objective: np.ndarray
    errors: np.ndarray


class Choice(NamedTuple):
    """Candidates, and the images by which they are chosen.

    Attributes:
        members: rows of members.csv of the M members.
        scored: their predictions in that order, under one combination rule.
        chosen, judged: int, the images of the choice and the others.
        pools: size -> its candidates: single members, and all ensembles that were scored.
        grown: greedy ensembles of 1, 2, ... members.
    """

    members: pd.DataFrame
    scored: EnsembleErrors
    chosen: np.ndarray
    judged: np.ndarray
    pools: dict[int, Pool]
    grown: list[np.ndarray]

    @property
    def larger(self) -> list[np.ndarray]:
        """The greedy ensembles that have more members than all others."""
        return [ensemble for ensemble in self.grown if len(ensemble) > max(self.pools, default=1)]

    def images(self, test_set: str) -> np.ndarray:
        """The images of a test set that nothing was chosen by, int: judged ones, or all of a further set."""
        return self.judged if test_set == CLEAN else np.arange(len(self.scored.labels(test_set)))

    def best(self, size: int) -> np.ndarray:
        """The ensemble of this size with the least objective, int size."""
        return self.pools[size].ensembles[self.pools[size].objective.argmin()]

    def judged_errors(self, errors: np.ndarray, on_chosen: np.ndarray) -> np.ndarray:
        """Errors on the judged images, float64 E: those on all images, less those on the images of the choice."""
        images = len(self.chosen) + len(self.judged)
        rest = errors * images - on_chosen * len(self.chosen)
        return (rest / len(self.judged)).clip(0, 1)  # not -1e-17


def choice_of(
    members: pd.DataFrame,
    ensembles: pd.DataFrame,
    scored: EnsembleErrors,
    largest: int,
    chosen: np.ndarray,
    alone: np.ndarray | None = None,
    growing: np.ndarray | None = None,
) -> Choice:
    """Compare single members, the ensembles that were scored and greedy ones.

    Args:
        members: rows of members.csv, in the order of the predictions.
        ensembles: rows of ensembles.parquet, of these members and under one combination rule.
        scored: their predictions, under the same rule.
        largest: most members of a greedy ensemble.
        chosen: images of the choice; the others judge.
        alone: int, members that are candidates by themselves; all unless given.
        growing: int, members of greedy ensembles; those `alone` unless given.
    """
    alone = np.arange(len(members)) if alone is None else alone
    groups = {1: alone[:, None]} if len(alone) else {}
    groups |= {of.shape[1]: np.sort(of, axis=1) for _, of in by_size(ensembles, members)}
    pools = {size: scored_pool(of, scored, chosen) for size, of in groups.items()}
    judged = np.setdiff1d(np.arange(len(scored.labels(CLEAN))), chosen)
    grown = greedy(scored, alone if growing is None else growing, largest, chosen)
    return Choice(members, scored, chosen, judged, pools, grown)


def scored_pool(ensembles: np.ndarray, scored: EnsembleErrors, chosen: np.ndarray) -> Pool:
    """The `Pool` of ensembles (int E x size) on these images."""
    errors = scored.condition_errors(ensembles, chosen)
    losses = errors if scored.costs is None else scored.condition_costs(ensembles, chosen)
    return Pool(ensembles, scored.chosen_by(losses), errors.mean(axis=1))


def by_size(table: pd.DataFrame, members: pd.DataFrame) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Rows of `table` that have as many members, and the positions of these: int E and int E x size."""
    position = {member: index for index, member in enumerate(members.member)}
    sizes = table["size"].to_numpy()
    for size in np.unique(sizes):
        rows = np.flatnonzero(sizes == size)
        names = table.members.iloc[rows].str.split("+")
        yield rows, np.array([[position[member] for member in of_ensemble] for of_ensemble in names])
