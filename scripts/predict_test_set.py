"""Predict the images of a further test set with the members of one design or setting."""

from pathlib import Path

from resiliency.data.images import read_images
from resiliency.designs.networks import read_member
from resiliency.prediction.writing import prediction_key, write_logits
from resiliency.stage import stage

with stage(snakemake.log[0], snakemake.resources.gpu):
    inputs, params = snakemake.input, snakemake.params
    folders = [Path(weights).parent for weights in inputs.weights]
    members = [read_member(folder) for folder in folders]
    keys = [prediction_key(params.logits, [inputs.images], folder, params.precision) for folder in folders]
    images = [read_images(inputs.images)]
    write_logits(snakemake.output.logits, members, images, snakemake.threads - 1, keys, params.precision)
