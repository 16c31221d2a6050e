"""The choice of a row of deployment.csv for export."""

from collections.abc import Iterable

import pandas as pd

from resiliency.analysis.contenders import best_row, eligible, recommended_row
from resiliency.base.faults import Fault, short
from resiliency.designs.members import Member
from resiliency.export.settings import FACTORS, MOST_ACCURATE, UNDER, checked_ensemble


def chosen_row(deployment: pd.DataFrame, ensemble: str | int) -> pd.Series:
    """The row that `ensemble` names.

    The best is the recommended one: the cheapest that is shown to be hardly worse than the most accurate, which has the
    least error on the images on which ensembles are chosen. Within limits of members, and of multiply-accumulate
    operations for one image, the most accurate is that within the limits.

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
        rows = deployment[deployment.number == int(text)]
        if rows.empty:
            raise Fault(f"ensemble: expected a number from 1 to {len(deployment)} (tables/deployment.csv), got {text}")
        return rows.iloc[0]
    rows = eligible(deployment)
    if text == MOST_ACCURATE:
        return best_row(rows)
    found = UNDER.fullmatch(text)
    assert found is not None
    members, macs, unit = found.groups()
    rows = rows[rows["size"] <= int(members)] if members else rows
    rows = _under(rows, float(macs) * FACTORS[unit]) if macs else rows
    if rows.empty:
        raise Fault(f"ensemble: none in tables/deployment.csv has at most {members} members")
    return recommended_row(rows)


def _under(rows: pd.DataFrame, most: float) -> pd.DataFrame:
    """The rows of at most so many MACs."""
    within, least = rows[rows["macs"] <= most], rows["macs"].min()
    if len(rows) and pd.isna(least):
        raise Fault("ensemble: the MACs of all rows of tables/deployment.csv are unknown; limit the members instead")
    if len(rows) and within.empty:
        raise Fault(f"ensemble: none in tables/deployment.csv is under {most:,.0f} MACs; allow at least {least:,.0f}")
    return within


def exportable_row(
    deployment: pd.DataFrame, ensemble: str | int, networks: Iterable[Member], of_files: bool
) -> pd.Series:
    """The row that `ensemble` names, if its members can be exported.

    Args:
        deployment: deployment.csv.
        ensemble: name of an ensemble, as in `resiliency.export.settings.ALLOWED`.
        networks: members of which the networks are available.
        of_files: whether the images of the study are files that are decoded on the fly.

    Raises:
        Fault: there is no such row, or a member has no network or crops image files in a way of its own.
    """
    row, described = chosen_row(deployment, ensemble), {member.member: member for member in networks}
    names = row.members.split("+")
    if unknown := [name for name in names if name not in described]:
        raise Fault(
            f"ensemble {row.members}: cannot be exported: only predictions of {', '.join(unknown)} are available, "
            "not the network"
        )
    if of_files:
        refuse_own_crops([described[name] for name in names])
    return row


def refuse_own_crops(members: list[Member]) -> None:
    """Refuse members that crop image files in different ways.

    Raises:
        Fault: members crop files in different ways before they become an array that a network could take.
    """
    if own := [member.member for member in members if member.view]:
        raise Fault(f"ensemble: cannot be exported: {', '.join(own)} needs its own image cropping")
