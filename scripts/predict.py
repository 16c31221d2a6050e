"""Predict clean, corrupted and validation images with the members of one design or setting."""

from pathlib import Path

from resiliency.activations import stage_grams
from resiliency.data.images import images_at, read_conditions, read_images
from resiliency.data.split import calibration, probe
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
    if snakemake.output.validation:
        held_out = calibration(read_array(snakemake.input.validation_labels), snakemake.params.seed)
        validation = images_at(read_images(snakemake.input.validation_images), held_out)
        write_logits(snakemake.output.validation, members, [validation], snakemake.threads - 1, key)
