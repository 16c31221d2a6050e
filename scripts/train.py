"""Train one member, from random weights or from those that somebody else trained."""

from functools import partial
from pathlib import Path

from resiliency.study.stage import stage
from resiliency.training.member import fine_tune, train_members
from resiliency.training.objectives import cross_entropy

with stage(snakemake) as (inputs, outputs, params):
    description = params.member
    folder, data = str(Path(outputs.weights).parent), dict(inputs.items())
    stream, workers = (
        (params.seed, "train", description["design"], description["seed"]),
        snakemake.threads - 1,
    )
    if "loaded" in description:
        fine_tune(folder, description, params.recipe, data, stream, workers, params.code)
    else:
        loss = partial(cross_entropy, smoothing=params.recipe["label_smoothing"])
        train_members(
            [folder], [description], params.recipe, loss, data, stream, workers, params.code
        )
