"""An ensemble of a finished study: the row of deployment.csv that is meant, read back as one
network."""

from collections.abc import Collection, Iterable
from contextlib import suppress
from pathlib import Path

import pandas as pd
import torch
import yaml
from torch import Tensor, nn
from torch.nn import functional

from resiliency.analysis.assessment import Temperature
from resiliency.analysis.contenders import best_row, eligible, recommended_row
from resiliency.base.faults import Fault, short
from resiliency.designs.members import Member, named_factories
from resiliency.designs.networks import normalised, read_member
from resiliency.ensembles.combination import VOTE, mean_logarithms, member_values, rule_of
from resiliency.export.settings import FACTORS, UNDER, checked_ensemble
from resiliency.storage import Run, read_table


def chosen_row(deployment: pd.DataFrame, ensemble: str | int) -> pd.Series:
    """The row that `ensemble` names.

    The best is the recommended one: the cheapest that is shown to be hardly worse than the most
    accurate, which has the least error on the images on which ensembles are chosen. Within limits
    of members, and of multiply-accumulate operations for one image, the most accurate is that
    within the limits.

    Args:
        deployment: deployment.csv.
        ensemble: name of an ensemble, as in `resiliency.export.settings.ALLOWED`.

    Raises:
        Fault: `ensemble` is no such name, or there is no such row.
    """
    text = str(ensemble)
    try:
        checked_ensemble(ensemble)
    except ValueError as error:
        raise Fault(f"ensemble: {error}, got {short(ensemble)}") from error
    if text.isdecimal():
        if not (named := deployment.number == int(text)).any():
            raise Fault(
                f"ensemble: expected a number from 1 to {len(deployment)} (tables/deployment.csv), "
                f"got {text}"
            )
        return deployment[named].iloc[0]
    rows = eligible(deployment)
    if not (limits := UNDER.fullmatch(text)):
        return best_row(rows)
    members, macs, unit = limits.groups()
    none = "ensemble: none in tables/deployment.csv"
    rows = rows[rows["size"] <= int(members)] if members else rows
    if rows.empty:
        raise Fault(f"{none} has at most {members} members")
    if macs:
        most, least = float(macs) * FACTORS[unit], rows["macs"].min()
        if pd.isna(least):
            raise Fault(
                "ensemble: all MACs in tables/deployment.csv are unknown; limit the members instead"
            )
        rows = rows[rows["macs"] <= most]
        if rows.empty:
            raise Fault(f"{none} is under {most:,.0f} MACs; allow at least {least:,.0f}")
    return recommended_row(rows)


def exportable_row(
    deployment: pd.DataFrame, ensemble: str | int, networks: Iterable[Member], of_files: bool
) -> pd.Series:
    """The row that `ensemble` names, as for `chosen_row`, if its members can be exported.

    Args:
        networks: members of which the networks are available.
        of_files: whether the images of the study are files that are decoded on the fly.

    Raises:
        Fault: there is no such row, or a member has no network or crops image files in a way of its
            own.
    """
    row, described = (
        chosen_row(deployment, ensemble),
        {member.member: member for member in networks},
    )
    names = row.members.split("+")
    if unknown := [name for name in names if name not in described]:
        lacking = f"only predictions of {', '.join(unknown)} are available, not the network"
        raise Fault(f"ensemble {row.members}: cannot be exported: {lacking}")
    if of_files:
        refuse_own_crops([described[name] for name in names])
    return row


def refuse_own_crops(members: list[Member]) -> None:
    """Refuse members that crop image files in different ways, before they become an array that a
    network could take."""
    if own := [member.member for member in members if member.view]:
        raise Fault(f"ensemble: cannot be exported: {', '.join(own)} needs its own image cropping")


