"""Tables for which no published study has a sentence, so that golden texts show every sentence of
charts."""

import pandas as pd

from resiliency.analysis.swaps import ANY_FAMILY, FAMILY
from resiliency.report.charts import swaps

UNKNOWN, NONE = float("nan"), pd.DataFrame()
MAIN_RULE = {"rule": "mean_probability"}
DOWN, OPEN, UNCLEAR = (-0.03, -0.01), (-0.03, 0.01), (UNKNOWN, UNKNOWN)


def sizes(*steps: tuple[float, float]) -> tuple[pd.DataFrame, ...]:
    """ensemble_sizes.csv whose errors fall by 2 points a member, with these intervals of the
    changes; no more."""
    rows = [{"size": n, "mean": 0.3 - 0.02 * n} for n in range(1, len(steps) + 2)]
    ends = pd.DataFrame([(UNKNOWN, UNKNOWN), *steps], columns=["change_low", "change_high"])
    table = {
        "measure": "corrupted_error",
        "change": -0.02,
        "low": 0.1,
        "high": 0.3,
        "lower_quartile": 0.1,
    }
    table |= {"upper_quartile": 0.3, "members": 6}
    return (
        pd.DataFrame(rows).assign(**ends, **table, **MAIN_RULE),
        NONE,
        pd.DataFrame(columns=["exchange", "images"]),
    )


def joint(*gains: float, alone: bool = True, settings: int = 1) -> tuple[pd.DataFrame, ...]:
    """ensembles.parquet with gains of the ncl loss, a seed each, over independent training; and
    members.csv."""
    rows = [("ncl", 1.0, seed, 0.62 + gain) for seed, gain in enumerate(gains)]
    rows += [("ncl", weight / 10, 0, 0.5) for weight in range(1, settings)]
    rows += [("ncl", 0.0, seed, 0.62) for seed in range(len(gains) * alone)]
    table = pd.DataFrame(rows, columns=["objective", "loss_weight", "seed", "corrupted_accuracy"])
    return table.assign(origin="joint", **MAIN_RULE), pd.DataFrame({"confidence": [0.95]})


def searched(**alone: float) -> tuple[pd.DataFrame, ...]:
    """evaluations.csv, and members.csv with a sub-network and, if it is described, an independent
    member."""
    net = {"clean_accuracy": 0.9, "corrupted_error": 0.2, "macs": 2e6}
    rows = [
        net | {"origin": "search"},
        *([net | {"origin": "independent"} | alone] if alone else []),
    ]
    return pd.DataFrame({"front": [True]}), pd.DataFrame(rows)


def correlations(**of_images: dict[str, list[tuple[float, float]]]) -> tuple[pd.DataFrame]:
    """correlations.csv: images -> metric -> interval of its correlation at each size from 2."""
    rows = [
        {"images": images, "metric": metric, "size": size, "low": low, "high": high}
        | {"p_holm": 0.01 if low * high > 0 else 0.5}
        for images, of in of_images.items()
        for metric, intervals in of.items()
        for size, (low, high) in enumerate(intervals, 2)
    ]
    table = pd.DataFrame(rows).assign(measure="pearson", confidence=0.95, **MAIN_RULE)
    return (table.assign(correlation=table[["low", "high"]].mean(axis=1).fillna(0.3)),)


def line(r_squared: float, above: float) -> tuple[pd.DataFrame]:
    row = {"member": "a", "images": "photos", "is_reference": True, "r_squared": r_squared}
    return (
        pd.DataFrame(
            [row | {"effective_robustness": above, "accuracy": 0.5, "low": 0.4, "high": 0.6}]
        ),
    )


CEILING = {
    "images": "clean",
    "members": 2,
    "size": 2,
    "all_wrong": 0.05,
    "all_wrong_low": 0.04,
    "all_wrong_high": 0.06,
}
CEILING = pd.DataFrame([CEILING])
NOWHERE = pd.DataFrame(
    [{"role": "baseline", "corruption": "fog", "error": 0.0, "low": 0.0, "high": 0.1}]
)
NOWHERE = NOWHERE.assign(difference_low=UNKNOWN, members="a", size=1)
CURVE = pd.DataFrame({"validation_accuracy": [0.5, 0.5], "epoch": [1, 2]}).assign(
    origin="independent", design="a"
)
CURVE = CURVE.assign(objective=None, loss_weight=UNKNOWN)
OUTCOMES = ("undetected", "common_failures", "agreed", "error", "wrong_at_90")


