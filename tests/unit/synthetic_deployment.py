"""Synthetic tables of deployment, of failures and of the ceiling."""

import numpy as np
import pandas as pd

from resiliency.analysis.assessment import COVERAGES, SHARES_WRONG
from resiliency.analysis.coincident_failures import CEILING, REACHED, ceiling_table, failures, sizes_of, unit_of
from resiliency.analysis.contenders import BEST_MEMBER, RECOMMENDED, contenders, under_corruptions
from resiliency.analysis.failures import CLASS_ERRORS, CLEAN_ANSWERS, CONFUSIONS, CORRUPTION, FAILURES, NOBODY, PAIR
from resiliency.analysis.pictures import data_url
from resiliency.base.names import CLEAN, CORRUPTED, JOINT, accuracy_of
from resiliency.ensembles.pool import front
from resiliency.prediction.reading import all_conditions

RULE = "mean_probability"


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
    scores |= {"rule": RULE, "optimism": 0.01, accuracy_of(CLEAN): 0.9, "selection_images": 270, "images": 270}
    kept = both["front_macs"] | both["front_parameters"] | (both["found"] == "single")
    table = both.assign(**scores, baseline=both.index == 0)[kept]
    table.insert(0, "number", np.arange(1, len(table) + 1))
    behind = table["selection_error"] - table["selection_error"].min()
    table = table.assign(fit=True, instead=table["number"], behind=behind, behind_low=behind - 0.01, margin=0.01)
    table["images_needed"] = 4100
    table["behind_high"] = behind + 0.01
    return {"deployment": table, "candidates": both.assign(judged_error=errors), **confidence_tables(table)}


def confidence_tables(deployment) -> dict[str, pd.DataFrame]:
    """Of each row of deployment.csv by two scores, of which entropy serves better; and temperatures of all."""
    curves, scores, temperatures, thresholds = [], [], [], []
    for row in deployment.itertuples():
        for images in (CLEAN, CORRUPTED):
            for score, worse in (("max_probability", 0.02), ("entropy", 0.01)):
                key = {"members": row.members, "size": row.size, "rule": RULE, "images": images, "score": score}
                curves += [key | {"coverage": c, "risk": worse * c} for c in np.round(np.arange(0.05, 1.01, 0.05), 2)]
                values = {"error": 0.1, "auroc": 0.9, "fpr_at_95": 0.3, "aurc": worse}
                values |= {f"error_at_{level}": level / 1000 for level in (80, 90, 95)}
                ends = {f"{name}_{end}": value for name, value in values.items() for end in ("low", "high")}
                excess = [-0.01, -0.02, -0.005] if score == "entropy" else [np.nan] * 3
                names = ("aurc_difference", "aurc_difference_low", "aurc_difference_high")
                scores.append(key | values | ends | dict(zip(names, excess, strict=True)))
            key = {"members": row.members, "images": images, "temperature": 1.5, "fitted_images": 180}
            key["fitted_on"], changes = "validation", {}
            for place, measure in enumerate(("nll", "ece", "brier")):
                after, less = 0.02 + 0.1 * place, np.nan if row.size == 1 else 0.01 * (place - 1)
                changes |= {f"{measure}_before": after + 0.08, f"{measure}_after": after, f"{measure}_change": -0.08}
                changes |= {f"{measure}_change_low": -0.1, f"{measure}_change_high": -0.06}
                changes |= {f"{measure}_after_low": after - 0.01, f"{measure}_after_high": after + 0.01}
                changes |= {f"{measure}_difference": less}
                changes |= {f"{measure}_difference_{end}": less + by for end, by in (("low", -0.005), ("high", 0.005))}
            thresholds += [key | {"images": images, "rule": RULE} | threshold for threshold in threshold_rows(row.size)]
            temperatures.append(key | {"note": np.nan} | changes)
    return {
        "selective_prediction": pd.DataFrame(scores, columns=None if scores else ["members", "images", "score"]),
        "temperatures": pd.DataFrame(temperatures, columns=None if temperatures else ["members", "images", "note"]),
        "thresholds": pd.DataFrame(thresholds, columns=None if thresholds else ["members", "basis", "images"]),
        "risk_coverage": pd.DataFrame(curves, columns=None if curves else ["members", "images", "score", "coverage"]),
    }


