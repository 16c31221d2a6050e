"""Predict the images of an additional test set with one member."""

from pathlib import Path

from resiliency.data.pictures import read_images
from resiliency.designs.members import named_factories
from resiliency.designs.networks import read_member
from resiliency.prediction.writing import prediction_key, write_logits
from resiliency.study.stage import stage

with stage(snakemake) as (inputs, outputs, params):
    folder = Path(inputs.weights).parent
    key = prediction_key(params.logits, [inputs.images], folder)
    member = read_member(folder, named_factories(snakemake.config))
    write_logits(outputs[0], member, [read_images(inputs.images)], snakemake.threads - 1, key)
