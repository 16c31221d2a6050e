"""Simulates how often the rules of the verdicts decide a study of as many families and seeds as the traffic signs.

Run by hand: python tests/benchmarks/sign_power.py [--simulations 400]. Rows are kept in sign_power_rows.json; those
that are there are not simulated again. sign_design.py writes the page that shows them.
"""

from functools import partial

import numpy as np
import simulated_families as families
from shared import beside, options, resumed
from sign_pilots import STUDY, families_of
from simulated_ensembles import Pool, of_correlations, of_diversities
from simulated_families import Effects
from simulated_verdicts import Situation, of_balance, of_families, one_by_one, rates

from resiliency.base.streams import derived_seed

ROWS = beside(__file__, "sign_power_rows.json")
KINDS = {"normal": "normal", "t3": "t₃"}
FAMILY, ACCURACY = Effects(1.6, 0.4, 0.4, 0.8), Effects(0.2, 0.3, 1, 0.2)  # what decides the corrupted error
Q = 0.4  # Cohen's q of attributions against predictions
GAP = 1.0  # of the diversities of ensembles of several designs and of one, in standard deviations
STEP = 1.5  # of the joint losses, in standard deviations between seeds
SHARE, HIGH = 0.5, 0.8  # of the variance of size and of accuracy that lies between families
MOSTLY_BETWEEN = f", {HIGH:.0%} between families"  # ends the effect in words where that share does
CLOSE = (0.3,) * 4  # standard deviation between seeds over the margin, where losses are equal


def pool() -> Pool:
    """The families of the study, and in how many of them a design has a second seed."""
    sizes = tuple(map(len, families_of(STUDY).values()))
    return Pool(sizes, 1, second=sum(STUDY.members.seed_count(d) > 1 for d in STUDY.members.designs))


def situations() -> list[tuple[str, str, str, Situation]]:
    """The effect in words, families or seeds in words, the verdict that is true of them, and the situation."""
    own, seeds = pool(), STUDY.joint.seeds
    families.POOLS["signs"] = own.families
    found = []
    for kind in KINDS:
        found += _of_closeness(SHARE, kind)
        for sign, verdict in ((1, "supported"), (-1, "contradicted")):
            q = (sign * Q, sign * Q)
            simulated = one_by_one(of_correlations(q, own, kind))
            effect = f"Cohen's q of {q[0]:g} on clean and on corrupted images"
            found.append((effect, KINDS[kind], verdict, _of("2", simulated)))
        for sign, verdict in ((1, "supported"), (-1, "contradicted")):
            gaps = (sign * GAP,) * 3
            simulated = one_by_one(of_diversities(gaps, own, kind))
            effect = f"gap of {gaps[0]:g} standard deviations in each kind of diversity"
            found.append((effect, KINDS[kind], verdict, _of("4", simulated)))
    for better, verdict in ((STEP, "supported"), (-2 * STEP, "contradicted")):
        effect = f"balanced loss better than both others by {better:g} standard deviations between seeds"
        found.append((effect, "normal", verdict, of_balance((better, better), seeds)))
    effect = f"no difference, and a standard deviation between seeds of {CLOSE[0]:g} margins"
    found.append((effect, "normal", "no practical difference", of_balance((0, 0), seeds, CLOSE)))
    for kind in KINDS:
        found += [(effect + MOSTLY_BETWEEN, *more) for effect, *more in _of_closeness(HIGH, kind)]
    return [(effect.replace("-", "−"), *more) for effect, *more in found]


def _of_closeness(share: float, kind: str) -> list[tuple[str, str, str, Situation]]:
    """The situations of observation 1, with this share of the variance of size and of accuracy between families.

    The kept rows are by the rules of 27 November, by which its verdict rested on both.
    """
    found = []
    for effects, verdict in ((FAMILY, "supported"), (ACCURACY, "contradicted")):
        true = families.truth(effects, share, kind)
        effect = "closeness {:.2f} against size and {:.2f} against accuracy".format(*true)
        found.append((effect, KINDS[kind], verdict, of_families("", true[0], effects, share, kind, "signs")))
    return found


def _of(observation: str, simulate) -> Situation:
    return Situation(observation, "", "", (1.0,), 2.0, simulate)


def row_of(index: int, effect: str, kind: str, verdict: str, situation: Situation, simulations: int) -> dict:
    random = np.random.default_rng(derived_seed(0, "signs", index))
    row = rates(situation._replace(share=1.0), simulations, random)
    kept = {key: row[key] for key in ("observation", "verdicts", "simulations")}
    return {"effect": effect, "kind": kind, "verdict": verdict, **kept}


def main() -> None:
    simulations = options(__doc__, simulations=400).parse_args().simulations
    jobs = {
        (effect, kind, verdict): partial(row_of, index, effect, kind, verdict, situation, simulations)
        for index, (effect, kind, verdict, situation) in enumerate(situations())
    }
    resumed(ROWS, jobs, ("effect", "kind", "verdict"))


if __name__ == "__main__":
    main()