def threshold_rows(size: int) -> list[dict]:
    """Of each kind of images, goal and target; there are too few images for the smallest error."""
    rows = []
    for basis in (CLEAN, CORRUPTED):
        for goal, targets in (("coverage", COVERAGES), ("wrong", SHARES_WRONG)):
            for target in targets:
                known = target >= 0.002
                values = {"threshold": 0.8 + 0.1 * target, "coverage": 0.91, "error": 0.013, "wrong": 0.012}
                values |= {f"{of}_low": values[of] - 0.01 for of in ("coverage", "error", "wrong")}
                values |= {f"{of}_high": values[of] + 0.01 for of in ("coverage", "error", "wrong")}
                values |= {"left_out_wrong": 0.05, "left_out_wrong_low": 0.04, "left_out_wrong_high": 0.06}
                values = values if known else dict.fromkeys(values, np.nan)
                values["left_out_corruption"] = "fog" if known else np.nan
                key = {"size": size, "basis": basis, "goal": goal, "target": target, "selection_images": 270}
                rows.append(key | values)
    return rows


def contender_tables(deployment, corruptions) -> dict[str, pd.DataFrame]:
    """Of the best ensemble, the best member and the baseline: errors on ten images that grow by role, and two bins."""
    roles, counts = contenders(deployment), np.random.default_rng(0).multinomial(10, np.full(10, 0.1), 100)
    errors = {
        role: np.array([np.arange(10) < 1 + 2 * place + i % 4 for i in range(len(corruptions))], float)
        for place, role in enumerate(roles)
    }
    under = under_corruptions(errors, corruptions, counts, 10, 0.95)
    who = [{"role": role, "members": row.members, "size": row["size"]} for role, row in roles.items()]
    bins = [
        row | {"images": i, "bin_low": 0.8, "bin_high": 0.9, "predictions": 40, "mean_confidence": 0.85, "accuracy": a}
        for row in who
        for i, a in ((CLEAN, 0.8), (CORRUPTED, 0.6))
    ]
    under = under.merge(pd.DataFrame(who), on="role").assign(confidence=0.95) if who else under
    return {"contenders": under, "contender_calibration": pd.DataFrame(bins)}


def failure_tables(deployment: pd.DataFrame, corruptions: list[str]) -> dict[str, pd.DataFrame]:
    """Confusions that grow with the distance of two classes, and grey pictures of failures."""
    names, roles, rows, errors = [f"class {place}" for place in range(4)], contenders(deployment), [], []
    for role in (role for role in (RECOMMENDED, BEST_MEMBER) if role in roles):
        who = {"role": role, "members": roles[role]["members"], "size": roles[role]["size"]}
        for images, most in ((CLEAN, 1), (CORRUPTED, 4)):
            for place, name in enumerate(names):
                counts = most * np.abs(np.arange(4) - place)
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
            shown = {name: data_url(np.full((32, 32, 3), 9 * place, np.uint8)) for name in ("picture", "clean")}
            clean = said if condition["corruption"] == CLEAN else said | {"predicted": names[0], "said": "class 0 0.90"}
            of |= {f"clean_{name}": clean[name] for name in ("predicted", "said")} | {"clean_confidence": 0.8}
            failures.append(of | {"conditions": 3 if kind == NOBODY else np.nan} | shown)
    pictures = pd.DataFrame(failures, columns=[*FAILURES, *CLEAN_ANSWERS, "picture", "clean"])
    return {
        "confusions": pd.DataFrame(rows, columns=CONFUSIONS),
        "class_errors": pd.DataFrame(errors, columns=CLASS_ERRORS),
        "failures": pictures[FAILURES],
        "failure_pictures": pictures,
    }


IMAGES, CLASSES = 120, 5


def decisions_of(members: int, error: float, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Decisions int M x N of members that err mostly on the same hard images, and the labels."""
    labels = random.integers(CLASSES, size=IMAGES)
    hard = random.beta(0.4, 0.4 / error, IMAGES)
    wrong = random.random((members, IMAGES)) < hard
    return np.where(wrong, (labels + random.integers(1, CLASSES, wrong.shape)) % CLASSES, labels), labels


def ceiling_of(designs, seeds, corruptions) -> pd.DataFrame:
    """ceiling.csv of `seeds` members of each design."""
    random, members = np.random.default_rng(3), len(designs) * seeds
    if not members:
        return pd.DataFrame(columns=[*CEILING, *REACHED, "confidence"])
    table = all_conditions(list(corruptions), [1, 5], {"clean": IMAGES}, {"clean": CLASSES})
    sizes, units = sizes_of(members), unit_of([design for design in designs for _ in range(seeds)])
    errors = 0.05 + 0.05 * table.severity
    of = (failures(*decisions_of(members, error, random), sizes, units) for error in errors)
    ceiling, _ = ceiling_table(table, of, sizes, members, 0.95)
    whole = ceiling["size"] == members
    reached = dict(zip(REACHED, ("a", 0.8, "a+b", 0.85, 0.95, 0.33, 0.2, 0.46), strict=True))
    for column, value in reached.items():
        ceiling[column] = pd.Series(value, index=ceiling.index).where(whole)
    return ceiling.assign(confidence=0.95)