def swapped(
    low=0.7, high=0.9, rung=FAMILY, families=9, seeds=2, outcomes=OUTCOMES, **row
) -> tuple[pd.DataFrame, ...]:
    """swaps.csv with these outcomes, all alike, and members.csv with designs of so many seeds."""
    of = {
        "rung": rung,
        "images": "corrupted",
        "twin": 0.08,
        "stranger": 0.06,
        "ratio": 0.8,
        "one_member": 0.07,
    }
    of |= {
        "one_member_ratio": 0.9,
        "one_member_ratio_low": 0.8,
        "one_member_ratio_high": 1.1,
        "confidence": 0.95,
    }
    of |= {
        "ratio_low": low,
        "ratio_high": high,
        "control_low": 0.95,
        "control_high": 1.05,
        "twins": 20,
        "left_out": 3,
    }
    table = pd.DataFrame([of | {"outcome": name, "families": families} | row for name in outcomes])
    return table, pd.DataFrame({"design": ["a"] * seeds, "origin": "independent"})


PLUS, MINUS, ALL = (
    {"saliency_cosine": [(0.3, 0.5)]},
    {"linear_cka": [(-0.4, -0.2)]},
    {"saliency_cosine": [(-1.0, 1.0)]},
)
UNSURE = {"saliency_cosine": [(UNKNOWN, UNKNOWN)]}
(NEITHER,) = correlations(corrupted={"saliency_cosine": [(-0.4, 0.9)]})
CONTROLLED = pd.concat([NEITHER, correlations(corrupted=PLUS)[0].assign(measure="partial")])
CASES = [
    ("ceiling", CEILING),
    ("ensemble_size", *sizes(DOWN, OPEN)),
    ("ensemble_size", *sizes(OPEN)),
    ("ensemble_size", *sizes(DOWN, UNCLEAR)),
    ("ensemble_size", *sizes(UNCLEAR)),
    ("loss_weight", *joint(0.02, 0.033, 0.04)),
    ("loss_weight", *joint(-0.019, -0.02, -0.021)),
    ("loss_weight", *joint(-0.001, 0.0, 0.001)),
    ("loss_weight", *joint(-0.02, 0.03, 0.08, settings=4)),
    ("loss_weight", *joint(0.033)),
    ("loss_weight", *joint(0.033, alone=False)),
    ("search_front", *searched(corrupted_error=0.3, macs=3e6)),
    ("search_front", *searched(corrupted_error=0.1, macs=1e6)),
    ("search_front", *searched(macs=UNKNOWN)),
    ("search_front", *searched()),
    ("learning_curves", CURVE),
    ("correlations", *correlations(corrupted=PLUS, clean=MINUS)),
    ("correlations", *correlations(corrupted=MINUS)),
    ("correlations", NEITHER),
    ("correlations", *correlations(corrupted=PLUS | MINUS)),
    ("correlations", CONTROLLED),
    ("correlations", *correlations(clean=ALL)),
    ("correlations", *correlations(clean=UNSURE)),
    ("correlations", *correlations(clean={"double_fault": [(0.3, 0.5)]})),
    ("effective_robustness", *line(0.9, 1e-9)),
    ("effective_robustness", *line(UNKNOWN, 1e-9)),
    ("under_corruptions", NOWHERE),
    ("swaps", *swapped()),
    ("swaps", *swapped(seeds=1, rung=ANY_FAMILY, outcomes=OUTCOMES[:-1])),
    ("swaps", *swapped(1.1, 1.4, ratio=1.2, stranger=0.09)),
    ("swaps", *swapped(0.7, 1.1)),
    ("swaps", *swapped(control_low=0.75)),
    ("swaps", *swapped(UNKNOWN, UNKNOWN, families=4)),
    (
        "swaps",
        *swapped(outcomes=(*OUTCOMES[:-1], swaps.VOTES), rung=ANY_FAMILY, control_low=UNKNOWN),
    ),
    ("swaps", *swapped(outcomes=())),
    ("swaps", *swapped(twins=0, left_out=4)),
    ("swaps", *swapped(rung="size")),
]
