"""Small synthetic tables of a study, with numbers of a published one, for tests of its charts,
findings and report."""

import pickle
from functools import cache
from itertools import combinations, product
from math import comb

import numpy as np
import pandas as pd

from published.kept import RESULTS, kept_tables
from resiliency.analysis import contenders as models
from resiliency.analysis.compared_members import robustness_table, size_table
from resiliency.analysis.member_tables import history_table
from resiliency.analysis.observations.correlation import correlation_table
from resiliency.analysis.pictures import attribution_table, data_url, distance_table, gallery_table
from resiliency.base.names import (
    CLEAN,
    CORRUPTED,
    INDEPENDENT,
    JOINT,
    SEARCH,
    accuracy_of,
    diversity_of,
    mean_member_accuracy_of,
)
from resiliency.corruptions.settings import MAIN
from resiliency.ensembles.pool import front
from resiliency.report.words import kind_of

RULE = "mean_probability"


@cache
def digits() -> dict[str, pd.DataFrame]:
    """The tables of the published study of digits."""
    return kept_tables(RESULTS / "digits")


def deployment_tables(members, ensembles) -> dict[str, pd.DataFrame]:
    """Single members, of which the first is the baseline, and ensembles under the first rule, and
    some of them all."""
    alone = (
        members[members["origin"] != JOINT]
        .assign(size=1, found="single")
        .rename(columns={"member": "members"})
    )
    some = (
        ensembles[ensembles["rule"] == RULE].assign(found="scored") if len(ensembles) else ensembles
    )
    columns = ["found", "members", "origin", "size", "macs", "parameters", "corrupted_error"]
    both = pd.concat([alone, some]).reindex(columns=columns).reset_index(drop=True)
    errors = both.pop("corrupted_error")
    fronts = {
        f"front_{c}": front(errors.to_numpy(float), both[c].to_numpy(float))
        for c in ("macs", "parameters")
    }
    both = both.assign(selection_error=errors - 0.01, **fronts)
    scores = {
        "corrupted_error": errors,
        "low": errors - 0.02,
        "high": errors + 0.02,
        "confidence": 0.95,
    }
    scores |= {
        "objective": "mean",
        "worst_corruption": "fog",
        "worst_severity": 5,
        "worst_class": 1,
        "quantile": 0.9,
    }
    for name, more in {
        "worst_error": 0.05,
        "worst_class_error": 0.06,
        "quantile_error": 0.03,
    }.items():
        scores |= {
            name: errors + more,
            f"{name}_low": errors + more - 0.02,
            f"{name}_high": errors + more + 0.03,
        }
    scores |= {
        "rule": RULE,
        accuracy_of(CLEAN): 0.9,
        "n_selection_images": 269,
        "n_images": 270,
    }
    kept = both["front_macs"] | both["front_parameters"] | (both["found"] == "single")
    table = both.assign(**scores, baseline=both.index == 0)[kept]
    table.insert(0, "number", np.arange(1, len(table) + 1))
    behind = table["selection_error"] - table["selection_error"].min()
    table = table.assign(
        fit=True, instead=table["number"], behind=behind, behind_low=behind - 0.01, margin=0.01
    )
    table["n_images_needed"] = 4001
    table["behind_high"] = behind + 0.01
    return {
        "deployment": table,
        "candidates": both.assign(judged_error=errors),
        **confidence_tables(table),
    }


def confidence_tables(deployment) -> dict[str, pd.DataFrame]:
    """Of each row of deployment.csv what the study of digits has of an ensemble or a member, and
    straight curves."""
    names = ("selective_prediction", "temperatures", "thresholds")
    tables = {name: of_models(digits()[name], deployment) for name in names}
    coverages = pd.DataFrame({"coverage": np.round(np.arange(0.05, 1.01, 0.05), 2)})
    curves = tables["selective_prediction"][["members", "size", "rule", "images", "score"]].merge(
        coverages, "cross"
    )
    return tables | {"risk_coverage": curves.assign(risk=0.02 * curves["coverage"])}


def of_models(rows: pd.DataFrame, deployment: pd.DataFrame) -> pd.DataFrame:
    """The rows of the last ensemble, or of the last member, for each row of deployment.csv."""
    several = [rows[(rows["size"] > 1) == of] for of in (False, True)]
    last = [of[of["members"] == of["members"].iloc[-1]] for of in several]
    each = [
        last[row.size > 1].assign(members=row.members, size=row.size)
        for row in deployment.itertuples()
    ]
    return pd.concat(each, ignore_index=True) if each else rows.iloc[:0]


