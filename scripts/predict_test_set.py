"""Predict the images of a further test set with the members of one design or setting."""

from pathlib import Path

from resiliency.data.images import read_images
from resiliency.designs.networks import read_member
from resiliency.prediction import prediction_key, write_logits
from resiliency.stage import stage

with stage(snakemake.log[0], snakemake.resources.gpu):
    members = [read_member(Path(weights).parent) for weights in snakemake.input.weights]
    images = read_images(snakemake.input.images)
    key = prediction_key(snakemake.params.code, snakemake.input)
    write_logits(snakemake.output.logits, members, [images], snakemake.threads - 1, key)
