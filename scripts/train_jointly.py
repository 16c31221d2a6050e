"""Train the members of one ensemble jointly."""

from functools import partial
from pathlib import Path

from resiliency.stage import stage
from resiliency.training.member import train_members
from resiliency.training.objectives import OBJECTIVES

with stage(snakemake.log[0], snakemake.threads):
    params = snakemake.params
    member = params.member
    train_members(
        folders=[str(Path(weights).parent) for weights in snakemake.output.weights],
        descriptions=[member | {"index": index} for index in range(len(snakemake.output.weights))],
        recipe=params.recipe,
        loss=partial(OBJECTIVES[member["objective"]], strength=member["strength"]),
        data=dict(snakemake.input.items()),
        stream=(params.seed, "train_jointly", member["design"], member["seed"]),
        workers=snakemake.threads - 1,
    )
