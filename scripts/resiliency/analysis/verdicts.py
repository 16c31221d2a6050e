"""From statistics with standard errors to a verdict, by a rule that does not depend on the data of
a study.

An observation is not tested if the study lacks what the rule needs, or cannot separate the question
from another."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Self

import numpy as np
import pandas as pd

from resiliency.analysis.left_out import Part

SUPPORTED, IN_PART, CONTRADICTED = "supported", "supported in part", "contradicted"
NO_DIFFERENCE, NOISE = "no practical difference", "no better than noise"
UNDECIDED, NOT_TESTED = "undecided", "not tested"
CAUTION = 4  # contradicting is allowed a quarter of the error that supporting is


# Those of `Part.p_values`, float S x k of S studies and k parts.
PValues = tuple[np.ndarray, np.ndarray, np.ndarray]


def against(alpha: float, parts: int) -> float:
    """The error level at which one of `parts` parts contradicts."""
    return alpha / (CAUTION * max(parts, 1))


def decide(
    p: PValues, alpha: float, noise: np.ndarray | bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """The verdict of each study, str S, and that of each part, str S x k.

    A part's is by itself, without a correction for supporting or for no practical difference,
    except where the verdict is `supported in part`: it then is what Holm's correction leaves.

    Args:
        noise: bool S x k, whether a part lies within the range of its placebo; by default none
            does.
    """
    supports, opposes, within = p
    verdicts, _ = _without_placebo(p, alpha)
    beyond, each_beyond = _without_placebo((np.where(noise, 1, supports), opposes, within), alpha)
    lost = np.isin(verdicts, (SUPPORTED, IN_PART)) & (beyond == UNDECIDED)
    of_noise = (supports < alpha) & noise & (each_beyond == UNDECIDED)
    return np.where(lost, NOISE, beyond), np.where(of_noise, NOISE, each_beyond)


def _without_placebo(p: PValues, alpha: float) -> tuple[np.ndarray, np.ndarray]:
    """The verdicts of studies without a placebo.

    In part, Holm's correction decides each part, some of them for the statement.
    """
    supports, opposes, within = p
    parts = supports.shape[1]
    certain = [supports < alpha, opposes < against(alpha, parts), within < alpha]
    each = np.select(certain, [SUPPORTED, CONTRADICTED, NO_DIFFERENCE], UNDECIDED)
    candidates = np.stack([supports, within])
    stepped = np.sort(candidates.min(axis=0), axis=1) * np.arange(parts, 0, -1)
    claims = np.array([SUPPORTED, NO_DIFFERENCE])[candidates.argmin(axis=0)]
    in_part = (stepped < alpha).all(axis=1) & (claims == SUPPORTED).any(axis=1)
    cases = [certain[0].all(axis=1), certain[1].any(axis=1), certain[2].all(axis=1), in_part]
    verdicts = np.select(cases, [SUPPORTED, CONTRADICTED, NO_DIFFERENCE, IN_PART], UNDECIDED)
    return verdicts, np.where((verdicts == IN_PART)[:, None], claims, each)


RULES = "2026-11-29"  # day on which the present rules were fixed; docs/paper.md has their history
CONTROLS = ("placebo", "accuracy")  # fields of an observation, and how their columns begin
RANGE = ("placebo_low", "placebo_high")
DRAWS = 1_000
BEYOND = 0.05  # share of draws that may lie beyond one end of the range


@dataclass(frozen=True)
class Placebo:
    """Draws of all statistics of an observation, by the code that computes them.

    Attributes:
        estimates: float64 D x k, D >= 200 draws (or all patterns, if there are fewer) of the k
            parts and controls.
        errors: float64 D x k, their standard errors on the scale of each part.
        freedom: float64 k, degrees of freedom of the errors.
        removed: how the effect was removed from the data, such as "families permuted among
            designs".
    """

    estimates: np.ndarray
    errors: np.ndarray
    freedom: np.ndarray
    removed: str = ""

    @property
    def range(self) -> tuple[np.ndarray, np.ndarray]:
        """Both ends of the range of each statistic, float64 k; at most `BEYOND` of its draws lie
        beyond an end.

        An end is a draw. Of n differences whose signs are flipped there are 2^n draws, the study
        itself among them: of 32 one lies beyond the end, so that the study does only if all five
        differences have the same sign; of 16 none does. NaN if no draw is defined.
        """
        low, high = np.array([ends(of_part) for of_part in self.estimates.T]).reshape(-1, 2).T
        return low, high

    def bounds(self, sign: int) -> np.ndarray:
        """The end of each range that statistics of this sign must lie beyond, float64 k."""
        return self.range[1 if sign > 0 else 0]

    def with_images(self, variances: np.ndarray, freedom: int) -> Self:
        """The placebo with variances over images, float64 k or D x k, added to the squared errors
        (`Part.with_images`).

        Degrees of freedom are those of the mean variances of all draws.
        """
        squares = self.errors**2
        added = np.broadcast_to(np.where(np.isfinite(variances), variances, 0), squares.shape)
        known = np.isfinite(squares)
        own = np.where(known, squares, 0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
        mean = added.mean(axis=0)
        with np.errstate(divide="ignore", invalid="ignore"):
            both = (own + mean) ** 2 / (own**2 / self.freedom + mean**2 / freedom)
        both = np.where((mean > 0) & np.isfinite(both), both, self.freedom)
        return replace(self, errors=np.sqrt(squares + added), freedom=both)


def ends(draws: np.ndarray) -> tuple[float, float]:
    """Both ends of the range of draws, float D, as in `Placebo.range`; NaN if none is finite."""
    ascending = np.sort(draws[np.isfinite(draws)])
    if not len(ascending):
        return np.nan, np.nan
    beyond = int(BEYOND * len(ascending))
    return float(ascending[beyond]), float(ascending[-1 - beyond])


@dataclass(frozen=True)
class Observation:
    """One of the paper's observations and what bears on it.

    Attributes:
        number: 1a, 1b, 2, 3 or 4.
        statement: statement of the paper.
        statistic: name of the statistic of each part.
        sign: 1 if a positive statistic supports the statement, -1 if a negative one does.
        margin: differences between minus and plus this margin have no practical importance.
        unit: sampling unit, in the plural, such as designs.
        resampled: sources of variation that the intervals allow for, in words.
        parts: statistics on which the verdict rests; empty if the study cannot say anything.
        beside: further statistics, without a verdict.
        missing: why there can be no verdict; empty if there can.
        omitted: what the statistics leave out and why; empty if nothing.
        designs, members, ensembles, images: numbers behind the statistics.
        sampled: whether the ensembles are a sample of all possible ones.
        metrics: kind of the metrics that the parts compare, such as label-free; empty if there is
            one kind only.
        shifts: additional test sets that replace corruptions; usually empty.
        controls: for each part, a statistic that must also support the statement by its one-sided
            bound, so that the part says more than its placebo; empty if no such statistic is
            needed.
        least: the smallest effect of interest, which every part must exceed to support the
            statement.
        placebo: draws of the parts and controls on data without the effect; None if there are none.
        accuracy: draws on data in which clean accuracy alone acts, which the rule does not use;
            None if there are none.
    """

    number: str
    statement: str
    statistic: str
    sign: int
    margin: float
    unit: str
    resampled: str
    parts: list[Part]
    beside: list[Part] = field(default_factory=list)
    missing: str = ""
    omitted: str = ""
    designs: int = 0
    members: int = 0
    ensembles: int = 0
    n_images: int = 0
    sampled: bool = False
    metrics: str = ""
    shifts: tuple[str, ...] = ()
    controls: list[Part] = field(default_factory=list)
    least: float = 0.0
    placebo: Placebo | None = None
    accuracy: Placebo | None = None

    def corrected(self, confidence: float) -> float:
        """Level of the one-sided bound that contradicts."""
        return 1 - against(1 - confidence, len(self.parts))

    @property
    def side(self) -> str:
        """The side of 0 on which statistics support the statement, above or below."""
        return "above" if self.sign > 0 else "below"

    @property
    def rule(self) -> str:
        """The rule in words."""
        side, other = self.side, "below" if self.side == "above" else "above"
        margin = f"±{self.margin:g}" if np.isfinite(self.margin) else "the margin"
        control = ", and its control by its own bound" if self.controls else ""
        noise = (
            f"; a part supports only if it lies {side} the range that 90% of its placebo's draws "
            f"have{control}, "
            "else the verdict is no better than noise"
        )
        return (
            f"supported if every part lies {side} {self.least:g} by its own one-sided bound; "
            "contradicted if some part "
            f"lies {other} 0 by a stricter bound corrected for the number of parts; no practical "
            "difference if the "
            f"interval of every part lies within {margin}; supported in part if, by Holm's "
            "correction, some "
            f"parts lie {side} {self.least:g} and all others within {margin}; else undecided"
            f"{noise if self.placebo else ''}"
        )


def verdict_of(observation: Observation, confidence: float) -> tuple[str, list[str]]:
    """The verdict, and the verdict of each part and control; nothing is tested if a requirement is
    not met."""
    statistics = observation.parts + observation.controls
    if observation.missing or not observation.parts:
        return NOT_TESTED, [NOT_TESTED] * len(statistics)
    estimates, errors = (
        np.array([[getattr(of, name) for of in statistics]]) for name in ("estimate", "error")
    )
    (verdict,), (each,) = verdicts_of(
        observation, confidence, estimates, errors, [of.freedom for of in statistics]
    )
    return str(verdict), each.tolist()


def verdicts_of(
    observation: Observation,
    confidence: float,
    estimates: np.ndarray,
    errors: np.ndarray,
    freedom: Sequence[float],
    bounds: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """The verdicts of S studies of an observation, str S, and those of its k parts and controls,
    str S x k.

    Args:
        estimates, errors: float S x k, estimates and their errors on the scale of each part.
        freedom: k degrees of freedom.
        bounds: float k, bounds beyond which statistics must lie; by default those of the
            observation's placebo.
    """
    alpha, sign, parts = 1 - confidence, observation.sign, len(observation.parts)
    columns = zip(
        observation.parts + observation.controls, estimates.T, errors.T, freedom, strict=True
    )
    each = [
        part.p_values(*of_part, sign, observation.margin, observation.least)
        for part, *of_part in columns
    ]
    supports, opposes, within = (np.stack(of, axis=1) for of in zip(*each, strict=True))
    noise = np.zeros(estimates.shape, bool)
    if observation.placebo:
        bounds = observation.placebo.bounds(sign) if bounds is None else bounds
        noise = ~(sign * estimates > sign * bounds)
    if not observation.controls:
        return decide((supports, opposes, within), alpha, noise)
    noise[:, parts:] |= ~(supports[:, parts:] < alpha)
    tested = supports[:, :parts], opposes[:, :parts], within[:, :parts]
    verdicts, of_parts = decide(tested, alpha, noise[:, :parts] | noise[:, parts:])
    return verdicts, np.hstack([of_parts, np.where(noise[:, parts:], NOISE, SUPPORTED)])


def share_supported(observation: Observation, drawn: Placebo | None, confidence: float) -> float:
    """Share of draws that the whole rule calls supported; NaN without draws or a verdict."""
    if not drawn or observation.missing:
        return float("nan")
    verdicts, _ = verdicts_of(observation, confidence, drawn.estimates, drawn.errors, drawn.freedom)
    return float((verdicts == SUPPORTED).mean())


# Columns of observations.csv, and those that are attributes of the observation, or of the part, as
# they are.
COLUMNS = [
    "observation",
    "statement",
    "verdict",
    "part",
    "statistic",
    "estimate",
    "low",
    "high",
    "confidence",
]
COLUMNS += [
    "opposite_bound",
    "margin",
    "least",
    *RANGE,
    "accuracy_low",
    "accuracy_high",
    "placebo_supported",
]
COLUMNS += [
    "accuracy_supported",
    "placebo",
    "side",
    "rule",
    "missing_requirements",
    "part_verdict",
    "reading",
]
COLUMNS += ["metrics", "shifts", "unit", "units"]
COLUMNS += [
    "resampled",
    "image_share",
    "designs",
    "members",
    "ensembles",
    "sampled",
    "n_images",
    "rules",
]
OF_OBSERVATION = [
    "statement",
    "side",
    "rule",
    "metrics",
    "unit",
    "resampled",
    "designs",
    "members",
    "ensembles",
]
OF_OBSERVATION += ["sampled", "n_images"]
Row = dict[str, object]
OF_PART = ("estimate", "reading", "units", "image_share")


def observation_rows(observation: Observation, confidence: float) -> list[Row]:
    """The rows of observations.csv for one observation: per part and control, then those beside, or
    one without any.

    low and high are the interval at 2 confidence - 1, whose ends are the one-sided bounds at
    `confidence`, or beyond them for a Cliff's delta near 1 or -1 (`Part.interval`); opposite_bound
    is the bound that contradicts.
    """
    verdict, each = verdict_of(observation, confidence)
    tested, sign = observation.parts + observation.controls, observation.sign
    parts = [*zip(tested, each, strict=True), *((part, "") for part in observation.beside)] or [
        (Part(""), NOT_TESTED)
    ]
    row: Row = {name: getattr(observation, name) for name in OF_OBSERVATION}
    row |= {
        "observation": observation.number,
        "verdict": verdict,
        "confidence": 2 * confidence - 1,
        "rules": RULES,
    }
    row |= {
        "missing_requirements": "; ".join(filter(None, (observation.missing, observation.omitted)))
    }
    row |= {"shifts": "+".join(observation.shifts)}
    drawn = {name: getattr(observation, name) for name in CONTROLS}
    supported = {
        f"{name}_supported": share_supported(observation, of, confidence)
        for name, of in drawn.items()
    }
    rows: list[Row] = []
    for index, (part, part_verdict) in enumerate(parts):
        own: Row = {name: getattr(part, name) for name in OF_PART}
        own |= {
            "part": part.name,
            "statistic": part.statistic or observation.statistic,
            "part_verdict": part_verdict,
        }
        own |= dict(zip(("low", "high"), part.interval(2 * confidence - 1).ends, strict=True))
        own |= {"placebo": ""}
        if part_verdict:
            own |= supported | {
                "placebo": observation.placebo.removed if observation.placebo else ""
            }
            for name, of in drawn.items():
                ends_of = zip((f"{name}_low", f"{name}_high"), of.range if of else (), strict=False)
                own |= {column: of_end[index] for column, of_end in ends_of}
        else:
            own |= dict(zip(RANGE, part.noise, strict=True))
        if part not in observation.controls + observation.beside:
            bound = part.bound(observation.corrected(confidence), sign)
            own |= {
                "opposite_bound": bound,
                "margin": observation.margin,
                "least": observation.least,
            }
        rows.append(dict.fromkeys(COLUMNS, np.nan) | row | own)
    return rows


def observation_table(observations: list[Observation], confidence: float) -> pd.DataFrame:
    """The table observations.csv: intervals and verdicts, a row per part of an observation and
    statistic beside it.

    Args:
        observations: what the functions of the four observations return.
        confidence: level of the one-sided bounds by which the rules decide, above 0.5 and below 1,
            such as 0.95; the intervals then have the level 2 confidence - 1.
    """
    rows = [
        row for observation in observations for row in observation_rows(observation, confidence)
    ]
    return pd.DataFrame(rows, columns=COLUMNS)
