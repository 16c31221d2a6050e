"""What in the selection of the model to deploy does not go with the rest of a study."""

from collections.abc import Iterator
from importlib.util import find_spec

from resiliency.export.choice import PACKAGES, limits_latency
from resiliency.study.model import Study


def objective_faults(study: Study) -> Iterator[str]:
    """Selection by costs that are not given, or of members whose answers are not known."""
    if study.deployment.objective != "cost":
        return
    if not study.costs:
        yield "deployment.objective: cost needs a table of costs, got costs: null; name a file in costs, or set mean"
    if study.external and "decisions" in study.contents().kinds.values():
        yield "deployment.objective: cost needs probabilities, got members with only predicted labels; set mean"


def margin_faults(study: Study) -> Iterator[str]:
    """A margin that every error is within, such as one in per cent."""
    margin = study.deployment.margin
    if margin is not None and margin >= 0.5 and study.deployment.objective != "cost":
        yield f"deployment.margin: expected a fraction below 0.5, got {margin:g}; 0.01 is one percentage point"


def latency_faults(study: Study) -> Iterator[str]:
    """Latency that is limited and not measured, or measured of no network."""
    by_latency, limits = study.deployment.cheapest_by == "latency", study.deployment.limits
    remedy = "set deployment.cheapest_by to latency"
    if by_latency and not (study.members.designs or study.joint or study.search):
        yield "deployment.cheapest_by: latency is measured of networks, got only imported members; set macs"
    if by_latency and (lacking := [name for name in PACKAGES if not find_spec(name)]):
        yield f"deployment.cheapest_by: {', '.join(lacking)}: not installed; pip install -e '.[export]', or set macs"
    limited = {"deployment.limits.milliseconds": limits.milliseconds, "ensemble": limits_latency(study.ensemble)}
    for key, is_limited in limited.items():
        if is_limited and not by_latency:
            yield f"{key}: a limit in ms needs measured latency, got cheapest_by: macs; {remedy}"
