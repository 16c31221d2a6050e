"""All ensembles of a study: of independent members, of sub-networks of the search, and of jointly trained members."""

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

import numpy as np
import pandas as pd

from resiliency.base.names import INDEPENDENT, SEARCH
from resiliency.base.progress import Progress
from resiliency.ensembles.eligible import eligible_members
from resiliency.ensembles.pool import TOGETHER, chosen_ensembles, limits, trained_together
from resiliency.ensembles.selection import EnsembleErrors
from resiliency.ensembles.settings import Ensembles
from resiliency.ensembles.table import Pool
from resiliency.ensembles.voting import VOTE
from resiliency.prediction.reading import Predictions

COMPARED = ["objective", "loss_weight", "seed"]  # of jointly trained ensembles


class Tables(NamedTuple):
    """What is written of the ensembles of a study.

    Attributes:
        ensembles: ensembles.parquet, a row per ensemble and combination rule.
        by_corruption: by_corruption.parquet, a row per ensemble of independent members.
        image_errors: a row per jointly trained ensemble and unit of images (see `Units.values`): objective,
            loss_weight, seed, image, and error, the share of corrupted conditions that the ensemble gets wrong under
            the main rule.
    """

    ensembles: pd.DataFrame
    by_corruption: pd.DataFrame
    image_errors: pd.DataFrame


class EnsemblesOfStudy:
    """Forms and scores the ensembles of a study.

    Args:
        members: members.csv.
        predictions: member -> its predictions; who has none is in no ensemble.
        pairs: a function that reads the table of pairs, in parts.
        baseline: top-1 error of the baseline under each corruption that mCE counts.
        settings: which ensembles are formed, and how they are combined.
        confidence: of the intervals.
        seed: of the study.
        threads: conditions that are scored at a time.

    Raises:
        Fault: see `eligible_members`.
    """

    def __init__(
        self,
        members: pd.DataFrame,
        predictions: dict[str, Predictions],
        pairs: Callable[[], Iterable[pd.DataFrame]],
        baseline: np.ndarray,
        settings: Ensembles,
        confidence: float,
        seed: int,
        threads: int = 1,
    ):
        self.predictions, self.pairs, self.baseline = predictions, pairs, baseline
        self.settings, self.confidence, self.seed, self.threads = settings, confidence, seed, threads
        found = members[(members.origin == SEARCH) & members.member.isin(predictions)]
        pools = {INDEPENDENT: eligible_members(members, predictions, settings), SEARCH: found}
        self.pools = {origin: chosen for origin, chosen in pools.items() if len(chosen) >= min(settings.sizes)}
        self.joint = trained_together(members)
        self.undefined = max(members.mce_undefined_under.dropna(), default="")
        conditions = len(next(iter(predictions.values()))) if predictions else 0
        self.progress = Progress(len(self.pools) * conditions + len(self.joint))

    def tables(self) -> Tables:
        """Score all of them."""
        scored, by_corruption = self._of_pools()
        of_joint, image_errors = self._of_joint()
        table = pd.concat([*scored, *of_joint], ignore_index=True)
        table = table.reindex(columns=list(dict.fromkeys([*TOGETHER, *table])))
        table.insert(0, "ensemble", table.groupby("members", sort=False).ngroup())
        none = pd.DataFrame(columns=[*COMPARED, "image", "error"])
        return Tables(table.assign(mce_undefined_under=self.undefined), by_corruption, pd.concat([none, *image_errors]))

    def _of_pools(self) -> tuple[list[pd.DataFrame], pd.DataFrame]:
        """The tables of ensembles that are formed here, all or a sample, and that under each corruption."""
        tables, by_corruption = [], pd.DataFrame(columns=["members"])
        for origin, chosen in self.pools.items():
            groups = self._formed(origin, chosen)
            pool, rules = self._pool(chosen, self.pairs()), self.settings.rules
            if not pool.has_probabilities:
                rules = [VOTE]
                tables += self._of_probabilities(chosen, groups)
            scored, under_each = pool.score(groups, rules, self.progress.step)
            tables.append(scored.assign(origin=origin, objective="", setting=""))
            if origin == INDEPENDENT:
                under_each.insert(0, "members", scored.members[: len(under_each)])
                by_corruption = under_each
        return tables, by_corruption

    def _formed(self, origin: str, chosen: pd.DataFrame) -> list[np.ndarray]:
        """The ensembles of each size, int E x size each, as indices of `chosen`."""
        sizes = [size for size in self.settings.sizes if size <= len(chosen)]
        counts = zip(sizes, limits(len(chosen), sizes, self.settings.limit), strict=True)
        designs, seed = list(chosen.design), self.seed
        groups = [chosen_ensembles(designs, size, count, seed) for size, count in counts]
        print(f"{origin}:", *(f"{len(group):,} ensembles of {group.shape[1]}," for group in groups))
        return groups

    def _of_probabilities(self, chosen: pd.DataFrame, groups: list[np.ndarray]) -> Iterator[pd.DataFrame]:
        """The ensembles of those of `chosen` that have probabilities, under the rules that need them."""
        has = np.array([self.predictions[member].has_probabilities for member in chosen.member])
        rules, position = [rule for rule in self.settings.rules if rule != VOTE], np.cumsum(has) - 1
        formed = [position[group[has[group].all(axis=1)]] for group in groups]
        formed = [group for group in formed if len(group)]
        if rules and formed:
            scored = self._pool(chosen[has], self.pairs()).score(formed, rules)[0]
            yield scored.assign(origin=INDEPENDENT, objective="", setting="")

    def _of_joint(self) -> tuple[list[pd.DataFrame], list[pd.DataFrame]]:
        """The tables of each jointly trained ensemble, and its errors on images."""
        together = {member for _, chosen in self.joint for member in chosen.member}
        pairs = [block[block["first"].isin(together)] for block in self.pairs()] if self.joint else []
        tables, image_errors = [], []
        for columns, chosen in self.joint:
            pool, everyone = self._pool(chosen, pairs), np.arange(len(chosen))
            tables.append(pool.score([everyone[None]], self.settings.rules)[0].assign(**columns))
            of_rule = EnsembleErrors(pool.predictions, pool.weights, self.settings.main_rule)
            errors = of_rule.image_errors(everyone[None], np.arange(pool.conditions.images.iloc[0]))[0]
            errors = pool.predictions[0].units(0).values(errors)
            described = {name: columns[name] for name in COMPARED}
            image_errors.append(pd.DataFrame(described | {"image": np.arange(len(errors)), "error": errors}))
            self.progress.step(f"{columns['setting']}, seed {columns['seed']:g}")
        return tables, image_errors

    def _pool(self, chosen: pd.DataFrame, pairs: Iterable[pd.DataFrame]) -> Pool:
        """The pool of these rows of members.csv."""
        of_members = [self.predictions[member] for member in chosen.member]
        return Pool(chosen, of_members, pairs, self.baseline, self.confidence, self.threads)
