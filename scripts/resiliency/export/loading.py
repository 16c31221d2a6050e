"""An ensemble of a finished study, read back as one network."""

from collections.abc import Iterable
from pathlib import Path

import pandas as pd
from torch import nn

from resiliency.analysis.temperatures import Temperature
from resiliency.designs.members import Member
from resiliency.designs.networks import read_member
from resiliency.ensembles.combination import member_weights
from resiliency.export.choice import chosen_row, refuse_own_crops
from resiliency.export.module import Deployable
from resiliency.storage.runs import Run
from resiliency.storage.tables import read_table

Networks = list[tuple[nn.Module, Member]]


def temperature_of(temperatures: pd.DataFrame, members: str) -> Temperature:
    """The temperature of the ensemble of `members`, joined by "+", in temperatures.csv."""
    first = temperatures[temperatures.members == members].iloc[0]
    images, note = int(first.fitted_images), first.note if isinstance(first.note, str) else ""
    if not images:
        return Temperature(1.0, 0, "", note)
    return Temperature(float(first.temperature), images, first.fitted_on, note)


def read_networks(folders: Iterable[str | Path]) -> Networks:
    """The networks in these folders of members, in evaluation mode on the CPU.

    Raises:
        Fault: a file is missing or damaged.
    """
    return [(network.cpu(), member) for network, member in map(read_member, folders)]


def load_ensemble(results: str | Path, ensemble: str | int = "best") -> Deployable:
    """Load an ensemble of tables/deployment.csv as one torch module, in evaluation mode on the CPU.

    Args:
        results: the folder results/<study> of a finished study.
        ensemble: "best" (the recommended one), "most_accurate", "best under N MACs", "best under N ms" or a number of
            deployment.csv, as `snakemake export` takes it.

    Returns:
        A module that maps images (uint8 B x H x W x 3, H and W those of the study) to probabilities (float32 B x K, 0
        to 1, at the fitted temperature) and to the mutual information of the members' predictions (float32 B, in nats).

    Raises:
        Fault: a table or a file of a member is missing, damaged or not of the last run, there is no such ensemble, or
            its members crop image files in different ways.
    """
    run = Run(results)
    deployment, members, temperatures = (
        read_table(run.file(f"tables/{name}.csv")) for name in ("deployment", "members", "temperatures")
    )
    row = chosen_row(deployment, ensemble)
    names = row.members.split("+")
    members = members.set_index("member", drop=False).loc[names]
    temperature = temperature_of(temperatures, row.members)
    files = [[run.file(f"members/{name}/{file}") for file in ("weights.safetensors", "member.json")] for name in names]
    networks = read_networks(weights.parent for weights, _ in files)
    if "data/test/images.json" in run:
        refuse_own_crops([member for _, member in networks])
    return Deployable(networks, list(member_weights(members)), row["rule"], temperature.value).eval()
