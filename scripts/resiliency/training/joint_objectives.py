"""What there is to know of each joint objective without torch; the losses are in `objectives`."""

from math import inf
from typing import NamedTuple


class JointObjective(NamedTuple):
    """A joint objective.

    Attributes:
        label: what the loss adds to the members' own, as people read it.
        lowest, highest: limits of its weight lambda, both allowed.
    """

    label: str
    lowest: float
    highest: float


JOINT_OBJECTIVES = {
    "independent": JointObjective("the members' loss only", 0, 0),
    "balanced": JointObjective("from the members' loss (λ = 0) to the ensemble's (λ = 1)", 0, 1),
    "gncl": JointObjective("generalised negative correlation", 0, 1),
    "ncl": JointObjective("negative correlation of probabilities", 0, inf),
    "kl": JointObjective("Kullback–Leibler divergence from the ensemble", 0, 1),
    "adp": JointObjective("entropy of the ensemble and volume of its wrong probabilities", 0, inf),
    "attribution": JointObjective("unlike input gradients", 0, inf),
    "activation": JointObjective("unlike features", 0, inf),
}
