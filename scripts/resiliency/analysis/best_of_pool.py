"""What the best ensemble of a pool reaches of the way from its best member to the ceiling."""

import numpy as np
import pandas as pd

from resiliency.analysis.ceiling import REACHED, way_to_ceiling
from resiliency.conditions import groups
from resiliency.ensembles.selection import EnsembleErrors
from resiliency.names import CLEAN, CORRUPTED


def with_best(
    ceiling: pd.DataFrame,
    everyone: list[np.ndarray],
    chosen: pd.DataFrame,
    names: list[str],
    scored: EnsembleErrors,
    judged: np.ndarray,
    confidence: float,
) -> pd.DataFrame:
    """The table from `ceiling_table` with the columns `REACHED`, in the rows of all members.

    Args:
        ceiling, everyone: as `ceiling_table` returns them.
        chosen: chosen_ensembles.csv; the best ensemble has the largest accuracy on the images of the choice.
        names: of the members of the pool.
        scored: their predictions.
        judged: int, the clean images that nothing was chosen by. Further test sets are judged on all images.
        confidence: of the intervals.
    """
    position = {name: index for index, name in enumerate(names)}
    best = {"best_member": chosen[chosen["size"] == 1].iloc[0]}
    several = chosen[chosen["size"] > 1]
    best |= {"best_ensemble": several.loc[several.selection_accuracy.idxmax()]} if len(several) else {}
    if len(best) < 2:
        return ceiling.assign(**dict.fromkeys(REACHED, np.nan))
    who = {role: row.members for role, row in best.items()}
    ensembles = [np.array([position[name] for name in joined.split("+")]) for joined in who.values()]
    conditions = scored.predictions[0].conditions
    wrong = [_wrong(scored, ensembles, of, condition, judged) for condition, of in enumerate(everyone)]
    if corrupted := list(groups(conditions).get(CORRUPTED, [])):
        wrong.append(np.mean([wrong[condition] for condition in corrupted], axis=0))
    reached = pd.DataFrame([who | way_to_ceiling(*of, confidence) for of in wrong])
    rows = ceiling["size"] == ceiling["members"]
    return ceiling.join(reached.set_index(ceiling.index[rows])[REACHED])


def _wrong(
    scored: EnsembleErrors, ensembles: list[np.ndarray], everyone: np.ndarray, condition: int, judged: np.ndarray
) -> np.ndarray:
    """How often each ensemble, and every member, is wrong on each image in a condition; float64 3 x n."""
    row = scored.predictions[0].conditions.iloc[condition]
    images = judged if row.test_set == CLEAN else np.arange(row.images)
    of_ensembles = [scored.wrong_in(ensemble, images, condition) for ensemble in ensembles]
    return np.stack([*of_ensembles, everyone[images]]).astype(float)