class Deployable(nn.Module):
    """An ensemble with its preprocessing, its combination rule and its temperature.

    Args:
        members: networks in evaluation mode, on the CPU, each with the description of its member.
        rule: name of the combination rule; a single member answers alone under any rule.
        temperature: temperature of the ensemble's probabilities; 1 for a plurality vote, which has
            none.
    """

    def __init__(
        self,
        members: list[tuple[nn.Module, Member]],
        rule: str,
        temperature: float,
    ):
        super().__init__()
        self.networks = nn.ModuleList(network for network, _ in members)
        self.members = [member for _, member in members]
        self.rule, self.temperature = rule_of(rule, len(members)), temperature

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Images uint8 BxHxWx3 -> probabilities float32 BxK, and mutual information float32 B, in
        nats, of 0 up.

        The answer is the class with the largest probability. Those of a plurality vote are shares
        of votes, in which members' probabilities break ties.

        Raises:
            TypeError: images are of another type, such as floats in 0..1, or of another size than
                those of the study: their answers would be wrong.
        """
        if images.dtype != torch.uint8:
            raise TypeError(
                f"images: expected uint8 B x H x W x 3, got {images.dtype}; pass pixels of 0 to 255"
            )
        sizes = [
            member.input_size for member in self.members if member.input_size and not member.view
        ]
        if sizes and list(images.shape[1:]) != sizes[0]:
            wanted, got = (" x ".join(map(str, of)) for of in (sizes[0], images.shape[1:]))
            raise TypeError(
                f"images: expected uint8 B x {wanted}, got B x {got}; resize them as the study does"
            )
        logits = [
            network(normalised(_seen(images, member), *member.normalising)).float()
            for network, member in zip(self.networks, self.members, strict=True)
        ]
        logs = torch.stack(logits).log_softmax(dim=-1)
        probabilities = logs.exp()
        mean = probabilities.mean(dim=0)
        entropy_of_mean = -(mean * torch.log(mean.clamp_min(1e-30))).sum(dim=-1)
        mean_entropy = -(probabilities * logs).sum(dim=-1).mean(dim=0)
        apart = (entropy_of_mean - mean_entropy).clamp_min(0)
        if self.rule == VOTE:
            values = member_values(self.rule, probabilities, len(self.networks), of=torch).mean(
                dim=0
            )
            return values / values.sum(dim=-1, keepdim=True), apart
        combined = mean_logarithms(logs, torch)
        return (combined / self.temperature).softmax(dim=-1), apart


def _seen(images: Tensor, member: Member) -> Tensor:
    """The images at the size at which a member sees them, in whole numbers, as in the study."""
    view = member.view
    if not view or view["size"] == images.shape[1]:
        return images
    options = {"mode": view["interpolation"], "antialias": True, "align_corners": False}
    resized = functional.interpolate(
        images.permute(0, 3, 1, 2).float(), (view["size"], view["size"]), **options
    )
    return resized.round().clamp(0, 255).permute(0, 2, 3, 1)


Networks = list[tuple[nn.Module, Member]]


def temperature_of(temperatures: pd.DataFrame, members: str) -> Temperature:
    """The temperature of the ensemble of `members`, joined by "+", in temperatures.csv."""
    first = temperatures[temperatures.members == members].iloc[0]
    images, note = int(first.n_fitted_images), first.note if isinstance(first.note, str) else ""
    if not images:
        return Temperature(1.0, 0, "", note)
    return Temperature(float(first.temperature), images, first.fitted_images, note)


def read_networks(folders: Iterable[str | Path], allow: Collection[str]) -> Networks:
    """The networks in these folders of members on the CPU; arguments and faults are those of
    `read_member`."""
    return [
        (network.cpu(), member)
        for network, member in (read_member(folder, allow) for folder in folders)
    ]


def _named_beside(results: Path) -> set[str]:
    """Factories named by files of the study beside its results: in the folder that holds results/,
    or its studies/."""
    results, named = results.resolve(), set()
    beside = results.parent.parent
    for file in (*beside.glob("*.yaml"), *beside.glob("studies/*.yaml")):
        with suppress(OSError, ValueError, AttributeError, RecursionError, yaml.YAMLError):
            config = yaml.safe_load(file.read_text(encoding="utf-8"))
            named |= named_factories(config) if config.get("study") == results.name else set()
    return named


def load_ensemble(
    results: str | Path, ensemble: str | int = "best", allow: Collection[str] = ()
) -> Deployable:
    """Load an ensemble of tables/deployment.csv as one torch module, in evaluation mode on the CPU.

    No file of the folder is run: a factory in it is called only if `allow` or the file of the study
    names it, which is looked for beside results/, and in studies/ there.

    Args:
        results: the folder results/<study> of a finished study.
        ensemble: "best" (the recommended one), "most_accurate", "best under N MACs" or a number of
            deployment.csv, as `snakemake export` takes it.
        allow: factories that may be called, such as {"my_networks:resnet20"}.

    Returns:
        A module that maps images (uint8 B x H x W x 3, H and W those of the study) to probabilities
        (float32 B x K, 0 to 1, at the fitted temperature) and to the mutual information of the
        members' predictions (float32 B, in nats).

    Raises:
        Fault: a table or a file of a member is missing or cut short, there is no such ensemble, its
            members crop image files in different ways, or a factory is not allowed.
    """
    run = Run(results)
    deployment, members, temperatures = (
        read_table(run.file(f"tables/{name}.csv"))
        for name in ("deployment", "members", "temperatures")
    )
    row = chosen_row(deployment, ensemble)
    names = row.members.split("+")
    members = members.set_index("member", drop=False).loc[names]
    temperature = temperature_of(temperatures, row.members)
    files = [
        [run.file(f"members/{name}/{file}") for file in ("weights.safetensors", "member.json")]
        for name in names
    ]
    networks = read_networks(
        (weights.parent for weights, _ in files), {*allow, *_named_beside(run.folder)}
    )
    if (run.folder / "data/test/images.json").is_file():
        refuse_own_crops([member for _, member in networks])
    return Deployable(networks, row["rule"], temperature.value).eval()
