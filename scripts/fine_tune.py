"""Fine-tune one member, from weights that somebody else trained."""

from pathlib import Path

from resiliency.stage import stage
from resiliency.training.tuning import fine_tune

with stage(snakemake.log[0], snakemake.resources.gpu):
    params = snakemake.params
    fine_tune(
        folder=str(Path(snakemake.output.weights).parent),
        description=params.member,
        recipe=params.recipe,
        data=dict(snakemake.input.items()),
        stream=(params.seed, "train", params.member["design"], params.member["seed"]),
        workers=snakemake.threads - 1,
        code=params.code,
    )
