"""Forward selection of the members of an ensemble, by error or by diversity.

Forward selection (Caruana et al., ICML 2004) begins with the most accurate member. It adds the
member with which the ensemble errs least or, of those about as accurate as the best, the one that
differs most from the members so far.
"""

from collections.abc import Sequence

import numpy as np

from resiliency.ensembles.pool import EnsembleErrors

DIGITS = 12  # decimals of errors that are compared, so that rounding decides no tie


class Selection:
    """Selection from many pools by errors in many ways, for which each ensemble is evaluated once.

    Args:
        scorer: errors of ensembles of M members.
        parts: images on which members are selected, int each.
        groups: positions in `scorer.corrupted`, int, of each of C groups of conditions.
    """

    def __init__(
        self, scorer: EnsembleErrors, parts: Sequence[np.ndarray], groups: Sequence[np.ndarray]
    ):
        self.scorer, self.parts, self.groups = scorer, parts, groups
        self.known: dict[tuple[int, tuple[int, ...]], np.ndarray] = {}

    def errors(self, part: int, weights: np.ndarray, chosen: tuple[int, ...] = ()) -> np.ndarray:
        """Error of the ensemble of `chosen` (ascending) with each further member on a part, float64
        M.

        Args:
            weights: float C, weights of the groups of conditions.
        """
        self._learn(part, {chosen})
        return (self.known[part, chosen] @ weights).round(DIGITS)

    def paths(
        self,
        ways: Sequence[tuple[int, np.ndarray]],
        pools: np.ndarray,
        labels: np.ndarray,
        largest: int,
    ) -> list[list[np.ndarray]]:
        """For each way and pool, members in the order of their selection, `largest` at most, fewer
        if none is left.

        Args:
            ways: part, and weights of the groups.
            pools: bool P x M, the members of each pool.
            labels: int M; of members with one label, one is selected.
        """
        paths = [[np.empty(0, np.int64) for _ in pools] for _ in ways]
        for _ in range(largest):
            chosen = [[tuple(np.sort(path).tolist()) for path in of] for of in paths]
            for part in range(len(self.parts)):
                self._learn(
                    part,
                    {
                        key
                        for way, of in zip(ways, chosen, strict=True)
                        if way[0] == part
                        for key in of
                    },
                )
            for way, of, keys in zip(ways, paths, chosen, strict=True):
                for place, kept in enumerate(pools):
                    errors = self.errors(*way, keys[place])
                    if (allowed := kept & ~np.isin(labels, labels[of[place]])).any():
                        of[place] = np.append(of[place], np.where(allowed, errors, np.inf).argmin())
        return paths

    def _learn(self, part: int, wanted: set[tuple[int, ...]]) -> None:
        """Evaluate ensembles of `wanted`, all of one size, with each further member, as far as they
        are not known."""
        if some := sorted(chosen for chosen in wanted if (part, chosen) not in self.known):
            members = np.arange(len(self.scorer.predictions))
            others = [np.setdiff1d(members, chosen) for chosen in some]
            grown = [
                sorted([*of, new])
                for of, rest in zip(some, others, strict=True)
                for new in rest.tolist()
            ]
            errors = self.scorer.condition_errors(np.array(grown), self.parts[part])
            means = np.stack([errors[:, places].mean(axis=1) for places in self.groups], axis=1)
            starts = np.cumsum([len(rest) for rest in others])[:-1]
            for chosen, rest, of in zip(some, others, np.split(means, starts), strict=True):
                self.known[part, chosen] = np.ones((len(members), len(self.groups)))
                self.known[part, chosen][rest] = of


def farthest(apart: np.ndarray, among: np.ndarray, count: int) -> np.ndarray:
    """The first of `among`, then the one whose mean diversity from those so far is largest, up to
    `count`; int.

    Args:
        apart: float M x M, diversity of two members.
        among: int, members to choose among.
    """
    chosen = among[:1]
    while len(chosen) < min(count, len(among)):
        rest = among[~np.isin(among, chosen)]
        chosen = np.append(chosen, rest[apart[rest][:, chosen].sum(axis=1).argmax()])
    return chosen