def of_roles(name: str, roles: dict[str, pd.Series]) -> pd.DataFrame:
    """What the study of digits has of these roles."""
    rows = digits()[name]
    rows = rows[rows["role"].isin(roles)]
    return rows.assign(
        **{column: [roles[role][column] for role in rows["role"]] for column in ("members", "size")}
    )


def contender_tables(deployment, corruptions) -> dict[str, pd.DataFrame]:
    """What the study of digits has of these models, which are overconfident here, under these
    corruptions."""
    under, bins = (
        of_roles(name, models.contenders(deployment))
        for name in ("contenders", "contender_calibration")
    )
    bins = bins.assign(accuracy=bins["mean_confidence"] - 0.05)
    return {
        "contenders": under[under["corruption"].isin([*corruptions, CORRUPTED])],
        "contender_calibration": bins,
    }


def failure_tables(deployment: pd.DataFrame, corruptions: list[str]) -> dict[str, pd.DataFrame]:
    """Confusions and errors of classes of the study of digits, and grey pictures of failures."""
    chosen = (models.RECOMMENDED, models.BEST_MEMBER)
    roles = {role: row for role, row in models.contenders(deployment).items() if role in chosen}
    errors = of_roles("class_errors", roles)
    said = {"class": "class 0", "predicted": "class 3", "said": "class 3 0.90; class 0 0.55"}
    failures = []
    for kind, count in (
        ((models.PAIR, 10), (models.CORRUPTION, 3), (models.NOBODY, 2)) if roles else ()
    ):
        for place in range(count):
            condition = {
                "corruption": corruptions[0] if place else CLEAN,
                "severity": min(place, 5),
            }
            of = {
                "kind": kind,
                "image": place,
                "name": f"{place}.png",
                "confidence": 0.9 - place / 100,
            }
            of |= condition | said
            shown = {
                name: data_url(np.full((32, 32, 3), 9 * place, np.uint8))
                for name in ("picture", "clean")
            }
            clean = said | ({"predicted": "class 0", "said": "class 0 0.90"} if place else {})
            of |= {f"clean_{name}": clean[name] for name in ("predicted", "said")} | {
                "clean_confidence": 0.8
            }
            failures.append(of | {"conditions": 3 if kind == models.NOBODY else np.nan} | shown)
    pictures = pd.DataFrame(
        failures, columns=[*models.FAILURES, *models.CLEAN_ANSWERS, "picture", "clean"]
    )
    errors = errors[errors["corruption"].isin([CLEAN, *corruptions, CORRUPTED])]
    tables = {"confusions": of_roles("confusions", roles), "class_errors": errors}
    return tables | {"failures": pictures[models.FAILURES], "failure_pictures": pictures}


HOSTILE = "</script><img src=x onerror=alert(1)>"
RULES = [RULE, "plurality_vote"]
OBJECTIVES = {"balanced": (0.0, 0.5, 1.0), "ncl": (0.5, 2.0)}
DESIGNS = {"resnet18": "resnet", "resnet50": "resnet", "vit": "vit"}
# One metric of each kind; charts of all metrics take ten times as long.
FEW_METRICS = ("disagreement", "saliency_cosine", "linear_cka")
SCORES = [
    "relative_mce",
    "clean_nll",
    "corrupted_nll",
    "clean_brier",
    "corrupted_brier",
    "clean_ece",
    "corrupted_ece",
]
PICKLED: dict[str, bytes] = {}


def synthetic_tables(**options: object) -> dict[str, pd.DataFrame]:
    """The tables of a study: what `made` returns, made once for all tests of a process, a fresh
    copy for each."""
    case = repr(sorted(options.items()))
    if case not in PICKLED:
        PICKLED[case] = pickle.dumps(made(**options))
    return pickle.loads(PICKLED[case])


