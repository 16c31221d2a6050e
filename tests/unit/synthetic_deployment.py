"""Synthetic tables of deployment and of failures, with numbers of a published study."""

from functools import cache

import numpy as np
import pandas as pd

from published.kept import RESULTS, kept_tables
from resiliency.analysis.contenders import (
    BEST_MEMBER,
    CLEAN_ANSWERS,
    CORRUPTION,
    FAILURES,
    NOBODY,
    PAIR,
    RECOMMENDED,
    contenders,
)
from resiliency.analysis.pictures import data_url
from resiliency.base.names import CLEAN, CORRUPTED, JOINT, accuracy_of
from resiliency.ensembles.pool import front

RULE = "mean_probability"


@cache
def digits() -> dict[str, pd.DataFrame]:
    """The tables of the published study of digits."""
    return kept_tables(RESULTS / "digits")


def deployment_tables(members, ensembles) -> dict[str, pd.DataFrame]:
    """Single members, of which the first is the baseline, and ensembles under the first rule, and some of them all."""
    alone = members[members["origin"] != JOINT].assign(size=1, found="single").rename(columns={"member": "members"})
    some = ensembles[ensembles["rule"] == RULE].assign(found="scored") if len(ensembles) else ensembles
    columns = ["found", "members", "origin", "size", "macs", "parameters", "corrupted_error"]
    both = pd.concat([alone, some]).reindex(columns=columns).reset_index(drop=True)
    errors = both.pop("corrupted_error")
    fronts = {f"front_{c}": front(errors.to_numpy(float), both[c].to_numpy(float)) for c in ("macs", "parameters")}
    both = both.assign(selection_error=errors - 0.01, **fronts)
    scores = {"corrupted_error": errors, "low": errors - 0.02, "high": errors + 0.02, "confidence": 0.95}
    scores |= {"objective": "mean", "worst_corruption": "fog", "worst_severity": 5, "worst_class": 1, "quantile": 0.9}
    for name in ("worst_error", "worst_class_error", "quantile_error"):
        scores |= {name: errors + 0.05, f"{name}_low": errors, f"{name}_high": errors + 0.1}
    scores |= {"rule": RULE, "optimism": 0.01, accuracy_of(CLEAN): 0.9, "n_selection_images": 270, "n_images": 270}
    kept = both["front_macs"] | both["front_parameters"] | (both["found"] == "single")
    table = both.assign(**scores, baseline=both.index == 0)[kept]
    table.insert(0, "number", np.arange(1, len(table) + 1))
    behind = table["selection_error"] - table["selection_error"].min()
    table = table.assign(fit=True, instead=table["number"], behind=behind, behind_low=behind - 0.01, margin=0.01)
    table["n_images_needed"] = 4100
    table["behind_high"] = behind + 0.01
    return {"deployment": table, "candidates": both.assign(judged_error=errors), **confidence_tables(table)}


def confidence_tables(deployment) -> dict[str, pd.DataFrame]:
    """Of each row of deployment.csv what the study of digits has of an ensemble or a member, and straight curves."""
    names = ("selective_prediction", "temperatures", "thresholds")
    tables = {name: of_models(digits()[name], deployment) for name in names}
    coverages = pd.DataFrame({"coverage": np.round(np.arange(0.05, 1.01, 0.05), 2)})
    curves = tables["selective_prediction"][["members", "size", "rule", "images", "score"]].merge(coverages, "cross")
    return tables | {"risk_coverage": curves.assign(risk=0.02 * curves["coverage"])}


def of_models(rows: pd.DataFrame, deployment: pd.DataFrame) -> pd.DataFrame:
    """The rows of the last ensemble, or of the last member, for each row of deployment.csv."""
    several = [rows[(rows["size"] > 1) == of] for of in (False, True)]
    last = [of[of["members"] == of["members"].iloc[-1]] for of in several]
    each = [last[row.size > 1].assign(members=row.members, size=row.size) for row in deployment.itertuples()]
    return pd.concat(each, ignore_index=True) if each else rows.iloc[:0]


def of_roles(name: str, roles: dict[str, pd.Series]) -> pd.DataFrame:
    """What the study of digits has of these roles."""
    rows = digits()[name]
    rows = rows[rows["role"].isin(roles)]
    return rows.assign(**{column: [roles[role][column] for role in rows["role"]] for column in ("members", "size")})


def contender_tables(deployment, corruptions) -> dict[str, pd.DataFrame]:
    """What the study of digits has of these models, which are overconfident here, under these corruptions."""
    under, bins = (of_roles(name, contenders(deployment)) for name in ("contenders", "contender_calibration"))
    bins = bins.assign(accuracy=bins["mean_confidence"] - 0.05)
    return {"contenders": under[under["corruption"].isin([*corruptions, CORRUPTED])], "contender_calibration": bins}


def failure_tables(deployment: pd.DataFrame, corruptions: list[str]) -> dict[str, pd.DataFrame]:
    """Confusions and errors of classes of the study of digits, and grey pictures of failures."""
    roles = {role: row for role, row in contenders(deployment).items() if role in (RECOMMENDED, BEST_MEMBER)}
    errors = of_roles("class_errors", roles)
    said = {"class": "class 0", "predicted": "class 3", "said": "class 3 0.90; class 0 0.55"}
    failures = []
    for kind, count in ((PAIR, 10), (CORRUPTION, 3), (NOBODY, 2)) if roles else ():
        for place in range(count):
            condition = {"corruption": corruptions[0] if place else CLEAN, "severity": min(place, 5)}
            of = {"kind": kind, "image": place, "name": f"{place}.png", "confidence": 0.9 - place / 100}
            of |= condition | said
            shown = {name: data_url(np.full((32, 32, 3), 9 * place, np.uint8)) for name in ("picture", "clean")}
            clean = said | ({"predicted": "class 0", "said": "class 0 0.90"} if place else {})
            of |= {f"clean_{name}": clean[name] for name in ("predicted", "said")} | {"clean_confidence": 0.8}
            failures.append(of | {"conditions": 3 if kind == NOBODY else np.nan} | shown)
    pictures = pd.DataFrame(failures, columns=[*FAILURES, *CLEAN_ANSWERS, "picture", "clean"])
    return {
        "confusions": of_roles("confusions", roles),
        "class_errors": errors[errors["corruption"].isin([CLEAN, *corruptions, CORRUPTED])],
        "failures": pictures[FAILURES],
        "failure_pictures": pictures,
    }
