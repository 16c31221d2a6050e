"""The rule of the verdicts, on p-values of the parts of an observation; many studies at once.

With error alpha and k parts, an observation is

- supported if each part lies on the statement's side of 0 at alpha: all must hold, so that no correction is needed
  (intersection-union test; Berger, Technometrics 24, 1982);
- contradicted if some part lies on the other side at alpha / (CAUTION k): one is enough, so that Bonferroni's
  correction is needed. Where one part is truly 0, errors of both sides add up, to 1.13 alpha at most by CAUTION;
- supported in part if some parts lie on the statement's side, and all others within the margin. Which do what is not
  fixed beforehand, so that Holm's correction over the parts is needed (Scandinavian Journal of Statistics 6, 1979);
- of no practical difference if each part lies within the margin by two one-sided tests at alpha (Schuirmann, Journal of
  Pharmacokinetics and Biopharmaceutics 15, 1987);
- no better than noise if it would be supported, or in part, but for parts that lie within the range of their placebo
  (`resiliency.analysis.placebo`): such a part supports nothing;
- undecided otherwise.
"""

from typing import NamedTuple

import numpy as np

SUPPORTED, IN_PART, CONTRADICTED = "supported", "supported in part", "contradicted"
NO_DIFFERENCE, NOISE = "no practical difference", "no better than noise"
UNDECIDED, NOT_TESTED = "undecided", "not tested"
DECIDED = (SUPPORTED, IN_PART, CONTRADICTED, NO_DIFFERENCE, NOISE)
CAUTION = 4  # contradicting is allowed a quarter of the error that supporting is


class PValues(NamedTuple):
    """One-sided p-values of S studies and k parts, each float S x k; NaN where a part has no standard error.

    Attributes:
        supports: of a part that is 0 or on the other side of it.
        opposes: of a part that is 0 or on the statement's side.
        within: of a part that is as large as the margin or larger, either way.
    """

    supports: np.ndarray
    opposes: np.ndarray
    within: np.ndarray


def against(alpha: float, parts: int) -> float:
    """The error at which one of so many parts contradicts."""
    return alpha / (CAUTION * max(parts, 1))


def decide(p: PValues, alpha: float, noise: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
    """The verdict of each study, str S, and that of each part, str S x k.

    A part's is by itself, without a correction for supporting or for no practical difference, except where the verdict
    is `supported in part`: it then is what Holm's correction leaves.

    Args:
        noise: bool S x k, whether a part lies within the range of its placebo; none does unless given.
    """
    verdicts, each = _without_placebo(p, alpha)
    if noise is None:
        return verdicts, each
    beyond, each_beyond = _without_placebo(p._replace(supports=np.where(noise, 1, p.supports)), alpha)
    lost = np.isin(verdicts, (SUPPORTED, IN_PART)) & (beyond == UNDECIDED)
    of_noise = (p.supports < alpha) & noise & (each_beyond == UNDECIDED)
    return np.where(lost, NOISE, beyond), np.where(of_noise, NOISE, each_beyond)


def _without_placebo(p: PValues, alpha: float) -> tuple[np.ndarray, np.ndarray]:
    """The same of studies without a placebo."""
    parts = p.supports.shape[1]
    supports, opposes, within = p.supports < alpha, p.opposes < against(alpha, parts), p.within < alpha
    each = np.select([supports, opposes, within], [SUPPORTED, CONTRADICTED, NO_DIFFERENCE], UNDECIDED)
    in_part, claims = _in_part(p, alpha)
    cases = [supports.all(axis=1), opposes.any(axis=1), within.all(axis=1), in_part]
    verdicts = np.select(cases, [SUPPORTED, CONTRADICTED, NO_DIFFERENCE, IN_PART], UNDECIDED)
    return verdicts, np.where((verdicts == IN_PART)[:, None], claims, each)


def _in_part(p: PValues, alpha: float) -> tuple[np.ndarray, np.ndarray]:
    """Whether each part is decided by Holm's correction, some of them for the statement; and as what."""
    candidates = np.stack([p.supports, p.within])
    stepped = np.sort(candidates.min(axis=0), axis=1) * np.arange(p.supports.shape[1], 0, -1)
    claims = np.array([SUPPORTED, NO_DIFFERENCE])[candidates.argmin(axis=0)]
    return (stepped < alpha).all(axis=1) & (claims == SUPPORTED).any(axis=1), claims
