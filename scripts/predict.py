"""Predict clean, corrupted and validation images with the members of one design or setting."""

from pathlib import Path

from resiliency.activations import stage_grams
from resiliency.data.images import images_at, read_conditions, read_images
from resiliency.data.split import calibration_indices, probe_indices
from resiliency.designs.networks import read_member
from resiliency.prediction.writing import compare_precision, features, prediction_key, write_logits
from resiliency.stage import stage
from resiliency.storage.files import read_array, write_array

with stage(snakemake.log[0], snakemake.resources.gpu):
    inputs, params = snakemake.input, snakemake.params
    conditions, labels = read_conditions(inputs.images, inputs.corrupted), read_array(inputs.labels)
    chosen = probe_indices(labels, params.probe_images, params.seed)
    folders = [Path(weights).parent for weights in inputs.weights]
    members = [read_member(folder) for folder in folders]
    clean = conditions[0][chosen]
    for member, path, stages in zip(members, snakemake.output.features, snakemake.output.stages, strict=True):
        write_array(path, features(member, clean))
        write_array(stages, stage_grams(member, clean))
    compare_precision(members, conditions[0], labels, params.precision)
    jobs = [(snakemake.output.logits, conditions, [inputs.images, *inputs.corrupted])]
    if snakemake.output.validation:
        held_out = calibration_indices(read_array(inputs.validation_labels), params.seed)
        validation = images_at(read_images(inputs.validation_images), held_out)
        files = [inputs.validation_images, inputs.validation_labels]
        jobs += [(snakemake.output.validation, [validation], files)]
    for paths, images, files in jobs:
        keys = [prediction_key(params.logits, files, folder, params.precision) for folder in folders]
        write_logits(paths, members, images, snakemake.threads - 1, keys, params.precision)
