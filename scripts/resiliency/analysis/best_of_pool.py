"""What the best ensemble of a pool reaches of the way from its best member to the ceiling."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from resiliency.analysis.ceiling import REACHED, way_to_ceiling
from resiliency.base.names import CLEAN, CORRUPTED
from resiliency.ensembles.selection import EnsembleErrors
from resiliency.prediction.conditions import condition_groups


def choices_of(chosen: pd.DataFrame, candidates: pd.DataFrame | None) -> dict[str, pd.DataFrame]:
    """Kind of images -> what to choose from for them, as for `with_best`.

    Args:
        chosen: chosen_ensembles.csv.
        candidates: the candidates of the deployment; None without corrupted images.
    """
    choices = {CLEAN: chosen}
    if candidates is not None:
        choices[CORRUPTED] = candidates.assign(selection_accuracy=1 - candidates.selection_error)
    return choices


def with_best(
    ceiling: pd.DataFrame,
    everyone: list[np.ndarray],
    choices: Mapping[str, pd.DataFrame],
    names: list[str],
    scored: EnsembleErrors,
    judged: np.ndarray,
    confidence: float,
) -> pd.DataFrame:
    """The table from `ceiling_table` with the columns `REACHED`, in the rows of all members.

    Args:
        ceiling, everyone: as `ceiling_table` returns them.
        choices: kind of images, clean or corrupted -> what to choose from for them: `members`, joined by "+", `size`,
            and the accuracy on the images of the choice, `selection_accuracy`. The best of each kind is the most
            accurate there; only ensembles of the pool count.
        names: of the members of the pool.
        scored: their predictions.
        judged: int, the clean images that nothing was chosen by. Further test sets are judged on all images.
        confidence: of the intervals.
    """
    best = {kind: roles for kind, table in choices.items() if len(roles := _best(table, set(names))) == 2}
    if len(best) < len(choices):
        return ceiling.assign(**dict.fromkeys(REACHED, np.nan))
    conditions = scored.predictions[0].conditions
    corrupted = list(condition_groups(conditions).get(CORRUPTED, []))
    other = CORRUPTED if CORRUPTED in choices else CLEAN
    kinds = [CLEAN if corruption == CLEAN else other for corruption in conditions.corruption]
    position = {name: index for index, name in enumerate(names)}
    ensembles = {
        kind: [np.array([position[name] for name in joined.split("+")]) for joined in roles.values()]
        for kind, roles in best.items()
    }
    wrong = [_wrong(scored, ensembles[kinds[c]], all_wrong, c, judged) for c, all_wrong in enumerate(everyone)]
    if corrupted:
        wrong.append(np.mean([wrong[condition] for condition in corrupted], axis=0))
        kinds.append(other)
    ways = zip(kinds, (way_to_ceiling(*of_condition, confidence) for of_condition in wrong), strict=True)
    reached = pd.DataFrame([best[kind] | way for kind, way in ways])
    rows = ceiling["size"] == ceiling["members"]
    return ceiling.join(reached.set_index(ceiling.index[rows])[REACHED])


def _best(choice: pd.DataFrame, names: set[str]) -> dict[str, str]:
    """The best member and the best ensemble of several, of those whose members all have one of the `names`."""
    known = choice.dropna(subset=["selection_accuracy"])
    of_pool = known[[names.issuperset(joined.split("+")) for joined in known["members"]]]
    alone = of_pool["size"] == 1
    roles = {"best_member": of_pool[alone], "best_ensemble": of_pool[~alone]}
    return {role: rows.loc[rows["selection_accuracy"].idxmax(), "members"] for role, rows in roles.items() if len(rows)}


def _wrong(
    scored: EnsembleErrors, ensembles: list[np.ndarray], everyone: np.ndarray, condition: int, judged: np.ndarray
) -> np.ndarray:
    """How often each ensemble, and every member, is wrong on each image in a condition; float64 3 x n."""
    row = scored.predictions[0].conditions.iloc[condition]
    images = judged if row.test_set == CLEAN else np.arange(row.images)
    of_ensembles = [scored.wrong_in(ensemble, images, condition) for ensemble in ensembles]
    return np.stack([*of_ensembles, everyone[images]]).astype(float)
