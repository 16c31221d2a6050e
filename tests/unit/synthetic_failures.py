"""Synthetic tables of what the recommended model gets wrong."""

import numpy as np
import pandas as pd

from resiliency.analysis.contenders import BEST_MEMBER, RECOMMENDED, contenders
from resiliency.analysis.failures import CLASS_ERRORS, CONFUSIONS, CORRUPTION, FAILURES, NOBODY, PAIR
from resiliency.analysis.pictures import data_url
from resiliency.base.names import CLEAN, CORRUPTED


def failure_tables(deployment: pd.DataFrame, corruptions: list[str], classes: int = 4) -> dict[str, pd.DataFrame]:
    """Confusions that grow with the distance of two classes, and grey pictures of failures."""
    names, roles, rows, errors = [f"class {place}" for place in range(classes)], contenders(deployment), [], []
    for role in (role for role in (RECOMMENDED, BEST_MEMBER) if role in roles):
        who = {"role": role, "members": roles[role]["members"], "size": roles[role]["size"]}
        for images, most in ((CLEAN, 1), (CORRUPTED, 4)):
            for place, name in enumerate(names):
                counts = most * np.abs(np.arange(classes) - place)
                counts[place] = 100
                rows += [
                    who | {"images": images, "class": name, "predicted": names[other], "answers": count, "share": share}
                    for other, (count, share) in enumerate(zip(counts, counts / counts.sum(), strict=True))
                    if count
                ]
        for place, name in enumerate(names):
            of = who | {"class": name, "images": 10, "confidence": 0.95}
            shares = {corruption: 0.1 * place + 0.02 * hard for hard, corruption in enumerate(corruptions)}
            shares |= {CLEAN: 0.01 * place, CORRUPTED: float(np.mean(list(shares.values())))}
            errors += [
                of | {"corruption": corruption, "error": error, "low": max(error - 0.1, 0), "high": error + 0.1}
                for corruption, error in shares.items()
            ]
    said = {"class": names[0], "predicted": names[-1], "said": "class 3 0.90; class 0 0.55"}
    failures = []
    for kind, count in ((PAIR, 10), (CORRUPTION, 3), (NOBODY, 2)) if rows else ():
        for place in range(count):
            condition = {"corruption": corruptions[0] if place else CLEAN, "severity": min(place, 5)}
            of = (
                {"kind": kind, "image": place, "name": f"{place}.png", "confidence": 0.9 - place / 100}
                | condition
                | said
            )
            picture = data_url(np.full((32, 32, 3), 9 * place, np.uint8))
            failures.append(of | {"conditions": 3 if kind == NOBODY else np.nan, "picture": picture})
    pictures = pd.DataFrame(failures, columns=[*FAILURES, "picture"])
    return {
        "confusions": pd.DataFrame(rows, columns=CONFUSIONS),
        "class_errors": pd.DataFrame(errors, columns=CLASS_ERRORS),
        "failures": pictures[FAILURES],
        "failure_pictures": pictures,
    }
