"""From statistics with standard errors to a verdict, by a rule that does not depend on the data of a study.

With confidence 1 - alpha and k parts, an observation is

- supported if each part lies on the statement's side of 0 by its own one-sided bound at 1 - alpha: all must hold, so
  that no correction is needed (intersection-union test; Berger, Technometrics 24, 1982);
- contradicted if some part lies on the other side by a bound at 1 - alpha / k: one is enough, so that Bonferroni's
  correction is needed (at 1 - alpha / (c k) where an observation asks for c times the caution);
- equivalent if the interval at 1 - 2 alpha of each part lies within a margin around 0 (two one-sided tests; Schuirmann,
  Journal of Pharmacokinetics and Biopharmaceutics 15, 1987);
- undecided otherwise. `resiliency.analysis.power` then says how many units would decide it.

It is not tested where the study lacks what the rule needs.
"""

from dataclasses import dataclass, field
from math import isfinite

import pandas as pd

from resiliency.analysis.parts import Part
from resiliency.analysis.power import POWER, Need, needed

SUPPORTED, CONTRADICTED, EQUIVALENT, UNDECIDED = "supported", "contradicted", "equivalent", "undecided"
NOT_TESTED = "not tested"


@dataclass(frozen=True)
class Observation:
    """One of the paper's observations and what bears on it.

    Attributes:
        number: 1 to 4.
        statement: the paper's.
        statistic: what each part measures.
        sign: 1 if a positive statistic supports the statement, -1 if a negative one does.
        margin: differences within plus and minus this count as none.
        unit: what is taken for a sample of all that could have been, in the plural, such as designs.
        minimum: fewest units that the rule allows.
        caution: c, where bounds of few units are known to be too narrow to contradict by.
        resampled: what the intervals allow for, in words.
        parts: what the verdict rests on; none where the study cannot say anything.
        beside: statistics without a verdict.
        lacking: why there can be no verdict; empty if there can.
        omitted: what the statistics leave out and why; empty if nothing.
        designs, members, ensembles, images: behind the statistics.
        sampled: whether the ensembles are a sample of those that are possible.
    """

    number: int
    statement: str
    statistic: str
    sign: int
    margin: float
    unit: str
    minimum: int
    resampled: str
    parts: list[Part]
    beside: list[Part] = field(default_factory=list)
    lacking: str = ""
    omitted: str = ""
    designs: int = 0
    members: int = 0
    ensembles: int = 0
    images: int = 0
    sampled: bool = False
    caution: int = 1

    def corrected(self, confidence: float) -> float:
        """Confidence of the one-sided bound that contradicts."""
        return 1 - (1 - confidence) / (self.caution * max(len(self.parts), 1))

    @property
    def side(self) -> str:
        """The side of 0 on which statistics support the statement, above or below."""
        return "above" if self.sign > 0 else "below"

    @property
    def rule(self) -> str:
        """The rule in words."""
        side, other = self.side, "below" if self.side == "above" else "above"
        return (
            f"supported if every part lies {side} 0 by its own one-sided bound; contradicted if some part lies {other} "
            f"0 by a bound corrected for the number of parts; equivalent if the interval of every part lies within "
            f"±{self.margin:g}; else undecided"
        )


def verdict_of(observation: Observation, confidence: float) -> tuple[str, list[str]]:
    """The verdict, and that of each part by itself; none is tested where something is lacking."""
    parts, sign, alpha = observation.parts, observation.sign, 1 - confidence
    if observation.lacking or not parts:
        return NOT_TESTED, [NOT_TESTED] * len(parts)
    supports = [part.bound(confidence, -sign) * sign > 0 for part in parts]
    opposes = [part.bound(observation.corrected(confidence), sign) * sign < 0 for part in parts]
    within = [
        -observation.margin < low and high < observation.margin
        for low, high in (part.interval(1 - 2 * alpha) for part in parts)
    ]
    each = [
        next((v for v, holds in zip((SUPPORTED, CONTRADICTED, EQUIVALENT), of_part, strict=True) if holds), UNDECIDED)
        for of_part in zip(supports, opposes, within, strict=True)
    ]
    if all(supports):
        return SUPPORTED, each
    if any(opposes):
        return CONTRADICTED, each
    return (EQUIVALENT if all(within) else UNDECIDED), each


def observation_rows(observation: Observation, confidence: float) -> list[dict]:
    """The rows of observations.csv for one observation: a row per part, then those beside, or one if there is none.

    low and high are the interval at 2 confidence - 1, whose ends are the one-sided bounds at `confidence`;
    opposite_bound is the bound that contradicts.
    """
    verdict, each = verdict_of(observation, confidence)
    parts = zip(observation.parts, each, strict=True)
    parts = [*parts, *((part, "") for part in observation.beside)] or [(Part(""), NOT_TESTED)]
    need = needed(
        observation.parts,
        observation.sign,
        observation.margin,
        observation.minimum,
        confidence,
        observation.corrected(confidence),
    )
    open_ = verdict in (UNDECIDED, NOT_TESTED)
    corrected = observation.corrected(confidence)
    rows = []
    for part, part_verdict in parts:
        low, high = part.interval(2 * confidence - 1)
        counts = part_verdict != ""
        rows.append(
            {
                "observation": observation.number,
                "statement": observation.statement,
                "verdict": verdict,
                "part": part.name,
                "statistic": part.statistic or observation.statistic,
                "estimate": part.estimate,
                "low": low,
                "high": high,
                "confidence": 2 * confidence - 1,
                "opposite_bound": part.bound(corrected, observation.sign) if counts else float("nan"),
                "margin": observation.margin if counts else float("nan"),
                "difference_of_means": part.difference,
                "side": observation.side,
                "rule": observation.rule,
                "lacking": "; ".join(filter(None, (observation.lacking, observation.omitted))),
                "part_verdict": part_verdict,
                "would_decide": _would_decide(observation, need) if open_ else "",
                "unit": observation.unit,
                "units": part.units,
                "units_needed": need.estimated if open_ else None,
                "units_for_margin": need.at_margin if open_ else None,
                "resampled": observation.resampled,
                "image_share": part.image_share,
                "designs": observation.designs,
                "members": observation.members,
                "ensembles": observation.ensembles,
                "sampled": observation.sampled,
                "images": observation.images,
            }
        )
    return rows


def _would_decide(observation: Observation, need: Need) -> str:
    """What would decide an observation, in words."""
    if not all(isfinite(part.error) for part in observation.parts) or not observation.parts:
        return f"at least {observation.minimum} {observation.unit}"
    unit, amounts = observation.unit, []
    if need.estimated:
        amounts.append(f"{need.estimated:,} {unit}, if the estimates are right ({need.verdict})")
    if need.at_margin:
        margin = f"{observation.sign * observation.margin:g}".replace("-", "−")
        amounts.append(f"{need.at_margin:,} {unit}, if every difference is {margin}")
    if not amounts:
        return f"no number of {unit}: more test images"
    return f"at {POWER:.0%} power: {'; '.join(amounts)}".replace("%", " %")


def observation_table(observations: list[Observation], confidence: float) -> pd.DataFrame:
    """The table observations.csv."""
    table = pd.DataFrame([row for observation in observations for row in observation_rows(observation, confidence)])
    return table.astype({"units_needed": "Int64", "units_for_margin": "Int64"})
