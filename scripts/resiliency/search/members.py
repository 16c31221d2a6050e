"""Descriptions of super-networks, and of the members that a search makes of their sub-networks."""

from pathlib import Path

import numpy as np

from resiliency.designs.members import Member
from resiliency.search.losses import progressive_phases, training_macs
from resiliency.search.settings import RANDOM, Search
from resiliency.search.space import Shape, Space
from resiliency.storage.files import sha256

SUPERNET_FACTORY = "resiliency.search.supernet:supernetwork"
MEMBER_FACTORY = "resiliency.search.network:residual"


def network_description(factory: str, shape: Shape, side: int) -> dict:
    """What `networks.build` needs to know of a network of a shape, for images of `side` pixels squared."""
    return {"architecture": None, "factory": factory, "arguments": shape, "stem": "original", "side": side}


def supernet_description(space: Space, start: str | None) -> dict:
    """What is known of a super-network before training.

    Args:
        start: file with the weights that training starts from, a member's; None if they are random.
    """
    description = network_description(SUPERNET_FACTORY, space.largest, space.side)
    if start:
        member = Member.read(Path(start).with_name("member.json"))
        description |= {"start": f"{member.member} (sha256 {sha256(start)})", "mean": member.mean, "std": member.std}
    return description


def search_cost(space: Space, settings: Search, trained: dict, evaluated: np.ndarray, images: int) -> dict:
    """What the members of a search took all together, as `training.member.cost_of_training` gives it for one.

    Args:
        trained: `training_cost` of the super-network, of which epochs and images count.
        evaluated: MACs of the sub-networks that were evaluated.
        images: that each of them saw.
    """
    phases = progressive_phases(space.dimensions, settings.start != RANDOM)
    macs = training_macs(space, settings.strategy, settings.random_subnetworks, phases)
    spent = 3 * macs * trained["images"] + int(evaluated.sum()) * images
    return trained | {"macs": spent, "shared_by": settings.members}
