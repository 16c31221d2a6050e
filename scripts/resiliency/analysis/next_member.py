"""Which member to add to an ensemble: what a rule that was fixed beforehand gains on images that it has not seen.

The rule adds the member with which the ensemble has the least clean error on one half of the clean images (a step of
forward selection, Caruana et al., ICML 2004). What it gains is measured on the other half and on other test sets,
beside the gain of the most accurate member that is left, of a random one, and of the one that is best in hindsight.
"""

from collections.abc import Iterator
from math import comb

import numpy as np
import pandas as pd

from resiliency.analysis.choices import Choice
from resiliency.analysis.intervals import mean_difference
from resiliency.base.names import CLEAN, accuracy_of

GREEDY, EVERY = "greedy", "every"
COLUMNS = ["condition", "start", "size", "current", "ensembles", "accuracy", "addition"]
COLUMNS += ["gain", "gain_low", "gain_high"]
COLUMNS += ["most_accurate", "most_accurate_gain", "difference", "difference_low", "difference_high", "random_gain"]
COLUMNS += ["best_gain", "regret", "exhaustive", "exhaustive_gain", "images"]


def next_member_table(choice: Choice, ensembles: pd.DataFrame, confidence: float) -> pd.DataFrame:
    """What one more member gains, by the rule and by others.

    Args:
        choice: the members, their ensembles and the images of the choice.
        ensembles: rows of ensembles.parquet of these members under the combination rule.
        confidence: of the intervals.

    Returns:
        `COLUMNS` and confidence. Of each greedy ensemble that can grow, a row per test set: the clean images that
        nothing was chosen by, and all images of further test sets. Then the means over every ensemble of a size of
        which all ensembles with one more member were scored, without intervals.
    """
    rows = [row for size in range(1, len(choice.grown)) for row in _of_greedy(choice, size, confidence)]
    rows += [row for size in choice.pools for row in _of_every(choice, ensembles, size)]
    return pd.DataFrame(rows, columns=COLUMNS).assign(confidence=confidence)


def _of_greedy(choice: Choice, size: int, confidence: float) -> Iterator[dict]:
    """The rows of the greedy ensemble of this size."""
    current, grown = choice.grown[size - 1], choice.grown[size]
    rest = np.setdiff1d(np.arange(len(choice.members)), current)
    accurate = rest[choice.pools[1].objective[rest].argmin()]
    additions = np.sort(np.column_stack([np.tile(current, (len(rest), 1)), rest]), axis=1)
    exhaustive = choice.best(size + 1) if size + 1 in choice.pools else None
    names = choice.members.member.to_numpy(str)
    for condition in (CLEAN, *choice.scored.further):
        images, units = choice.images(condition), choice.units(condition)
        of_current, by_rule, by_accuracy = (
            _wrong(choice, ensemble, condition, images)
            for ensemble in (current, grown, np.sort(np.append(current, accurate)))
        )
        gains = of_current.mean() - (1 - choice.scored.accuracy(additions, condition, images))
        row = {
            "condition": condition,
            "start": GREEDY,
            "size": size,
            "current": "+".join(names[current]),
            "ensembles": 1,
            "accuracy": 1 - of_current.mean(),
            "addition": names[np.setdiff1d(grown, current)[0]],
            **mean_difference("gain", units.values(of_current - by_rule), confidence),
            "most_accurate": names[accurate],
            "most_accurate_gain": of_current.mean() - by_accuracy.mean(),
            **mean_difference("difference", units.values(by_accuracy - by_rule), confidence),
            "random_gain": gains.mean(),
            "best_gain": gains.max(),
            "regret": gains.max() - gains[np.isin(rest, grown)][0],
            "images": len(images),
        }
        if exhaustive is not None:
            row["exhaustive"] = "+".join(names[exhaustive])
            row["exhaustive_gain"] = of_current.mean() - _wrong(choice, exhaustive, condition, images).mean()
        yield row


def _wrong(choice: Choice, ensemble: np.ndarray, condition: str, images: np.ndarray) -> np.ndarray:
    """How often an ensemble (int size) is wrong on each of these images of a test set; float64 n."""
    return choice.scored.wrong_in(ensemble, images, choice.scored.conditions[condition][0]).astype(float)


def _of_every(choice: Choice, ensembles: pd.DataFrame, size: int) -> Iterator[dict]:
    """The rows of the means over every ensemble of this size, if all those with one more member were scored."""
    members, pools = len(choice.members), choice.pools
    if size == members or any(_count(choice, of) != comb(members, of) for of in (size, size + 1)):
        return
    grown = additions_of(pools[size].ensembles, pools[size + 1].ensembles, members)
    allowed = grown >= 0
    chosen = np.where(allowed, pools[size + 1].objective[grown], np.inf).argmin(axis=1)
    accurate = np.where(allowed, pools[1].objective, np.inf).argmin(axis=1)
    every = np.arange(len(grown))
    for condition in (CLEAN, *choice.scored.further):
        of_current, of_grown = (_judged_errors(choice, ensembles, of, condition) for of in (size, size + 1))
        gains = np.where(allowed, of_current[:, None] - of_grown[grown], np.nan)
        gain, by_accuracy, best = gains[every, chosen], gains[every, accurate], np.nanmax(gains, axis=1)
        yield {
            "condition": condition,
            "start": EVERY,
            "size": size,
            "ensembles": len(grown),
            "accuracy": 1 - of_current.mean(),
            "gain": gain.mean(),
            "most_accurate_gain": by_accuracy.mean(),
            "difference": (gain - by_accuracy).mean(),
            "random_gain": np.nanmean(gains, axis=1).mean(),
            "best_gain": best.mean(),
            "regret": (best - gain).mean(),
            "images": len(choice.images(condition)),
        }


def _count(choice: Choice, size: int) -> int:
    return len(choice.pools[size].ensembles) if size in choice.pools else 0


def _judged_errors(choice: Choice, ensembles: pd.DataFrame, size: int, test_set: str) -> np.ndarray:
    """Errors of all ensembles of a size on images that nothing was chosen by, float64 E."""
    pool = choice.pools[size]
    if size == 1:
        return 1 - choice.scored.accuracy(pool.ensembles, test_set, choice.images(test_set))
    errors = 1 - ensembles.loc[ensembles["size"] == size, accuracy_of(test_set)].to_numpy(float)
    return choice.judged_errors(errors, pool.errors) if test_set == CLEAN else errors


def additions_of(current: np.ndarray, grown: np.ndarray, members: int) -> np.ndarray:
    """Row in `grown` of each current ensemble with each member added; int64 E x M, -1 for its own members.

    Args:
        current, grown: int E x size and F x (size + 1), all sets of so many of M members, each in ascending order.
    """
    rows = {ensemble: row for row, ensemble in enumerate(map(tuple, current.tolist()))}
    found = np.full((len(current), members), -1, np.int64)
    for place in range(grown.shape[1]):
        rest = map(tuple, np.delete(grown, place, axis=1).tolist())
        found[[rows[ensemble] for ensemble in rest], grown[:, place]] = np.arange(len(grown))
    return found
