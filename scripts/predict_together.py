"""Predict the images of all test sets with several loaded members, for which each image is decoded
once."""

from pathlib import Path

from resiliency.data.pictures import read_conditions, read_images
from resiliency.designs.members import named_factories
from resiliency.designs.networks import read_member
from resiliency.prediction.writing import is_written, predict_parts, prediction_key
from resiliency.study.stage import stage

with stage(snakemake) as (inputs, outputs, params):
    corrupted = [inputs.images, *inputs.corrupted]
    sources = {params.test_sets[0]: (corrupted, read_conditions(inputs.images, inputs.corrupted))}
    further = zip(params.test_sets[1:], inputs.further, strict=True)
    sources |= {name: ([path], [read_images(path)]) for name, path in further}
    folders = [Path(weights).parent for weights in inputs.weights]
    for test_set, (files, conditions) in sources.items():
        paths = [f"{params.predictions}/{folder.name}/{test_set}.npy" for folder in folders]
        keys = [prediction_key(params.logits, files, folder) for folder in folders]
        jobs = [job for job in zip(paths, keys, folders, strict=True) if not is_written(*job[:2])]
        print(f"{test_set}: {len(jobs)} of {len(folders)} members are left to predict")
        if jobs:
            paths, keys, needed = map(list, zip(*jobs, strict=True))
            members = [read_member(folder, named_factories(snakemake.config)) for folder in needed]
            predict_parts(paths, members, conditions, snakemake.threads - 1, keys)
    Path(outputs[0]).touch()
