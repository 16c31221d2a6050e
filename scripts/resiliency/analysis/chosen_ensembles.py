"""Ensembles chosen by their clean error on one half of the test images, and judged on the other and on other test sets.

The most accurate of thousands of ensembles looks better than it is on the images that it was chosen by. Only ensembles
of independent members are formed here; `deployment` chooses among all by their errors under corruptions.
"""

import numpy as np
import pandas as pd

from resiliency.analysis.deployment import by_size
from resiliency.ensembles.selection import EnsembleErrors, greedy
from resiliency.metrics.accuracy import accuracies, accuracy_columns
from resiliency.names import CLEAN

COLUMNS = ["size", "members", "of", "found", "selection_accuracy", "optimism"]
COUNTED = ["selection_images", "images", "confidence"]


def chosen_table(
    members: pd.DataFrame,
    ensembles: pd.DataFrame,
    scored: EnsembleErrors,
    largest: int,
    chosen: np.ndarray,
    judged: np.ndarray,
    confidence: float,
) -> pd.DataFrame:
    """The ensemble of each size with the least clean error on one half of the clean images, and the best member.

    Args:
        members: rows of members.csv of the M independent members, in the order of the predictions.
        ensembles: rows of ensembles.parquet, of these members and under one combination rule.
        scored: their predictions, under that rule; its ensembles are chosen by their clean error.
        largest: most members of a greedy ensemble; those are formed beyond the largest size of `ensembles`.
        chosen, judged: int, the clean images of the choice and the others.
        confidence: of Wilson's intervals.

    Returns:
        A row per size: size, members (joined by "+"), of (the number of ensembles compared), found (`single`, `scored`
        or `greedy`), selection_accuracy (on the images of the choice), optimism (that less the accuracy on the judged
        ones, less the mean of this difference over members, for one half may be harder), <test set>_accuracy with
        _low and _high (`clean`: on the judged images; others: on all of theirs), selection_images, images (judged),
        confidence.
    """
    everyone = np.arange(len(members))
    pools = {1: everyone[:, None]} | {int(of.shape[1]): of for _, of in by_size(ensembles, members)}
    best = {size: (len(of), of[scored.errors(of, chosen).argmin()]) for size, of in pools.items()}
    grown = [ensemble for ensemble in greedy(scored, everyone, largest, chosen) if len(ensemble) > max(pools)]
    best |= {len(ensemble): (len(members) - len(ensemble) + 1, ensemble) for ensemble in grown}
    harder = (scored.errors(pools[1], judged) - scored.errors(pools[1], chosen)).mean()
    rows = [_row(size, of, ensemble, members, pools, scored, chosen, judged) for size, (of, ensemble) in best.items()]
    table = pd.DataFrame(rows).sort_values("size", ignore_index=True)
    table["optimism"] = table.selection_accuracy - table.clean_accuracy - harder
    images = {CLEAN: len(judged)} | {name: len(scored.labels(name)) for name in scored.further}
    for name, count in images.items():
        table = table.assign(**accuracies(name, table[f"{name}_accuracy"].to_numpy(float), count, confidence))
    table = table.assign(selection_images=len(chosen), images=len(judged), confidence=confidence)
    return table[COLUMNS + [column for name in images for column in accuracy_columns(name)] + COUNTED]


def _row(
    size: int,
    of: int,
    ensemble: np.ndarray,
    members: pd.DataFrame,
    pools: dict[int, np.ndarray],
    scored: EnsembleErrors,
    chosen: np.ndarray,
    judged: np.ndarray,
) -> dict:
    found = "single" if size == 1 else "scored" if size in pools else "greedy"
    accuracy = {f"{CLEAN}_accuracy": scored.accuracy(ensemble[None], CLEAN, judged)[0]}
    for name in scored.further:
        accuracy[f"{name}_accuracy"] = scored.accuracy(ensemble[None], name, np.arange(len(scored.labels(name))))[0]
    return {
        "size": size,
        "members": "+".join(members.member.iloc[ensemble]),
        "of": of,
        "found": found,
        "selection_accuracy": 1 - scored.errors(ensemble[None], chosen)[0],
        **accuracy,
    }
