"""Files of members from elsewhere, of each kind, from drawn logits."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.special import softmax


def write_members(
    folder: Path, kind: str, names: Sequence[str], members: Sequence[str], labels: np.ndarray, logits: np.ndarray
) -> str:
    """Write a file or folder in `folder` that a study may name under external; its path.

    Args:
        kind: a key of external, such as decisions.
        names: of the C test sets and corrupted conditions.
        labels: int N, the same under each.
        logits: float32 M x C x N x K, of the members.
    """
    if kind in ("logits", "probabilities"):
        arrays = softmax(logits, axis=-1) if kind == "probabilities" else logits
        for owner, of_owner in {"labels": [labels] * len(names), **dict(zip(members, arrays, strict=True))}.items():
            (folder / kind / owner).mkdir(parents=True)
            for name, values in zip(names, of_owner, strict=True):
                np.save(folder / kind / owner / f"{name}.npy", values)
        return str(folder / kind)
    answers = logits.argmax(axis=-1)
    if kind == "scores":
        right = 100 * (answers == labels).mean(axis=-1)
        table = pd.DataFrame(dict(zip(names, right.T, strict=True))).assign(member=members)
    else:
        columns = {"image": range(len(labels)), "label": labels}
        of_names = zip(names, answers.swapaxes(0, 1), strict=True)
        parts = [{"test_set": name} | columns | dict(zip(members, of_name, strict=True)) for name, of_name in of_names]
        table = pd.concat(map(pd.DataFrame, parts))
    table.to_csv(folder / f"{kind}.csv", index=False)
    return str(folder / f"{kind}.csv")
