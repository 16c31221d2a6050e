"""Predict the images of all test sets with several loaded members, for which each image is decoded once."""

from pathlib import Path

from resiliency.data.pictures import read_conditions, read_images
from resiliency.designs.members import named_factories
from resiliency.designs.networks import read_member
from resiliency.prediction.writing import is_written, predict_parts, prediction_key
from resiliency.study.stage import stage

with stage(snakemake) as (inputs, outputs, params):
    corrupted = [inputs.images, *inputs.corrupted]
    sources = {params.test_sets[0]: (corrupted, read_conditions(inputs.images, inputs.corrupted))}
    sources |= {
        name: ([path], [read_images(path)]) for name, path in zip(params.test_sets[1:], inputs.further, strict=True)
    }
    folders = [Path(weights).parent for weights in inputs.weights]
    for test_set, (files, conditions) in sources.items():
        keys = {folder: prediction_key(params.logits, files, folder) for folder in folders}
        paths = {folder: f"{params.predictions}/{folder.name}/{test_set}.npy" for folder in folders}
        needed = [folder for folder in folders if not is_written(paths[folder], keys[folder])]
        print(f"{test_set}: {len(needed)} of {len(folders)} members are left to predict")
        if needed:
            predict_parts(
                [paths[folder] for folder in needed],
                [read_member(folder, named_factories(snakemake.config)) for folder in needed],
                conditions,
                snakemake.threads - 1,
                [keys[folder] for folder in needed],
            )
    Path(outputs[0]).touch()