def made(
    designs=DESIGNS, seeds=2, objectives=OBJECTIVES, sizes=(2, 3), corruptions=MAIN[:6], searched=3
) -> dict[str, pd.DataFrame]:
    """The tables; `designs` maps each design to its family."""
    rng = np.random.default_rng(0)
    members = member_table(designs, seeds, objectives, searched, rng)
    ensembles = ensemble_table(members, sizes, corruptions)
    rates = digits()["exchange_rates"]
    rates = rates[
        rates["exchange"].isin(["second_member", "third_member", "another_seed", "mixing_designs"])
    ]
    pairs = pd.DataFrame({"metric": FEW_METRICS, "kind": list(map(kind_of, FEW_METRICS))})
    return {
        "members": members,
        "histories": histories_of(members, rng),
        "corruption_errors": error_table(members, corruptions, rng),
        "ensembles": ensembles,
        "correlations": correlation_table(
            ensembles, ensembles[["members"]].drop_duplicates(), pairs, 0.95
        ),
        "effective_robustness": robustness_table(members, None),
        "ensemble_sizes": size_table(ensembles, members, 0.95),
        "exchange_rates": rates,
        "swaps": digits()["swaps"],
        **(chosen := deployment_tables(members, ensembles)),
        **contender_tables(chosen["deployment"], corruptions),
        **failure_tables(chosen["deployment"], corruptions),
        "evaluations": evaluation_table(searched),
        "ceiling": digits()["ceiling"] if designs else digits()["ceiling"].iloc[:0],
        **attribution_tables(list(designs)),
        "observations": digits()["observations"],
        "gallery": gallery_table(
            picture(0), ((c, s, picture(s)) for c in corruptions for s in (1, 5)), 7, "a", "fine"
        ),
    }


def picture(level: int) -> np.ndarray:
    return np.full((32, 32, 3), level, np.uint8)


def member_table(designs, seeds, objectives, searched, rng) -> pd.DataFrame:
    rows = [
        (f"{d}-s{s}", INDEPENDENT, "", d, "", np.nan, s, 0, f)
        for d, f in designs.items()
        for s in range(seeds)
    ]
    design, family = next(iter(designs.items()), ("vit", "vit"))
    rows += [
        (f"{o}-l{x:g}-s{s}-m{m}", JOINT, o, design, f"{o}-l{x:g}", x, s, m, family)
        for o, loss_weights in objectives.items()
        for x, s, m in product(loss_weights, range(seeds), range(3))
    ]
    names = [f"search-{i:02}" for i in range(searched)]
    rows += [(name, SEARCH, "", name, "", np.nan, 0, i, family) for i, name in enumerate(names)]
    columns = [
        "member",
        "origin",
        "objective",
        "design",
        "setting",
        "loss_weight",
        "seed",
        "index",
        "family",
    ]
    table = pd.DataFrame(rows, columns=columns)
    error = (
        table["design"]
        .map({name: rng.uniform(0.2, 0.5) for name in table["design"].unique()})
        .astype(float)
    )
    error += rng.normal(0, 0.015, len(table))
    table["architecture"] = table["design"]
    table["weights_kind"], table["weights_source"], table["training_epochs"] = (
        "trained",
        "trained here",
        7.0,
    )
    table["warnings"], table["recipe"] = "", np.nan
    table["parameters"] = table["design"].map(
        {name: int(10 ** rng.uniform(4, 6)) for name in table["design"].unique()}
    )
    table["macs"] = 30 * table["parameters"]
    accuracy = 0.985 - 0.1 * error + rng.normal(0, 0.005, len(table))
    for name, values in {
        accuracy_of(CLEAN): accuracy,
        "corrupted_error": error,
        "mce": error / 0.35,
    }.items():
        table[name], table[f"{name}_low"], table[f"{name}_high"] = (
            values,
            values - 0.01,
            values + 0.012,
        )
    table = table.assign(
        mce_undefined_under=np.nan, relative_mce_undefined_under="fog jpeg_compression"
    )
    return table.assign(
        confidence=0.95, **{name: rng.uniform(0.01, 1, len(table)) for name in SCORES}
    )


def histories_of(members, rng) -> pd.DataFrame:
    """Training that gets better epoch by epoch."""
    share = np.arange(1, 7) / 6
    columns = {"epoch": range(1, 7), "learning_rate": 0.003, "training_loss": 2 - 2 * share}
    learned = {
        m: pd.DataFrame(columns | {"validation_accuracy": share * rng.uniform(0.9, 1)})
        for m in members.member
    }
    return history_table(members, learned)


def error_table(members, corruptions, rng) -> pd.DataFrame:
    hardness = {corruption: rng.uniform(0.3, 1.7) for corruption in corruptions}
    rows = []
    for row in members.itertuples():
        rows.append((row.member, CLEAN, 0, 540, 1 - row.clean_accuracy))
        for corruption, severity in ((c, s) for c in corruptions for s in range(1, 6)):
            error = row.corrupted_error * hardness[corruption] * severity / 3
            rows.append((row.member, corruption, severity, 540, min(error, 0.9)))
    table = pd.DataFrame(rows, columns=["member", "corruption", "severity", "n_images", "error"])
    return table.assign(test_set=CLEAN)


