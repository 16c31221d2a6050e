"""Predict clean and corrupted images with the members of one design or setting."""

from contextlib import ExitStack
from pathlib import Path

import numpy as np

from resiliency.activations import stage_grams
from resiliency.data.images import read_conditions
from resiliency.data.split import probe
from resiliency.designs.networks import read_member
from resiliency.files import appending, read_array, write_array
from resiliency.prediction import features, logits
from resiliency.stage import Progress, stage

with stage(snakemake.log[0], snakemake.resources.gpu), ExitStack() as files:
    labels = read_array(snakemake.input.labels)
    conditions = read_conditions(snakemake.input.images, snakemake.input.corrupted)
    chosen = probe(labels, snakemake.params.probe_images, snakemake.params.seed)
    members = [read_member(Path(weights).parent) for weights in snakemake.input.weights]
    clean = conditions[0][chosen]
    for member, path, stages in zip(members, snakemake.output.features, snakemake.output.stages, strict=True):
        write_array(path, features(member, clean))
        write_array(stages, stage_grams(member, clean))
    shape = len(conditions), len(labels), len(members[0][1]["classes"])
    appenders = [files.enter_context(appending(path, shape, np.float16)) for path in snakemake.output.logits]
    progress = Progress(len(conditions), pause=5)
    for images in conditions:
        for batch in logits(members, images, workers=snakemake.threads - 1):
            for append, values in zip(appenders, batch, strict=True):
                append(values)
        progress.step("conditions predicted")
