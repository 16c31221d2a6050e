"""Ensembles chosen by their clean error on one half of the test images, and judged on the other and on other test sets.

The most accurate of thousands of ensembles looks better than it is on the images that it was chosen by. Only ensembles
of independent members are formed here; `deployment` chooses among all by their errors under corruptions.
"""

from typing import NamedTuple

import numpy as np
import pandas as pd

from resiliency.analysis.deployment import by_size
from resiliency.ensembles.selection import EnsembleErrors, greedy
from resiliency.metrics.accuracy import accuracies, accuracy_columns
from resiliency.names import CLEAN, accuracy_of

COLUMNS = ["size", "members", "of", "found", "selection_accuracy", "optimism"]
COUNTED = ["selection_images", "images", "confidence"]


class Choice(NamedTuple):
    """Members, their ensembles, and the images by which ensembles are chosen.

    Attributes:
        members: rows of members.csv of the M independent members, in the order of the predictions.
        scored: their predictions, under one combination rule.
        chosen, judged: int, the clean images of the choice and the others.
        pools: size -> ensembles of this size, int E x size: single members, and all that were scored.
        errors: size -> float64 E, their clean errors on the images of the choice.
        grown: greedy ensembles of 1, 2, ... members, by these errors.
    """

    members: pd.DataFrame
    scored: EnsembleErrors
    chosen: np.ndarray
    judged: np.ndarray
    pools: dict[int, np.ndarray]
    errors: dict[int, np.ndarray]
    grown: list[np.ndarray]

    def images(self, test_set: str) -> np.ndarray:
        """The images of a test set that nothing was chosen by, int: judged clean images, or all of a further set."""
        return self.judged if test_set == CLEAN else np.arange(len(self.scored.labels(test_set)))

    def best(self, size: int) -> np.ndarray:
        """The ensemble of this size with the least error on the images of the choice, int size."""
        return self.pools[size][self.errors[size].argmin()]

    def judged_errors(self, ensembles: pd.DataFrame, size: int, test_set: str) -> np.ndarray:
        """Errors of all ensembles of a size where nothing was chosen, float64 E: on the judged clean images, or on all.

        Args:
            ensembles: rows of ensembles.parquet, of which the ensembles were made; they hold errors on all images.
        """
        if size == 1:
            return 1 - self.scored.accuracy(self.pools[1], test_set, self.images(test_set))
        errors = 1 - ensembles.loc[ensembles["size"] == size, accuracy_of(test_set)].to_numpy(float)
        if test_set != CLEAN:
            return errors
        images, chosen = len(self.scored.labels(CLEAN)), len(self.chosen)
        return (errors * images - self.errors[size] * chosen) / (images - chosen)


def choice_of(
    members: pd.DataFrame,
    ensembles: pd.DataFrame,
    scored: EnsembleErrors,
    largest: int,
    chosen: np.ndarray,
    judged: np.ndarray,
) -> Choice:
    """Compare single members, the ensembles that were scored and greedy ones by their clean error.

    Args:
        members, scored, chosen, judged: as of `Choice`.
        ensembles: rows of ensembles.parquet, of these members and under one combination rule.
        largest: most members of a greedy ensemble.
    """
    everyone = np.arange(len(members))
    pools = {1: everyone[:, None]} | {of.shape[1]: np.sort(of, axis=1) for _, of in by_size(ensembles, members)}
    errors = {size: scored.errors(of, chosen) for size, of in pools.items()}
    return Choice(members, scored, chosen, judged, pools, errors, greedy(scored, everyone, largest, chosen))


def chosen_table(choice: Choice, confidence: float) -> pd.DataFrame:
    """The ensemble of each size with the least clean error on one half of the clean images, and the best member.

    Args:
        choice: greedy ensembles count beyond the largest size of which ensembles were scored.
        confidence: of Wilson's intervals.

    Returns:
        A row per size: size, members (joined by "+"), of (the number of ensembles compared), found (`single`, `scored`
        or `greedy`), selection_accuracy (on the images of the choice), optimism (that less the accuracy on the judged
        ones, less the mean of this difference over members, for one half may be harder), <test set>_accuracy with
        _low and _high (`clean`: on the judged images; others: on all of theirs), selection_images, images (judged),
        confidence.
    """
    scored, pools, judged = choice.scored, choice.pools, choice.judged
    best = {size: (len(of), choice.best(size)) for size, of in pools.items()}
    grown = [ensemble for ensemble in choice.grown if len(ensemble) > max(pools)]
    best |= {len(ensemble): (len(choice.members) - len(ensemble) + 1, ensemble) for ensemble in grown}
    harder = (scored.errors(pools[1], judged) - choice.errors[1]).mean()
    rows = [_row(size, of, ensemble, choice) for size, (of, ensemble) in best.items()]
    table = pd.DataFrame(rows).sort_values("size", ignore_index=True)
    table["optimism"] = table.selection_accuracy - table.clean_accuracy - harder
    images = {name: len(choice.images(name)) for name in (CLEAN, *scored.further)}
    for name, count in images.items():
        table = table.assign(**accuracies(name, table[f"{name}_accuracy"].to_numpy(float), count, confidence))
    table = table.assign(selection_images=len(choice.chosen), images=len(judged), confidence=confidence)
    return table[COLUMNS + [column for name in images for column in accuracy_columns(name)] + COUNTED]


def _row(size: int, of: int, ensemble: np.ndarray, choice: Choice) -> dict:
    scored = choice.scored
    found = "single" if size == 1 else "scored" if size in choice.pools else "greedy"
    accuracy = {
        accuracy_of(name): scored.accuracy(ensemble[None], name, choice.images(name))[0]
        for name in (CLEAN, *scored.further)
    }
    return {
        "size": size,
        "members": "+".join(choice.members.member.iloc[ensemble]),
        "of": of,
        "found": found,
        "selection_accuracy": 1 - scored.errors(ensemble[None], choice.chosen)[0],
        **accuracy,
    }