def ensemble_table(members, sizes, corruptions) -> pd.DataFrame:
    rng = np.random.default_rng(1)
    pool = members[members["origin"] == INDEPENDENT]
    together = [list(c) for size in sizes for c in combinations(pool.index, size)]
    searched = members[members["origin"] == SEARCH]
    together += [list(c) for size in sizes for c in combinations(searched.index, size)]
    joint = members.drop([*pool.index, *searched.index])
    together += [list(group.index) for _, group in joint.groupby(["setting", "seed"], sort=False)]
    pairs = {metric: rng.uniform(0.1, 0.4, (len(members), len(members))) for metric in FEW_METRICS}
    rows = []
    for number_of, index in enumerate(together):
        group = members.loc[index]
        first, designs = group.iloc[0], group["design"].nunique()
        error = group["corrupted_error"].mean() * (1 - 0.06 * len(index) - 0.03 * designs)
        row = {"ensemble": number_of, **first[["origin", "objective", "setting"]]}
        row |= {
            "loss_weight": first["loss_weight"],
            "seed": first["seed"] if first["origin"] == JOINT else np.nan,
        }
        row |= {"size": len(index), "members": "+".join(group["member"]), "designs": designs}
        count = (members["origin"] == first["origin"]).sum()
        row |= {
            "possible": 1 if first["origin"] == JOINT else comb(count, len(index)),
            "weight": 1.0,
        }
        row |= {"families": group["family"].nunique()} | {
            name: group[name].sum() for name in ("parameters", "macs")
        }
        row |= {mean_member_accuracy_of(CLEAN): group[accuracy_of(CLEAN)].mean()}
        row |= {mean_member_accuracy_of(CORRUPTED): 1 - group["corrupted_error"].mean()}
        for metric, matrix in pairs.items():
            diversity = (
                np.mean([matrix[i, j] for i, j in combinations(index, 2)]) * (1 + 0.3 * designs)
                + 0.3 * error
            )
            row[diversity_of(metric, CLEAN)] = diversity
            if kind_of(metric) == "prediction":
                row[diversity_of(metric, CORRUPTED)] = 1.2 * diversity
        for rule in RULES:
            worse = error * (1 + 0.05 * RULES.index(rule))
            scores = {
                "rule": rule,
                accuracy_of(CLEAN): 0.99 - 0.05 * error,
                accuracy_of(CORRUPTED): 1 - worse,
            }
            scores |= {"corrupted_error": worse, "mce": worse / 0.35}
            rows.append(row | scores | {f"error_{corruption}": worse for corruption in corruptions})
    columns = [
        "origin",
        "objective",
        "rule",
        "size",
        "designs",
        "families",
        "loss_weight",
        "ensemble",
        "macs",
    ]
    columns += ["parameters", accuracy_of(CLEAN), accuracy_of(CORRUPTED), "corrupted_error", "mce"]
    columns += ["possible", "weight", "members"]
    return pd.DataFrame(rows) if rows else pd.DataFrame(columns=columns)


def evaluation_table(searched: int) -> pd.DataFrame:
    """A search of which the first ones are on the front, and as many chosen as there are
    members."""
    if not searched:
        return pd.DataFrame()
    position = np.arange(20)
    names = [f"search-{i:02}" if i < searched else np.nan for i in position]
    choices = {"layers": "1 1 1 1", "channels": "2 4 8 16"}
    results = {
        "macs": 10**5 * (position + 1),
        "validation_error": 0.3 / (position + 1),
        "front": position < 6,
    }
    return pd.DataFrame({"evaluation": position, **choices, **results, "member": names})


def attribution_tables(designs) -> dict[str, pd.DataFrame]:
    """Random maps of a member of each design; the method does not apply to the last of more than
    two."""
    rng = np.random.default_rng(0)
    members = [f"{design}-s0" for design in designs]
    maps = {name: rng.uniform(-1, 1, (len(members), 2, 8, 8)) for name in (CLEAN, CORRUPTED)}
    for of_name in maps.values():
        of_name[2:] = np.nan
    images = {name: rng.integers(0, 256, (2, 8, 8, 3), np.uint8) for name in maps}
    columns = {"probes": 2, "method": "saliency", "corruption": "fog", "severity": 5}
    gallery = attribution_table(images, maps, members, np.array([3, 1200]), ["a", "b"])
    return {
        "attribution_gallery": gallery,
        "attribution_distances": distance_table(maps, members).assign(**columns),
    }
