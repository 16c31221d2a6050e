"""Train one member."""

from functools import partial
from pathlib import Path

from resiliency.stage import stage
from resiliency.training.engine import cross_entropy
from resiliency.training.member import train_members

with stage(snakemake.log[0], snakemake.resources.gpu):
    params = snakemake.params
    train_members(
        folders=[str(Path(snakemake.output.weights).parent)],
        descriptions=[params.member],
        recipe=params.recipe,
        loss=partial(cross_entropy, smoothing=params.recipe["label_smoothing"]),
        data=dict(snakemake.input.items()),
        stream=(params.seed, "train", params.member["design"], params.member["seed"]),
        workers=snakemake.threads - 1,
        code=params.code,
    )
