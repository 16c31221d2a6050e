"""From statistics with standard errors to a verdict, by a rule that does not depend on the data of a study.

`resiliency.analysis.rule` has the rule. An observation is not tested where the study lacks what the rule needs, or
cannot tell the question apart. How many units would decide one that is undecided is found by simulating the rule.
"""

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import pandas as pd

from resiliency.analysis.parts import Part, p_values
from resiliency.analysis.rule import DECIDED, NOT_TESTED, UNDECIDED, PValues, against, decide
from resiliency.base.streams import stream

RULES = "2026-11-27"  # day on which the present rules were fixed; docs/paper.md has their history
FOR, AGAINST = "for", "against"  # the sides that another reading of an observation may lie on
POWER = 0.8
MOST, STUDIES = 1_000, 2_000  # units that are tried, and studies that are simulated


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
        resampled: what the intervals allow for, in words.
        parts: what the verdict rests on; none where the study cannot say anything.
        beside: statistics without a verdict.
        missing: why there can be no verdict; empty if there can.
        omitted: what the statistics leave out and why; empty if nothing.
        designs, members, ensembles, images: behind the statistics.
        sampled: whether the ensembles are a sample of those that are possible.
        metrics: kind of the metrics that the parts compare, such as label-free; empty where there is one only.
        shifts: further test sets that stand in place of the corruptions of the statement; usually none.
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
    missing: str = ""
    omitted: str = ""
    designs: int = 0
    members: int = 0
    ensembles: int = 0
    images: int = 0
    sampled: bool = False
    metrics: str = ""
    shifts: tuple[str, ...] = ()

    def corrected(self, confidence: float) -> float:
        """Confidence of the one-sided bound that contradicts."""
        return 1 - against(1 - confidence, len(self.parts))

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
            f"0 by a stricter bound corrected for the number of parts; no practical difference if the interval of "
            f"every part lies within ±{self.margin:g}; supported in part if, by Holm's correction, some parts lie "
            f"{side} 0 and all others within ±{self.margin:g}; else undecided"
        )


class Need(NamedTuple):
    """Units that decide with a probability of `POWER` if all estimates are right.

    Attributes:
        units: None where not even `MOST` do.
        verdict: what most studies of so many units would then have; empty without `units`.
    """

    units: int | None
    verdict: str


def verdict_of(observation: Observation, confidence: float) -> tuple[str, list[str]]:
    """The verdict, and that of each part; none is tested where a requirement is not met."""
    parts = observation.parts
    if observation.missing or not parts:
        return NOT_TESTED, [NOT_TESTED] * len(parts)
    evidence = [part.p_values(observation.sign, observation.margin) for part in parts]
    (verdict,), (each,) = decide(PValues(*np.array(evidence).T[:, None]), 1 - confidence)
    return str(verdict), each.tolist()


def observation_rows(observation: Observation, confidence: float) -> list[dict]:
    """The rows of observations.csv for one observation: a row per part, then those beside, or one if there is none.

    low and high are the interval at 2 confidence - 1, whose ends are the one-sided bounds at `confidence`;
    opposite_bound is the bound that contradicts.
    """
    verdict, each = verdict_of(observation, confidence)
    parts = zip(observation.parts, each, strict=True)
    parts = [*parts, *((part, "") for part in observation.beside)] or [(Part(""), NOT_TESTED)]
    sign, need = observation.sign, Need(None, "")
    if verdict == UNDECIDED:
        need = units_to_decide(observation.parts, sign, observation.margin, observation.minimum, confidence)
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
                "opposite_bound": part.bound(corrected, sign) if counts else float("nan"),
                "margin": observation.margin if counts else float("nan"),
                "difference_of_means": part.difference,
                "side": observation.side,
                "rule": observation.rule,
                "missing_requirements": "; ".join(filter(None, (observation.missing, observation.omitted))),
                "part_verdict": part_verdict,
                "leans": _leans(part, sign, confidence) if part.reading else "",
                "reading": part.reading,
                "metrics": observation.metrics,
                "shifts": "+".join(observation.shifts),
                "sample_size_needed": _sample_size_needed(observation, need) if verdict == UNDECIDED else "",
                "unit": observation.unit,
                "units": part.units,
                "units_needed": need.units,
                "influential": part.influential,
                "without_it": part.without_it,
                "resampled": observation.resampled,
                "image_share": part.image_share,
                "designs": observation.designs,
                "members": observation.members,
                "ensembles": observation.ensembles,
                "sampled": observation.sampled,
                "images": observation.images,
                "rules": RULES,
            }
        )
    return rows


