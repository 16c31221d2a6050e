"""What is known of members from elsewhere, for member.json, as of members that are made here."""

import re

import pandas as pd
import torch

from resiliency.base.names import INDEPENDENT
from resiliency.designs.members import Member, WeightsKind
from resiliency.designs.networks import parameters_and_macs
from resiliency.devices.eager import timm

SEED = re.compile(r"-s(\d+)$")

IMPORTED = {"decisions": "predicted labels", "scores": "accuracies"}  # kind of file -> what it holds of a member


def descriptions(table: pd.DataFrame, kinds: dict[str, str], image_size: int | None) -> list[Member]:
    """What is known of each member.

    Parameters and MACs that the table lacks are those of timm's architecture with its own number of classes.

    Args:
        table: from `resiliency.external.predictions.described_members`.
        kinds: member -> how it is known.
        image_size: side in pixels of the images for which MACs are counted; None for each architecture's own.
    """
    missing = table["parameters"].isna() | table["macs"].isna()
    names = sorted(set(table.loc[missing, "architecture"]) - {""})
    sizes = {name: _size(name, image_size) for name in names}
    members = []
    for member, row in table.iterrows():
        counted = dict(zip(("parameters", "macs"), sizes.get(row["architecture"], (None, None)), strict=True))
        seed = SEED.search(member)
        members.append(
            Member(
                member=member,
                origin=INDEPENDENT,
                design=row["design"],
                seed=int(seed[1]) if seed else 0,
                family=row["family"],
                recipe=row["recipe"],
                architecture=row["architecture"] or None,
                weights_kind=WeightsKind.NONE,
                weights_source=f"imported as {IMPORTED.get(kinds[member], kinds[member])}",
                device="elsewhere",
                training_cost=None if pd.isna(row["epochs"]) else {"epochs": row["epochs"]},
                **{key: counted[key] if pd.isna(row[key]) else row[key] for key in ("parameters", "macs")},
            )
        )
    return members


def _size(architecture: str, image_size: int | None) -> tuple[int, int]:
    """Parameters of timm's network and its MACs for one image, counted without memory for its weights."""
    with torch.device("meta"):
        network = timm.create_model(architecture)
        side = image_size or network.pretrained_cfg["input_size"][-1]
        return parameters_and_macs(network, [side, side, 3])
