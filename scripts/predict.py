"""Predict clean, corrupted and validation images with one member."""

from pathlib import Path

from resiliency.data.pictures import images_at, read_conditions, read_images
from resiliency.data.split import calibration_indices, probe_indices
from resiliency.designs.members import named_factories
from resiliency.designs.networks import read_member
from resiliency.prediction.writing import features, prediction_key, stage_grams, write_logits
from resiliency.storage import read_array, write_array
from resiliency.study.stage import stage

with stage(snakemake) as (inputs, outputs, params):
    conditions, labels = read_conditions(inputs.images, inputs.corrupted), read_array(inputs.labels)
    chosen = probe_indices(labels, params.n_probe_images, params.seed)
    folder = Path(inputs.weights).parent
    member = read_member(folder, named_factories(snakemake.config))
    write_array(outputs.features, features(member, conditions[0][chosen]))
    write_array(outputs.stages, stage_grams(member, conditions[0][chosen]))
    jobs = [(outputs.logits, conditions, [inputs.images, *inputs.corrupted])]
    if outputs.validation:
        held_out = calibration_indices(read_array(inputs.validation_labels), params.seed)
        validation = images_at(read_images(inputs.validation_images), held_out)
        files = [inputs.validation_images, inputs.validation_labels]
        jobs += [(outputs.validation, [validation], files)]
    for path, images, files in jobs:
        key = prediction_key(params.logits, files, folder)
        write_logits(path, member, images, snakemake.threads - 1, key)
