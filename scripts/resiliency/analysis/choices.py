"""Choices among ensembles on one half of the test images, evaluated on the other: what all choices have in common.

The best of thousands of ensembles looks better than it is on the images that it was selected on. Corrupted images are
test images (published sets have no others), so these are split: one half is for selection, and the other,
which the selection has not seen, evaluates it. `EnsembleErrors` decides what ensembles are selected by: their errors on
clean images, or an objective under corruptions."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from resiliency.base.names import CLEAN, INDEPENDENT, JOINT, accuracy_of
from resiliency.base.streams import stream
from resiliency.data.split import sample_of_groups, stratified_sample
from resiliency.ensembles.combination import VOTE, member_weights
from resiliency.ensembles.pool import EnsembleErrors, eligible_members, greedy
from resiliency.ensembles.settings import Ensembles
from resiliency.metrics.classification import accuracies, accuracy_columns
from resiliency.prediction.reading import Predictions
from resiliency.statistics.units import Units

EFFECTIVE = "clean_effective_images"  # column of a deployment.csv whose images are in units
LATENCY = "latency_ms"  # column of a deployment.csv by whose latency the cheapest model is recommended


def clean_accuracy(row: dict | pd.Series) -> dict[str, float]:
    """The clean accuracy of a row of deployment.csv with the ends of its interval (Wilson's), under their names."""
    return accuracies(CLEAN, row["clean_accuracy"], row.get(EFFECTIVE, row["images"]), row["confidence"])


def priced(rows: pd.DataFrame, cost: str | None = None) -> str:
    """The column of what `rows` cost: `cost`, or if no cost is known, size.

    Args:
        cost: macs, or latency_ms, which it is where it was measured unless given.
    """
    cost = cost or (LATENCY if LATENCY in rows else "macs")
    return cost if rows[cost].notna().any() else "size"


def known_rows(deployment: pd.DataFrame) -> pd.DataFrame:
    """The rows whose errors are known both on the selection images and on evaluation images."""
    return deployment.dropna(subset=["selection_error", "corrupted_error"])


def eligible(deployment: pd.DataFrame) -> pd.DataFrame:
    """The rows that may be best: known ones whose members are all fit, or all known ones of a table without `fit`."""
    rows = known_rows(deployment)
    return rows[rows["fit"].astype(bool)] if "fit" in rows else rows


def best_member(deployment: pd.DataFrame) -> pd.Series | None:
    """The best row of a single member; None if none is eligible."""
    alone = eligible(deployment).loc[lambda rows: rows["size"] == 1]
    return best_row(alone) if len(alone) else None


def best_row(rows: pd.DataFrame) -> pd.Series:
    """The eligible row with the least selection_error; errors on evaluation images are not known when one chooses."""
    return rows.loc[rows["selection_error"].idxmin()]


def recommended_row(rows: pd.DataFrame) -> pd.Series:
    """The row to deploy in place of the best of these eligible `rows` of deployment.csv.

    The best itself, where that one is not among them: with a limit of MACs in a study that compares latencies.
    """
    best = best_row(rows)
    found = rows[rows["number"] == best["instead"]] if "instead" in rows else rows.iloc[:0]
    return found.iloc[0] if len(found) else best


def halves(labels: np.ndarray, seed: int, units: Units | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Sorted indices of the images on which ensembles are selected, and of the others, on which they are evaluated.

    Args:
        labels: int N.
        units: of these images, each of which is in one half; None if each image is one.
    """
    selection = _half(labels, seed, units or Units.single(len(labels)))
    return selection, np.setdiff1d(np.arange(len(labels)), selection)


def _half(labels: np.ndarray, seed: int, units: Units) -> np.ndarray:
    """Sorted indices of about half of the images, all those of some units; a class of one unit is in the other half."""
    if units.alone:
        return stratified_sample(labels, len(labels) // 2, seed, "deployment")
    selection = sample_of_groups(labels, units.of_image, len(labels) // 2, 1, seed, "deployment")
    if len(selection):
        return selection
    some = stream(seed, "deployment").permutation(units.number)[: units.number // 2]  # each is the only one of a class
    return np.flatnonzero(np.isin(units.of_image, some))


class Pool(NamedTuple):
    """Ensembles of one size, on the selection images.

    Attributes:
        ensembles: int E x size, members of each.
        objective: float64 E, what they are selected by; less is better.
        errors: float64 E, mean of their errors over the conditions that they are selected by.
    """

    ensembles: np.ndarray
    objective: np.ndarray
    errors: np.ndarray


class Choice(NamedTuple):
    """Candidates, and the images by which they are selected.

    Attributes:
        members: rows of members.csv of the M members.
        scored: their predictions in that order, under one combination rule.
        selection, evaluation: int, the selection images and the others.
        pools: size -> its candidates: single members, and all ensembles that were scored.
        grown: greedy ensembles of 1, 2, ... members.
    """

    members: pd.DataFrame
    scored: EnsembleErrors
    selection: np.ndarray
    evaluation: np.ndarray
    pools: dict[int, Pool]
    grown: list[np.ndarray]

    @property
    def larger(self) -> list[np.ndarray]:
        """The greedy ensembles that have more members than all others."""
        return [ensemble for ensemble in self.grown if len(ensemble) > max(self.pools, default=1)]

    def images(self, test_set: str) -> np.ndarray:
        """The images of a test set that nothing was selected by, int: evaluation images, or all of a further set."""
        return self.evaluation if test_set == CLEAN else np.arange(len(self.scored.labels(test_set)))

    def best(self, size: int) -> np.ndarray:
        """The ensemble of this size with the least objective, int size."""
        return self.pools[size].ensembles[self.pools[size].objective.argmin()]

    def evaluation_errors(self, errors: np.ndarray, on_selection: np.ndarray) -> np.ndarray:
        """Errors on the evaluation images, float64 E: those on all images, less those on the selection images."""
        images = len(self.selection) + len(self.evaluation)
        rest = errors * images - on_selection * len(self.selection)
        return (rest / len(self.evaluation)).clip(0, 1)  # not -1e-17


def choice_of(
    members: pd.DataFrame,
    ensembles: pd.DataFrame,
    scored: EnsembleErrors,
    largest: int,
    selection: np.ndarray,
    alone: np.ndarray | None = None,
    growing: np.ndarray | None = None,
) -> Choice:
    """Compare single members, the ensembles that were scored and greedy ones.

    Args:
        members: rows of members.csv, in the order of the predictions.
        ensembles: rows of ensembles.parquet, of these members and under one combination rule.
        scored: their predictions, under the same rule.
        largest: most members of a greedy ensemble.
        selection: images to select on; the others evaluate.
        alone: int, members that are candidates by themselves; all unless given.
        growing: int, members of greedy ensembles; those `alone` unless given.
    """
    alone = np.arange(len(members)) if alone is None else alone
    groups = {1: alone[:, None]} if len(alone) else {}
    groups |= {of.shape[1]: np.sort(of, axis=1) for _, of in by_size(ensembles, members)}
    pools = {size: scored_pool(of, scored, selection) for size, of in groups.items()}
    evaluation = np.setdiff1d(np.arange(len(scored.labels(CLEAN))), selection)
    grown = greedy(scored, alone if growing is None else growing, largest, selection)
    return Choice(members, scored, selection, evaluation, pools, grown)


def scored_pool(ensembles: np.ndarray, scored: EnsembleErrors, selection: np.ndarray) -> Pool:
    """The `Pool` of ensembles (int E x size) on these images."""
    errors = scored.condition_errors(ensembles, selection)
    losses = errors if scored.costs is None else scored.condition_costs(ensembles, selection)
    return Pool(ensembles, scored.chosen_by(losses), errors.mean(axis=1))


def by_size(table: pd.DataFrame, members: pd.DataFrame) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Rows of `table` that have as many members, and the positions of these: int E and int E x size."""
    position = {member: index for index, member in enumerate(members.member)}
    sizes = table["size"].to_numpy()
    for size in np.unique(sizes):
        rows = np.flatnonzero(sizes == size)
        names = table.members.iloc[rows].str.split("+")
        yield rows, np.array([[position[member] for member in of_ensemble] for of_ensemble in names])


class MemberPool(NamedTuple):
    """M members that ensembles are formed of.

    Attributes:
        members: their rows of members.csv.
        scored: their predictions in that order.
    """

    members: pd.DataFrame
    scored: EnsembleErrors

    def ensembles(self, table: pd.DataFrame) -> pd.DataFrame:
        """The rows of ensembles.parquet of independent members, under the combination rule."""
        return table[(table["origin"] == INDEPENDENT) & (table["rule"] == self.scored.rule)]

    def halves(self, seed: int) -> tuple[np.ndarray, np.ndarray]:
        """The clean images on which ensembles are selected, and those on which they are evaluated, as from `halves`."""
        return halves(self.scored.labels(CLEAN), seed, self.scored.units(CLEAN))


def pool_of(members: pd.DataFrame, predictions: dict[str, Predictions], settings: Ensembles) -> MemberPool:
    """The independent members that ensembles are formed of, which are selected by their clean error.

    Members with decisions only are combined by plurality vote, whatever the first of the rules in `settings`.

    Args:
        members: members.csv.

    Raises:
        Fault: see `eligible_members`.
    """
    members = eligible_members(members, predictions, settings).reset_index(drop=True)
    return MemberPool(members, _scored(members, predictions, settings.main_rule, images=CLEAN))


def deployable_pool(
    members: pd.DataFrame,
    predictions: dict[str, Predictions],
    rule: str,
    objective: str,
    quantile: float,
    costs: np.ndarray | None = None,
) -> MemberPool:
    """All members with predictions, for ensembles that may be deployed.

    Args:
        members: members.csv.
        rule: how they are combined; plurality vote if some have decisions only.
        objective, quantile, costs: what ensembles are selected by, as for `EnsembleErrors`.
    """
    members = members[members.member.isin(predictions)].reset_index(drop=True)
    choice = {"objective": objective, "quantile": quantile, "costs": costs}
    return MemberPool(members, _scored(members, predictions, rule, **choice))


def _scored(members: pd.DataFrame, predictions: dict[str, Predictions], rule: str, **choice: object) -> EnsembleErrors:
    in_order = [predictions[member] for member in members.member]
    rule = rule if all(member.has_probabilities for member in in_order) else VOTE
    return EnsembleErrors(in_order, member_weights(members), rule, **choice)


COLUMNS = ["size", "members", "of", "found", "selection_accuracy", "optimism"]
EFFECTIVE_SUFFIX = "_effective_images"
COUNTED = ["selection_images", "images", "confidence"]


def chosen_table(choice: Choice, confidence: float) -> pd.DataFrame:
    """The ensemble of each size with the least clean error on one half of the clean images, and the best member.

    Args:
        choice: greedy ensembles count beyond the largest size of which ensembles were scored.
        confidence: of Wilson's intervals.

    Returns:
        A row per size: size, members (joined by "+"), of (the number of ensembles compared), found (`single`, `scored`
        or `greedy`), selection_accuracy (on the selection images), optimism (that less the accuracy on the evaluation
        images, less the mean of this difference over members, for one half may be harder), <test set>_accuracy with
        _low and _high (`clean`: on the evaluation images; others: on all of theirs), selection_images, images (of the
        evaluation), confidence.
    """
    scored, pools, evaluation = choice.scored, choice.pools, choice.evaluation
    best = {size: (len(pool.ensembles), choice.best(size)) for size, pool in pools.items()}
    best |= {len(ensemble): (len(choice.members) - len(ensemble) + 1, ensemble) for ensemble in choice.larger}
    harder = (scored.errors(pools[1].ensembles, evaluation) - pools[1].errors).mean()
    rows = [_row(size, of, ensemble, choice) for size, (of, ensemble) in best.items()]
    table = pd.DataFrame(rows).sort_values("size", ignore_index=True)
    table["optimism"] = table.selection_accuracy - table.clean_accuracy - harder
    for name in (CLEAN, *scored.further):
        shares, effective = (table.pop(f"{name}{column}").to_numpy(float) for column in ("_accuracy", EFFECTIVE_SUFFIX))
        table = table.assign(**accuracies(name, shares, effective, confidence))
    table = table.assign(selection_images=len(choice.selection), images=len(evaluation), confidence=confidence)
    return table[COLUMNS + [column for name in (CLEAN, *scored.further) for column in accuracy_columns(name)] + COUNTED]


def _row(size: int, candidates: int, ensemble: np.ndarray, choice: Choice) -> dict:
    scored = choice.scored
    found = "single" if size == 1 else "scored" if size in choice.pools else "greedy"
    accuracy = {}
    for name in (CLEAN, *scored.further):
        of_name = ensemble[None], name, choice.images(name)
        accuracy[accuracy_of(name)] = scored.accuracy(*of_name)[0]
        accuracy[f"{name}{EFFECTIVE_SUFFIX}"] = np.atleast_1d(scored.effective_images(*of_name))[0]
    return {
        "size": size,
        "members": "+".join(choice.members.member.iloc[ensemble]),
        "of": candidates,
        "found": found,
        "selection_accuracy": 1 - scored.errors(ensemble[None], choice.selection)[0],
        **accuracy,
    }


MOST = 10


def best_table(members: pd.DataFrame, ensembles: pd.DataFrame, test_sets: Sequence[str]) -> pd.DataFrame:
    """The `MOST` ensembles of each size, and members as size 1, with the highest clean accuracy.

    Of equals, the most robust comes first.

    The best of thousands on some images is less good on others: accuracy on further test sets, which nothing was
    selected on, is the one to believe.

    Args:
        members: members.csv.
        ensembles: rows of ensembles.parquet under one rule.
        test_sets: their names.

    Returns:
        Columns as docs/tables.md describes them; intervals of accuracy are each of one ensemble alone.
    """
    of_sets = [column for name in test_sets for column in accuracy_columns(name)]
    columns = ["size", "members", "origin", "corrupted_error", *of_sets]
    single = members[members["origin"] != JOINT].rename(columns={"member": "members"}).assign(size=1)
    table = pd.concat([single[columns], ensembles[ensembles["origin"] != JOINT][columns]], ignore_index=True)
    table["ensembles"] = table.groupby("size")["members"].transform("size")
    order = {"size": False, accuracy_of(CLEAN): False, "corrupted_error": True}
    table = table.sort_values([*order], ascending=[*order.values()], kind="stable")
    table["rank"] = table.groupby("size").cumcount() + 1
    table = table[table["rank"] <= MOST].reset_index(drop=True)
    return table[["size", "rank", "members", "ensembles", "origin", "corrupted_error", *of_sets]]
