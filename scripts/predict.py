"""Predict clean and corrupted images with the members of one design or setting."""

from pathlib import Path

from resiliency.activations import stage_grams
from resiliency.data.images import read_conditions
from resiliency.data.split import probe
from resiliency.designs.networks import read_member
from resiliency.files import read_array, write_array
from resiliency.prediction import features, prediction_key, write_logits
from resiliency.stage import stage

with stage(snakemake.log[0], snakemake.resources.gpu):
    conditions = read_conditions(snakemake.input.images, snakemake.input.corrupted)
    chosen = probe(read_array(snakemake.input.labels), snakemake.params.probe_images, snakemake.params.seed)
    members = [read_member(Path(weights).parent) for weights in snakemake.input.weights]
    clean = conditions[0][chosen]
    for member, path, stages in zip(members, snakemake.output.features, snakemake.output.stages, strict=True):
        write_array(path, features(member, clean))
        write_array(stages, stage_grams(member, clean))
    key = prediction_key(snakemake.params.code, snakemake.input)
    write_logits(snakemake.output.logits, members, conditions, snakemake.threads - 1, key)
