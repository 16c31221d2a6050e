"""Train the members of one ensemble jointly."""

from pathlib import Path

from resiliency.study.stage import stage
from resiliency.training.member import train_members
from resiliency.training.objectives import joint_loss

with stage(snakemake) as (inputs, outputs, params):
    first = params.members[0]
    train_members(
        folders=[str(Path(weights).parent) for weights in outputs.weights],
        descriptions=params.members,
        recipe=params.recipe,
        loss=joint_loss(first["objective"], first["loss_weight"]),
        data=dict(inputs.items()),
        stream=(params.seed, "train_jointly", first["seed"]),
        workers=snakemake.threads - 1,
        code=params.code,
    )
