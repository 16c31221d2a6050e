"""What can be wrong with a search, told before anything is trained."""

from collections.abc import Iterator
from typing import Any

from resiliency.base.faults import short
from resiliency.base.names import design_of
from resiliency.designs.settings import Design
from resiliency.search.settings import RANDOM, Search
from resiliency.search.space import ARGUMENTS, RESNETS, Space, largest_shape

STAGES = 4
MOST = {"channels": 10_000, "layers": 200}


def search_faults(search: Search, design: Design, side: int, classes: int, names: list[str]) -> Iterator[str]:
    """A line for each fault.

    Args:
        design: that of the search.
        side: of the images, in pixels.
        classes: of the data set; 1 where they are not known yet.
        names: of the members of the study that are not trained jointly.
    """
    architecture, name = (design.architecture or "").partition(".")[0], search.design
    if architecture not in RESNETS:
        yield f"search.design: expected a design of {', '.join(RESNETS)}, got {name!r}"
        return
    if other := sorted(set(design.arguments) - set(ARGUMENTS)):
        yield f"search.design: expected only the arguments {' and '.join(ARGUMENTS)} of {name!r}, got {other[0]!r}"
        return
    if fault := _size_fault(design.arguments):
        yield f"designs.{name}.arguments.{fault}"
        return
    own = [member for member in names if design_of(member) == name]
    if search.start != RANDOM and search.start not in own:
        yield f"search.start: expected random or a member of {name} (one of {own}), got {search.start!r}"
    if search.training.get("compile"):
        yield "search.training.compile: must be false, because sub-networks differ in shape"
    description = design.description(side)
    layers = largest_shape(description, classes)["layers"]
    depth = search.elastic.depth or layers
    if len(depth) != len(layers) or any(least > most for least, most in zip(depth, layers, strict=True)):
        requirement = f"must have at most as many blocks per stage as {name}: {layers}"
        yield f"search.elastic.depth: {short(depth)}: {requirement}"
        return
    yield from _space_faults(search, Space.of_design(description, search.elastic.model_dump(), classes))


def _size_fault(arguments: dict[str, Any]) -> str:
    """What is wrong with channels or layers of a ResNet; nothing if nothing is."""
    sizes = {argument: arguments[argument] for argument in ARGUMENTS if argument in arguments}
    for argument, values in sizes.items():
        numbers = isinstance(values, list) and all(isinstance(v, int) and not isinstance(v, bool) for v in values)
        if not numbers or len(values) != STAGES or not all(1 <= v <= MOST[argument] for v in values):
            return f"{argument}: {short(values)}: must be a list of {STAGES} whole numbers from 1 to {MOST[argument]:,}"
    return ""


def budget_faults(search: Search, space: Space) -> Iterator[str]:
    """A budget that too few sub-networks keep."""
    costs = [space.macs(genes) for genes in space.smallest(search.members)]
    least = sum(costs) if search.objective == "ensemble" else max(costs)
    if search.macs_budget is not None and search.macs_budget < least:
        quantity = "sum of the MACs" if search.objective == "ensemble" else "MACs of the largest"
        limit = f"{least:,}, the {quantity} of the {search.members} smallest sub-networks"
        yield f"search.macs_budget: expected at least {limit}, got {search.macs_budget:,}"


def _space_faults(search: Search, space: Space) -> Iterator[str]:
    for stage in range(len(space.depth)):
        channels = space.channels(stage)
        if len(set(channels)) < len(channels):
            problem = f"{short(search.elastic.width)}: stage {stage + 1} would have {channels} channels"
            yield f"search.elastic.width: {problem}; choose shares that give different numbers"
            return
    if search.members > space.count:
        yield f"search.members: {search.members} is more than the {space.count} distinct sub-networks"
    else:
        yield from budget_faults(search, space)
