"""An ensemble of a finished study, read back as one network."""

from collections.abc import Iterable
from pathlib import Path

import pandas as pd
from torch import nn

from resiliency.analysis.temperatures import Temperature
from resiliency.base.faults import Fault
from resiliency.designs.members import Member
from resiliency.designs.networks import read_member
from resiliency.ensembles.combination import member_weights
from resiliency.export.choice import chosen_row, refuse_own_crops
from resiliency.export.module import Deployable
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
        Fault: a table or a file of a member is missing or damaged, there is no such ensemble, or its members crop image
            files in different ways.
    """
    tables = Path(results, "tables")
    if not (tables / "deployment.csv").is_file():
        raise Fault(f"{tables / 'deployment.csv'}: there is no such file; give results/<study> of a finished study")
    row = chosen_row(read_table(tables / "deployment.csv"), ensemble)
    names = row.members.split("+")
    if unknown := [name for name in names if not Path(results, "members", name, "weights.safetensors").is_file()]:
        raise Fault(f"ensemble {row.members}: {', '.join(unknown)}: no weights in {Path(results, 'members')}")
    members = read_table(tables / "members.csv").set_index("member", drop=False).loc[names]
    temperature = temperature_of(read_table(tables / "temperatures.csv"), row.members)
    folders = [Path(results, "members", name) for name in names]
    networks = read_networks(folders)
    if Path(results, "data/test/images.json").exists():
        refuse_own_crops([member for _, member in networks])
    return Deployable(networks, list(member_weights(members)), row["rule"], temperature.value).eval()
