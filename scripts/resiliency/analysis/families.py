"""Families in place of designs, for members of whom no design has a second seed, as published ones."""

import pandas as pd

from resiliency.names import INDEPENDENT


def lack_second_seeds(ensembles: pd.DataFrame) -> bool:
    """Whether independent members form ensembles, none of which is of one design."""
    independent = ensembles[ensembles["origin"] == INDEPENDENT]
    return bool(len(independent)) and not (independent["designs"] == 1).any()


def by_family(ensembles: pd.DataFrame, members: pd.DataFrame) -> pd.DataFrame:
    """`ensembles` as if every family were a design and its members seeds: `designs`, and names such as resnet-s3.

    So what compares designs, and leaves them out in turn, compares families and leaves these out.

    Args:
        ensembles: ensembles.parquet.
        members: members.csv.
    """
    independent = members[members["origin"] == INDEPENDENT]
    seeds = independent.groupby("family").cumcount()
    names = dict(zip(independent["member"], independent["family"] + "-s" + seeds.astype(str), strict=True))
    renamed = ["+".join(names.get(name, name) for name in joined.split("+")) for joined in ensembles["members"]]
    return ensembles.assign(members=renamed, designs=ensembles["families"])
