"""Facts for which no published study has a sentence, so that golden texts show every sentence of charts."""

import pandas as pd

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
]