def _leans(part: Part, sign: int, confidence: float) -> str:
    """Whether another reading lies on the statement's side of 0 by a one-sided bound, `for`, or on the other."""
    supports, opposes, _ = part.p_values(sign, 0)
    alpha = 1 - confidence
    return FOR if supports < alpha else AGAINST if opposes < alpha else ""


def _sample_size_needed(observation: Observation, need: Need) -> str:
    """What would decide an observation, in words."""
    if need.units:
        power = f"at {POWER * 100:.0f}% power if the estimates are right"
        return f"{need.units:,} {observation.unit} ({need.verdict}), {power}"
    images = any(part.image_share > 0 for part in observation.parts)
    return f"{'more test images' if images else 'other data'}; up to {MOST:,} {observation.unit} cannot settle it"


def observation_table(observations: list[Observation], confidence: float) -> pd.DataFrame:
    """Turn the statistics of observations into intervals and verdicts: the table observations.csv.

    Args:
        observations: what the functions of the four observations return.
        confidence: level of the one-sided bounds by which the rules decide, above 0.5 and below 1, such as 0.95; the
            intervals then have the level 2 confidence - 1.

    Returns:
        One row per part of an observation and per statistic beside it; docs/tables.md describes the columns.
    """
    table = pd.DataFrame([row for observation in observations for row in observation_rows(observation, confidence)])
    return table.astype({"units_needed": "Int64"})


def units_to_decide(parts: list[Part], sign: int, margin: float, minimum: int, confidence: float) -> Need:
    """What would decide an observation with these parts: more units than it has, and at least `minimum`.

    Parts are simulated as independent of each other. Nothing is known where a part has no standard error.
    """
    if not parts or not all(np.isfinite([part.estimate, part.error]).all() and part.units for part in parts):
        return Need(None, "")

    def simulated(units: int) -> np.ndarray:
        return decide(_simulated_p_values(parts, sign, margin, units), 1 - confidence)[0]

    def enough(units: int) -> bool:
        return np.isin(simulated(units), DECIDED).mean() >= POWER

    low, high = max(minimum, *(part.units + 1 for part in parts)) - 1, MOST
    if low >= high or not enough(high):
        return Need(None, "")
    while high - low > 1:
        middle = int(np.sqrt(low * high)) if high > 4 * low else (low + high) // 2
        middle = max(middle, low + 1)
        low, high = (low, middle) if enough(middle) else (middle, high)
    verdicts = simulated(high)
    return Need(high, max(DECIDED, key=lambda verdict: (verdicts == verdict).sum()))


def _simulated_p_values(parts: list[Part], sign: int, margin: float, units: int) -> PValues:
    """p-values of studies of so many units whose truth is the estimates: normal, with errors estimated on their own."""
    columns = []
    for index, part in enumerate(parts):
        random = stream(0, "power", index)
        error, freedom = part.with_units(units)
        estimates = part.scale.to(part.estimate) + error * random.standard_normal(STUDIES)
        errors = error * np.sqrt(random.chisquare(freedom, STUDIES) / freedom)
        columns.append(p_values(sign * estimates, errors, freedom, float(part.scale.to(margin))))
    return PValues(*(np.stack(of, axis=1) for of in zip(*columns, strict=True)))
