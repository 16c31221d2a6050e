"""The four observations of the paper (Rosales, Munoz and Paulitsch 2023), each as a statistic with a fixed rule.

Margins, fewest units and the metrics that count are judgements. They stand as constants in the modules, with their
reasons; docs/paper.md says when they were set.
"""

from resiliency.analysis.observations.architecture import architecture_matters_more
from resiliency.analysis.observations.balance import balance_is_most_resilient
from resiliency.analysis.observations.correlation import attribution_diversity_is_less_negative
from resiliency.analysis.observations.diversity import architecture_brings_diversity
from resiliency.analysis.observations.spread import families_differ_at_equal_accuracy

__all__ = [
    "architecture_brings_diversity",
    "architecture_matters_more",
    "attribution_diversity_is_less_negative",
    "balance_is_most_resilient",
    "families_differ_at_equal_accuracy",
]
