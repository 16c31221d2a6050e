"""Facts for which no published study has a sentence, so that golden texts show every sentence of charts."""

import pandas as pd

from resiliency.analysis.swaps import ANY_FAMILY, FAMILY
from resiliency.report.charts import swaps
from resiliency.report.charts.exchange_rates import facts

CEILING = {"condition": "clean", "members": 2, "all_wrong": 0.05, "all_wrong_low": 0.04, "all_wrong_high": 0.06}
CEILING |= {"best_member": "a-s0", "best_member_accuracy": 0.8, "best_ensemble_accuracy": 0.79}
STEP = {"size": 3, "before": 2, "change": -0.02, "change_low": -0.03, "change_high": 0.01}
SIZES = {"images": "corrupted", "largest": False}
JOINT = {"objective": "ncl", "weight": 1.0, "settings": 1, "reached": 0.653, "seeds": 3, "independent": 0.62}
PAIR = {"rate": 0.06, "times": 1.5, "more": 3, "pairs": 3}
FREE = {"metrics": 5, "known": True, "positive": [], "negative": []}
PLUS, MINUS = [{"metric": "Saliency", "r": 0.4}], [{"metric": "Features", "r": -0.3}]
NET = {"clean": 0.9, "corrupted": 0.8, "macs": 2e6, "networks": 4}
FOG = {"corruption": "fog", "error": 0.2}
NOWHERE = {"role": "baseline", "hardest": FOG | {"error": 0}, "overall": None, "compared": [], "held_out": {}}
LINE = {"sets": [{"images": "photos", "weak": False, "r_squared": 0.9, "effective_robustness": 1e-9}]}


def images(**free) -> dict:
    return {"name": "corrupted", "free": FREE | free, "given": FREE, "by_labels": FREE}


UNKNOWN = float("nan")
RATES = [("second_member", 0.04, 0.01, 0.09), ("mixing_designs", 0.04, 0.01, 0.09), ("family", 2.0, UNKNOWN, UNKNOWN)]
RATES += [("joint_training", -0.5, -1.0, -0.1), ("third_member", 0.0, -0.4, 0.4)]
RATES = pd.DataFrame(RATES, columns=["exchange", "points", "points_low", "points_high"]).assign(images="corrupted")
OUTCOMES = ("undetected", "common_failures", "agreed", "error", "wrong_at_90")


def swapped(low=0.7, high=0.9, rung=FAMILY, families=9, seeds=2, outcomes=OUTCOMES, **row) -> dict:
    """Facts of swaps.csv with these outcomes, all alike, and designs of so many seeds."""
    of = {"rung": rung, "images": "corrupted", "twin": 0.08, "stranger": 0.06, "ratio": 0.8, "one_member": 0.07}
    of |= {"one_member_ratio": 0.9, "one_member_ratio_low": 0.8, "one_member_ratio_high": 1.1, "confidence": 0.95}
    of |= {"ratio_low": low, "ratio_high": high, "control_low": 0.95, "control_high": 1.05, "twins": 20, "left_out": 3}
    table = pd.DataFrame([of | {"outcome": name, "families": families} | row for name in outcomes])
    return swaps.facts(table, pd.DataFrame({"design": ["a"] * seeds, "origin": "independent"}))


CASES = [
    ("ceiling", CEILING | {"reached": UNKNOWN, "reached_low": UNKNOWN, "reached_high": UNKNOWN}),
    ("ceiling", CEILING | {"reached": -0.2, "reached_low": -0.3, "reached_high": -0.1}),
    ("ceiling", CEILING | {"reached": 0.1, "reached_low": -0.1, "reached_high": 0.3}),
    ("ensemble_size", SIZES | {"enough": 2, "step": STEP}),
    ("ensemble_size", SIZES | {"enough": 1, "step": STEP | {"before": 1, "size": 2}}),
    ("ensemble_size", SIZES | {"enough": 2, "step": STEP | {"change_low": UNKNOWN, "change_high": UNKNOWN}}),
    ("ensemble_size", SIZES | {"enough": None, "step": STEP | {"change_low": UNKNOWN, "change_high": UNKNOWN}}),
    ("loss_weight", JOINT | {"difference": 0.033, "low": 0.01, "high": 0.056}),
    ("loss_weight", JOINT | {"reached": 0.6, "difference": -0.02, "low": -0.03, "high": -0.01}),
    ("loss_weight", JOINT | {"independent": 0.653, "difference": 0.0, "low": -0.2, "high": 0.2}),
    ("loss_weight", JOINT | {"settings": 4, "difference": 0.033, "low": -0.01, "high": 0.076}),
    ("loss_weight", JOINT | {"difference": None, "low": None, "high": None}),
    ("loss_weight", JOINT | {"independent": None, "difference": None, "low": None, "high": None}),
    ("search_front", {"search": NET, "independent": NET | {"corrupted": 0.7, "macs": 3e6}}),
    ("search_front", {"search": NET, "independent": NET | {"corrupted": 0.7, "macs": 1e6}}),
    ("search_front", {"search": NET, "independent": NET | {"corrupted": 0.9, "macs": 3e6}}),
    ("search_front", {"search": NET, "independent": NET | {"macs": UNKNOWN}}),
    ("search_front", {"search": NET, "independent": None}),
    ("learning_curves", {"trained": 1, "jointly": False, "late": 0, "most": None, "short": True}),
    ("coincident_failures", {"images": "clean", "different": PAIR}),
    ("coincident_failures", {"images": "clean", "different": PAIR | {"more": 0}}),
    ("coincident_failures", {"images": "clean", "same": PAIR}),
    ("coincident_failures", {"images": "clean", "different": PAIR, "same": PAIR}),
    ("correlations", {"images": [images(positive=PLUS), images(negative=MINUS)]}),
    ("correlations", {"images": [images(positive=PLUS, negative=MINUS), images(known=False), images(metrics=0)]}),
    ("exchange_rates", facts(RATES)),
    ("exchange_rates", facts(RATES[3:])),
    ("exchange_rates", facts(RATES.assign(points_low=UNKNOWN, points_high=UNKNOWN)[3:])),
    ("effective_robustness", LINE | {"reference": False}),
    ("effective_robustness", {"sets": [], "reference": False}),
    ("under_corruptions", NOWHERE),
    ("swaps", swapped()),
    ("swaps", swapped(seeds=1, rung=ANY_FAMILY, outcomes=OUTCOMES[:-1])),
    ("swaps", swapped(1.1, 1.4, ratio=1.2, stranger=0.09)),
    ("swaps", swapped(0.7, 1.1, one_member=0.06)),
    ("swaps", swapped(control_low=0.75)),
    ("swaps", swapped(UNKNOWN, UNKNOWN, families=4)),
    ("swaps", swapped(outcomes=(*OUTCOMES[:-1], swaps.VOTES), rung=ANY_FAMILY, control_low=UNKNOWN)),
    ("swaps", swapped(outcomes=())),
    ("swaps", swapped(twins=0, left_out=4)),
    ("swaps", swapped(rung="size")),
]
