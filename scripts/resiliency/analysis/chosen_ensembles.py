"""Ensembles chosen by their clean error on one half of the test images, and judged on the other and on other test sets.

Only ensembles of independent members are formed here; `deployment` chooses among all by their errors under corruptions.
"""

import numpy as np
import pandas as pd

from resiliency.analysis.choices import Choice
from resiliency.base.names import CLEAN, accuracy_of
from resiliency.metrics.classification import accuracies, accuracy_columns

COLUMNS = ["size", "members", "of", "found", "selection_accuracy", "optimism"]
EFFECTIVE = "_effective_images"
COUNTED = ["selection_images", "images", "confidence"]


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
    best = {size: (len(pool.ensembles), choice.best(size)) for size, pool in pools.items()}
    best |= {len(ensemble): (len(choice.members) - len(ensemble) + 1, ensemble) for ensemble in choice.larger}
    harder = (scored.errors(pools[1].ensembles, judged) - pools[1].errors).mean()
    rows = [_row(size, of, ensemble, choice) for size, (of, ensemble) in best.items()]
    table = pd.DataFrame(rows).sort_values("size", ignore_index=True)
    table["optimism"] = table.selection_accuracy - table.clean_accuracy - harder
    for name in (CLEAN, *scored.further):
        shares, effective = (table.pop(f"{name}{column}").to_numpy(float) for column in ("_accuracy", EFFECTIVE))
        table = table.assign(**accuracies(name, shares, effective, confidence))
    table = table.assign(selection_images=len(choice.chosen), images=len(judged), confidence=confidence)
    return table[COLUMNS + [column for name in (CLEAN, *scored.further) for column in accuracy_columns(name)] + COUNTED]


def _row(size: int, candidates: int, ensemble: np.ndarray, choice: Choice) -> dict:
    scored = choice.scored
    found = "single" if size == 1 else "scored" if size in choice.pools else "greedy"
    accuracy = {}
    for name in (CLEAN, *scored.further):
        of_name = ensemble[None], name, choice.images(name)
        accuracy[accuracy_of(name)] = scored.accuracy(*of_name)[0]
        accuracy[f"{name}{EFFECTIVE}"] = np.atleast_1d(scored.effective_images(*of_name))[0]
    return {
        "size": size,
        "members": "+".join(choice.members.member.iloc[ensemble]),
        "of": candidates,
        "found": found,
        "selection_accuracy": 1 - scored.errors(ensemble[None], choice.chosen)[0],
        **accuracy,
    }
